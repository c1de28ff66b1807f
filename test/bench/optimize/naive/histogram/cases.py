import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    return (random.beta(2.0, 3.0, size=(int(random.integers(120, 180)), int(random.integers(120, 180)), 3)),)
