"""A volume in another format."""

import crucible_voxel as cv

VOLUME = {{volume}}
AXES = {{axes}}
OUTPUT = {{output}}


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    cv.write_volume(OUTPUT, volume)
    print(f'{OUTPUT}: {" × ".join(map(str, volume.values.shape))} voxels of {" × ".join(f"{edge:g}" for edge in volume.spacing)} {volume.units}')


if __name__ == '__main__':
    cv.run(main)
