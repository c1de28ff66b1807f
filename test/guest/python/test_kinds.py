"""Every kind of check on real files: right ones, and those that are wrong in one thing."""

from __future__ import annotations

import io
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import trimesh
from arro3.core import Table
from arro3.io import write_parquet
from PIL import Image
from validate import judge
from verdict import PlanError, verdict

PIXELS = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


class Kinds(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def found(self, path: str, data: bytes | str, **output: Any) -> str | None:
        """What is wrong with the output; None where nothing is."""
        (self.folder / 'output').write_bytes(data.encode() if isinstance(data, str) else data)
        result = verdict(judge({'outputs': [{'path': path, 'file': str(self.folder / 'output'), **output}]}))
        return None if result['kind'] == 'right' else result['firstMismatch']

    def right(self, path: str, data: bytes | str, **output: Any) -> None:
        self.assertIsNone(self.found(path, data, **output))

    def wrong(self, message: str, path: str, data: bytes | str, **output: Any) -> None:
        self.assertRegex(self.found(path, data, **output) or 'it is right', message)

    def test_files(self) -> None:
        """a file has so many bytes"""
        self.right('a', b'123', kind='file', minBytes=3, maxBytes=3)
        self.wrong('^a, expected at least 4 bytes, got 3$', 'a', b'123', kind='file', minBytes=4)

    def test_text(self) -> None:
        """text holds what it must, where it must not it says the line"""
        log = 'begun\nread 17 rows\ndone\n'
        self.right('a.log', log, kind='text', contains=['begun', 'done'], matches=r'^read \d+ rows$', maxLines=3, lacks='error')
        self.wrong('expected "error" in the file, found 3 lines, the first "begun"', 'a.log', log, kind='text', contains='error')
        self.wrong('line 2: "17" stands there and must not', 'a.log', log, kind='text', lacks='17')
        self.wrong(r'to match "\^rows\$"', 'a.log', log, kind='text', matches='^rows$')
        self.wrong('at least 4 lines, got 3', 'a.log', log, kind='text', minLines=4)
        self.wrong('no text in UTF-8: byte 0xff at 1', 'a.log', b'a\xff', kind='text')
        with self.assertRaisesRegex(PlanError, 'expected a regular expression'):
            self.found('a.log', log, kind='text', matches='(')

    def test_run(self) -> None:
        """how a run ended, and what it printed, are checked as well"""
        plan = {'kind': 'exit', 'path': 'exit status', 'file': None, 'status': 3}
        self.assertEqual(verdict(judge({'outputs': [{**plan, 'got': 3}]}))['kind'], 'right')
        self.assertEqual(verdict(judge({'outputs': [{**plan, 'got': 0}]}))['firstMismatch'], 'exit status, expected 3, got 0')
        self.right('standard output', 'total 17\n', kind='stdout', matches=r'^total \d+$')
        self.wrong('in what was printed', 'standard output', 'total\n', kind='stdout', contains='17')
        self.wrong('nothing was printed', 'standard output', '', kind='stdout')

    def test_equals(self) -> None:
        """a file equals another by its numbers, or its pixels, and else byte by byte"""

        def equals(reference: bytes | str, **more: Any) -> dict[str, Any]:
            path = self.folder / 'reference'
            path.write_bytes(reference.encode() if isinstance(reference, str) else reference)
            return {'kind': 'equals', 'reference': str(path), 'relative': 1e-6, **more}

        def npy(*numbers: float) -> bytes:
            np.save(stream := io.BytesIO(), np.array(numbers, float))
            return stream.getvalue()

        self.right('a.csv', 'name,size\na,1.0000001\n', **equals('name,size\na,1.0\n'))
        self.wrong('row 2, column 2: expected 1, got 1.1, allowed', 'a.csv', 'name,size\na,1.1\n', **equals('name,size\na,1.0\n'))
        self.right('a.csv', 'name,size\na,1.1\n', **equals('name,size\na,1.0\n', absolute=0.2))
        self.wrong('row 2, column 1.*"a".*"b"', 'a.tsv', 'name\tsize\nb\t1\n', **equals('name\tsize\na\t1\n'))
        self.wrong('expected 3 rows, got 2', 'a.csv', 'name\na\n', **equals('name\na\nb\n'))
        self.right('a.json', '{"b": [1.00000001], "a": 1}', **equals('{"a": 1, "b": [1.0]}'))
        self.wrong('document.*"a".*expected 1, got 2', 'a.json', '{"a": 2}', **equals('{"a": 1}'))
        self.right('a.jsonl', '{"a": 1.0}\n\n{"a": 2.00000001}\n', **equals('{"a": 1}\n{"a": 2.0}\n'))
        self.wrong('documents', 'a.jsonl', '{"a": 1.0}\n', **equals('{"a": 1}\n{"a": 2.0}\n'))
        self.right('a.npy', npy(1, 2 + 1e-9), **equals(npy(1, 2)))
        self.wrong('expected', 'a.npy', npy(1, 2.1), **equals(npy(1, 2)))
        self.right('a.npz', npz(x=np.ones(3) + 1e-9), **equals(npz(x=np.ones(3))))
        self.wrong('x', 'a.npz', npz(x=np.zeros(3)), **equals(npz(x=np.ones(3))))
        self.right('a.txt', 'pi 3.0\n', **equals('pi 3.0\n'))
        self.wrong('byte 5.*byte by byte, without the tolerance$', 'a.txt', 'pi 3.1\n', **equals('pi 3.0\n'))
        self.wrong('expected 7 bytes, got 8', 'a.txt', 'pi 3.00\n', **equals('pi 3.0\n'))
        quick, small = io.BytesIO(), io.BytesIO()
        Image.fromarray(PIXELS).save(quick, 'PNG', compress_level=1)
        Image.fromarray(PIXELS).save(small, 'PNG', compress_level=9)
        self.right('a.png', quick.getvalue(), **equals(small.getvalue()))
        self.wrong('the file is empty', 'a.csv', '', **equals('a\n1\n'))
        with self.assertRaisesRegex(PlanError, 'the expected file'):
            self.found('a.json', '{}', **equals('{'))

    def test_image(self) -> None:
        """a picture has its size, and can be seen through where it must"""
        for suffix, name in (('png', 'PNG'), ('webp', 'WEBP')):
            opaque, clear = io.BytesIO(), io.BytesIO()
            Image.fromarray(PIXELS).save(opaque, name)
            Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).save(clear, name)
            self.right(f'a.{suffix}', opaque.getvalue(), kind='image', width=64, height=48, alpha=False, maxWidth=64)
            self.right(f'a.{suffix}', clear.getvalue(), kind='image', alpha=True)
            self.wrong('expected pixels that can be seen through, found none', f'a.{suffix}', opaque.getvalue(), kind='image', alpha=True)
            self.wrong('found 3,0', f'a.{suffix}', clear.getvalue(), kind='image', alpha=False)
            self.wrong('expected 65 × 48 pixels, got 64 × 48', f'a.{suffix}', opaque.getvalue(), kind='image', width=65)
            self.wrong('at most 40 pixels of height, got 48', f'a.{suffix}', opaque.getvalue(), kind='image', maxHeight=40)

    def video(self, frames: list[np.ndarray], codec: str = 'mpeg4', container: str = 'mp4') -> bytes:
        stream = io.BytesIO()
        with av.open(stream, 'w', format=container) as file:
            track = file.add_stream(codec, rate=10)
            track.height, track.width = frames[0].shape[:2]
            track.pix_fmt = 'yuv420p'
            for pixels in frames:
                for packet in track.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')):
                    file.mux(packet)
            for packet in track.encode():
                file.mux(packet)
        return stream.getvalue()

    def test_video(self) -> None:
        """a video decodes to its end, has its pictures, size and time, and shows something"""
        moving = self.video([np.roll(PIXELS, 4 * step, axis=1) for step in range(20)])
        size = {'width': 64, 'height': 48}
        self.right('a.mp4', moving, kind='video', frames=20, minSeconds=1.9, maxSeconds=2.1, moves=True, **size)
        self.wrong('expected 25 pictures, got 20', 'a.mp4', moving, kind='video', frames=25)
        self.wrong('at least 3 seconds, got 2', 'a.mp4', moving, kind='video', minSeconds=3)
        self.wrong('expected 32 × 48 pixels, got 64 × 48', 'a.mp4', moving, kind='video', width=32)
        self.wrong('nothing moves: all 5 pictures are the same', 'a.mp4', self.video([np.zeros((48, 64, 3), np.uint8) + (np.arange(64) > 30)[None, :, None].astype(np.uint8) * 200] * 5), kind='video', moves=True)
        self.wrong('blank: every pixel of each of its 3 pictures', 'a.mp4', self.video([np.full((48, 64, 3), 90, np.uint8)] * 3), kind='video')
        self.wrong('not a readable video|pictures decode|damaged', 'a.mp4', moving[: len(moving) // 2], kind='video')
        at = moving.find(b'mdat') + 200
        self.wrong('not a readable video|pictures decode|damaged', 'a.mp4', moving[:at] + bytes(len(moving) // 3) + moving[at + len(moving) // 3 :], kind='video')
        self.wrong('not a readable video', 'a.mp4', b'not a video', kind='video')
        self.wrong('not a readable video', 'a.webm', moving, kind='video')

    def test_animation(self) -> None:
        """an animated GIF is a video as well"""
        stream = io.BytesIO()
        frames = [Image.fromarray(np.roll(PIXELS, step, axis=0)) for step in range(5)]
        frames[0].save(stream, 'GIF', save_all=True, append_images=frames[1:], duration=100)
        self.right('a.gif', stream.getvalue(), kind='video', frames=5, minSeconds=0.5, maxSeconds=0.5, moves=True)
        self.wrong('at most 4 pictures, got 5', 'a.gif', stream.getvalue(), kind='video', maxFrames=4)
        self.wrong('bytes follow', 'a.gif', stream.getvalue() + b'more', kind='video')
        for kind in ('video', 'mesh'):
            self.wrong(f'^a.txt, expected a {kind} .*by the ending', 'a.txt', b'x', kind=kind)
        self.wrong('^a.txt, expected a picture .*by the ending', 'a.txt', b'x', kind='image')

    def test_npz(self) -> None:
        """arrays in one file are checked by their names, and never unpickled"""
        packed = npz(grid=np.ones((4, 4), 'f4'), ids=np.arange(3))
        self.right('a.npz', packed, kind='npz', arrays={'grid': {'shape': [4, None], 'dtype': 'float32'}, 'ids': {'maximum': 2}})
        self.wrong('the array "mask" is missing; there are "grid, ids"', 'a.npz', packed, kind='npz', arrays={'mask': {}})
        self.wrong('array "ids": it holds 2, at most 1', 'a.npz', packed, kind='npz', arrays={'ids': {'maximum': 1}})
        self.wrong('array "grid": it holds NaN', 'a.npz', npz(grid=np.array([1, np.nan])), kind='npz')
        self.wrong('not a readable .npz', 'a.npz', npz(a=np.array([{}], object)), kind='npz')
        self.wrong('not a readable .npz', 'a.npz', b'PK\x03\x04', kind='npz')
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as bomb:
            with bomb.open('a.npy', 'w', force_zip64=True) as file:
                for _ in range(17):
                    file.write(bytes(64 << 20))
        self.wrong('at most 1,073,741,824 are read', 'a.npz', stream.getvalue(), kind='npz')

    def test_place(self) -> None:
        """where a number is none is said by its place"""
        stream = io.BytesIO()
        array = np.zeros((3, 5))
        array[2, 1] = np.nan
        np.save(stream, array)
        self.wrong(r'NaN or an infinity, the first at \[2, 1\]', 'a.npy', stream.getvalue(), kind='npy')
        stream = io.BytesIO()
        np.save(stream, np.asfortranarray(array))
        self.wrong(r'the first at \[2, 1\]', 'a.npy', stream.getvalue(), kind='npy')

    def test_schema(self) -> None:
        """JSON is judged by the whole draft 2020-12, and says where and how often it fails"""
        schema = {
            '$defs': {'word': {'type': 'string', 'pattern': '^[a-z]+$'}},
            'type': 'object',
            'properties': {'counts': {'type': 'object', 'propertyNames': {'$ref': '#/$defs/word'}, 'minProperties': 2, 'additionalProperties': {'minimum': 1}}},
            'patternProperties': {'^at$': {'format': 'date'}},
            'unevaluatedProperties': False,
        }
        self.right('a.json', '{"counts": {"be": 2, "or": 1}, "at": "2026-11-28"}', kind='json', schema=schema)
        self.wrong(r'^a.json, document.counts.be: expected at least 1, got 0', 'a.json', '{"counts": {"be": 0, "or": 1}}', kind='json', schema=schema)
        self.wrong(r'document.at: .* is not a .date.', 'a.json', '{"at": "28.11."}', kind='json', schema=schema)
        self.wrong(r'document: .*more.* unexpected|Unevaluated', 'a.json', '{"more": 1}', kind='json', schema=schema)
        self.wrong(r'document\[0\]: expected integer, got "a" \(2 more\)', 'a.json', '["a", "b", "c"]', kind='json', schema={'items': {'type': 'integer'}})
        with self.assertRaisesRegex(PlanError, r"schema.type: .*strng"):
            self.found('a.json', '1', kind='json', schema={'type': 'strng'})
        with self.assertRaisesRegex(PlanError, 'schema: '):
            self.found('a.json', '1', kind='json', schema={'$ref': 'https://example.org/none.json'})
        self.wrong('nested too deep|RecursionError', 'a.json', '[' * 900 + ']' * 900, kind='json', schema={'$ref': '#/$defs/a', '$defs': {'a': {'items': {'$ref': '#/$defs/a'}}}})

    def test_json_lines(self) -> None:
        """of JSON lines each is a document"""
        check = {'kind': 'json', 'lines': True, 'schema': {'required': ['id']}}
        self.right('a.jsonl', '{"id": 1}\n{"id": 2}\n', minLines=2, **check)
        self.wrong('^a.jsonl, line 2: "id" is missing$', 'a.jsonl', '{"id": 1}\n{}\n', **check)
        self.wrong('line 2: not readable JSON', 'a.jsonl', '{"id": 1}\n{"id"\n', **check)
        self.wrong('at least 3 lines, got 2', 'a.jsonl', '{"id": 1}\n{"id": 2}\n', minLines=3, **check)

    def test_csv(self) -> None:
        """the columns of a table have types and ranges, and values that do not stand twice"""
        table = 'id,score,day,note\n1,0.5,2026-11-27,a\n2,1e3,2026-11-28,\n'
        types = {'id': 'integer', 'score': 'number', 'day': 'date'}
        check = {'kind': 'csv', 'types': types, 'unique': ['id'], 'rows': 2}
        self.right('t.csv', table, ranges={'score': {'minimum': 0}}, columns=['id', 'score', 'day', 'note'], onlyColumns=True, **check)
        self.wrong('expected at least 3 and at most 3 rows', 't.csv', table, kind='csv', rows=3)
        self.wrong('row 3, column "score": expected at most 10, got 1000.0', 't.csv', table, kind='csv', ranges={'score': {'maximum': 10}})
        self.wrong('row 3, column "note": the cell is empty', 't.csv', table, kind='csv', types={'note': 'text'})
        self.right('t.csv', table, kind='csv', types={'note': 'text'}, empty=['note'])
        self.wrong('row 3, column "id": "1" stands in row 2 as well', 't.csv', table.replace('2,1e3', '1,1e3'), **check)
        self.wrong('row 3, column "id": expected a whole number, got "2.0"', 't.csv', table.replace('2,1e3', '2.0,1e3'), **check)
        self.wrong('row 2, column "score": expected a number, got "nan"', 't.csv', table.replace('0.5', 'nan'), **check)
        self.wrong('row 3, column "day": expected a date as in 2026-11-28, got "28.11."', 't.csv', table.replace('2026-11-28', '28.11.'), **check)
        self.wrong('the column "size" is missing', 't.csv', table, kind='csv', types={'size': 'integer'})
        self.wrong('and no others, got', 't.csv', table, kind='csv', columns=['id', 'score'], onlyColumns=True)
        self.right('t.tsv', table.replace(',', '\t'), **check)
        self.right('t.csv', table.replace(',', ';'), separator=';', **check)

    def parquet(self, **columns: Any) -> bytes:
        from arro3.core import Array, DataType, Field, Schema

        kinds = {int: DataType.int64(), float: DataType.float64(), str: DataType.string()}
        fields, arrays = [], []
        for name, values in columns.items():
            kind = kinds[type(next(value for value in values if value is not None))]
            fields.append(Field(name, kind, nullable=True))
            arrays.append(Array(values, type=kind))
        stream = self.folder / 'made.parquet'
        write_parquet(Table.from_arrays(arrays, schema=Schema(fields)), str(stream))
        return stream.read_bytes()

    def test_parquet(self) -> None:
        """a Parquet file is read, all of it, and judged as a CSV is"""
        table = self.parquet(id=[1, 2, 3], score=[0.5, 1.5, 2.5], name=['a', 'b', None])
        check = {'kind': 'table', 'types': {'id': 'integer', 'score': 'number'}, 'unique': ['id'], 'rows': 3}
        self.right('t.parquet', table, ranges={'score': {'maximum': 3}}, **check)
        self.wrong('row 3, column "name": the cell is empty', 't.parquet', table, kind='table', types={'name': 'text'})
        self.wrong('row 1, column "name": expected a number, got "a"', 't.parquet', table, kind='table', types={'name': 'number'})
        self.wrong('row 3, column "score": expected at most 2, got 2.5', 't.parquet', table, kind='table', ranges={'score': {'maximum': 2}})
        self.wrong('the column "none" is missing', 't.parquet', table, kind='table', columns=['none'])
        self.wrong('at least 4 rows, got 3', 't.parquet', table, kind='table', minRows=4)
        self.wrong('not a readable Parquet', 't.parquet', b'PAR1' + b'x' * 100 + b'PAR1', kind='table')
        self.wrong('not a readable Parquet', 't.parquet', table[:4] + bytes(60) + table[64:], kind='table')

    def test_mesh(self) -> None:
        """a mesh has its faces, and no hole where it must have none"""
        box = trimesh.creation.box((1, 2, 3))
        for suffix in ('stl', 'obj', 'ply', 'off'):
            data = box.export(file_type=suffix)
            self.right(f'a.{suffix}', data, kind='mesh', faces=12, vertices=8, watertight=True, minVolume=5.99, maxVolume=6.01)
            self.wrong('at least 20 faces, got 12', f'a.{suffix}', data, kind='mesh', minFaces=20)
        holed = trimesh.Trimesh(box.vertices, box.faces[:-1])
        self.wrong('not watertight: 3 of its edges', 'a.stl', holed.export(file_type='stl'), kind='mesh', watertight=True)
        self.wrong('at most 5 of volume, got 6', 'a.stl', box.export(file_type='stl'), kind='mesh', maxVolume=5)
        self.wrong('not a readable mesh|no face', 'a.stl', b'solid\nendsolid\n', kind='mesh')
        self.wrong('not a readable mesh|no face', 'a.ply', b'ply of another kind', kind='mesh')
        self.wrong('not a readable mesh|not there', 'a.off', b'OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 900\n', kind='mesh')
        self.wrong('a vertex is NaN or infinite', 'a.obj', b'v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n', kind='mesh')
