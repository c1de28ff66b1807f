"""Draws a volume or a mesh: a picture, several side by side, or a film of one turn."""

import crucible_voxel as cv
from crucible_voxel import pictures

VOLUME = {{volume}}
AXES = {{axes}}
VIEWS = {{views}}
FRAMES = {{frames}}
SECONDS = {{seconds}}
OUTPUT = {{output}}
LOOK = pictures.Look(
    kind={{kind}},
    level={{level}} or None,  # 0: half way between the least and the greatest value
    azimuth={{azimuth}},
    elevation={{elevation}},
    zoom={{zoom}},
    colours={{colours}},
    clip={{clip}},  # percentiles
    width={{width}},
    height={{height}},
    paper={{paper}},
    axes={{box}},
    scale_bar={{scaleBar}},
    title={{title}},
)


def main():
    thing = pictures.read_thing(VOLUME, '' if AXES == 'file' else AXES)
    if thing.volume is not None:
        print(thing.volume.told)
    if OUTPUT.endswith(pictures.FILMS):
        if VIEWS != 'one':
            raise cv.VolumeError(f'views: a film shows one view: expected one, got {VIEWS}')
        notes = pictures.turntable(thing, LOOK, OUTPUT, FRAMES, SECONDS)
    elif VIEWS == 'one':
        notes = pictures.still(thing, LOOK, OUTPUT)
    else:
        notes = pictures.multiples(thing, LOOK, VIEWS, OUTPUT)
    print(f'{OUTPUT}: {"; ".join([thing.name, *notes])}')


if __name__ == '__main__':
    cv.run(main)
