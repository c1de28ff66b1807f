import numpy as np


def resample(volume, points):
    """Trilinear interpolation of a volume at points (n, 3), clamped at the rim."""
    upper = np.array(volume.shape) - 1
    points = np.clip(points, 0, upper)
    base = np.minimum(np.floor(points).astype(int), upper - 1)
    fx, fy, fz = (points - base).T
    x, y, z = base.T
    result = np.zeros(len(points))
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                weight = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)
                result = result + weight * volume[x + dx, y + dy, z + dz]
    return result
