import numpy as np
def cheapest_way(problem):
    """Shortest way."""
    costs = np.array(problem["costs"])
    rows, columns = costs.shape
    total = costs.copy()
    for r in range(1, rows):
        for c in range(columns):
            best = total[r - 1, c]
            if c > 0 and total[r - 1, c - 1] < best:
                best = total[r - 1, c - 1]
            if c < columns - 1 and total[r - 1, c + 1] < best:
                best = total[r - 1, c + 1]
            total[r, c] += best
    return {"length": float(total[-1].min()), "end": int(total[-1].argmin())}


def cases(r):
    return [
        ({"costs": r.random((300, 200)).tolist()},),
        ({'costs': [[1.0]]},),
        ({'costs': [[1, 2], [3, 4], [5, 6]]},),
        ({'costs': []},),
        ({},),
        ({'costs': [[1.0, float('nan')], [2.0, 3.0]]},),
    ]
