"""Measures the kernels: `bench.py [--threads N] [--sizes 128,256,500]`, one JSON line a size with million steps a second.

Two cameras of 360 × 288 pixels, one looking along the axes and one from a corner; the best of five runs, the grid reused.
"""

import argparse
import json
import math
import time

import numpy as np

from crucible_native import camera_rays


def look_at(position, target):
    """The rotation of a camera at `position` that looks at `target`."""
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross([0.0, 0.0, 1.0], ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def scene(n):
    """Origins (m, 3), directions (m, 3) and values (m,) of two cameras around a grid of n³ voxels."""
    image = np.random.default_rng(0).uniform(size=(288, 360)).astype(np.float32)
    parts = []
    for place in ((-1.2, 0.5, 0.55), (1.6, 1.7, 1.2)):
        position = np.array(place) * n
        away = np.linalg.norm(position - n / 2)
        directions, values = camera_rays(image, look_at(position, np.full(3, n / 2)), 360 * away / n)
        parts.append((np.tile(position, (len(values), 1)), directions, values))
    return [np.concatenate(arrays) for arrays in zip(*parts)]


def measure(n, threads):
    """Million voxels visited a second, best of five."""
    origins, directions, values = scene(n)
    grid, best, steps = np.zeros((n, n, n), np.float32), math.inf, 0
    for _ in range(5):
        begin = time.perf_counter()
        steps = _kernels.add_rays(grid, origins, directions, values, True, threads)
        best = min(best, time.perf_counter() - begin)
    return {'size': n, 'threads': threads, 'rays': len(values), 'steps': steps, 'msteps_per_second': round(steps / best / 1e6, 1)}


def main():
    parser = argparse.ArgumentParser(description='Measures the kernels of crucible_native.', allow_abbrev=False)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--sizes', default='128,256,500')
    options = parser.parse_args()
    for size in options.sizes.split(','):
        print(json.dumps(measure(int(size), options.threads)), flush=True)


if __name__ == '__main__':
    main()
