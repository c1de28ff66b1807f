import numpy as np


def make_case(seed):
    random = np.random.default_rng(seed)
    signals = random.normal(size=(150, int(random.integers(900, 1100))))
    return signals, np.hanning(int(random.integers(51, 101)))
