"""Draws what the fastest program makes of three photographs: `picture.py FOLDER`, with the program and its entry.json there.

Three cameras look at one cube, along its three axes, and each carries its photograph into it. Dividing by the length of
the rays in every voxel (the native kernel's coverage) gives the mean grey value that a camera sees there; the geometric
mean of the three is bright only where all of them see something bright. So one body shows three pictures: each from its own side.

Writes volume.bin (float32, N³, first axis slowest) and volume.png into the working directory.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
from cases import look_at, photograph
from crucible_native import add_rays, camera_rays
from PIL import Image, ImageDraw, ImageFont

SIZE = 128
PIXELS = 288
AWAY = 6.0
# Photograph, the square taken from it (top, left, side), and the side of the cube its camera stands on.
CAMERAS = [
    ('astronaut.png', (0, 70, 300), (0.0, -1.0, 0.0)),
    ('chelsea.png', (0, 78, 300), (-1.0, 0.0, 0.0)),
    ('camera.png', (40, 90, 330), (0.0, 1e-6, 1.0)),
]
# From black over violet and orange to white; even steps look even.
COLOURS = np.array(
    [(6, 6, 18), (41, 17, 84), (104, 27, 109), (168, 46, 95), (224, 83, 62), (250, 146, 34), (248, 213, 92), (255, 252, 232)]
)
BACKGROUND = COLOURS[0]


def load(folder):
    """The winner's function and the title under which it was found. Its module's folder comes first on the path."""
    entry = json.loads((folder / 'entry.json').read_text())
    path = (folder / entry['module']).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location('winner', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules['winner'] = module
    spec.loader.exec_module(module)
    return getattr(module, entry['name']), entry['title']


def square(name, part):
    """A square part of a photograph, PIXELS × PIXELS, its grey values spread from 0 to 1."""
    top, left, side = part
    grey = Image.fromarray((photograph(name)[top : top + side, left : left + side] * 255).astype(np.uint8))
    image = np.asarray(grey.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS), dtype=np.float64) / 255
    low, high = np.percentile(image, (1, 99))
    return np.ascontiguousarray(np.clip((image - low) / (high - low), 0, 1))


def carve(backproject):
    """The (SIZE, SIZE, SIZE) volume of all cameras, 0 to 1, float32."""
    volume = np.ones((SIZE, SIZE, SIZE), np.float32)
    centre = np.full(3, SIZE / 2)
    for name, part, side in CAMERAS:
        image = square(name, part)
        position = centre + AWAY * SIZE * np.array(side)
        rotation = look_at(position, centre)
        # The nearer face of the cube fills the image.
        focal = PIXELS * (AWAY - 0.5)
        seen = backproject(image, position, rotation, focal, SIZE, 0.5).astype(np.float32)
        directions, _ = camera_rays(image, rotation, focal)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        ones = np.ones(len(directions), np.float32)
        coverage = add_rays(position, directions, ones, shape=volume.shape, threads=2)
        volume *= np.clip(seen / np.maximum(coverage, 0.5), 0, 1)
    return np.cbrt(volume)


def colours(brightness):
    """Brightness 0 to 1 as RGB, 0 to 255."""
    places = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(brightness, places, COLOURS[:, channel]) for channel in range(3)], axis=-1)


def view(volume, position, pixels, focal, steps, glow):
    """The volume as a camera sees it: `glow` 0 takes the brightest voxel on each ray, more lets voxels shine and hide others."""
    centre = np.full(3, SIZE / 2)
    rotation = look_at(position, centre)
    across = (np.arange(pixels) + 0.5 - pixels / 2) / focal
    ahead = np.stack(np.broadcast_arrays(across[None, :], across[:, None], 1.0), axis=-1) @ rotation.T
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    away = np.linalg.norm(position - centre)
    reach = SIZE * 0.9
    step = 2 * reach / steps
    light, shown = np.zeros((pixels, pixels, 3), np.float32), np.zeros((pixels, pixels), np.float32)
    clear = np.ones((pixels, pixels, 1), np.float32)
    for t in np.linspace(away - reach, away + reach, steps):
        place = np.floor(position + t * ahead).astype(np.int64)
        inside = ((place >= 0) & (place < SIZE)).all(axis=-1)
        if not inside.any():
            continue
        i, j, k = place[inside].T
        value = volume[i, j, k]
        if glow == 0:
            shown[inside] = np.maximum(shown[inside], value)
            continue
        opaque = (1 - np.exp(-glow * step * np.clip(value - 0.34, 0, None) ** 2))[:, None]
        # Nearer voxels are lighter: depth can be seen.
        fade = np.clip(1.12 - 0.5 * (t - away + SIZE / 2) / SIZE, 0.35, 1.1)
        light[inside] += clear[inside] * opaque * colours(np.clip(value * 1.08, 0, 1)) * fade
        clear[inside] *= 1 - opaque
    if glow == 0:
        return colours(shown)
    return np.clip(light + clear * BACKGROUND, 0, 255)


def edges(position, pixels, focal):
    """The cube's twelve edges as pairs of image points."""
    rotation = look_at(position, np.full(3, SIZE / 2))
    corners = np.array([[i, j, k] for i in (0, SIZE) for j in (0, SIZE) for k in (0, SIZE)], float)
    seen = (corners - position) @ rotation
    points = seen[:, :2] / seen[:, 2:] * focal + pixels / 2
    for a in range(8):
        for bit in (1, 2, 4):
            if not a & bit:
                yield tuple(points[a]), tuple(points[a | bit])


def draw(volume, title):
    """One picture: the whole body on the left, its three sides on the right."""
    margin, side, large = 24, 300, 948
    sheet = Image.new('RGB', (large + side + 3 * margin, large + 2 * margin + 40), tuple(map(int, BACKGROUND)))
    pen = ImageDraw.Draw(sheet)
    font, small = ImageFont.load_default(22), ImageFont.load_default(15)
    centre = np.full(3, SIZE / 2)

    position = centre + SIZE * np.array([-1.55, -1.75, 1.15])
    rendered, focal = 632, 632 * 1.42
    body = Image.fromarray(view(volume, position, rendered, focal, 230, 1.1).astype(np.uint8))
    enlarged = body.resize((large, large), Image.Resampling.BICUBIC)
    lines = Image.new('RGBA', enlarged.size)
    scale = large / rendered
    for start, end in edges(position, rendered, focal):
        ImageDraw.Draw(lines).line([tuple(scale * x for x in start), tuple(scale * x for x in end)], (200, 190, 255, 70), 2)
    enlarged.paste(lines, mask=lines)
    sheet.paste(enlarged, (margin, margin + 40))
    pen.text((margin, margin - 4), 'One volume, three photographs', (240, 235, 255), font)
    caption = f'{SIZE} x {SIZE} x {SIZE} voxels, back-projected by the fastest program found: {title}'
    pen.text((margin, margin + 24), caption, (150, 140, 175), small)

    for number, (name, _, direction) in enumerate(CAMERAS):
        camera = centre + AWAY * SIZE * np.array(direction)
        seen = Image.fromarray(view(volume, camera, side, side * (AWAY - 0.5), 180, 0).astype(np.uint8))
        top = margin + 40 + number * (side + margin)
        sheet.paste(seen, (large + 2 * margin, top))
        pen.text((large + 2 * margin + 8, top + side - 24), Path(name).stem, (255, 255, 255), small, stroke_width=2, stroke_fill=(0, 0, 0))
    return sheet


def main():
    parser = argparse.ArgumentParser(description='Draws the volume that the fastest program makes.', allow_abbrev=False)
    parser.add_argument('folder', type=Path, help='the folder with the program and its entry.json')
    backproject, title = load(parser.parse_args().folder)
    volume = carve(backproject)
    volume.tofile('volume.bin')
    draw(volume, title).save('volume.png', optimize=True)


if __name__ == '__main__':
    main()
