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
            b'{"score": NaN, "parts": []}',
            b'{"score": 1e999, "parts": []}',
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
