"""Posed cameras."""

import math
from dataclasses import dataclass

import numpy as np

from crucible_native._checks import number, numbers, one_of, require, require_out, whole
from crucible_native._load import kernels
from crucible_native.rays import WEIGHTS, fade_of, grid_of

TILE = 16


def rotation_of(yaw, pitch, roll):
    """The rotation of a camera by angles in degrees; its columns point right, down and ahead.

    Rz(yaw) Ry(roll) Rx(pitch), of a camera that looks along -z with y upwards: with all angles 0 it looks down.
    """
    angles = [math.radians(number(name, angle)) for name, angle in (('yaw', yaw), ('pitch', pitch), ('roll', roll))]
    (cy, cp, cr), (sy, sp, sr) = [math.cos(angle) for angle in angles], [math.sin(angle) for angle in angles]
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return about_z @ about_y @ about_x @ np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Camera:
    """Where a camera stands, in voxels, where it looks and what its lens does.

    rotation: (3, 3), its columns point right, down and ahead. focal: in pixels, one number or (across, down).
    centre: (across, down) in pixels, (width / 2, height / 2) as a rule. distortion: k1 k2 p1 p2 k3 of Brown and Conrady.
    """

    position: object
    rotation: object
    focal: object
    centre: object
    distortion: object = (0.0, 0.0, 0.0, 0.0, 0.0)

    @staticmethod
    def of_view(position, rotation, field_of_view, width, height):
        """A camera without distortion, `field_of_view` degrees wide, its axis in the middle of the image."""
        degrees = number('field_of_view', field_of_view, above=0)
        if degrees >= 180:
            raise ValueError(f'field_of_view: expected less than 180 degrees, got {field_of_view!r}')
        return Camera(position, rotation, width / 2 / math.tan(math.radians(degrees) / 2), (width / 2, height / 2))

    def packed(self):
        """The 21 numbers that the kernels read. Raises ValueError where they do not describe a camera."""
        rotation = numbers('rotation', self.rotation, (3, 3))
        if not np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-6):
            raise ValueError('rotation: expected three columns of length 1 at right angles')
        focal = numbers('focal', np.broadcast_to(np.asarray(self.focal, np.float64), (2,)), (2,))
        if (focal <= 0).any():
            raise ValueError(f'focal: expected pixels above 0, got {focal.tolist()}')
        parts = (
            numbers('position', self.position, (3,)), rotation, focal,
            numbers('centre', self.centre, (2,)), numbers('distortion', self.distortion, (5,)),
        )  # fmt: skip
        return np.concatenate([part.ravel() for part in parts])


def add_image(image, camera, *, shape=None, out=None, weight='length', fade=None, threads=1):
    """Adds every pixel of a float32 image to the voxels that its ray crosses, as `add_rays` does. Returns the grid."""
    one_of('weight', weight, WEIGHTS)
    require('image', image, np.float32, (2,))
    threads, fade, packed = whole('threads', threads, 1), fade_of(fade), camera.packed()
    out = grid_of(shape, out)
    kernels.add_image(out, image, packed, weight == 'length', fade, threads)
    return out


def carve(out, silhouette, camera, *, outside=False, threads=1):
    """Sets to zero every voxel of `out` whose centre the camera sees where the silhouette is zero. Returns `out`.

    outside: voxels beside the image or behind the camera go as well.
    """
    require('silhouette', silhouette, np.float32, (2,))
    require_out(out, np.float32)
    require('out', out, np.float32)
    threads, packed = whole('threads', threads, 1), camera.packed()
    kernels.carve(out, silhouette, packed, bool(outside), threads)
    return out


def camera_rays(image, rotation, focal):
    """The rays of a pinhole camera's pixels: (directions float64 (m, 3), values float32 (m,)).

    image: (height, width) grey values; rotation: (3, 3), its columns point right, down and ahead; focal: in pixels.
    Pixels come in tiles of 16 by 16, so that rays that follow each other cross the same voxels while those are
    still in the cache.
    """
    height, width = image.shape
    rows, columns = np.divmod(np.arange(height * width), width)
    order = np.lexsort((columns, rows, columns // TILE, rows // TILE))
    rows, columns = rows[order], columns[order]
    right = (columns + 0.5 - width / 2) / focal
    down = (rows + 0.5 - height / 2) / focal
    directions = np.stack([right, down, np.ones_like(right)], axis=1) @ np.asarray(rotation, np.float64).T
    return np.ascontiguousarray(directions), np.ascontiguousarray(image[rows, columns], np.float32)
