"""Volumes, images and poses as the recipes of this folder read and write them.

A volume is a float32 array in C order whose axes are x, y and z: a[x, y, z], so z changes fastest. What a file says in another order is turned,
and what was read is told in words. What does not fit is refused by `VolumeError`, whose message is for people.
"""

from crucible_voxel.images import frames_of, read_image
from crucible_voxel.meshes import read_mesh, surface, write_mesh
from crucible_voxel.poses import Pose, Seen, read_poses, seen_by_cameras
from crucible_voxel.volumes import Volume, VolumeError, read_volume, run, threads, write_volume

__all__ = [
    'Pose', 'Seen', 'Volume', 'VolumeError', 'frames_of', 'read_image', 'read_mesh', 'read_poses', 'read_volume', 'run', 'seen_by_cameras', 'surface', 'threads',
    'write_mesh', 'write_volume',
]  # fmt: skip
