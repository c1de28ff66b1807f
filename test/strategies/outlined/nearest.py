def nearest(points, queries, k):
    found = []
    for q in queries:
        distances = []
        for i, p in enumerate(points):
            distances.append(((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2, i))
        distances.sort()
        found.append([i for _, i in distances[:k]])
    return found


def cases(r):
    p = [(float(a), float(b)) for a, b in r.random((400, 2))]
    return [(p, p[:60], 5), (p, p[:1], 0), (p, p[:2], -2), (p[:3], p[:2], 9), ([(float('nan'), 1.0)] * 3 + p, p[:3], 4), ([], p[:1], 2), (p, [], 2), (p * 3, p[:4], 7)]
