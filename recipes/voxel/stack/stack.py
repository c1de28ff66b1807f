"""A stack of images to a volume: x is the column, y the row, z the image."""

import crucible_native as native
import crucible_voxel as cv
import numpy as np

IMAGES = {{images}}  # a folder of images, or a video
SPACING = {{spacing}}  # the edges of a voxel
UNITS = {{units}}
LEVELS = {{levels}}  # 'bytes', 'raw' or 'unit'
DEPTH = {{depth}}  # planes; 0: one an image
OUTPUT = {{output}}


def main():
    planes = [image for _, image in cv.frames_of(IMAGES, raw=LEVELS == 'raw')]
    scale = 1 / 255 if LEVELS == 'unit' else 1.0
    # x, y, z: a plane is read as row, column.
    images = np.stack(planes)
    depth = DEPTH or len(planes)
    volume = native.stack(images, depth=depth, scale=scale, threads=cv.threads())
    thickness = SPACING[2] * (len(planes) - 1) / (depth - 1) if depth > 1 and len(planes) > 1 else SPACING[2]
    values = np.ascontiguousarray(volume.transpose(2, 1, 0))
    cv.write_volume(OUTPUT, cv.Volume(values, (*SPACING[:2], thickness), units=UNITS))
    print(f'{OUTPUT}: {len(planes)} images of {values.shape[0]} × {values.shape[1]} pixels, values from {values.min():g} to {values.max():g}')


if __name__ == '__main__':
    cv.run(main)
