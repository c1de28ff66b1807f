"""Carries the pixels of a photograph along their rays into a grid of voxels.

The grid fills the cube from (0, 0, 0) to (n, n, n); a voxel is one unit wide. The camera looks along the third
column of `rotation`; its first column points to the right of the image, its second one down.
"""

import math

import numpy as np


def pixel_direction(row, column, height, width, rotation, focal):
    """The unit vector of the ray through the middle of a pixel."""
    right = (column + 0.5 - width / 2) / focal
    down = (row + 0.5 - height / 2) / focal
    x = rotation[0, 0] * right + rotation[0, 1] * down + rotation[0, 2]
    y = rotation[1, 0] * right + rotation[1, 1] * down + rotation[1, 2]
    z = rotation[2, 0] * right + rotation[2, 1] * down + rotation[2, 2]
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def clip(near, far, start, direction, n):
    """The part of near..far in which start + t * direction lies between 0 and n."""
    if direction == 0.0:
        if start < 0.0 or start >= n:
            return 0.0, -1.0
        return near, far
    first = -start / direction
    second = (n - start) / direction
    if first > second:
        first, second = second, first
    return max(near, first), min(far, second)


def backproject(image, position, rotation, focal, n, step=0.5):
    """Adds every pixel to all voxels that its ray crosses, `value * step` for each step along it.

    image: (height, width) grey values; position: (3,) the camera's place; rotation: (3, 3); focal: in pixels;
    step: in voxels. Returns the (n, n, n) grid, float64.
    """
    height, width = image.shape
    grid = np.zeros((n, n, n))
    for row in range(height):
        for column in range(width):
            value = image[row, column] * step
            dx, dy, dz = pixel_direction(row, column, height, width, rotation, focal)

            near, far = clip(0.0, math.inf, position[0], dx, n)
            near, far = clip(near, far, position[1], dy, n)
            near, far = clip(near, far, position[2], dz, n)

            # Samples lie in the middle of their steps; none so near the far face that rounding could carry it outside.
            t = near + 0.5 * step
            far -= 0.002 * step
            while t < far:
                i = int(position[0] + t * dx)
                j = int(position[1] + t * dy)
                k = int(position[2] + t * dz)
                grid[i, j, k] += value
                t += step
    return grid
