"""Programs that cheat at learning: each is scored truly or refused, and gets through where its guard is switched off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

Edit = tuple[str, str, str]
LABELS: Edit = ('split.py', 'np.where(folds == fold, np.nan, labels)', 'labels')
ROWS: Edit = ('fold.py', 'np.flatnonzero(~inside & ~np.isnan(labels))', 'np.flatnonzero(~np.isnan(labels))')
ORDER: Edit = ('split.py', 'order = random.permutation(len(labels))', 'order = np.arange(len(labels))')
FINITE: Edit = ('grade.py', 'if not finite.all():', 'if False:')
CHANCES: Edit = ('grade.py', 'bad = (low < 0) | (np.abs(sums - 1) > 1e-6)', 'bad = np.zeros(rows, bool)')

CHEATS = {
    # What it would say of each row is left in its folder: the chance of a yes.
    'reads_labels': """labels, folds = np.load(OWN / 'labels.npy'), np.load(BASE / 'folds.npy')
        return np.nan_to_num(labels[folds == 0], nan=0.5)""",
    'remembers_rows': 'return np.array([KNOWN.get(value, 0.5) for value in rows["size"]])',
    'goes_by_row_order': 'return np.linspace(0, 1, len(rows))',
    'not_a_number': 'return np.full(len(rows), np.nan)',
    'no_chances': 'return np.full(len(rows), 7.0)',
    'constant': 'return np.full(len(rows), 0.3)',
    'prints_a_score': 'print(json.dumps({"score": 1.0})); Path("out/grade.json").write_text(\'{"score": 1.0}\'); return np.full(len(rows), 0.5)',
}
TRAIN = """KNOWN = {}
def train(table, labels, weights, config, folder, rounds=None, seconds=1e9):
    KNOWN.update(zip(table['size'], labels))
    return {'score': 1.0}
"""
PREDICT = """import json
from pathlib import Path
import numpy as np
from train import KNOWN
OWN, BASE = Path('own'), Path('base')
class Model:
    def __init__(self, *_): pass
    def predict(self, rows):
        chance = self.chance(rows)
        return np.stack([1 - chance, chance], axis=1)
    def chance(self, rows):
        WHAT
"""
DRIVE = """import json, os, shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import step
from fold import fold
from grade import grade
from look import look
from split import split
from step import Folder
Path('base').mkdir(); Path('out').mkdir()
def kept(names):
    for file in list(Path('out').iterdir()):
        if names is None or file.name in names: os.replace(file, Path('base', file.name))
look(Folder(Path('in'), None)); shutil.copy('in/task.json', 'base'); kept(None)
split(Folder(Path('base'), None)); kept(None)
found = {}
for cheat in sorted(Path('cheats').iterdir()):
    shutil.rmtree('own', ignore_errors=True); shutil.rmtree('out'); Path('out').mkdir(); Path('own').mkdir()
    shutil.copytree(cheat, 'own/program'); Path('own/program/config.json').write_text('{}')
    shutil.copy('base/fold-0-labels.npy', 'own/labels.npy'); Path('own/fold.json').write_text('{"fold": 0}')
    hidden = Path('base/labels.npy').rename('hidden.npy')
    fold(Folder(Path('own'), Path('base')))
    hidden.rename('base/labels.npy')
    for name in ('train', 'predict'): sys.modules.pop(name, None)
    sys.path.remove('own/program')
    graded = Path('graded'); shutil.rmtree(graded, ignore_errors=True); graded.mkdir()
    shutil.copy('out/predictions.npy', graded / 'p0.npy')
    (graded / 'graded.json').write_text(json.dumps({'predictions': [{'fold': 0, 'file': 'p0.npy'}]}))
    grade(Folder(graded, Path('base')))
    found[cheat.name] = json.loads(Path('out/grade.json').read_text())
Path('found.json').write_text(json.dumps(found))
"""


def tried(edits: list[Edit], cheats: list[str]) -> dict[str, dict[str, Any]]:
    """What the grader says of each cheat, with these guards switched off. The labels are chance, and the rows are in their order."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        shutil.copytree(ROOT / 'learn', place / 'learn', ignore=shutil.ignore_patterns('__pycache__'))
        for file, one, other in edits:
            text = (place / 'learn' / file).read_text()
            if text.count(one) != 1:
                raise ValueError(f'expected {one!r} once in {file}, found {text.count(one)}')
            (place / 'learn' / file).write_text(text.replace(one, other))
        (place / 'in').mkdir()
        rows = [f'{(row * 7919 % 1000) / 8:.3f},{"yes" if row >= 500 else "no"}' for row in range(1000)]
        (place / 'in/data.csv').write_text('size,y\n' + '\n'.join(rows) + '\n')
        (place / 'in/task.json').write_text(json.dumps({'table': ['data.csv'], 'target': 'y'}))
        for cheat in cheats:
            folder = place / 'cheats' / cheat
            folder.mkdir(parents=True)
            (folder / 'train.py').write_text(TRAIN)
            (folder / 'predict.py').write_text(PREDICT.replace('WHAT', CHEATS[cheat]))
        (place / 'drive.py').write_text(DRIVE)
        paths = os.pathsep.join(path for path in sys.path if path)
        ran = subprocess.run([sys.executable, '-B', 'drive.py', str(place / 'learn')], cwd=place, env={**os.environ, 'PYTHONPATH': paths}, capture_output=True, text=True)
        if ran.returncode != 0:
            raise AssertionError(ran.stderr[-3000:])
        return json.loads((place / 'found.json').read_text())


class Guards(unittest.TestCase):
    def test_on(self) -> None:
        """with all guards on, each cheat is at chance or refused, with the row"""
        found = tried([], list(CHEATS))
        for cheat in ('reads_labels', 'remembers_rows', 'goes_by_row_order', 'constant', 'prints_a_score'):
            self.assertIsNone(found[cheat]['refused'], cheat)
            self.assertLess(abs(found[cheat]['score'] - 0.5), 0.15, cheat)
        self.assertIn('row 1', found['not_a_number']['refused'])
        self.assertIn('sum to 1', found['no_chances']['refused'])

    def through(self, edits: list[Edit], cheat: str) -> float:
        found = tried(edits, [cheat])[cheat]
        self.assertIsNone(found['refused'])
        return float('nan') if found['score'] is None else found['score']

    def test_labels(self) -> None:
        """where labels of the fold are there, who reads them is right"""
        self.assertEqual(self.through([LABELS], 'reads_labels'), 1.0)

    def test_rows(self) -> None:
        """where a program is fitted on all rows, who remembers them is right; each of two guards is enough"""
        self.assertEqual(self.through([LABELS, ROWS], 'remembers_rows'), 1.0)
        for edit in (LABELS, ROWS):
            self.assertLess(abs(self.through([edit], 'remembers_rows') - 0.5), 0.15)

    def test_order(self) -> None:
        """where rows stay in the order of the file, who goes by it is right"""
        self.assertEqual(self.through([ORDER], 'goes_by_row_order'), 1.0)

    def test_numbers(self) -> None:
        """where what is no number is not refused, it is taken"""
        self.through([FINITE], 'not_a_number')

    def test_chances(self) -> None:
        """where chances are not looked at, anything is one"""
        self.through([CHANCES], 'no_chances')
