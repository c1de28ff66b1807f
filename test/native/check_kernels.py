"""Compares the kernels of crucible_native with slow, obvious references; prints {check: "right" or what was wrong}.

    check_kernels.py [FOLDER_WITH_CRUCIBLE_NATIVE]

References are SciPy's, in float64 where it can, or loops over voxels. Tolerance: 1e-6 of the largest value unless said otherwise.
"""

import functools
import hashlib
import itertools
import json
import os
import subprocess
import sys

import numpy as np
from scipy import ndimage

FOLDER = sys.argv[1:2]
sys.path[:0] = FOLDER

import crucible_native as native  # noqa: E402

SHAPES = [(1, 1, 1), (0, 3, 2), (3, 2, 0), (1, 7, 3), (5, 1, 9), (2, 3, 1), (13, 11, 7), (4, 3, 70), (17, 18, 65)]
EDGES = {'reflect': 'reflect', 'nearest': 'nearest', 'zero': 'constant'}


def volumes(seed, full=1.0):
    """Volumes of odd shapes, from -1 to 1; `full` is the part of their voxels that is not zero."""
    random = np.random.default_rng(seed)
    for shape in SHAPES:
        yield (random.uniform(-1, 1, shape) * (random.uniform(size=shape) < full)).astype(np.float32)


def differ(got, expected, what, tolerance=1e-6):
    """None where alike, else what was wrong."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return f'{what}: shape {got.shape} for {expected.shape}'
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected)) | (np.abs(got - expected) <= tolerance * scale)
    return None if same.all() else f'{what}: {got[~same][0]} for {expected[~same][0]}'


def first(findings):
    return next((finding for finding in findings if finding is not None), 'right')


def both(kernel, *arguments, **options):
    """The result by one thread; raises where two or three give another, or where `out` is not filled alike."""
    one = kernel(*arguments, threads=1, **options)
    for threads in (2, 3):
        out = np.full_like(one, 7)
        more = kernel(*arguments, threads=threads, out=out, **options)
        if more is not out or one.tobytes() != more.tobytes():
            raise AssertionError(f'{kernel.__name__}: {threads} threads with out give another result')
    return one


def box_filter():
    def cases():
        for volume, edge, size in itertools.product(volumes(1), EDGES, (1, 3, 5, (3, 1, 7), 15, 21)):
            if volume.size:
                expected = ndimage.uniform_filter(volume.astype(float), size, mode=EDGES[edge])
                yield differ(both(native.box, volume, size, edge=edge), expected, f'{volume.shape} {size} {edge}')
            else:
                yield differ(both(native.box, volume, size, edge=edge), volume, 'empty')
        for length, edge in itertools.product(range(1, 50), EDGES):
            volume = np.random.default_rng(length).uniform(-1, 1, (3, 4, length)).astype(np.float32)
            yield differ(native.box(volume, 3, edge=edge), ndimage.uniform_filter(volume.astype(float), 3, mode=EDGES[edge]), f'{length} {edge}')

    return first(cases())


def gaussian_filter():
    def cases():
        for volume, edge, sigma in itertools.product(volumes(2), EDGES, (0, 0.4, 1, 2, (0, 1, 3.3))):
            if volume.size:
                expected = ndimage.gaussian_filter(volume.astype(float), sigma, mode=EDGES[edge])
                yield differ(both(native.gaussian, volume, sigma, edge=edge), expected, f'{volume.shape} {sigma} {edge}')

    return first(cases())


def convolution():
    def cases():
        random = np.random.default_rng(3)
        for volume, edge, size in itertools.product(volumes(3), EDGES, ((1, 1, 1), (3, 3, 3), (1, 5, 3), (7, 1, 1))):
            if volume.size:
                kernel = random.normal(size=size).astype(np.float32)
                expected = ndimage.convolve(volume.astype(float), kernel.astype(float), mode=EDGES[edge])
                yield differ(both(native.convolve, volume, kernel, edge=edge), expected, f'{volume.shape} {size} {edge}', 2e-6)

    return first(cases())


def morphology():
    def cases():
        for volume, radius in itertools.product(itertools.chain(volumes(4), volumes(4, 0.2)), (0, 1, 2, 3, 9)):
            if not volume.size:
                continue
            for name, around in itertools.product(('erode', 'dilate'), ('box', 'cross')):
                got = both(getattr(native, name), volume, radius, around=around)
                cross = ndimage.generate_binary_structure(3, 1)
                near = ndimage.iterate_structure(cross, radius) if around == 'cross' and radius else np.ones((2 * radius + 1,) * 3, bool)
                beyond, extreme = (np.inf, ndimage.minimum_filter) if name == 'erode' else (-np.inf, ndimage.maximum_filter)
                yield differ(got, extreme(volume, footprint=near, mode='constant', cval=beyond), f'{name} {around} {radius} {volume.shape}', 0)
        for volume in volumes(5):
            yield None if (native.open_(volume) <= volume).all() else 'opened: more than before'
            yield None if (native.close(volume) >= volume).all() else 'closed: less than before'

    return first(cases())


def conserved():
    """A box filter only spreads: away from borders the sum of all voxels stays."""
    volume = np.zeros((20, 21, 22), np.float32)
    volume[6:14, 6:15, 6:16] = np.random.default_rng(6).uniform(size=(8, 9, 10))
    return first(
        differ(native.box(volume, size).sum(dtype=float), volume.sum(dtype=float), f'box {size}', 1e-6) for size in (3, 5, (1, 3, 7))
    )


def affine_resampling():
    def cases():
        random = np.random.default_rng(7)
        turned = np.linalg.qr(random.normal(size=(3, 3)))[0]
        sheared = np.eye(3) + np.triu(random.uniform(-0.4, 0.4, (3, 3)), 1)
        plane = np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1.0]])
        matrices = [np.eye(3), turned, sheared, plane, np.diag([0.5, 2, 1.3]), np.diag([-1.0, 1, -1]), np.zeros((3, 3))]
        compared = []
        for volume, matrix, order in itertools.product(volumes(7), matrices, (0, 1, 3)):
            if not volume.size:
                continue
            middle = (np.array(volume.shape) - 1) / 2
            for offset in (middle - matrix @ middle, np.array([0.25, -1.0, 0.5])):
                got = both(native.affine, volume, matrix, offset, order=order, outside=-3.0, shape=(9, 8, 7))
                expected = ndimage.affine_transform(
                    volume.astype(float), matrix, offset, output_shape=(9, 8, 7), order=order, mode='constant', cval=-3.0
                )
                # Within a rounding of a border, or for order 0 of the middle between two voxels, either is right.
                at = np.tensordot(np.stack(np.indices((9, 8, 7)), axis=-1), matrix.T, 1) + offset
                doubtful = np.stack([at, at - np.array(volume.shape) + 1, *([at % 1 - 0.5] if order == 0 else [])])
                sure = (matrix == np.round(matrix)).all() | ~(np.abs(doubtful) < 1e-9).any(axis=(0, -1))
                yield differ(np.where(sure, got, 0), np.where(sure, expected, 0), f'{volume.shape} {order} {matrix.tolist()} {offset}', 2e-6)
                compared.append(np.mean(sure))
        yield None if np.mean(compared) > 0.8 else f'only {np.mean(compared)} of all voxels are compared'
        empty = native.affine(np.zeros((0, 2, 2), np.float32), np.eye(3), shape=(2, 2, 2), outside=1.0)
        yield differ(empty, np.ones((2, 2, 2)), 'an empty volume')

    return first(cases())


def quarter_turns():
    """Four quarter turns give the volume back to the last bit; one is NumPy's; half a turn twice, too."""

    def cases():
        for volume, axes, order in itertools.product(volumes(8), ((0, 1), (1, 2), (0, 2), (2, 0)), (0, 1)):
            if not volume.size:
                continue
            side = min(volume.shape)
            cube = np.ascontiguousarray(volume[:side, :side, :side])
            turned = native.rotate(cube, 90, axes, order=order)
            yield differ(turned, np.rot90(cube, 1, axes), f'{cube.shape} {axes}', 0)
            for _ in range(3):
                turned = native.rotate(turned, 90, axes, order=order)
            yield differ(turned, cube, f'four times {cube.shape} {axes}', 0)

    return first(cases())


def scaled():
    def cases():
        for volume in volumes(9):
            if volume.size:
                got = native.scale(volume, (2, 0.5, 1.5))
                expected = ndimage.zoom(volume.astype(float), np.array(got.shape) / volume.shape, order=1)
                thick = [axis for axis in range(3) if volume.shape[axis] > 1 and got.shape[axis] > 1]
                if len(thick) == 3:
                    yield differ(got, expected, f'{volume.shape}', 2e-6)

    return first(cases())


def distances():
    def cases():
        for volume, spacing in itertools.product(itertools.chain(volumes(10, 0.9), volumes(10, 0.995)), (1.0, (1.0, 2.5, 0.5))):
            if volume.size and (volume == 0).any():
                expected = ndimage.distance_transform_edt(volume != 0, sampling=spacing)
                yield differ(both(native.distance, volume, spacing=spacing), expected, f'{volume.shape} {spacing}')
        everywhere = native.distance(np.ones((3, 4, 5), np.float32))
        yield None if np.isinf(everywhere).all() else 'without a zero: not infinity'

    return first(cases())


def components():
    def cases():
        structures = {6: 1, 18: 2, 26: 3}
        for volume, neighbours in itertools.product(itertools.chain(volumes(11, 0.3), volumes(12, 0.6), volumes(13)), structures):
            structure = ndimage.generate_binary_structure(3, structures[neighbours])
            expected, count = ndimage.label(volume != 0, structure) if volume.size else (volume, 0)
            for threads in (1, 2, 3):
                got, found = native.label(volume, neighbours=neighbours, threads=threads)
                yield None if found == count else f'{found} for {count} of {volume.shape} by {neighbours}'
                yield differ(got, renumbered(np.asarray(expected, int)), f'{volume.shape} by {neighbours}', 0)

    return first(cases())


def renumbered(labels):
    """Numbers from 1 in the order of first voxels."""
    numbers, out = {0: 0}, np.zeros_like(labels)
    for place, number in np.ndenumerate(labels):
        out[place] = numbers.setdefault(number, len(numbers))
    return out


def figures():
    def cases():
        for volume in itertools.chain(volumes(14), volumes(15, 0.1), [np.random.default_rng(1).normal(size=(70, 50, 41)).astype(np.float32)]):
            spoiled = volume.copy()
            if volume.size > 20:
                spoiled.flat[[1, 5, 9]] = np.nan, np.inf, -np.inf
            finite = spoiled[np.isfinite(spoiled)].astype(float)
            one = native.statistics(spoiled)
            yield None if one == native.statistics(spoiled, threads=3) else 'three threads give other figures'
            yield None if (one['count'], one['finite'], one['nonzero']) == (spoiled.size, len(finite), np.count_nonzero(finite)) else 'counts'
            if len(finite):
                yield differ([one[k] for k in ('minimum', 'maximum', 'mean', 'deviation', 'sum')],
                             [finite.min(), finite.max(), finite.mean(), finite.std(), finite.sum()], f'{volume.shape}', 1e-9)  # fmt: skip
                percents = [0, 1, 37.3, 50, 99, 100]
                for threads in (1, 3):
                    yield differ(native.percentile(spoiled, percents, threads=threads), np.percentile(finite, percents), 'percentiles')
            else:
                yield None if one['minimum'] is None and np.isnan(native.percentile(spoiled, 50)) else 'empty'

    return first(cases())


def motion():
    def cases():
        random = np.random.default_rng(16)
        for dtype, size in itertools.product((np.uint8, np.uint16, np.float32), ((0, 4), (1, 1), (33, 21), (64, 65))):
            before, current = (random.uniform(0, 255, size).astype(dtype) for _ in range(2))
            change = np.abs(current.astype(np.float32) - before.astype(np.float32))
            got = both(native.motion_mask, before, current, threshold=40)
            yield differ(got, np.where(change > 40, change, 0), f'{np.dtype(dtype)} {size}', 0)
            background = random.uniform(0, 255, size).astype(np.float32)
            moved, learned = current.astype(np.float32) - background, background.copy()
            got = native.motion_mask(before, current, threshold=9, background=learned, rate=0.25)
            yield differ(got, np.where(np.abs(moved) > 9, np.abs(moved), 0), 'background', 0)
            yield differ(learned, background + 0.25 * moved, 'what the background learned')
        bad = np.array([[np.nan, np.inf, -np.inf, 5]], np.float32)
        learned = np.zeros((1, 4), np.float32)
        got = native.motion_mask(np.zeros((1, 4), np.float32), bad, threshold=1, background=learned, rate=0.5)
        yield differ(got, [[0, 0, 0, 5]], 'not finite', 0) or differ(learned, [[0, 0, 0, 2.5]], 'what is not finite teaches', 0)

    return first(cases())


def stacks():
    def cases():
        random = np.random.default_rng(17)
        for dtype, size in itertools.product((np.uint8, np.uint16, np.float32), ((1, 3, 5), (4, 0, 2), (5, 7, 9))):
            images = random.uniform(0, 255, size).astype(dtype)
            yield differ(both(native.stack, images, scale=0.5, offset=3), images.astype(float) * 0.5 + 3, f'{np.dtype(dtype)} {size}')
            deep = both(native.stack, images, depth=9)
            at = np.linspace(0, len(images) - 1, 9)
            low, part = at.astype(int), (at % 1)[:, None, None]
            high = np.minimum(low + 1, len(images) - 1)
            yield differ(deep, images[low] * (1 - part) + images[high] * part, f'deeper {size}')

    return first(cases())


def points():
    def cases():
        random = np.random.default_rng(18)
        for shape, shared in itertools.product([shape for shape in SHAPES if 0 not in shape], (False, True)):
            places = random.uniform(-1.5, 1.5, (200, 3)) * shape
            places[:3] = [[np.nan, 0, 0], [np.inf, 0, 0], [0, 0, 0]]
            values = random.uniform(size=200).astype(np.float32)
            values[3] = np.nan
            got = native.add_points(places, values, shape=shape, shared=shared)
            for threads in (2, 3):
                same = native.add_points(places, values, shape=shape, shared=shared, threads=threads)
                yield None if np.array_equal(got, same) else 'more threads give another result'
            yield differ(got, points_one_by_one(places, values, shape, shared), f'{shape} {shared}', 1e-5)
        yield differ(native.add_points(np.full((4, 3), 0.5), shape=(1, 1, 1)), [[[4]]], 'counted')

    return first(cases())


def points_one_by_one(places, values, shape, shared):
    grid = np.zeros(shape)
    for place, value in zip(places, values):
        if not np.isfinite([*place, value]).all():
            continue
        base = np.floor(place - 0.5 if shared else place).astype(int)
        for corner in itertools.product((0, 1), repeat=3) if shared else [(0, 0, 0)]:
            at = base + corner
            part = np.prod(1 - np.abs(place - 0.5 - at)) if shared else 1
            if (at >= 0).all() and (at < shape).all():
                grid[tuple(at)] += value * part
    return grid


def a_camera(random, shape, distortion=(0, 0, 0, 0, 0), height=24, width=31):
    """A camera beside the grid that looks at its middle."""
    position = np.array(shape) * random.uniform(-2, -1, 3)
    ahead = np.array(shape) / 2 - position
    ahead /= np.linalg.norm(ahead)
    right = np.cross([0, 0, 1.0], ahead)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    return native.Camera(position, rotation, (40.0, 42.0), (width / 2 + 1.3, height / 2 - 2.2), distortion)


def seen_at(camera, places):
    """Where a camera shows places (m, 3): (m, 2) pixels, and how far ahead they lie."""
    local = (places - camera.position) @ camera.rotation
    x, y = local[:, 0] / local[:, 2], local[:, 1] / local[:, 2]
    k1, k2, p1, p2, k3 = camera.distortion
    r = x * x + y * y
    radial = 1 + k1 * r + k2 * r**2 + k3 * r**3
    x, y = x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x), y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y
    return np.stack([x * camera.focal[0] + camera.centre[0], y * camera.focal[1] + camera.centre[1]], axis=1), local[:, 2]


LENS = (-0.2, 0.05, 0.003, -0.002, 0.01)


def cameras():
    """A pixel's ray leads where the camera shows it, with and without a lens; every pixel has its own."""

    def cases():
        random = np.random.default_rng(19)
        for distortion, _ in itertools.product(((0, 0, 0, 0, 0), LENS), range(3)):
            shape = (20, 24, 22)
            camera = a_camera(random, shape, distortion)
            for _ in range(20):
                row, column = random.integers(24), random.integers(31)
                image = np.zeros((24, 31), np.float32)
                image[row, column] = 2
                grid = native.add_image(image, camera, shape=shape, weight='one')
                lit = np.argwhere(grid > 0)
                if len(lit):
                    pixels, ahead = seen_at(camera, lit + 0.5)
                    away = np.abs(pixels - [column + 0.5, row + 0.5]).max()
                    # A voxel's centre lies at most 0.87 beside a ray through the voxel.
                    yield None if away <= 0.87 * 42 * 1.3 / ahead.min() else f'pixel ({row}, {column}) lights a voxel {away} pixels away'
            image = random.uniform(size=(24, 31)).astype(np.float32)
            whole = native.add_image(image, camera, shape=shape)
            for threads in (2, 5):
                yield None if np.array_equal(whole, native.add_image(image, camera, shape=shape, threads=threads)) else 'threads'
            if not any(distortion):
                directions, values = np.empty((24 * 31, 3)), image.ravel()
                rows, columns = np.divmod(np.arange(24 * 31), 31)
                local = np.stack([(columns + 0.5 - camera.centre[0]) / 40, (rows + 0.5 - camera.centre[1]) / 42, np.ones(24 * 31)], axis=1)
                directions = np.ascontiguousarray(local @ camera.rotation.T)
                yield differ(whole, native.add_rays(camera.position, directions, values, shape=shape), 'image and rays', 1e-5)

    return first(cases())


def angles():
    """Angles are those of Rz(yaw) Ry(roll) Rx(pitch) for a camera that looks along -z, as in the metadata of known programs."""
    looks = {(0, 0, 0): (0, 0, -1), (0, 90, 0): (0, 1, 0), (90, 90, 0): (-1, 0, 0), (-90, 90, 0): (1, 0, 0), (0, 0, 90): (-1, 0, 0)}
    return first(differ(native.rotation_of(*turn)[:, 2], ahead, f'{turn}', 1e-9) for turn, ahead in looks.items())


def fading():
    """A value fades by 1 / (1 + (distance / fade)²), along the stretch in each voxel."""
    grid = native.add_rays(np.array([-4.0, 0.5, 0.5]), np.array([[2.0, 0, 0]]), np.ones(1, np.float32), shape=(6, 1, 1), fade=3.0)
    expected = 1 / (1 + ((np.arange(6) + 4.5) / 3) ** 2)
    none = native.add_rays(np.array([-4.0, 0.5, 0.5]), np.array([[2.0, 0, 0]]), np.ones(1, np.float32), shape=(6, 1, 1))
    return first([differ(grid[:, 0, 0], expected, 'faded', 1e-6), differ(none, np.ones((6, 1, 1)), 'not faded', 1e-6)])


def whole_lengths():
    """Whatever a ray's weights are, they add up to its length in the grid: 400 rays, also from inside, also odd grids."""

    def cases():
        random = np.random.default_rng(20)
        for shape in [(1, 1, 1), (40, 30, 20), (3, 90, 17), (257, 2, 33)]:
            for inside in (False, True):
                for _ in range(50):
                    target = random.uniform(0, 1, 3) * shape
                    origin = random.uniform(0, 1, 3) * shape if inside else target + random.normal(size=3) * 3 * max(shape)
                    direction = target - origin
                    with np.errstate(divide='ignore'):
                        a, b = -origin / direction, (np.array(shape) - origin) / direction
                    begin, end = max(0, np.minimum(a, b).max()), np.maximum(a, b).min()
                    length = max(0, end - begin) * np.linalg.norm(direction)
                    got = native.add_rays(origin, direction[None], np.ones(1, np.float32), shape=shape).sum(dtype=float)
                    yield None if abs(got - length) <= 1e-5 * (1 + length) else f'{shape}: {got} for {length}'

    return first(cases())


def carving():
    def cases():
        random = np.random.default_rng(21)
        for shape, distortion, outside in itertools.product(((1, 1, 1), (0, 3, 3), (7, 9, 11)), ((0, 0, 0, 0, 0), LENS), (False, True)):
            camera = a_camera(random, shape if all(shape) else (3, 3, 3), distortion)
            silhouette = (random.uniform(size=(24, 31)) < 0.6).astype(np.float32)
            before = random.uniform(0.1, 1, shape).astype(np.float32)
            after = native.carve(before.copy(), silhouette, camera, outside=outside)
            yield None if ((after == before) | (after == 0)).all() else 'carving changed more than it took away'
            yield None if np.array_equal(after, native.carve(before.copy(), silhouette, camera, outside=outside, threads=3)) else 'threads'
            if before.size:
                places = np.stack(np.indices(shape), axis=-1).reshape(-1, 3) + 0.5
                pixels, ahead = seen_at(camera, places)
                column, row = np.floor(pixels).astype(int).T
                seen = (ahead > 0) & (column >= 0) & (row >= 0) & (column < 31) & (row < 24)
                goes = np.where(seen, silhouette[np.clip(row, 0, 23), np.clip(column, 0, 30)] == 0, outside)
                yield differ(after, np.where(goes.reshape(shape), 0, before), f'{shape}', 0)

    return first(cases())


def not_finite():
    """NaN and infinity stay where they are: filters pass them on to their neighbourhood, and nothing else changes."""
    volume = np.random.default_rng(22).uniform(size=(12, 13, 40)).astype(np.float32)
    spoiled = volume.copy()
    spoiled[5, 6, 20] = np.nan
    far = np.ones(volume.shape, bool)
    far[3:8, 4:9, 18:23] = False

    def cases():
        for name, act in {
            'box': lambda v: native.box(v), 'gaussian': lambda v: native.gaussian(v, 0.5), 'convolve': lambda v: native.convolve(v, np.ones((3, 3, 3), np.float32)),
            'affine': lambda v: native.affine(v, np.eye(3), (0.3, 0.3, 0.3)), 'nearest': lambda v: native.affine(v, np.eye(3), order=0),
        }.items():  # fmt: skip
            clean, dirty = act(volume), act(spoiled)
            yield differ(dirty[far], clean[far], name, 0)
            yield None if np.isnan(dirty[~far]).any() else f'{name}: the NaN is lost'
        yield None if np.isfinite(native.erode(spoiled)).all() and np.isfinite(native.dilate(spoiled)).all() else 'erode, dilate: not finite'
        yield None if native.label(spoiled)[0][5, 6, 20] == 0 else 'label: NaN belongs to a component'

    return first(cases())


def refusals():
    """What would have to be copied or converted, and what makes no sense, is refused by name."""
    good, image = np.zeros((3, 4, 5), np.float32), np.zeros((4, 4), np.float32)
    camera = native.Camera.of_view((0, 0, 0), np.eye(3), 60, 4, 4)

    def with_camera(**change):
        return lambda: native.add_image(image, native.Camera(**{**camera.__dict__, **change}), shape=(2, 2, 2))

    bad = [
        ('volume', TypeError, lambda: native.box(good.astype(float))),
        ('volume', TypeError, lambda: native.gaussian(good.T, 1)),
        ('volume', ValueError, lambda: native.erode(image)),
        ('volume', TypeError, lambda: native.label([[[1]]])),
        ('size', ValueError, lambda: native.box(good, 4)),
        ('size', ValueError, lambda: native.box(good, (3, 3))),
        ('sigma', ValueError, lambda: native.gaussian(good, -1)),
        ('sigma', ValueError, lambda: native.gaussian(good, float('nan'))),
        ('edge', ValueError, lambda: native.box(good, edge='wrap')),
        ('kernel', ValueError, lambda: native.convolve(good, np.zeros((2, 3, 3), np.float32))),
        ('out', ValueError, lambda: native.box(good, out=good)),
        ('out', ValueError, lambda: native.box(good, out=np.zeros((3, 4, 6), np.float32))),
        ('out', TypeError, lambda: native.box(good, out=np.zeros((3, 4, 5)))),
        ('out', TypeError, lambda: native.carve(good.astype(float), image, camera)),
        ('out', TypeError, lambda: native.label(good, out=np.zeros((3, 4, 5), np.int64))),
        ('matrix', ValueError, lambda: native.affine(good, np.full((3, 3), np.nan))),
        ('matrix', ValueError, lambda: native.affine(good, np.eye(4))),
        ('order', ValueError, lambda: native.affine(good, np.eye(3), order=2)),
        ('axes', ValueError, lambda: native.rotate(good, 10, (1, 1))),
        ('factor', ValueError, lambda: native.scale(good, 0)),
        ('spacing', ValueError, lambda: native.distance(good, spacing=0)),
        ('neighbours', ValueError, lambda: native.label(good, neighbours=8)),
        ('percents', ValueError, lambda: native.percentile(good, 101)),
        ('before', ValueError, lambda: native.motion_mask(np.zeros((3, 4), np.float32), image, threshold=1)),
        ('current', TypeError, lambda: native.motion_mask(image, image.astype(float), threshold=1)),
        ('images', ValueError, lambda: native.stack(np.zeros((0, 2, 2), np.uint8))),
        ('points', TypeError, lambda: native.add_points(np.zeros((2, 3), np.float32), shape=(2, 2, 2))),
        ('points', ValueError, lambda: native.add_points(np.zeros((2, 2)), shape=(2, 2, 2))),
        ('silhouette', TypeError, lambda: native.carve(good, image.astype(bool), camera)),
        ('position', ValueError, with_camera(position=(0, 0, np.nan))),
        ('rotation', ValueError, with_camera(rotation=np.ones((3, 3)))),
        ('focal', ValueError, with_camera(focal=0)),
        ('field_of_view', ValueError, lambda: native.Camera.of_view((0, 0, 0), np.eye(3), 180, 4, 4)),
        ('fade', ValueError, lambda: native.add_image(image, camera, shape=(2, 2, 2), fade=0)),
        ('threads', ValueError, lambda: native.box(good, threads=0)),
    ]

    def cases():
        for name, kind, call in bad:
            try:
                call()
            except (TypeError, ValueError) as error:
                yield None if isinstance(error, kind) and name in str(error) else f'{name}: {type(error).__name__} {error}'
            else:
                yield f'{name}: {kind.__name__} expected'

    return first(cases())


def large():
    """What is too large for the cache is written past it, from wherever an array begins: the same as SciPy."""
    shape, room = (161, 170, 163), np.empty(161 * 170 * 163 + 20, np.float32)
    volume = np.random.default_rng(15).random(shape, dtype=np.float32)
    c, s = np.cos(0.7), np.sin(0.7)
    matrix, middle = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]), (np.array(shape) - 1) / 2
    turned = np.array([[0.96, -0.2, 0.1], [0.21, 0.95, -0.2], [-0.05, 0.21, 0.97]])
    kernels = [(lambda **to: native.box(volume, 3, **to), ndimage.uniform_filter(volume, 3)),
               *((lambda m=m, **to: native.affine(volume, m, middle - m @ middle, **to),
                  ndimage.affine_transform(volume, m, middle - m @ middle, order=1)) for m in (matrix, turned))]  # fmt: skip

    def cases():
        for (kernel, expected), begin, threads in itertools.product(kernels, (0, 3, 13), (1, 2)):
            out = room[begin : begin + volume.size].reshape(shape)
            room[:] = 7
            kernel(out=out, threads=threads)
            beside = room[:begin].tolist() + room[begin + volume.size :].tolist()
            # Within a rounding of the border one of two may see the volume and the other what is outside.
            off = np.mean(np.abs(out - expected) > 1e-6)
            yield None if off < 5e-4 and set(beside) == {7.0} else f'from {begin}, {threads} threads: {off} of all are off, beside it {beside}'

    return first(cases())


def past_the_cache(random):
    """What kernels make of a volume so large that its results are written past the cache: filtered, turned by both ways of mixing, lit."""
    shape = (161, 162, 163)
    volume, out = random.random(shape, dtype=np.float32), np.empty(np.prod(shape) + 3, np.float32)[3:].reshape(shape)
    if out.nbytes < 16 << 20:
        raise AssertionError('the volume is too small to be written past the cache')
    yield native.box(volume, 3, out=out)
    yield native.gaussian(volume, 0.8, out=out)
    for axes in ((0, 1), (0, 2)):
        yield native.rotate(volume, 33.3, axes, out=out)
    yield native.add_image(volume[0, :24, :31].copy(), a_camera(random, shape), shape=shape)


@functools.cache
def fingerprint():
    """A hash of what all kernels make: what an instruction set must not change."""
    random = np.random.default_rng(23)
    volume = random.uniform(-1, 1, (19, 23, 70)).astype(np.float32)
    made = [
        native.box(volume, 5), *(native.box(volume, 3, edge=edge) for edge in EDGES), native.gaussian(volume, 1.3), native.convolve(volume, volume[:3, :3, :3].copy()),
        native.erode(volume, 2), native.dilate(volume, 2, around='cross'), native.distance((volume > -0.9).astype(np.float32)),
        native.label((volume > 0.4).astype(np.float32))[0], native.percentile(volume, [3, 50, 97]),
        *(native.rotate(volume, 33.3, axes, order=order) for axes in ((0, 1), (0, 2)) for order in (0, 1, 3)),
        native.motion_mask(volume[0], volume[1], threshold=0.1), native.stack(volume, depth=25),
        native.add_points(random.uniform(0, 20, (500, 3)), shape=(20, 20, 20), shared=True),
        *(native.add_image(volume[0], a_camera(np.random.default_rng(24), (30, 40, 50), LENS, 23, 70), shape=(30, 40, 50), weight=weight, fade=fade) for weight in ('length', 'one') for fade in (None, 9.0)),
        native.carve(volume.copy(), (volume[0] > 0).astype(np.float32), a_camera(np.random.default_rng(25), volume.shape)),
    ]  # fmt: skip
    whole = hashlib.sha256(json.dumps(native.statistics(volume)).encode())
    for array in itertools.chain(made, past_the_cache(random)):
        whole.update(array.tobytes())
    return whole.hexdigest()


def instruction_sets():
    """Every instruction set gives the same to the last bit; one that the processor lacks, or that there is not, is refused."""
    levels = ('baseline', 'avx2', 'avx512')
    best = levels.index(native.level)

    def printed(level):
        program = [sys.executable, '-B', __file__, *FOLDER]
        done = subprocess.run(program, capture_output=True, text=True, env={**os.environ, 'CRUCIBLE_NATIVE': level, 'FINGERPRINT': '1'})
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    found = {level: printed(level) for level in levels[: best + 1]}
    unlike = [level for level, text in found.items() if text != f'{level} {fingerprint()}']
    if unlike:
        return f'{unlike[0]}: {found[unlike[0]]}, {native.level}: {fingerprint()}'
    return 'right' if 'CRUCIBLE_NATIVE' in printed('sse9') else 'an instruction set that there is not is taken'


if os.environ.get('FINGERPRINT'):
    print(native.level, fingerprint())
else:
    checks = [box_filter, gaussian_filter, convolution, morphology, conserved, affine_resampling, quarter_turns, scaled, distances,
              components, figures, motion, stacks, points, cameras, angles, fading, whole_lengths, carving, not_finite, refusals,
              large, instruction_sets]  # fmt: skip
    print(json.dumps({check.__name__: check() for check in checks}))
