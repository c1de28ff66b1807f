"""Validators: what each kind of output must be."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from conductor import GUEST
from PIL import Image
from validate import judge
from verdict import PlanError, verdict


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'PNG')
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class Validating(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def expect(self, found: str, path: str, data: bytes | None, message: str = '^', **output: Any) -> None:
        if data is not None:
            (self.folder / 'output').write_bytes(data)
        file = None if data is None else str(self.folder / 'output')
        result = verdict(judge({'outputs': [{'path': path, 'file': file, **output}]}))
        self.assertEqual(result['kind'], found, result['firstMismatch'])
        self.assertRegex(result['firstMismatch'] or '', message)

    def test_file(self) -> None:
        """a file must be there and hold something"""
        self.expect('right', 'a.txt', b'x', kind='file')
        self.expect('invalid', 'a.txt', b'', 'a.txt, the file is empty', kind='file')
        self.expect('invalid', 'a.txt', None, 'a.txt, the file is missing', kind='file')

    def test_readable(self) -> None:
        """a file must be what its name says; one whose name says nothing must only hold something"""
        pixels = np.arange(600, dtype=np.uint8).reshape(20, 30)
        self.expect('right', 'a.png', png(pixels), kind='readable')
        self.expect('invalid', 'a.png', b'no picture', 'a.png', kind='readable')
        self.expect('invalid', 'a.png', png(np.zeros((20, 30), np.uint8)), 'blank', kind='readable')
        self.expect('right', 'a.json', b'{}', kind='readable')
        self.expect('invalid', 'a.json', b'{', 'a.json', kind='readable')
        self.expect('invalid', 'a.csv', b'x,y\n1\n', 'expected 2 cells', kind='readable')
        self.expect('invalid', 'a.npy', npy(np.array([np.nan])), 'NaN', kind='readable')
        self.expect('right', 'a.bin', b'\0', kind='readable')
        self.expect('invalid', 'a.bin', b'', 'empty', kind='readable')
        self.expect('invalid', '**', None, 'no file matches', kind='readable', missing='no file matches')

    def test_image(self) -> None:
        """a picture must decode and show something"""
        pixels = np.zeros((20, 30, 3), np.uint8)
        self.expect('invalid', 'a.png', png(pixels), 'blank', kind='image')
        self.expect('invalid', 'a.png', png(np.zeros((20, 30, 4), np.uint8)), 'blank', kind='image')
        pixels[3, 4] = 255
        self.expect('right', 'a.png', png(pixels), kind='image')
        self.expect('invalid', 'a.png', png(pixels), 'expected at least 64 × 1', kind='image', minWidth=64)
        self.expect('invalid', 'a.png', png(pixels)[:-30], 'not a readable PNG', kind='image')
        self.expect('invalid', 'a.jpg', png(pixels), 'not a readable JPEG', kind='image')

    def test_bomb(self) -> None:
        """a small file that would unpack into a huge picture is refused before it is unpacked"""

        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

        header = struct.pack('>IIBBBBB', 9_000, 9_000, 8, 2, 0, 0, 0)
        bomb = (
            b'\x89PNG\r\n\x1a\n'
            + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(bytes(10**6)))
            + chunk(b'IEND', b'')
        )
        self.expect('invalid', 'a.png', bomb, '9000 × 9000 pixels, at most', kind='image')

    def test_npy(self) -> None:
        """an array must have its shape, type and range, and no NaN"""
        array = np.linspace(0, 1, 12, dtype='f4').reshape(3, 4)
        self.expect(
            'right', 'a.npy', npy(array), kind='npy', shape=[3, None], dtype='float32', minimum=0, maximum=1
        )
        self.expect(
            'invalid',
            'a.npy',
            npy(array),
            r'expected the shape \[4, any\], got \[3, 4\]',
            kind='npy',
            shape=[4, None],
        )
        self.expect(
            'invalid', 'a.npy', npy(array), 'expected an array of float64', kind='npy', dtype='float64'
        )
        self.expect('invalid', 'a.npy', npy(array), 'at most 0.5', kind='npy', maximum=0.5)
        self.expect('invalid', 'a.npy', npy(array), 'at least 0.5', kind='npy', minimum=0.5)
        self.expect('invalid', 'a.npy', npy(array * np.nan), 'NaN', kind='npy')
        self.expect('invalid', 'a.npy', npy(array[:0]), 'empty', kind='npy')
        self.expect('invalid', 'a.npy', b'PK\x03\x04', 'not a readable', kind='npy')

    def test_voxels(self) -> None:
        """a voxel grid is N³ finite float32 values, not all of them zero"""
        grid = np.zeros((4, 4, 4), 'f4')
        self.expect('invalid', 'v.bin', grid.tobytes(), 'every voxel is zero', kind='voxels')
        grid[1, 2, 3] = 0.5
        self.expect('right', 'v.bin', grid.tobytes(), kind='voxels')
        self.expect('right', 'v.bin', grid.tobytes(), kind='voxels', n=4)
        self.expect('invalid', 'v.bin', grid.tobytes(), 'expected 5³ = 125', kind='voxels', n=5)
        self.expect('invalid', 'v.bin', grid.tobytes()[:-4], 'expected 4³', kind='voxels')
        self.expect('invalid', 'v.bin', grid.tobytes()[:-1], 'no multiple of 4', kind='voxels')
        grid[0, 0, 0] = np.inf
        self.expect('invalid', 'v.bin', grid.tobytes(), 'NaN or an infinity', kind='voxels')

    def test_json(self) -> None:
        """JSON must parse and have the types and keys asked for"""
        schema = {
            'type': 'object',
            'required': ['score', 'parts'],
            'properties': {
                'score': {'type': 'number'},
                'parts': {'type': 'array', 'items': {'type': ['string', 'null']}},
            },
        }
        self.expect('right', 'r.json', b'{"score": 1.5, "parts": ["a", null]}', kind='json', schema=schema)
        self.expect('right', 'r.json', b'[1]', kind='json')
        self.expect(
            'invalid', 'r.json', b'{"score": 1}', 'document: "parts" is missing', kind='json', schema=schema
        )
        for bad in (
            b'{"score": true, "parts": []}',
            b'{"score": "1", "parts": []}',
        ):
            self.expect(
                'invalid', 'r.json', bad, 'document.score: expected number', kind='json', schema=schema
            )
        self.expect(
            'invalid',
            'r.json',
            b'{"score": 1, "parts": [1]}',
            r'document.parts\[0\]: expected string or null, got 1',
            kind='json',
            schema=schema,
        )
        self.expect('invalid', 'r.json', b'{', 'not readable JSON', kind='json')

    def test_strict_json(self) -> None:
        """JSON is refused with what only Python reads, and with a name that stands twice"""
        for word in (b'NaN', b'-Infinity', b'1e999', b'[1, {"a": -1e400}]'):
            self.expect('invalid', 'r.json', b'{"score": ' + word + b'}', 'is no number of JSON', kind='json')
        self.expect('invalid', 'r.json', b'[{"a": 1, "b": 2, "a": 1}]', '"a" stands twice in one object', kind='json')
        self.expect('right', 'r.json', b'{"a": {"a": 1e300}}\n', kind='json')
        self.expect('invalid', 'r.json', b'{} {}', 'not readable JSON', kind='json')
        self.expect('invalid', 'r.json', b'{}' + b' ' * 5000, '5,000 blanks', kind='json')

    def test_missing(self) -> None:
        """of a file that is missing the plan says what there was"""
        self.expect(
            'invalid', 'a.txt', None, '^a.txt, it is elsewhere$', kind='file', missing='it is elsewhere'
        )
        self.expect(
            'invalid', 'a.txt', None, '^a.txt is as it was$', kind='file', missing='a.txt is as it was'
        )

    def test_voxels_beside(self) -> None:
        """a file beside voxels may say that they are no cube, and is held to their size"""
        data = np.arange(1, 31, dtype='<f4').tobytes()
        beside = self.folder / 'output.json'
        self.expect('invalid', 'v.bin', data, 'expected 3³', kind='voxels')
        for said in ('{"shape": [2, 3, 5]}', '{"shape": [30, 1, 1], "axes": "zyx"}'):
            beside.write_text(said)
            self.expect('right', 'v.bin', data, kind='voxels', maximum=30)
            self.expect('invalid', 'v.bin', data, 'it holds 30', kind='voxels', maximum=29)
            self.expect('invalid', 'v.bin', data, 'expected 3³', kind='voxels', n=3)
            self.expect('invalid', 'v.bin', data + data, 'as output.json says, got 240 bytes', kind='voxels')
        for said in ('', '[' * 100_000, '{"shape": [2.0, 3, 5]}', '{"shape": [-2, -3, 5]}', '{"shape": 30}', '{"shape": [true, 6, 5]}', 'x' * 70_000):
            beside.write_text(said)
            self.expect('invalid', 'v.bin', data, 'expected 3³', kind='voxels')

    def test_voxel_layouts(self) -> None:
        """voxels are read in every layout that programs write, and a wrong one is told what would fit"""
        n = 5
        grid = np.arange(n**3).reshape(n, n, n)
        for dtype in ('float32', 'float64', 'uint8', 'uint16', 'int32'):
            for order, sign in (('little', '<'), ('big', '>')):
                header = np.array([n], f'{sign}i4').tobytes() + b'abcdefgh'
                data = grid.astype(np.dtype(dtype).newbyteorder(sign)).tobytes()
                layout = {'kind': 'voxels', 'dtype': dtype, 'byteOrder': order, 'maximum': n**3}
                self.expect('right', 'v.bin', data, n=n, **layout)
                self.expect('right', 'v.bin', header + data, header=12, **layout)
        data = grid.astype('<f4').tobytes()
        known = np.int32(n).tobytes() + np.float32(6).tobytes()
        self.expect('right', 'v.bin', known + data, kind='voxels', n=n)
        self.expect('right', 'v.bin', known + data, kind='voxels')
        self.expect('right', 'v.bin', known + data, kind='voxels', header=8)
        self.expect(
            'invalid', 'v.bin', data + known, '8 bytes longer: .*say `header: 8`', kind='voxels', n=n
        )
        self.expect('invalid', 'v.bin', known + data, 'expected 5³', kind='voxels', header=0, n=n)
        other = np.int32(n + 1).tobytes() + np.float32(6).tobytes()
        self.expect('invalid', 'v.bin', other + data, 'its header says 6 voxels', kind='voxels', header=8)
        self.expect('invalid', 'v.bin', known + data + b'x', 'expected 5³', kind='voxels', n=n, header=8)
        doubled = grid.astype('<f8').tobytes()
        self.expect('invalid', 'v.bin', doubled, 'say `dtype: float64`', kind='voxels', n=n)
        self.expect('invalid', 'v.bin', b'1234', 'expected voxels behind', kind='voxels', header=8)

    def test_trailing_bytes(self) -> None:
        """nothing may follow the end of an array or a picture, and nothing may hide in it"""
        self.expect('invalid', 'a.npy', npy(np.ones(3)) + b'x' * 9, '9 bytes follow the array', kind='npy')
        self.expect('invalid', 'a.npy', npy(np.ones(3)) * 2, 'bytes follow the array', kind='npy')
        pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3)).astype(np.uint8)
        for suffix, name, options in (
            ('.png', 'PNG', {}),
            ('.jpg', 'JPEG', {}),
            ('.jpg', 'JPEG', {'progressive': True, 'quality': 30}),
            ('.gif', 'GIF', {}),
            ('.webp', 'WEBP', {}),
            ('.bmp', 'BMP', {}),
            ('.tif', 'TIFF', {}),
            ('.ppm', 'PPM', {}),
        ):
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, name, **options)
            data = stream.getvalue()
            self.expect('right', f'a{suffix}', data, kind='image')
            if suffix not in ('.tif', '.ppm'):
                for more in (b'x', b'\xff\xd9' * 500, b'\0' * 100_000):
                    self.expect('invalid', f'a{suffix}', data + more, 'bytes follow the picture', kind='image')
            self.expect('invalid', f'a{suffix}', data + b'x' * (2 << 20), 'bytes', kind='image')
        plain = png(pixels)
        hidden = struct.pack('>I', 2 << 20) + b'juNk' + b'x' * (2 << 20)
        hidden += struct.pack('>I', zlib.crc32(hidden[4:]))
        self.expect('invalid', 'a.png', plain[:-12] + hidden + plain[-12:], 'at most', kind='image')

    def test_animations(self) -> None:
        """an animation is read to its last picture"""
        frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (0, 90, 200)]
        frames[0].putpixel((1, 1), 255)
        stream = io.BytesIO()
        frames[0].save(stream, 'GIF', save_all=True, append_images=frames[1:])
        self.expect('right', 'a.gif', stream.getvalue(), kind='image')
        self.expect('invalid', 'a.gif', stream.getvalue() + b'more', '4 bytes follow', kind='image')

    def test_csv(self) -> None:
        """a table must have its columns and enough whole rows"""
        table = b'id,score\n1,0.5\n2,0.7\n'
        self.expect('right', 't.csv', table, kind='csv', columns=['score'], minRows=2, maxRows=2)
        self.expect('invalid', 't.csv', table, 'the column "name" is missing', kind='csv', columns=['name'])
        self.expect('invalid', 't.csv', table, 'at least 3 rows', kind='csv', minRows=3)
        self.expect('invalid', 't.csv', table, 'at most 1 rows', kind='csv', maxRows=1)
        self.expect('invalid', 't.csv', b'id,score\n1\n', 'row 2: expected 2 cells, got 1', kind='csv')
        self.expect('invalid', 't.csv', b'id,score\n', 'at least 1 rows', kind='csv')

    def test_plan(self) -> None:
        """an unknown kind is the plan's fault"""
        with self.assertRaises(PlanError):
            self.expect('invalid', 'a', b'x', kind='spreadsheet')

    def test_program(self) -> None:
        """the program writes a verdict of the grader's shape"""
        (self.folder / 'plan.json').write_text(
            json.dumps({'outputs': [{'path': 'a', 'file': None, 'kind': 'file'}]})
        )
        command = [sys.executable, '-I', '-B', str(GUEST / 'validate.py')]
        command += ['--plan', str(self.folder / 'plan.json'), '--out', str(self.folder / 'verdict.json')]
        self.assertEqual(subprocess.run(command, timeout=60, check=False).returncode, 0)
        result = json.loads((self.folder / 'verdict.json').read_text())
        self.assertEqual(set(result), {'kind', 'checked', 'largestError', 'firstMismatch', 'cases'})
        self.assertEqual(result['firstMismatch'], 'a, the file is missing')
