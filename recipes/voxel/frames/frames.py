"""Posed frames to a volume of what moves: motion masks, whose pixels add along their rays."""

from pathlib import Path

import crucible_native as native
import crucible_voxel as cv
import numpy as np

FRAMES = {{frames}}  # a folder with poses.json
SIZE = {{size}}  # voxels along an edge
VOXEL = {{voxel}}  # the edge of a voxel, in the units of the poses
CENTRE = {{centre}}  # where the middle of the grid lies
AGAINST = {{against}}  # 'previous', 'running' or 'background'
THRESHOLD = {{threshold}}  # grey levels
RATE = {{rate}}  # of a running background
WEIGHT = {{weight}}  # 'length' or 'one'
FADE = {{fade}}  # the distance at which a value has halved; 0: none
SCALE = {{scale}}  # 'sum' or 'unit'
OUTPUT = {{output}}


def masks(seen):
    """Each frame with how much its pixels changed; the first frames of a camera have nothing to be compared with."""
    before = learnt = None
    for each in seen:
        if each.first:
            before = learnt = None
        if AGAINST == 'background':
            if each.background is None:
                raise cv.VolumeError(f'{each.pose.name}: background_file: expected an image of the empty place, it is missing; or say against=previous')
            yield each, native.motion_mask(each.background, each.image, threshold=THRESHOLD, threads=cv.threads())
        elif before is not None and AGAINST == 'running':
            learnt = before.copy() if learnt is None else learnt
            yield each, native.motion_mask(before, each.image, threshold=THRESHOLD, background=learnt, rate=RATE, threads=cv.threads())
        elif before is not None:
            yield each, native.motion_mask(before, each.image, threshold=THRESHOLD, threads=cv.threads())
        before = each.image


def main():
    spacing = np.full(3, float(VOXEL))
    corner = np.array(CENTRE, float) - spacing * SIZE / 2
    grid = np.zeros((SIZE,) * 3, np.float32)
    frames, pixels = 0, 0
    for seen, mask in masks(cv.seen_by_cameras(cv.read_poses(Path(FRAMES) / 'poses.json'))):
        height, width = mask.shape
        camera = seen.pose.seen_by(width, height, corner, spacing)
        native.add_image(mask, camera, out=grid, weight=WEIGHT, fade=FADE / VOXEL or None, threads=cv.threads())
        frames, pixels = frames + 1, pixels + int(np.count_nonzero(mask))
    if pixels == 0:
        raise cv.VolumeError(f'nothing moved in {frames} masks by more than {THRESHOLD} grey levels: expected frames that differ')
    most = float(grid.max())
    if most == 0:
        raise cv.VolumeError(f'no ray of {pixels:,} changed pixels meets the grid, from {corner.tolist()} to {(corner + spacing * SIZE).tolist()}')
    if SCALE == 'unit':
        grid /= np.float32(most)
    cv.write_volume(OUTPUT, cv.Volume(grid, tuple(spacing), tuple(corner + spacing / 2), 'pose'))
    print(f'{OUTPUT}: {frames} masks, {pixels:,} changed pixels, {int(np.count_nonzero(grid)):,} of {grid.size:,} voxels met')


if __name__ == '__main__':
    cv.run(main)
