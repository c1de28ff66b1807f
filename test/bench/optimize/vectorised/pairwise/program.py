import numpy as np


def pairwise(a, b, p=2):
    """Distances between all rows of a and all rows of b."""
    difference = np.abs(a[:, np.newaxis, :] - b[np.newaxis, :, :])
    if p == 1:
        return difference.sum(axis=2)
    return np.sqrt(np.sum(difference**2, axis=2))
