import numpy as np


def made_an_array(problem):
    costs = np.array(problem['costs'])
    weights = np.asarray(problem['weights'], dtype=float)
    total = costs.copy()
    for r in range(1, costs.shape[0]):
        for c in range(costs.shape[1]):
            best = total[r - 1, c]
            if c > 0 and total[r - 1, c - 1] < best:
                best = total[r - 1, c - 1]
            total[r, c] += best * weights[c]
    return {'length': float(total[-1].min()), 'total': total}


def cases(r):
    costs, weights = r.random((150, 100)).tolist(), [int(each) for each in r.integers(1, 4, 100)]
    return [
        ({'costs': costs, 'weights': weights},),
        ({'costs': [[1.0, 2.0], [3.0, 4.0]], 'weights': [1, 2]},),
        ({'costs': [[1, 2], [3, 4]], 'weights': [1, 2]},),
        ({'costs': [[1.0, 2.0], [3.0]], 'weights': [1, 2]},),
        ({'costs': [], 'weights': []},),
        ({'costs': costs, 'weights': weights[:5]},),
    ]
