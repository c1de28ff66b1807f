def ratios(a, b):
    out = []
    for x in a:
        total = 0.0
        for y in b:
            try:
                total += x / y
            except ZeroDivisionError:
                total += 0.5
        out.append(total)
    return out


def cases(r):
    a, b = [int(v) for v in r.integers(1, 50, 400)], [int(v) for v in r.integers(0, 9, 300)]
    return [(a, b), (a[:3], [0]), ([1.5], [0.0, 2.0]), ([], b), (a[:2], []), ([1], ['x']), ([1], [True, False])]
