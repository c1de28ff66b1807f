import numpy as np


def box_blur(volume):
    """The mean of the 3³ voxels around every voxel that has them."""
    a, b, c = volume.shape
    out = volume.copy()
    for i in range(1, a - 1):
        for j in range(1, b - 1):
            for k in range(1, c - 1):
                total = 0.0
                for di in range(-1, 2):
                    for dj in range(-1, 2):
                        for dk in range(-1, 2):
                            total += volume[i + di, j + dj, k + dk]
                out[i, j, k] = total / 27
    return out


def make_case(random):
    return (random.normal(size=random.integers(3, 9, size=3)),)
