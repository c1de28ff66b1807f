import numpy as np


def prefix_sum(values):
    sums = np.zeros(len(values))
    total = 0.0
    for i in range(len(values)):
        total += values[i]
        sums[i] = total
    return sums


def make_case(random):
    return (random.normal(size=int(random.integers(0, 50))),)
