"""Draws a text on a cube of voxels: x to the right, y upwards, extruded along z."""

import unicodedata
from pathlib import Path

import crucible_voxel as cv
import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT = {{text}}
SIZE = {{size}}  # voxels along an edge
DEPTH = {{depth}}  # of the letters, as a share of the edge
MARGIN = {{margin}}  # free on each side, as a share of the edge
FONT = {{font}} or str(Path(__file__).with_name('DejaVuSans.ttf'))
OUTPUT = {{output}}

# No font has a letter there.
NO_LETTER = chr(0x10FFFF)
LARGE = 64


def font_of(points):
    try:
        return ImageFont.truetype(FONT, points)
    except OSError as error:
        raise cv.VolumeError(f'{FONT}: expected a font (.ttf, .otf, .ttc): {error}') from None


def looks(font, letter):
    mask = font.getmask(letter, mode='1')
    return mask.size, bytes(mask), font.getlength(letter)


def expect_letters(font):
    """Refuses characters that the font draws as it draws what it lacks."""
    absent = looks(font, NO_LETTER)
    lacking = []
    for letter in dict.fromkeys(TEXT):
        if letter.isspace() or unicodedata.category(letter) in ('Cf', 'Mn'):
            continue
        if unicodedata.category(letter) == 'Cc' or looks(font, letter) == absent or not any(looks(font, letter)[1]):
            lacking.append(f'{letter!r} (U+{ord(letter):04X} {unicodedata.name(letter, "without a name")})')
    if lacking:
        raise cv.VolumeError(f'{Path(FONT).name} has no letter for {", ".join(lacking)}: give another font, --font FILE')


def box_of(font):
    drawn = ImageDraw.Draw(Image.new('L', (1, 1)))
    return drawn.multiline_textbbox((0, 0), TEXT, font=font, align='center')


def drawn():
    """The text as an image of SIZE by SIZE pixels, as large as fits."""
    room = max(1, round(SIZE * (1 - 2 * MARGIN)))
    left, top, right, bottom = box_of(font_of(LARGE))
    if right <= left or bottom <= top:
        raise cv.VolumeError(f'text: expected something that can be seen, got {TEXT!r}')
    points = max(1, int(LARGE * room / max(right - left, bottom - top)) + 1)
    while points > 1:
        left, top, right, bottom = box_of(font_of(points))
        if right - left <= room and bottom - top <= room:
            break
        points -= 1
    image = Image.new('L', (SIZE, SIZE))
    at = ((SIZE - (right - left)) / 2 - left, (SIZE - (bottom - top)) / 2 - top)
    ImageDraw.Draw(image).multiline_text(tuple(map(round, at)), TEXT, fill=255, font=font_of(points), align='center')
    return np.asarray(image) >= 128


def main():
    expect_letters(font_of(LARGE))
    pixels = drawn()
    if not pixels.any():
        raise cv.VolumeError(f'text: {len(TEXT)} characters are too many for {SIZE} voxels: make size larger')
    values = np.zeros((SIZE,) * 3, np.float32)
    layers = min(SIZE, max(1, round(DEPTH * SIZE)))
    first = (SIZE - layers) // 2
    # Rows go down, y goes up.
    values[:, :, first : first + layers] = pixels[::-1].T[:, :, None]
    cv.write_volume(OUTPUT, cv.Volume(values))
    print(f'{OUTPUT}: {TEXT!r}, {int(pixels.sum()) * layers:,} of {values.size:,} voxels, {layers} deep')


if __name__ == '__main__':
    cv.run(main)
