"""What pictures of volumes and meshes show, looked at pixel by pixel. References lie in pictures/; CRUCIBLE_DRAW_ANEW=1 draws them anew."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / 'recipes/voxel/python'))

from crucible_voxel import pictures  # noqa: E402
from crucible_voxel.meshes import surface, write_mesh  # noqa: E402
from crucible_voxel.pictures import Look, multiples, read_thing, still, thing_of, turntable  # noqa: E402
from crucible_voxel.volumes import Volume, VolumeError  # noqa: E402

REFERENCES = HERE / 'pictures'
SMALL = Look(width=400, height=300)


def block() -> Volume:
    """Values that rise along x in a block that is longest along x, of 0.5 mm a voxel."""
    values = np.zeros((40, 24, 16), np.float32)
    values[6:34, 6:18, 4:12] = np.linspace(1, 3, 28, dtype=np.float32)[:, None, None]
    return Volume(values, (0.5, 0.5, 0.5), (10.0, 0.0, -4.0), 'mm')


def drawn(look: Look, thing: pictures.Thing | None = None) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        still(thing or thing_of(block(), 'block.bin'), look, f'{folder}/a.png')
        return np.asarray(Image.open(f'{folder}/a.png')).astype(int)


def is_coloured(picture: np.ndarray) -> np.ndarray:
    return picture.max(axis=2) - picture.min(axis=2) > 40


class Pictures(unittest.TestCase):
    def like(self, name: str, picture: np.ndarray) -> None:
        reference = REFERENCES / f'{name}.png'
        if os.environ.get('CRUCIBLE_DRAW_ANEW') == '1':
            Image.fromarray(picture.astype(np.uint8)).save(reference, optimize=True)
        expected = np.asarray(Image.open(reference).convert('RGB')).astype(int)
        self.assertEqual(picture.shape, expected.shape)
        off = np.abs(picture - expected).max(axis=2)
        self.assertLess(off.mean(), 1.0, f'{name}: off by {off.mean():.2f} of 255 on average')
        self.assertLess((off > 48).mean(), 0.01, f'{name}: {(off > 48).mean():.1%} of the pixels are others')

    def test_kinds(self) -> None:
        """each kind of picture is like its reference, coloured, and not cut off"""
        for kind in pictures.KINDS:
            picture = drawn(Look(kind=kind, title=f'a block, as {kind}', width=400, height=300))
            self.like(kind, picture)
            self.assertGreater(is_coloured(picture).mean(), 0.04, kind)
            edge = np.concatenate([picture[:2].reshape(-1, 3), picture[-2:].reshape(-1, 3), picture[:, :2].reshape(-1, 3), picture[:, -2:].reshape(-1, 3)])
            self.assertTrue((edge == 255).all(), f'{kind}: something is cut off')

    def test_side_by_side(self) -> None:
        """several views side by side are like their references, on dark paper too"""
        with tempfile.TemporaryDirectory() as folder:
            thing = thing_of(block(), 'block.bin')
            for views, look in (('kinds', Look(paper='dark', width=480, height=360)), ('directions', Look(kind='surface', width=480, height=360)), ('z', Look(title='across z', colours='magma', width=480, height=360))):
                multiples(thing, look, views, f'{folder}/{views}.png')
                self.like(f'views-{views}', np.asarray(Image.open(f'{folder}/{views}.png')).astype(int))

    def test_camera(self) -> None:
        """the camera, the zoom, the level and the colours change what is seen"""
        plain = drawn(SMALL)
        for other in (Look(azimuth=80), Look(elevation=60), Look(zoom=0.6), Look(colours='magma'), Look(clip=(1, 60)), Look(kind='surface'), Look(kind='surface', level=2.5)):
            look = Look(**{**other.__dict__, 'width': 400, 'height': 300})
            self.assertGreater(np.abs(drawn(look) - plain).mean(), 0.5, str(other))
        self.assertGreater(is_coloured(drawn(Look(kind='surface', width=400, height=300))).sum(), is_coloured(drawn(Look(kind='surface', level=2.5, width=400, height=300))).sum() * 1.2)

    def test_labels(self) -> None:
        """axes, scale bar, title and colour bar are written, and can be left out"""
        full = drawn(Look(title='named', width=400, height=300))
        for without in ({'axes': False}, {'scale_bar': False}, {'title': ''}):
            look = Look(**{'title': 'named', 'width': 400, 'height': 300, **without})
            dark = (drawn(look) < 120).all(axis=2).sum()
            self.assertLess(dark, (full < 120).all(axis=2).sum(), str(without))
        bar = full[60:240, 400 - 46 : 400 - 40]
        self.assertGreater(is_coloured(bar).mean(), 0.75)
        # A mesh has no values, so no bar of colours.
        self.assertFalse(is_coloured(drawn(Look(kind='surface', width=400, height=300)))[:, -30:].any())

    def test_scale(self) -> None:
        """the scale bar is as long as it says"""
        # 20 mm along y, seen along x: the box is as wide as that on the picture.
        thing = thing_of(Volume(np.pad(np.ones((4, 38, 6), np.float32), 1), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), 'mm'), 'plate.bin')
        look = Look(kind='surface', azimuth=0, elevation=0, width=800, height=600, axes=False)
        with pictures.Scene(thing, look, [0.0]) as scene:
            picture = scene.frame(0.0).astype(int)
            self.assertAlmostEqual(scene.pixels, is_coloured(picture).any(axis=0).sum() / 19, delta=scene.pixels * 0.04)
            bar = (picture[round(600 * 0.965) + 1] < 90).all(axis=1).sum()
            length = pictures.nice_length(800 * 0.18 / scene.pixels)
            self.assertAlmostEqual(bar, length * scene.pixels, delta=2)
        self.assertEqual([pictures.nice_length(most) for most in (0.99, 1, 3, 7, 49.9, 50)], [0.5, 1, 2, 5, 20, 50])

    def test_clipping(self) -> None:
        """one outlier does not take the colours from all else, and a sparse volume has them"""
        values = block().values.copy()
        values[0, 0, 0] = 1e6
        low, high = pictures._limits(Volume(values), (1, 99.5))
        self.assertEqual((low, high <= 3), (0, True))
        sparse = np.zeros((50, 50, 50), np.float32)
        sparse[20:23, 20:23, 20:23] = 4
        self.assertEqual(pictures._limits(Volume(sparse), (1, 99.5)), (0.0, 4.0))

    def test_films(self) -> None:
        """a turntable turns once, as MP4 and as GIF"""
        import imageio

        with tempfile.TemporaryDirectory() as folder:
            thing = thing_of(block(), 'block.bin')
            for ending in ('mp4', 'gif'):
                path = f'{folder}/turn.{ending}'
                turntable(thing, Look(kind='surface', width=201, height=151), path, frames=8, seconds=1)
                frames = [np.asarray(frame)[..., :3].astype(int) for frame in imageio.mimread(path)]
                self.assertEqual((len(frames), frames[0].shape), (8, (150, 200, 3)), ending)
                steps = [np.abs(frames[at] - frames[at - 1]).mean() for at in range(8)]
                self.assertGreater(min(steps), 0.5, f'{ending}: it stands still')
                # The first comes after the last as any other does.
                self.assertLess(steps[0], 2.5 * max(steps[1:]), ending)
            self.assertEqual(Image.open(f'{folder}/turn.gif').info['loop'], 0)

    def test_meshes(self) -> None:
        """a mesh is drawn as the surface that it was made of"""
        with tempfile.TemporaryDirectory() as folder:
            vertices, faces = surface(block(), 0.5)
            for ending in ('stl', 'ply', 'glb', 'obj'):
                write_mesh(f'{folder}/a.{ending}', vertices, faces)
                picture = drawn(Look(width=400, height=300), read_thing(f'{folder}/a.{ending}'))
                self.assertGreater(is_coloured(picture).mean(), 0.05, ending)

    def test_flat(self) -> None:
        """a volume of one voxel, one layer, or one row can be drawn in every kind"""
        for shape in ((1, 1, 1), (1, 20, 12), (30, 1, 1)):
            values = np.ones(shape, np.float32)
            values.ravel()[0] = 0 if values.size > 1 else 1
            if values.size == 1:
                with self.assertRaises(VolumeError):
                    thing_of(Volume(values), 'one.bin')
                continue
            for kind in pictures.KINDS:
                picture = drawn(Look(kind=kind, width=400, height=300), thing_of(Volume(values), 'flat.bin'))
                self.assertGreater(is_coloured(picture)[:, :320].sum(), 20, f'{kind} of {shape}')

    def test_nothing(self) -> None:
        """what is the same everywhere, and a level that no value passes, are refused in a sentence"""
        with self.assertRaisesRegex(VolumeError, r'^empty\.bin: nothing to draw: all 1,000 voxels are 0$'):
            thing_of(Volume(np.zeros((10, 10, 10), np.float32)), 'empty.bin')
        for kind in ('surface', 'points'):
            with self.assertRaisesRegex(VolumeError, r'level: expected one above 0 and at most 3, .* got 9$'):
                drawn(Look(kind=kind, level=9, width=400, height=300))
        for look, words in ((Look(colours='rainbows'), 'no colour map'), (Look(clip=(60, 50)), 'two percentiles'), (Look(width=20), 'pixels'), (Look(zoom=0), 'zoom')):
            with self.assertRaisesRegex(VolumeError, words):
                drawn(look)
        with self.assertRaisesRegex(VolumeError, r'a\.jpg: expected a name that ends in \.png'):
            still(thing_of(block(), 'block.bin'), SMALL, 'a.jpg')
        with tempfile.TemporaryDirectory() as folder:
            Path(f'{folder}/a.stl').write_text('solid of nothing\nendsolid\n')
            with self.assertRaisesRegex(VolumeError, 'mesh'):
                read_thing(f'{folder}/a.stl')

    def test_large(self) -> None:
        """a volume with long edges is drawn from means, and it is said"""
        values = np.zeros((300, 8, 8), np.float32)
        values[10:290, 2:6, 2:6] = 1
        with tempfile.TemporaryDirectory() as folder:
            notes = still(thing_of(Volume(values), 'long.bin'), SMALL, f'{folder}/a.png')
        self.assertIn('means of 2³ voxels', ' '.join(notes))
        coarse = pictures.coarser(Volume(values, (0.5, 1, 1), (0, 0, 0)), 3)
        self.assertEqual((coarse.values.shape, coarse.spacing, coarse.origin), ((100, 3, 3), (1.5, 3.0, 3.0), (0.5, 1.0, 1.0)))
        self.assertAlmostEqual(float(coarse.values[50, 1, 1]), 1.0)

    def test_texts(self) -> None:
        """a title of any length and signs stays on the picture"""
        picture = drawn(Look(title='an 𝔵 ' + 'endless\ntitle ' * 40, width=400, height=300))
        self.assertGreater((picture[:30] < 120).all(axis=2).sum(), 100)


if __name__ == '__main__':
    unittest.main()
