"""use_cython: compiles the whole module to C with Cython (https://cython.org, Apache-2.0), as it stands.

Nothing is typed: every object stays Python's, with Python's arithmetic, errors and identity. What is saved is the interpreter, so it
gains 1.3 to 3 times where no other strategy can: dicts of texts, records, objects, recursion, generators. Arrays gain nothing by it.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from program import Program, docstring
from source import NotApplicable

_GUEST = next(each for each in (Path('/sandbox/guest'), Path(__file__).parents[1] / 'sandbox/guest') if each.exists())
FLAGS = json.loads((_GUEST / 'compiler-flags.json').read_text())['cython']

# They look at the frame they are called from, which compiled code has not.
_OF_FRAMES = {'exec', 'eval', 'locals', 'vars', '_getframe', 'currentframe'}
# A decorator of theirs compiles the text of a function, which compiled code has not.
_COMPILERS = ('numba', 'jax', 'torch')
_ERROR = re.compile(r'^(?:warning: )?[^\s:]+\.py:(\d+):\d+: (.+)$', re.M)
# Seconds.
_MOST = 60


def use_cython(module, case):
    """The program whose module is compiled. Raises NotApplicable."""
    _require_objects(module, case)
    _require_no_frames(module)
    compiled = f'{Path(module.filename).stem}_cython'
    _require_compiled(module, compiled)
    text = (
        f'{docstring(module.tree)}\n# All of it is compiled, by Cython, from {compiled}.py.\n'
        f'from {compiled} import *\nfrom {compiled} import {module.name}\n'
    )
    return Program(
        entry=module.filename,
        files={module.filename: text, f'{compiled}.py': module.text},
        build={'tool': 'cython', 'sources': [f'{compiled}.py'], 'fastMath': False},
        notes=[f'compiled {module.filename} with Cython, as it stands'],
    )


def _require_objects(module, case):
    given = [*case['args'], *case['kwargs'].values()] if case else []
    if any(isinstance(each, np.ndarray) for each in given):
        raise NotApplicable(f'{module.name} takes arrays: Cython makes only Python’s own objects quicker', module.function)


def _require_no_frames(module):
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _OF_FRAMES:
                raise NotApplicable(f'{name} looks at the frame it is called from, which compiled code has not', node)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                modules = [node.module or ''] if isinstance(node, ast.ImportFrom) else [each.name for each in names]
                if any(each.split('.')[0] in _COMPILERS for each in modules):
                    raise NotApplicable(f'{module.filename} imports {modules[0]}, which compiles by itself', node)


def _require_compiled(module, name):
    """Raises NotApplicable, with the line, for what Cython cannot compile."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f'{name}.py'
        source.write_text(module.text, 'utf-8', 'surrogateescape')
        command = [sys.executable, '-m', 'cython', *FLAGS, source.name, '-o', f'{name}.c']
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MOST)
        except subprocess.TimeoutExpired:
            raise NotApplicable(f'Cython takes more than {_MOST} s to read {module.filename}') from None
    if done.returncode == 0:
        return
    found = _ERROR.search(done.stderr)
    if found is None:
        raise NotApplicable(f'Cython cannot compile {module.filename}: {done.stderr.strip()[-200:]}')
    raise NotApplicable(f'Cython cannot compile this: {found[2]}', int(found[1]))
