import numpy as np
def smooth(values, window=5, weights=None):
    if weights is None:
        weights = np.ones(window)
    half = window // 2
    out = np.zeros(len(values))
    for i in range(len(values)):
        total = 0.0
        norm = 0.0
        for k in range(-half, half + 1):
            if 0 <= i + k < len(values):
                total += weights[k + half] * values[i + k]
                norm += weights[k + half]
        out[i] = total / norm
    return out


def cases(r):
    return [
        (r.random(20000), 7),
        (np.arange(5.0),),
        (np.zeros(0),),
        (np.arange(6.0)[::2], 3),
        (np.arange(5.0), 3, np.array([1.0, 2.0, 1.0])),
        (np.arange(5), 3),
        (np.arange(5.0), 3, np.zeros(3)),
        ([1.0, 2.0, 3.0], 3),
    ]
