import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(130, 170))
    return random.normal(size=(count, 3)), 0.1 * random.normal(size=(count, 3)), random.uniform(0.5, 1.5, count) / count, 0.01, 20
