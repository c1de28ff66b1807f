"""What a look at a program finds before it is run, and what it must leave alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

GUEST = Path(__file__).resolve().parents[3] / 'sandbox/guest'


class Looking(unittest.TestCase):
    def look(self, source: str, function: str | None = None, modules: list[str] | None = [], **files: str) -> list[str]:
        """What is found of a program, `path:line: said`; none where it was run."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path, text in {'main.py': source, **{f'{each}.py': text for each, text in files.items()}}.items():
                (folder / path).write_text(text)
            command = [sys.executable, '-I', '-B', str(GUEST / 'look.py'), '--root', name, '--entry', 'main.py']
            command += ['--function', function] if function else []
            command += ['--modules', *modules] if modules is not None else []
            command += ['--', sys.executable, '-c', 'print("was run")']
            ran = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True, cwd=name)
        if ran.returncode == 0:
            self.assertEqual(ran.stdout, 'was run\n', ran.stderr)
            return []
        self.assertEqual((ran.returncode, ran.stdout), (97, ''), ran.stderr)
        found = json.loads(ran.stderr.splitlines()[-1])['rejected']
        return [f'{each["path"]}:{each["line"]}: {each["said"]}' for each in found]

    def rejects(self, message: str, source: str, **options) -> None:
        self.assertRegex('\n'.join(self.look(source, **options)), message)

    def runs(self, source: str, **options) -> None:
        self.assertEqual(self.look(source, **options), [], source)

    def test_syntax(self) -> None:
        """a source that does not compile is not run, nor is one that is sure to import it"""
        self.rejects(r"^main.py:2: SyntaxError: expected ':': if True$", 'x = 1\nif True\n    pass\n')
        self.rejects('^main.py:1: SyntaxError: Missing parentheses', 'print "a"\n')
        self.rejects('^main.py:2: IndentationError', 'def f():\npass\n')
        self.rejects('^own.py:1: SyntaxError', 'import own\n', own='def f(:\n')
        self.runs('try:\n    import own\nexcept SyntaxError:\n    pass\n', own='def f(:\n')
        self.runs('x = 1\n', own='def f(:\n')
        self.rejects('^main.py:1: .*null bytes', 'x = 1\x00\n')

    def test_names(self) -> None:
        """a name that is nowhere defined, and is used on the way that every run takes"""
        self.rejects('^main.py:2: NameError: name .cout. is not defined; did you mean count\\?$', 'count = 1\nprint(cout)\n')
        self.rejects('^main.py:4: NameError: name .np', 'import math\ndef main():\n    x = 1\n    return np.zeros(x)\nif __name__ == "__main__":\n    main()\n')
        self.rejects('^main.py:3: NameError: name .total', 'def f():\n    with open("a") as file:\n        return total\nprint(f())\n')
        self.rejects('^main.py:2: NameError: name .a', 'class A:\n    b = a\n')
        self.rejects('^main.py:4: NameError: name .c', 'import sys\ndef inner():\n    x = 1\n    return c\ndef main():\n    return inner()\nsys.exit(main())\n')
        self.rejects('^main.py:2: NameError: name .k', 'def f(x):\n    return k\n', function='f')

    def test_names_left_alone(self) -> None:
        """a name that some run may do without, or that the text does not show, is left alone"""
        for source in (
            'if len("a") > 2:\n    print(nowhere)\n',
            'try:\n    print(nowhere)\nexcept NameError:\n    pass\n',
            'for x in []:\n    nowhere\n',
            'while False:\n    nowhere\n',
            'def never():\n    return nowhere\n',
            'x = 1 or nowhere\ny = 2 if x else nowhere\nz = lambda: nowhere\nw = [nowhere for _ in []]\nv = 1 < 0 < nowhere\n',
            'from os.path import *\njoin\n',
            'exec("nowhere = 1")\nprint(nowhere)\n',
            'globals()["nowhere"] = 1\nprint(nowhere)\n',
            'import builtins\nbuiltins.nowhere = 1\nprint(nowhere)\n',
            'def f():\n    global nowhere\n    nowhere = 1\nf()\nprint(nowhere)\n',
            'import sys\nif not sys.argv[1:]:\n    sys.exit(0)\nnowhere\n',
            'import sys\ndef main():\n    sys.exit(0)\nmain()\nnowhere\n',
            'import sys\nclass A:\n    def go(self):\n        sys.exit()\nA().go()\nnowhere\n',
            'import contextlib\nwith contextlib.suppress(NameError):\n    nowhere\n',
            'class Quiet:\n    def __enter__(self): pass\n    def __exit__(self, *_): return True\nwith Quiet():\n    nowhere\n',
            'def f(x):\n    if x:\n        return 1\n    return nowhere\nf(1)\n',
            'import functools\n@functools.cache\ndef f():\n    return nowhere\n',
            'def f():\n    yield nowhere\nf()\n',
            'async def f():\n    return nowhere\nf()\n',
            'def f(): return nowhere\ndef f(): return 1\nf()\n',
            'import pytest\npytest.main()\nnowhere\n',
            'print(__file__, __name__, __doc__)\nprint(_)\n',
            'while True:\n    break\nelse:\n    nowhere\n',
            'match 1:\n    case 2:\n        nowhere\n',
            'from __future__ import annotations\ndef f(x: Nowhere) -> Other: ...\nf(1)\nx: Nowhere = 1\n',
            'raise SystemExit\nnowhere\n',
        ):
            self.runs(source)
        self.runs('import own\nnowhere\n', own='import sys\nsys.exit(0)\n')
        self.runs('import own\nown.go()\nnowhere\n', own='import sys\ndef go(): sys.exit(0)\n')
        self.runs('def f(x):\n    return k\ndef g(x): return f(x)\n', function='f2')

    def test_imports(self) -> None:
        """a module, or a name of it, that is not there, where every run imports it"""
        self.rejects('^main.py:1: ModuleNotFoundError: No module named .nunpy.; did you mean numpy\\?$', 'import nunpy as np\n')
        self.rejects('^main.py:2: ModuleNotFoundError: No module named .torch.', 'import warnings\nimport torch\n')
        self.rejects('^main.py:2: ModuleNotFoundError: No module named .torch.', 'x = 1\nfrom torch import nn\n')
        self.rejects('^main.py:1: ImportError: cannot import name .Mapping. from .collections.', 'from collections import Mapping\n')
        self.rejects('^main.py:1: ModuleNotFoundError: No module named .os.pth.', 'import os.pth\n')
        self.rejects('^main.py:1: ImportError: attempted relative', 'from . import own\n', own='')
        self.rejects('^own.py:1: ModuleNotFoundError: No module named .torch.', 'import own\n', own='import torch\n')
        self.rejects('^main.py:1: ModuleNotFoundError: No module named .torch.\nmain.py:2: NameError: name .x', 'import torch\nprint(x)\n')

    def test_imports_left_alone(self) -> None:
        """a module that may be there by the time, or is done without, is left alone"""
        for source in (
            'import numpy as np, os.path, xml.etree.ElementTree\nfrom scipy import ndimage\nfrom numpy.linalg import norm\n',
            'try:\n    import torch\nexcept ImportError:\n    torch = None\n',
            'if False:\n    import torch\n',
            'def f():\n    import torch\n',
            'open("made.txt", "w").write("x = 1")\nimport torch\n',
            'import sys\nsys.path.append("packages")\nimport torch\n',
            'from sys import path\npath.append("packages")\nimport torch\n',
            'import importlib\nimportlib.invalidate_caches()\nimport torch\n',
            'import subprocess\nsubprocess.run(["true"])\nimport torch\n',
            'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n',
            'import fast\n',
            'from __future__ import annotations\n',
            'import sys\nsys.modules["torch"] = sys\nimport torch\n',
        ):
            self.runs(source, modules=['fast'])
        self.runs('import torch\n', torch='x = 1\n')
        self.runs('import torch\n', modules=None)
        self.runs('import own\nfrom own import x\n', own='x = 1\n')
        self.runs('import random\nfrom random import mine\n', random='mine = 1\n')

    def test_programs_of_this_project(self) -> None:
        """every Python program of this project that runs is left alone"""
        root = GUEST.parents[1]
        for path in [*root.glob('examples/**/*.py'), *root.glob('recipes/*/*.py'), *root.glob('strategies/*.py'), *GUEST.glob('*.py')]:
            source = path.read_text()
            # A template is no program yet, and what is there to be mended does not run.
            if '{{' in source or path.parent.name == 'fix':
                continue
            self.runs(source, modules=None)

    def test_hostile(self) -> None:
        """what cannot be looked at is run, and says itself what is wrong"""
        self.runs('# ' + 'a' * (1 << 20) + '\nnowhere\n')
