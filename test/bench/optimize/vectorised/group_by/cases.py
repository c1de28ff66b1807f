import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(30_000, 50_000))
    return random.integers(0, 400, count) * 7, random.normal(10.0, 3.0, count), random.uniform(0.5, 2.0, count)
