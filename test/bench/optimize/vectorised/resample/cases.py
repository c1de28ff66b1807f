import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(30, 50, size=3))
    volume = random.normal(size=shape)
    return volume, random.uniform(-2.0, 50.0, size=(200_000, 3))
