"""The user's own check of outputs: what it says, and what is its own mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

GUEST = Path(__file__).resolve().parents[3] / 'sandbox/guest'


class OwnCheck(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ('job', 'inputs', 'files'):
            (self.folder / name).mkdir()
        (self.folder / 'inputs/notes.txt').write_text('to be or not to be')
        (self.folder / 'files/counts.json').write_text('{"to": 2}')

    def ask(
        self, source: str, name: str = 'check', outputs: list[dict] = [], module: str = 'check.py'
    ) -> subprocess.CompletedProcess[str]:
        (self.folder / 'job' / module).write_text(source)
        check = {'module': module, 'name': name, 'folder': str(self.folder / 'job'), 'tests': module.startswith('test_')}
        check |= {'inputs': str(self.folder / 'inputs'), 'outputs': str(self.folder / 'files')}
        (self.folder / 'plan.json').write_text(json.dumps({'outputs': outputs, 'check': check}))
        command = [sys.executable, '-I', '-B', str(GUEST / 'validate.py')]
        command += ['--plan', str(self.folder / 'plan.json'), '--out', str(self.folder / 'verdict.json')]
        return subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)

    def expect(self, kind: str, source: str, message: str = '^$', **options) -> None:
        """The verdict on a check of `source`."""
        ran = self.ask(source, **options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        found = json.loads((self.folder / 'verdict.json').read_text())
        self.assertEqual(found['kind'], kind, found['firstMismatch'])
        self.assertRegex(found['firstMismatch'] or '', message)

    def mistaken(self, source: str, message: str, **options) -> None:
        """The check of `source` is mistaken, whatever the outputs are."""
        ran = self.ask(source, **options)
        self.assertEqual(ran.returncode, 2, ran.stdout + ran.stderr)
        self.assertRegex(ran.stderr, f'the plan cannot be judged: {message}')

    def test_accepts(self) -> None:
        """a check accepts by returning nothing, or True; it finds the inputs and the outputs as folders"""
        self.expect('right', 'def check(inputs, outputs): pass')
        self.expect('right', 'import numpy as np\ndef check(inputs, outputs): return np.bool_(True)')
        source = (
            'import json\ndef check(inputs, outputs):\n'
            '    words = (inputs / "notes.txt").read_text().split()\n'
            '    counts = json.loads((outputs / "counts.json").read_text())\n'
            '    assert counts["to"] == words.count("to")\n'
        )
        self.expect('right', source)

    def test_called(self) -> None:
        """the folders come by name or in order, to any function, whatever the file beside it is called"""
        self.expect('right', 'def fine(outputs, *, inputs):\n    assert (inputs / "notes.txt").exists()', name='fine')
        self.expect('right', 'def check(outputs, inputs): assert (outputs / "counts.json").exists()')
        self.expect('right', 'def check(a, b): assert (b / "counts.json").exists() and (a / "notes.txt").exists()')
        self.expect('right', 'def check(outputs): assert (outputs / "counts.json").exists()')
        self.expect('right', 'def check(**given): assert sorted(given) == ["inputs", "outputs"]')
        (self.folder / 'job/verdict.py').write_text('expected = 2')
        self.expect('right', 'from verdict import expected\ndef check(inputs, outputs): assert expected == 2')
        (self.folder / 'job/want.txt').write_text('2')
        self.expect('right', 'def check(inputs, outputs): assert open("want.txt").read() == "2"')

    def test_refuses(self) -> None:
        """it refuses in words, by False, and by raising; the reason has the line and not its text"""
        self.expect('wrong', 'def check(i, outputs): return "two words are missing"', '^check in check.py says: two words are missing$')
        self.expect('wrong', 'def check(i, o): return False', '^check in check.py does not accept the outputs$')
        self.expect('wrong', 'def check(i, o):\n    assert 1 == 2, "one is two"', r'says: one is two \(check.py:2 in check\)$')
        self.expect('wrong', 'def check(i, o):\n    assert 4711 == 2', r'says: what is asserted there does not hold \(check.py:2 in check\)$')
        self.expect('wrong', 'def check(i, o):\n    raise ValueError("17 rows")', r'says: 17 rows \(check.py:2')
        self.expect('wrong', 'import sys\ndef check(i, o): sys.exit("no rows")', 'says: no rows')
        source = 'import numpy as np\ndef check(i, o):\n    np.testing.assert_allclose([1.0], [2.0])'
        self.expect('wrong', source, r'(?s)Not equal to tolerance.*\(check.py:3 in check\)')

    def test_fails(self) -> None:
        """where it fails on the outputs it does not accept them, and says where"""
        source = 'import json\ndef check(inputs, outputs):\n    counts = json.loads((outputs / "counts.json").read_text())\n    counts["be"]'
        self.expect('invalid', source, r"fails on the outputs at check.py:4 in check: KeyError: 'be'; either they are not")
        self.expect('invalid', 'def check(i, outputs):\n    open(outputs / "no.txt")', 'check.py:2 in check: FileNotFoundError')
        self.expect('invalid', 'def check(i, o):\n    return check(i, o)', 'RecursionError')

    def test_mistakes(self) -> None:
        """what no outputs can bring about is a mistake of the check, told with its line"""
        self.mistaken('def check(i, o):\n    return nothing_of_the_kind', "check.py:2 in check: NameError: name 'nothing_of_the_kind'.*a mistake of the check itself")
        self.mistaken('def check(i, o):\n    import no_such_module', "check.py:2 in check: ModuleNotFoundError")
        self.mistaken('import no_such_module', r'check.py does not import:[\s\S]*no_such_module')
        self.mistaken('def check(:', r'check.py does not import:[\s\S]*line 1')
        self.mistaken('def other(i, o): pass', 'check.py has no function check; it has: other')
        self.mistaken('def check(i, o): return 3', 'check in check.py returned .*expected None or True')
        self.mistaken('def check(): pass', r'check in check.py takes \(\): expected \(inputs, outputs\)')
        self.mistaken('def check(a, b, c): pass', r'check in check.py takes \(a, b, c\): expected')
        self.mistaken('import sys\ndef check(i, o): sys.exit(0)', 'check.py:2 in check: it ends the process')

    def test_after_the_outputs(self) -> None:
        """it is asked once every output is right; until then it counts as one more check that did not pass"""
        output = {'path': 'a.json', 'file': None, 'kind': 'json'}
        self.expect('invalid', 'def check(i, o): raise ValueError("asked")', '^a.json, the file is missing$', outputs=[output])
        found = json.loads((self.folder / 'verdict.json').read_text())
        self.assertEqual([case['kind'] for case in found['cases']], ['invalid', 'invalid'])
        right = {**output, 'file': str(self.folder / 'files/counts.json')}
        self.expect('wrong', 'def check(i, o): raise ValueError("asked")', 'asked', outputs=[right])

    def test_pytest(self) -> None:
        """a file of tests gets the folders as fixtures, and refuses where one of them fails"""
        tests = {'module': 'test_out.py', 'name': 'tests'}
        source = (
            'import json, pytest\n'
            'def test_there(outputs):\n    assert (outputs / "counts.json").exists()\n'
            '@pytest.mark.parametrize("word", ["to", "be"])\n'
            'def test_counts(inputs, outputs, word):\n'
            '    counts = json.loads((outputs / "counts.json").read_text())\n'
            '    assert counts.get(word) == (inputs / "notes.txt").read_text().split().count(word)\n'
        )
        self.expect('wrong', source, r"^tests in test_out.py, 1 of 3 tests in test_out.py failed: test_counts\[be\]: .*assert None == 2 \(test_out.py:7\)$", **tests)
        (self.folder / 'files/counts.json').write_text('{"to": 2, "be": 2}')
        self.expect('right', source, **tests)
        self.expect('wrong', 'def test_a(outputs):\n    open(outputs / "no")', 'FileNotFoundError', **tests)
        self.mistaken('def test_a(outputs):\n    nothing', r"test_out.py: test_a: NameError.*a mistake of the tests", **tests)
        self.mistaken('import no_such_module\ndef test_a(): pass', r'test_out.py: test_out.py: [\s\S]*no_such_module', **tests)
        self.mistaken('def test_a(folder): pass', r"test_out.py: test_a: [\s\S]*fixture 'folder' not found", **tests)
        self.mistaken('x = 1', 'test_out.py: expected a test that is run, found none', **tests)
        self.mistaken('import pytest\n@pytest.mark.skip\ndef test_a(): pass', 'test_out.py: expected a test that is run, found none', **tests)

    def test_nothing(self) -> None:
        """folders that are not there are empty ones"""
        for name in ('inputs/notes.txt', 'files/counts.json'):
            (self.folder / name).unlink()
        os.rmdir(self.folder / 'inputs')
        os.rmdir(self.folder / 'files')
        self.expect('right', 'def check(i, o): assert list(i.iterdir()) == list(o.iterdir()) == []')
