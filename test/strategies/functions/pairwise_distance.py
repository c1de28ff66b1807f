import math

import numpy as np


def pairwise_distance(a, b):
    out = np.empty((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            square = 0.0
            for k in range(a.shape[1]):
                square += (a[i][k] - b[j][k]) ** 2
            out[i][j] = math.sqrt(square)
    return out


def make_case(random):
    width = int(random.integers(1, 5))
    return random.normal(size=(int(random.integers(0, 9)), width)), random.normal(size=(7, width))
