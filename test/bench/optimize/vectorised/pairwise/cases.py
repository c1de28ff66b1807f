import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    axes = int(random.integers(6, 12))
    return random.normal(size=(600, axes)), random.normal(size=(500, axes)), int(random.integers(1, 3))
