def running_mean(values, window):
    out = []
    for i in range(len(values)):
        lo = max(0, i - window + 1)
        chunk = [v for v in values[lo:i + 1] if v == v]
        if chunk:
            out.append(sum(chunk) / len(chunk))
        else:
            out.append(float('nan'))
    return out


def cases(r):
    values = r.random(2000).tolist()
    values[0] = values[5] = float('nan')
    return [
        (values, 25),
        ([], 3),
        ([1.0], 3),
        ([1, 2, 3, 4], 2),
        ([float('nan')] * 4, 2),
        ([1.0, float('inf'), 2.0], 2),
        ([1.0, 2.0], 0),
    ]
