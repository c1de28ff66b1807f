"""Crucible's compiled kernels for NumPy arrays.

Arrays are never converted on the way: a wrong dtype, shape or memory layout is an error, since a hidden copy would
cost time that nobody sees. Every kernel that makes an array takes `out`, the one to fill or to add to; every kernel takes
`threads`, and its result does not depend on it.
"""

from crucible_native._load import level
from crucible_native.cameras import Camera, add_image, camera_rays, carve, rotation_of
from crucible_native.filters import box, close, convolve, dilate, erode, gaussian, open_
from crucible_native.frames import motion_mask, stack
from crucible_native.measures import distance, label, percentile, statistics
from crucible_native.rays import add_points, add_rays
from crucible_native.resampling import affine, rotate, scale

__all__ = [
    'Camera', 'add_image', 'add_points', 'add_rays', 'affine', 'box', 'camera_rays', 'carve', 'close', 'convolve', 'dilate',
    'distance', 'erode', 'gaussian', 'label', 'level', 'motion_mask', 'open_', 'percentile', 'rotate', 'rotation_of', 'scale',
    'stack', 'statistics',
]  # fmt: skip
