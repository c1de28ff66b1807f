"""What distances.cpp must give: slow, and easy to see to be right."""

import math

import numpy as np


def pairwise(a, b):
    if a.shape[1] != b.shape[1]:
        raise ValueError('points of equal width')
    out = np.zeros((len(a), len(b)))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            out[i, j] = math.sqrt(sum((x - y) ** 2 for x, y in zip(one, other)))
    return out
