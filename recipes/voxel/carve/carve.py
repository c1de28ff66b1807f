"""Silhouettes from posed frames to a solid: a voxel stays where the cameras see the object."""

from pathlib import Path

import crucible_native as native
import crucible_voxel as cv
import numpy as np
from scipy import ndimage

FRAMES = {{frames}}  # a folder with poses.json
SIZE = {{size}}  # voxels along an edge
VOXEL = {{voxel}}  # the edge of a voxel, in the units of the poses
CENTRE = {{centre}}  # where the middle of the grid lies
THRESHOLD = {{threshold}}  # grey levels
SMOOTH = {{smooth}}  # pixels
MISSES = {{misses}}  # views that may show a voxel beside the object
OUTSIDE = {{outside}}  # whether voxels that a camera does not see go
OUTPUT = {{output}}


def silhouette(seen):
    difference = seen.image if seen.background is None else abs(seen.image - seen.background)
    if SMOOTH > 0:
        difference = ndimage.gaussian_filter(difference, SMOOTH)
    return (difference > THRESHOLD).astype(np.float32)


def main():
    spacing = np.full(3, float(VOXEL))
    corner = np.array(CENTRE, float) - spacing * SIZE / 2
    solid = np.ones((SIZE,) * 3, np.float32)
    # How often a voxel was seen beside the object, where that may happen.
    missed = np.zeros(solid.shape, np.uint8) if MISSES > 0 else None
    views, pixels = 0, 0
    for seen in cv.seen_by_cameras(cv.read_poses(Path(FRAMES) / 'poses.json')):
        mask = silhouette(seen)
        if not mask.any():
            raise cv.VolumeError(f'{seen.name}: the silhouette is empty: nothing differs by more than {THRESHOLD} grey levels')
        camera = seen.pose.seen_by(mask.shape[1], mask.shape[0], corner, spacing)
        if missed is not None:
            solid.fill(1)
        native.carve(solid, mask, camera, outside=OUTSIDE, threads=cv.threads())
        if missed is not None:
            missed += solid == 0
        views, pixels = views + 1, pixels + int(mask.sum())
    if missed is not None:
        solid = (missed <= MISSES).astype(np.float32)
    count = int(np.count_nonzero(solid))
    if count == 0:
        raise cv.VolumeError(f'nothing is left after {views} views: the silhouettes have no voxel in common in the grid from {corner.tolist()} to {(corner + spacing * SIZE).tolist()}')
    cv.write_volume(OUTPUT, cv.Volume(solid, tuple(spacing), tuple(corner + spacing / 2), 'pose'))
    print(f'{OUTPUT}: {views} views, {count:,} of {solid.size:,} voxels are left')


if __name__ == '__main__':
    cv.run(main)
