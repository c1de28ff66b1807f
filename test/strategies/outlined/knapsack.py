def knapsack(values, weights, capacity):
    if len(values) != len(weights):
        raise ValueError(f"expected {len(values)} weights, got {len(weights)}")
    best = [0] * (capacity + 1)
    for v, w in zip(values, weights):
        for c in range(capacity, w - 1, -1):
            best[c] = max(best[c], best[c - w] + v)
    return best[capacity]


def cases(r):
    return [
        (r.integers(1, 90, 60).tolist(), r.integers(1, 40, 60).tolist(), 1500),
        ([], [], 10),
        ([5], [3], 2),
        ([5], [3], 3),
        ([2**70, 5], [3, 4], 10),
        ([2**52] * 3000, [1] * 3000, 3000),
        ([1.5, 2.5], [1, 2], 3),
        ([1], [1, 2], 5),
        ([1, 2], [0, 1], 4),
    ]
