import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    x, y, half = random.uniform(-1.2, 0.0), random.uniform(-0.5, 0.5), random.uniform(0.4, 1.2)
    return x - half, x + half, y - half, y + half, int(random.integers(120, 160)), int(random.integers(100, 140))
