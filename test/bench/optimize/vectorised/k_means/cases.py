import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    points = random.normal(size=(int(random.integers(9_000, 11_000)), 8))
    return points, points[random.choice(len(points), 25, replace=False)]
