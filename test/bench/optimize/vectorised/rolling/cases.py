import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    values = random.normal(size=int(random.integers(15_000, 25_000)))
    values[random.random(values.size) < 0.05] = np.nan
    return values, int(random.integers(40, 80))
