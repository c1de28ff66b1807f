def clusters(points, centers):
    labels = []
    for p in points:
        labels.append(min(range(len(centers)), key=lambda k: sum((a - b) ** 2 for a, b in zip(p, centers[k]))))
    new = []
    for k in range(len(centers)):
        members = [p for p, l in zip(points, labels) if l == k]
        if members:
            new.append([sum(m[d] for m in members) / len(members) for d in range(len(centers[0]))])
        else:
            new.append(centers[k])
    return labels, new


def cases(r):
    return [
        (r.random((300, 4)).tolist(), r.random((6, 4)).tolist()),
        ([], [[0.0]]),
        ([[1.0]], []),
        ([[1.0, 2.0]], [[0.0, 0.0], [5.0, 5.0]]),
        ([[1, 2], [3, 4]], [[0, 0], [3, 3]]),
        ([[1.0, float('nan')], [2.0, 1.0]], [[0.0, 1.0], [2.0, 2.0]]),
    ]
