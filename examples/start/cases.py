"""Inputs for `backproject`: a part of a real photograph, seen by a camera somewhere around the grid."""

import importlib.util
import math
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS = [
    'astronaut.png',
    'camera.png',
    'chelsea.png',
    'coffee.png',
    'motorcycle_left.png',
    'rocket.jpg',
]


def photograph(name):
    """One of the photographs in the scikit-image package, grey, values 0 to 1, float64."""
    package = importlib.util.find_spec('skimage')
    if package is None or package.origin is None:
        raise ModuleNotFoundError('the photographs come with the package scikit-image, which is not installed')
    with Image.open(Path(package.origin).parent / 'data' / name) as picture:
        return np.asarray(picture.convert('L'), dtype=np.float64) / 255.0


def look_at(position, target):
    """The rotation (3, 3) of a camera at `position` that looks at `target`; its columns are right, down, ahead."""
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross(np.array([0.0, 0.0, 1.0]), ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def make_case(seed):
    """The arguments (image, position, rotation, focal, n, step) for one seed."""
    random = np.random.default_rng(seed)
    n = int(random.integers(44, 57))
    step = float(random.uniform(0.4, 0.5))
    # Steps are what costs time: wider grids, whose rays are longer, get fewer pixels.
    pixels = 660_000 / (0.9 * n / step)
    height = int(math.sqrt(pixels) * random.uniform(0.9, 1.1))
    width = int(pixels / height)

    picture = photograph(PHOTOGRAPHS[int(random.integers(len(PHOTOGRAPHS)))])
    zoom = int(random.integers(1, min(picture.shape[0] // height, picture.shape[1] // width) + 1))
    top = int(random.integers(picture.shape[0] - zoom * height + 1))
    left = int(random.integers(picture.shape[1] - zoom * width + 1))
    image = np.ascontiguousarray(picture[top : top + zoom * height : zoom, left : left + zoom * width : zoom])

    turn = random.uniform(0.0, 2.0 * math.pi)
    lift = random.uniform(-1.0, 1.0)
    # A long lens far away: positions on a ray are large numbers, and their last digits decide which voxel is hit.
    away = n * random.uniform(12.0, 20.0)
    centre = np.full(3, n / 2)
    position = centre + away * np.array(
        [math.cos(turn) * math.cos(lift), math.sin(turn) * math.cos(lift), math.sin(lift)]
    )
    # The image just covers the grid's middle: nearly every ray crosses the cube.
    focal = max(height, width) * away / n
    return image, position, look_at(position, centre), float(focal), n, step
