"""Both loops may be shared out; threads inside of threads may not be."""

import numpy as np


def row_of(size, row):
    out = np.zeros(size)
    for column in range(size):
        for step in range(5):
            out[column] += (row * column + step) % 11
    return out


def table(size):
    out = np.zeros((size, size))
    for row in range(size):
        out[row] = row_of(size, row)
    return out


print(table(30).sum(), row_of(9, 4))
