import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    eye = np.array([random.uniform(-0.3, 0.3), random.uniform(0.2, 0.6), -4.0])
    return int(random.integers(70, 100)), int(random.integers(50, 80)), eye
