def dtw(s, t, window=None):
    """Dynamic time warping distance between two series."""
    n, m = len(s), len(t)
    if window is None:
        window = max(n, m)
    window = max(window, abs(n - m))
    cost = [[float("inf")] * (m + 1) for _ in range(n + 1)]
    cost[0][0] = 0.0
    for i in range(1, n + 1):
        for j in range(max(1, i - window), min(m, i + window) + 1):
            d = abs(s[i - 1] - t[j - 1])
            cost[i][j] = d + min(cost[i - 1][j], cost[i][j - 1], cost[i - 1][j - 1])
    return cost[n][m]
