"""Compares crucible_native with a slow, obvious reference and prints one JSON object {check: "right" or what was wrong}.

    check_rays.py [FOLDER_WITH_CRUCIBLE_NATIVE]

The reference clips every ray against the box of every voxel, in float64. Tolerance: 1e-5 of the largest value plus
1e-5, since the grid is float32.
"""

import json
import sys

import numpy as np

sys.path[:0] = sys.argv[1:2]

from crucible_native import add_rays, camera_rays  # noqa: E402


def reference(origins, directions, values, shape, weight='length'):
    """Every voxel's box against every ray: half-open boxes, so that a ray along a face belongs to one voxel."""
    grid = np.zeros(shape)
    corner = np.stack(np.indices(shape), axis=-1).astype(float)
    for origin, direction, value in zip(np.broadcast_to(origins, directions.shape), directions, values):
        begin, end = np.zeros(shape), np.full(shape, np.inf)
        for axis in range(3):
            low, high = corner[..., axis] - origin[axis], corner[..., axis] + 1 - origin[axis]
            if direction[axis] == 0:
                end[(low > 0) | (high <= 0)] = -np.inf
                continue
            a, b = low / direction[axis], high / direction[axis]
            begin, end = np.maximum(begin, np.minimum(a, b)), np.minimum(end, np.maximum(a, b))
        length = np.maximum(end - begin, 0) * np.linalg.norm(direction)
        grid += value * (length if weight == 'length' else length > 1e-9)
    return grid


def compared(origins, directions, values, shape, weight='length', threads=1):
    got = add_rays(origins, directions, values, shape=shape, weight=weight, threads=threads)
    expected = reference(origins, directions, values, shape, weight)
    worst = float(np.abs(got - expected).max(initial=0))
    allowed = 1e-5 * float(np.abs(expected).max(initial=0)) + 1e-5
    return 'right' if worst <= allowed else f'off by {worst} where {allowed} is allowed'


def first_wrong(verdicts):
    return next((verdict for verdict in verdicts if verdict != 'right'), 'right')


def rays_towards(random, shape, count):
    """From outside, through a random place inside."""
    targets = random.uniform(0, 1, (count, 3)) * shape
    away = random.normal(size=(count, 3))
    origins = np.array(shape) / 2 + away / np.linalg.norm(away, axis=1, keepdims=True) * max(shape) * 2
    return origins, targets - origins, random.uniform(0.5, 2, count).astype(np.float32)


def odd_shapes():
    random = np.random.default_rng(1)
    shapes = [(1, 1, 1), (1, 7, 3), (5, 1, 9), (2, 3, 1), (13, 11, 7), (16, 16, 16)]
    return first_wrong(
        compared(*rays_towards(random, shape, 40), shape, weight) for shape in shapes for weight in ('length', 'one')
    )


def six_faces():
    """One camera outside each face, near the axis but not along it; every one must light the grid."""
    shape = (6, 7, 8)
    verdicts = []
    for axis in range(3):
        for side in (-5.0, shape[axis] + 5.0):
            origin = np.array(shape) / 2.0
            origin[axis] = side
            targets = np.random.default_rng(2).uniform(0.1, 0.9, (30, 3)) * shape
            values = np.ones(30, np.float32)
            verdicts.append(compared(origin, targets - origin, values, shape))
            if not add_rays(origin, targets - origin, values, shape=shape).any():
                verdicts.append(f'no voxel lit from axis {axis} at {side}')
    return first_wrong(verdicts)


def axis_parallel():
    """Along every axis, both ways, through the middles, along faces between voxels and along the outer faces."""
    shape, verdicts = (4, 5, 3), []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            for place in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0):
                origin = np.full(3, place)
                origin[axis] = -2.0 if sign > 0 else shape[axis] + 2.0
                direction = np.zeros((1, 3))
                direction[0, axis] = sign
                verdicts.append(compared(origin, direction, np.ones(1, np.float32), shape))
    return first_wrong(verdicts)


def from_inside():
    random = np.random.default_rng(3)
    shape = (6, 5, 4)
    inside = random.uniform(0, 1, (60, 3)) * shape
    # Some begin exactly on planes between voxels.
    inside[::3] = np.floor(inside[::3])
    return compared(inside, random.normal(size=(60, 3)), np.ones(60, np.float32), shape)


def misses():
    random = np.random.default_rng(4)
    shape = (5, 5, 5)
    origins, directions, values = rays_towards(random, shape, 40)
    away = add_rays(origins, -directions, values, shape=shape)
    still = add_rays(np.full(3, 2.5), np.zeros((1, 3)), np.ones(1, np.float32), shape=shape)
    nowhere = add_rays(np.full(3, np.nan), np.ones((1, 3)), np.ones(1, np.float32), shape=shape)
    none = add_rays(np.zeros(3), np.zeros((0, 3)), np.zeros(0, np.float32), shape=shape)
    empty = add_rays(np.zeros(3), np.ones((1, 3)), np.ones(1, np.float32), shape=(0, 4, 4), threads=3)
    outside = away.any() or still.any() or nowhere.any() or none.any() or empty.any()
    return 'a ray that misses lit a voxel' if outside else 'right'


def diagonals():
    """Through corners and edges exactly: voxels that are only touched get nothing, also when they are counted."""
    verdicts = []
    for direction in ([1, 1, 1], [-1, 1, 1], [1, -1, -1], [1, 1, 0], [0, -1, 1], [-1, -1, -1], [2, 1, 1]):
        direction = np.array([direction], float)
        origin = np.full(3, 3.0) - 6 * direction[0]
        for weight in ('length', 'one'):
            verdicts.append(compared(origin, direction, np.ones(1, np.float32), (6, 6, 6), weight))
    return first_wrong(verdicts)


def whole_length():
    """The lengths in all voxels of a ray add up to its length in the grid."""
    random = np.random.default_rng(5)
    origins, directions, values = rays_towards(random, (40, 30, 20), 1)
    grid = add_rays(origins, directions, np.ones(1, np.float32), shape=(40, 30, 20))
    expected = reference_length(origins[0], directions[0], (40, 30, 20))
    return 'right' if abs(grid.sum(dtype=float) - expected) < 1e-3 else f'{grid.sum()} for {expected}'


def reference_length(origin, direction, shape):
    a, b = -origin / direction, (shape - origin) / direction
    return (np.maximum(a, b).min() - max(np.minimum(a, b).max(), 0)) * np.linalg.norm(direction)


def reproducible():
    random = np.random.default_rng(6)
    shape = (37, 20, 25)
    rays = rays_towards(random, shape, 5000)
    one = add_rays(*rays, shape=shape)
    for threads in (1, 2, 3, 8, 100):
        for _ in range(3):
            if not np.array_equal(one, add_rays(*rays, shape=shape, threads=threads)):
                return f'{threads} threads give another result'
    return 'right'


def adds_to_out():
    random = np.random.default_rng(7)
    rays = rays_towards(random, (8, 8, 8), 50)
    out = np.ones((8, 8, 8), np.float32)
    same = add_rays(*rays, out=out)
    wrong = same is not out or not np.allclose(out - 1, add_rays(*rays, shape=(8, 8, 8)), atol=1e-4)
    return 'out was not added to' if wrong else 'right'


def refuses():
    """What would have to be copied or converted is refused, by name."""
    good = {'origins': np.zeros(3), 'directions': np.ones((2, 3)), 'values': np.ones(2, np.float32)}
    read_only = np.zeros((2, 2, 2), np.float32)
    read_only.flags.writeable = False
    bad = [
        ('origins', TypeError, {'origins': [0, 0, 0]}),
        ('origins', TypeError, {'origins': np.zeros(3, np.float32)}),
        ('origins', ValueError, {'origins': np.zeros(4)}),
        ('directions', TypeError, {'directions': np.ones((3, 2)).T}),
        ('directions', ValueError, {'directions': np.ones((3, 3))}),
        ('values', TypeError, {'values': np.ones(2)}),
        ('values', TypeError, {'values': np.ones(4, np.float32)[::2]}),
        ('out', TypeError, {'out': np.zeros((2, 2, 2))}),
        ('out', ValueError, {'out': np.zeros((2, 2), np.float32)}),
        ('out', TypeError, {'out': np.zeros((2, 2, 2), np.float32, order='F')}),
        ('out', TypeError, {'out': read_only}),
        ('weight', ValueError, {'weight': 'heavy'}),
        ('threads', ValueError, {'threads': 0}),
        ('shape', ValueError, {'out': np.zeros((2, 2, 2), np.float32), 'shape': (2, 2, 2)}),
    ]
    for name, kind, change in bad:
        try:
            add_rays(**{**good, **({} if 'out' in change else {'shape': (2, 2, 2)}), **change})
        except kind as error:
            if name not in str(error):
                return f'{error} does not name {name}'
            continue
        return f'{name}: {kind.__name__} expected'
    return 'right'


def camera():
    """The middle ray looks ahead, the image's right is the first column of the rotation, and no pixel is lost."""
    rotation = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))[0]
    image = np.arange(33 * 21, dtype=float).reshape(33, 21)
    directions, values = camera_rays(image, rotation, 20.0)
    seen = np.empty_like(image)
    ahead = directions @ rotation
    columns, rows = ahead[:, 0] * 20 + 10.5 - 0.5, ahead[:, 1] * 20 + 16.5 - 0.5
    seen[np.round(rows).astype(int), np.round(columns).astype(int)] = values
    right = np.array_equal(seen, image) and np.allclose(ahead[:, 2], 1) and values.dtype == np.float32
    return 'right' if right else 'pixels and rays do not belong together'


def bundles():
    """Many rays close together, which are added up block by block, give what each of them gives alone, whatever axis they go along."""
    shape, verdicts = (41, 37, 50), []
    random = np.random.default_rng(9)
    for position in ((-30.0, 14, 20), (75.0, 30, 31), (20.0, -25, 30), (12.0, 60, 18), (18.0, 19, -33), (25.0, 14, 88), (-15.0, -18, -12)):
        ahead = np.array(shape) / 2.0 - position
        rotation = np.linalg.qr(np.stack([ahead, *random.normal(size=(2, 3))], axis=1))[0][:, [1, 2, 0]]
        rotation[:, 2] *= np.sign(rotation[:, 2] @ ahead)
        directions, values = camera_rays(random.uniform(0.5, 1, (48, 52)).astype(np.float32), rotation, 60.0)
        for weight in ('length', 'one'):
            got = add_rays(np.array(position), directions, values, shape=shape, weight=weight, threads=2)
            expected = np.zeros(shape, np.float32)
            for i in range(len(values)):
                add_rays(np.array(position), directions[i : i + 1], values[i : i + 1], out=expected, weight=weight)
            worst = float(np.abs(got - expected).max() / expected.max())
            # A bundle is added in another order, which rounds otherwise.
            verdicts.append('right' if worst < 2e-6 else f'{position} {weight}: off by {worst} of the largest value')
    return first_wrong(verdicts)


checks = [odd_shapes, six_faces, axis_parallel, from_inside, misses, diagonals, whole_length, reproducible, adds_to_out, refuses, camera,
          bundles]  # fmt: skip
print(json.dumps({check.__name__: check() for check in checks}))
