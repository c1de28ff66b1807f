"""Measures the kernels side by side, in one run: `bench.py [--sizes 128,256] [--rounds 5] [--folder FOLDER]`.

A table of milliseconds, then one JSON line of ratios at the last size. In each round every program runs once, one after the other, so that
whatever else the machine does meets all of them; a ratio is the median of the rounds' ratios. Rays: two cameras of 360 × 288 pixels, one
looking along the axes and one from a corner. Nothing that is measured makes a new array where it need not.
"""

import argparse
import ctypes
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

HERE = Path(__file__).resolve().parent


def look_at(position, target):
    """The rotation of a camera at `position` that looks at `target`."""
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross([0.0, 0.0, 1.0], ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def scene(native, n):
    """Origins (m, 3), directions (m, 3) of length 1 and values (m,) of two cameras around a grid of n³ voxels."""
    image = np.random.default_rng(0).uniform(0.1, 1, size=(288, 360)).astype(np.float32)
    parts = []
    for place in ((-1.2, 0.5, 0.55), (1.6, 1.7, 1.2)):
        position = np.array(place) * n
        away = np.linalg.norm(position - n / 2)
        directions, values = native.camera_rays(image, look_at(position, np.full(3, n / 2)), 360 * away / n)
        parts.append((np.tile(position, (len(values), 1)), directions, values))
    return [np.concatenate(arrays) for arrays in zip(*parts)]


def plain_library(folder):
    """plain.cpp, compiled for this very machine."""
    library = Path(folder) / 'plain.so'
    flags = ['-O3', '-march=native', '-std=c++17', '-fPIC', '-shared']
    subprocess.run(['g++', *flags, str(HERE / 'plain.cpp'), '-o', str(library)], check=True)
    return ctypes.CDLL(str(library))


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def numba_rays():
    """The fused walk as somebody writes it for Numba."""
    import numba

    @numba.njit(fastmath=True)
    def walk(grid, origins, directions, values):
        n = grid.shape[0]
        for ray in range(len(values)):
            into, out = 0.0, 1e300
            for axis in range(3):
                a, b = -origins[ray, axis] / directions[ray, axis], (n - origins[ray, axis]) / directions[ray, axis]
                into, out = max(into, min(a, b)), min(out, max(a, b))
            if into >= out:
                continue
            ox, oy, oz = origins[ray]
            dx, dy, dz = directions[ray]
            x = min(max(int(math.floor(ox + dx * into)), 0), n - 1)
            y = min(max(int(math.floor(oy + dy * into)), 0), n - 1)
            z = min(max(int(math.floor(oz + dz * into)), 0), n - 1)
            sx, sy, sz = 1 if dx >= 0 else -1, 1 if dy >= 0 else -1, 1 if dz >= 0 else -1
            nx, ny, nz = (x + (dx >= 0) - ox) / dx, (y + (dy >= 0) - oy) / dy, (z + (dz >= 0) - oz) / dz
            ax, ay, az = abs(1 / dx), abs(1 / dy), abs(1 / dz)
            t, value = into, values[ray]
            while 0 <= x < n and 0 <= y < n and 0 <= z < n and t < out:
                least = min(nx, ny, nz)
                grid[x, y, z] += value * (min(least, out) - t)
                t = least
                if nx == least:
                    x, nx = x + sx, nx + ax
                elif ny == least:
                    y, ny = y + sy, ny + ay
                else:
                    z, nz = z + sz, nz + az

    return walk


def turned():
    """A rotation about all three axes."""
    about = [np.eye(3) for _ in range(3)]
    for axis, angle in enumerate((0.3, 0.2, 0.1)):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        about[axis][[first, second], [first, second]] = math.cos(angle)
        about[axis][first, second], about[axis][second, first] = -math.sin(angle), math.sin(angle)
    return about[0] @ about[1] @ about[2]


def programs(native, plain, walk, n):
    """What is measured for each kernel: {kernel: {program: function}}, 'ours' first; and what tells how far results are apart."""
    volume = np.random.default_rng(1).random((n, n, n), dtype=np.float32)
    out, theirs, grid = np.empty_like(volume), np.empty_like(volume), np.zeros_like(volume)
    origins, directions, values = scene(native, n)
    rays = [pointer(array) for array in (origins, directions, values)]
    matrix, middle = turned(), np.full(3, (n - 1) / 2)
    offset = middle - matrix @ middle
    # SciPy turns the other way round.
    plane = {'axes': (1, 0), 'reshape': False, 'order': 1, 'output': theirs}

    def both(kernel, *arguments, **options):
        return {
            'ours': lambda: kernel(*arguments, out=out, **options),
            'ours, 2 threads': lambda: kernel(*arguments, out=out, threads=2, **options),
        }

    made = {
        'rays': {
            'ours': lambda: native.add_rays(origins, directions, values, out=grid),
            'ours, 2 threads': lambda: native.add_rays(origins, directions, values, out=grid, threads=2),
            'plain C++': lambda: plain.plain_rays(pointer(grid), n, *rays, ctypes.c_int64(len(values))),
            'Numba': lambda: walk(grid, origins, directions, values),
        },
        'box': {**both(native.box, volume, 3), 'SciPy': lambda: ndimage.uniform_filter(volume, 3, output=theirs),
                'plain C++': lambda: plain.plain_box(pointer(volume), pointer(theirs), n)},
        'gaussian': {**both(native.gaussian, volume, 1.0), 'SciPy': lambda: ndimage.gaussian_filter(volume, 1.0, output=theirs)},
        'rotate': {**both(native.rotate, volume, 45.0), 'SciPy': lambda: ndimage.rotate(volume, 45.0, **plane)},
        'affine': {**both(native.affine, volume, matrix, offset),
                   'SciPy': lambda: ndimage.affine_transform(volume, matrix, offset, order=1, output=theirs)},
        'copy': {'plain C++': lambda: plain.plain_copy(pointer(volume), pointer(out), ctypes.c_int64(volume.size))},
    }  # fmt: skip
    return made, volume, out, theirs


def apart(made, volume, out, theirs):
    """The largest difference of each kernel from SciPy, or for rays from the plain program, relative to the largest value."""
    errors = {}
    for kernel in ('box', 'gaussian', 'rotate', 'affine'):
        made[kernel]['SciPy']()
        made[kernel]['ours']()
        # Where a coordinate lies within a rounding of the border, one of two may see the volume and the other what is outside.
        wrong = np.abs(out - theirs)
        errors[kernel] = float(np.partition(wrong.ravel(), -20)[-20] / np.abs(theirs).max()) if kernel == 'rotate' else float(wrong.max() / np.abs(theirs).max())
    return errors


def ray_error(native, plain, n):
    """How far the grid of rays is from the plain program's, as a share of its sum."""
    origins, directions, values = scene(native, n)
    ours = native.add_rays(origins, directions, values, shape=(n, n, n))
    expected = np.zeros_like(ours)
    plain.plain_rays(pointer(expected), n, *[pointer(array) for array in (origins, directions, values)], ctypes.c_int64(len(values)))
    return float(np.abs(ours - expected).sum(dtype=float) / np.abs(expected).sum(dtype=float))


def measure(made, rounds):
    """Milliseconds of every program in every round: {kernel: {program: [ms]}}."""
    times = {kernel: {name: [] for name in kinds} for kernel, kinds in made.items()}
    for turn in range(rounds + 1):
        for kernel, kinds in made.items():
            for name, act in kinds.items():
                begin = time.perf_counter()
                act()
                # The first round warms up.
                if turn > 0:
                    times[kernel][name].append((time.perf_counter() - begin) * 1e3)
    return times


def ratio(times, slow, fast):
    """How many times faster: the median over the rounds."""
    return round(statistics.median(a / b for a, b in zip(times[slow], times[fast])), 2)


def main():
    parser = argparse.ArgumentParser(description='Measures the kernels of crucible_native.', allow_abbrev=False)
    parser.add_argument('--sizes', default='128,256')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--folder', help='where crucible_native is, if not installed')
    options = parser.parse_args()
    sys.path[:0] = [options.folder] if options.folder else []
    import crucible_native as native

    walk = numba_rays()
    with tempfile.TemporaryDirectory() as folder:
        plain = plain_library(folder)
        for n in map(int, options.sizes.split(',')):
            made, *arrays = programs(native, plain, walk, n)
            errors, rays = apart(made, *arrays), ray_error(native, plain, n)
            times = measure(made, options.rounds)
            print(f'\n{n}³, {native.level}; median of {options.rounds} rounds')
            for kernel, kinds in times.items():
                row = ', '.join(f'{name} {statistics.median(all_):.1f} ms' for name, all_ in kinds.items())
                print(f'{kernel:9} {row}')
            copied = statistics.median(times['copy']['plain C++'])
            print(f'bandwidth {2 * n**3 * 4 / copied / 1e6:.1f} GB/s; rays off by {rays:.1e} of their sum (L1)', flush=True)
    threads = [ratio(times[kernel], 'ours', 'ours, 2 threads') for kernel in ('rays', 'box', 'gaussian', 'rotate', 'affine')]
    print(json.dumps({
        'name': 'kernels', 'size': n, 'level': native.level,
        'rays_vs_plain': ratio(times['rays'], 'plain C++', 'ours'),
        'rays_2t_vs_plain': ratio(times['rays'], 'plain C++', 'ours, 2 threads'),
        'rays_vs_numba': ratio(times['rays'], 'Numba', 'ours'),
        **{f'{kernel}_vs_scipy': ratio(times[kernel], 'SciPy', 'ours') for kernel in ('box', 'gaussian', 'rotate', 'affine')},
        'two_threads': round(statistics.median(threads), 2), 'max_error': max(errors.values()), 'rays_error': rays,
    }))  # fmt: skip


if __name__ == '__main__':
    main()
