def time_warping(a, b):
    n, m = len(a), len(b)
    inf = float('inf')
    d = [[inf] * (m + 1) for _ in range(n + 1)]
    d[0][0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = abs(a[i - 1] - b[j - 1])
            d[i][j] = cost + min(d[i - 1][j], d[i][j - 1], d[i - 1][j - 1])
    return d[n][m]


def cases(r):
    return [
        (r.random(120).tolist(), r.random(130).tolist()),
        ([], [1.0]),
        ([1.0], []),
        ([2.5], [1.0]),
        ([float('nan'), 1.0, 2.0], [1.0, float('inf')]),
        ([1, 2, 3], [2, 4]),
        ([1.0, 2, 3.0], [2.0, 4.0]),
    ]
