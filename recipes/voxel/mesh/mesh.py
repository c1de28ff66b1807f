"""The surface of a volume as a mesh."""

import crucible_native as native
import crucible_voxel as cv

VOLUME = {{volume}}
AXES = {{axes}}
LEVEL = {{level}}  # 0: half way between the least and the greatest value
SMOOTH = {{smooth}}  # voxels
STEP = {{step}}  # voxels
OUTPUT = {{output}}


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    least, most = float(volume.values.min()), float(volume.values.max())
    if least == most:
        raise cv.VolumeError(f'{VOLUME}: every voxel is {least:g}: there is no surface')
    level = LEVEL or (least + most) / 2
    if SMOOTH > 0:
        volume = volume.of(native.gaussian(volume.values, SMOOTH, threads=cv.threads()))
    vertices, faces = cv.surface(volume, level, STEP)
    enclosed = cv.write_mesh(OUTPUT, vertices, faces)
    print(f'{OUTPUT}: {len(vertices):,} vertices, {len(faces):,} faces at the level {level:g}, a volume of {enclosed:.6g} {volume.units}³')


if __name__ == '__main__':
    cv.run(main)
