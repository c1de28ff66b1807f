"""Renders a mug that turns before three cameras: scene.py [--cameras near|far] [--noise LEVELS].

Writes views/, the frames, an image of the empty place for each camera, and poses.json, where each camera stands in the mug's own frame: since the mug
turns by a known angle, that is as if the cameras went round it. Writes truth.bin, the mug on the grid of the reconstruction, to score it by.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT, FRAMES = 160, 128, 14
GRID, VOXEL = 96, 0.025
# Where cameras stand, and how wide they see.
CAMERAS = {
    'near': ([(0.0, 1.2, 4.0), (2.6, 2.8, 2.2), (-2.8, -1.0, 2.6)], 42),
    'far': ([(0.6, 3.6, 5.0), (4.6, 0.4, 3.2), (-3.4, -2.6, 4.2)], 28),
}


def mug(points):
    """How far points (m, 3) are from the mug's surface; below 0 inside. It is full to its brim, for no silhouette shows a hollow."""
    x, y, z = points.T
    side, height = np.hypot(x, z) - 0.55, abs(y) - 0.62
    body = np.minimum(np.maximum(side, height), 0) + np.hypot(np.maximum(side, 0), np.maximum(height, 0)) - 0.05
    handle = np.hypot(np.hypot(x - 0.62, y) - 0.36, z) - 0.09
    return np.minimum(body, handle)


def looking(position):
    """The rotation of a camera that looks at the mug; its columns point right, down and ahead."""
    ahead = -position / np.linalg.norm(position)
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def turned(degrees):
    """A turn about the upright axis."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def empty(camera):
    """What a camera sees without the mug: stripes in the dark."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return 40 + 15 * np.sin((rows * (camera + 1) + columns * 2) / 9)


def rendered(position, rotation, focal, background):
    """The image of a camera in the mug's own frame, by steps along its rays until the surface."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    rays = np.stack([(columns + 0.5 - WIDTH / 2) / focal, (rows + 0.5 - HEIGHT / 2) / focal, np.ones(rows.shape)], axis=-1).reshape(-1, 3)
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True) @ rotation.T
    # From the sphere around it on.
    nearest = -(rays @ position)
    along = np.maximum(0, nearest - 1.3)
    missed = np.linalg.norm(position + rays * nearest[:, None], axis=1) > 1.3
    going = np.flatnonzero(~missed)
    for _ in range(48):
        step = mug(position + rays[going] * along[going, None])
        along[going] += step
        going = going[(step > 1e-4) & (along[going] < nearest[going] + 1.3)]
    hit = ~missed & (along < nearest + 1.3)
    image = background.ravel().copy()
    points = position + rays[hit] * along[hit, None]
    normals = np.stack([mug(points + shift) - mug(points - shift) for shift in 1e-4 * np.eye(3)], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    image[hit] = 150 + 90 * np.maximum(0, normals @ (0.3, 0.9, 0.3))
    return image.reshape(HEIGHT, WIDTH)


def write_image(path, image, noise, random):
    Image.fromarray((image + random.normal(0, noise, image.shape)).round().clip(0, 255).astype(np.uint8)).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cameras', choices=CAMERAS, default='near')
    parser.add_argument('--noise', type=float, default=0)
    options = parser.parse_args()
    places, view = CAMERAS[options.cameras]
    focal, random = WIDTH / 2 / np.tan(np.radians(view) / 2), np.random.default_rng(0)
    folder = Path('views')
    folder.mkdir()
    poses = []
    for camera, place in enumerate(places):
        background = empty(camera)
        write_image(folder / f'empty-{camera}.png', background, options.noise, random)
        for frame in range(FRAMES):
            back = turned(-360 * frame / FRAMES)
            position, rotation = back @ place, back @ looking(np.array(place))
            name = f'{camera}-{frame}.png'
            write_image(folder / name, rendered(position, rotation, focal, background), options.noise, random)
            poses.append({
                'camera_index': camera, 'frame_index': frame, 'camera_position': position.tolist(), 'rotation': rotation.tolist(),
                'fov_degrees': view, 'image_file': name, 'background_file': f'empty-{camera}.png',
            })  # fmt: skip
    (folder / 'poses.json').write_text(json.dumps(poses))

    middles = (np.arange(GRID) + 0.5 - GRID / 2) * VOXEL
    points = np.stack(np.meshgrid(middles, middles, middles, indexing='ij'), axis=-1).reshape(-1, 3)
    (mug(points) <= 0).astype('<f4').tofile('truth.bin')
    print(f'{len(poses)} frames of {len(places)} cameras')


if __name__ == '__main__':
    main()
