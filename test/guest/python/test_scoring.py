"""A score by the user's evaluator: what counts as one, and whose fault what does not is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

GUEST = Path(__file__).resolve().parents[3] / 'sandbox/guest'


class Score(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ('job', 'inputs', 'files'):
            (self.folder / name).mkdir()
        (self.folder / 'inputs/wanted.txt').write_text('10')
        (self.folder / 'files/found.txt').write_text('7')

    def ask(self, source: str, constraints: dict = {}, outputs: list[dict] = []) -> subprocess.CompletedProcess[str]:
        (self.folder / 'job/evaluate.py').write_text(source)
        score = {'module': 'evaluate.py', 'name': 'evaluate', 'folder': str(self.folder / 'job'), 'seed': 17}
        score |= {'inputs': str(self.folder / 'inputs'), 'outputs': str(self.folder / 'files')}
        score |= {'metric': 'error', 'constraints': constraints}
        (self.folder / 'plan.json').write_text(json.dumps({'outputs': outputs, 'score': score}))
        command = [sys.executable, '-I', '-B', str(GUEST / 'validate.py')]
        command += ['--plan', str(self.folder / 'plan.json'), '--out', str(self.folder / 'verdict.json')]
        return subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)

    def verdict(self, source: str, **options) -> dict:
        ran = self.ask(source, **options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads((self.folder / 'verdict.json').read_text())

    def scores(self, score: float, body: str, **options) -> None:
        found = self.verdict(f'def evaluate(inputs, outputs, seed):\n    {body}\n', **options)
        self.assertEqual(found['kind'], 'right', found['firstMismatch'])
        self.assertEqual(found['cases'][-1]['score'], score)

    def refused(self, kind: str, message: str, body: str, **options) -> None:
        found = self.verdict(f'def evaluate(inputs, outputs, seed):\n    {body}\n', **options)
        self.assertEqual(found['kind'], kind)
        self.assertRegex(found['firstMismatch'], message)
        self.assertNotIn('score', found['cases'][-1])

    def test_numbers(self) -> None:
        """a score is a number of any type, or the metric of a dict; the seed and both folders are there"""
        self.scores(3, "return int((inputs / 'wanted.txt').read_text()) - int((outputs / 'found.txt').read_text())")
        self.scores(17, 'return seed')
        for number in ('0.5', 'np.float32(0.5)', 'np.array(0.5)', "{'error': 0.5, 'note': 'text'}", '__import__("fractions").Fraction(1, 2)'):
            self.scores(0.5, f'import numpy as np; return {number}')

    def test_two_parameters(self) -> None:
        """an evaluator that takes no seed is given none"""
        found = self.verdict('def evaluate(given, written):\n    return len(list(written.iterdir()))\n')
        self.assertEqual(found['cases'][-1]['score'], 1)

    def test_no_number(self) -> None:
        """what is no number is said to be none, and what is not finite refuses the outputs"""
        for value in ('None', "'0.5'", 'True', '[0.5]', '1j'):
            self.refused('invalid', 'evaluate in evaluate.py returned .*: expected a number', f'return {value}')
        for value in ("float('nan')", "float('-inf')", "10 ** 400", "{'error': float('nan')}"):
            self.refused('wrong', 'error is (nan|-?inf): expected a finite number', f'return {value}')
        self.refused('invalid', 'returned a dict without error; it has loss, size', "return {'loss': 1, 'size': 2}")

    def test_raises(self) -> None:
        """an assertion, or what is raised on purpose, refuses with its words; what fails of itself says where"""
        self.refused('wrong', 'says: too few ', "assert False, 'too few'")
        self.refused('wrong', 'says: no tour ', "raise ValueError('no tour')")
        self.refused('invalid', r'fails on the outputs at evaluate.py:2 in evaluate: FileNotFoundError', "return len((outputs / 'none').read_text())")

    def test_mistaken(self) -> None:
        """a mistake that no outputs can bring about is the evaluator's"""
        ran = self.ask('def evaluate(inputs, outputs):\n    return squared(2)\n')
        self.assertEqual(ran.returncode, 2)
        self.assertRegex(ran.stderr, r"evaluate.py:2 in evaluate: NameError: name 'squared' is not defined")

    def test_constraints(self) -> None:
        """a bound that is broken refuses with the numbers; what is constrained has to be there"""
        bounds = {'size_mb': {'max': 10}, 'rows': {'min': 3}}
        self.scores(0.5, "return {'error': 0.5, 'size_mb': 10, 'rows': 3}", constraints=bounds)
        self.refused('wrong', r'size_mb is 12.3: at most 10 is allowed \(error is 0.5\)', "return {'error': 0.5, 'size_mb': 12.3, 'rows': 3}", constraints=bounds)
        self.refused('wrong', 'rows is 2: at least 3 is asked for', "return {'error': 0.5, 'size_mb': 1, 'rows': 2}", constraints=bounds)
        self.refused('invalid', 'returned a dict without rows; it has error, size_mb', "return {'error': 0.5, 'size_mb': 1}", constraints=bounds)
        self.refused('invalid', "the constraints need a dict {'error': …, 'size_mb': …, 'rows': …}", 'return 0.5', constraints=bounds)

    def test_outputs_first(self) -> None:
        """outputs that fail their checks are not scored"""
        outputs = [{'kind': 'json', 'path': 'found.json', 'file': None}]
        found = self.verdict("def evaluate(inputs, outputs):\n    raise SystemExit('it was asked')\n", outputs=outputs)
        self.assertEqual(found['firstMismatch'], 'found.json, the file is missing')


if __name__ == '__main__':
    unittest.main()
