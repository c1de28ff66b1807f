"""Tells whether a changed program only hides what failed in the one it was made from.

    silences.py --before FOLDER --after FOLDER --out found.json

Both folders hold programs, which are read and never run. Writes `{"reasons": […], "removes": bool}`: why the change is refused, and whether the
program removes or renames files itself. docs/fix.md states the rule.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from layout import add_colon, expand_tabs, from_python2
from source import NotApplicable, called, dotted

_LOGS = {'info', 'warning', 'error', 'debug', 'critical', 'exception'}
_WRITES = {
    *('save', 'savez', 'savez_compressed', 'savetxt', 'savefig', 'imsave', 'imwrite', 'mimsave', 'tofile', 'dump'),
    *('to_csv', 'to_json', 'to_excel', 'to_parquet', 'to_pickle', 'to_html', 'write_text', 'write_bytes', 'write'),
    *('writerow', 'writerows', 'writelines', 'write_html', 'write_image', 'writestr'),
}
_EXITS = {'exit', 'quit', 'sys.exit', 'os._exit', 'os.abort'}
_HOOKS = {'sys.excepthook', 'threading.excepthook', 'os.kill', 'signal.signal', 'atexit.register', 'os.execv', 'os.execvp'}
_REMOVES = {'remove', 'unlink', 'rename', 'replace', 'rmtree', 'move', 'TemporaryDirectory', 'NamedTemporaryFile'}
_EVERYTHING = {'Exception', 'BaseException'}


def parsed(text: str) -> ast.Module | None:
    """The tree of a source: of one that cannot be read, as it is after what is mechanical about it."""
    for change in (None, from_python2, add_colon, expand_tabs):
        try:
            return ast.parse(text if change is None else change(text, {})[0])
        except (SyntaxError, ValueError, NotApplicable, RecursionError):
            continue
    return None


def counts(tree: ast.Module) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _count_call(node, found)
        elif isinstance(node, (ast.Raise, ast.Assert)):
            found['checks'] += 1
        elif isinstance(node, ast.ExceptHandler):
            found['swallows'] += _swallows(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found['hooks'] += any(dotted(each) in _HOOKS for each in targets)
        if isinstance(node, (ast.If, ast.While)) and isinstance(node.test, ast.Constant) and not node.test.value:
            found['unreachable'] += len(node.body)
        for name in ('body', 'orelse', 'finalbody'):
            found['unreachable'] += _after_end(getattr(node, name, None))
    return found


def _count_call(node: ast.Call, found: Counter[str]) -> None:
    name, path = called(node), dotted(node.func) or ''
    if name == 'print' or path == 'sys.stdout.write' or (name in _LOGS and isinstance(node.func, ast.Attribute)):
        found['prints'] += 1
    elif name in _WRITES or (name == 'open' and _writes(node)):
        found['writes'] += 1
    if path in _EXITS and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value not in (0, None)):
        found['exits'] += 1
    if path in _HOOKS:
        found['hooks'] += 1
    if name == 'suppress':
        found['swallows'] += 1
    if name in _REMOVES:
        found['removes'] += 1
    for each in node.keywords:
        if each.arg == 'errors' and isinstance(each.value, ast.Constant) and each.value.value in ('ignore', 'coerce'):
            found['ignores'] += 1
        if each.arg == 'check' and isinstance(each.value, ast.Constant) and each.value.value is True:
            found['checks'] += 1
        if each.arg == 'on_bad_lines':
            found['ignores'] += 1


def _writes(node: ast.Call) -> bool:
    given = [*node.args, *(each.value for each in node.keywords if each.arg == 'mode')]
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value[:1] in ('w', 'a', 'x') and len(each.value) <= 3
        for each in given
    )


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler lets an error pass: it catches everything, or does nothing with what it catches, and raises nothing."""
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        return False
    names = [dotted(each) for each in (handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])] if handler.type else []
    return not names or any(name in _EVERYTHING for name in names) or all(map(_does_nothing, handler.body))


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Pass, ast.Continue, ast.Break)):
        return True
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Expr):
        is_said = isinstance(node.value, ast.Call) and (called(node.value) in ('print', *_LOGS) or dotted(node.value.func) in _EXITS)
        return is_said or isinstance(node.value, ast.Constant)
    return False


def _after_end(body: object) -> int:
    if not isinstance(body, list):
        return 0
    ends = [index for index, node in enumerate(body) if isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break))]
    return len(body) - 1 - ends[0] if ends else 0


# What may not become fewer, and what may not become more; as people are told.
_FEWER = {
    'prints': 'prints less: {was} calls that print are {now}',
    'writes': 'writes less: {was} calls that write are {now}',
    'checks': 'checks less: {was} assert, raise and check=True are {now}',
}
_MORE = {
    'swallows': 'swallows errors: an `except` catches everything, or does nothing with what it catches',
    'exits': 'ends early, as if all were well',
    'hooks': 'changes what happens to errors',
    'ignores': 'skips what it cannot read',
    'unreachable': 'leaves statements that are never reached',
}


def reasons(before: Counter[str], after: Counter[str]) -> list[str]:
    fewer = [
        text.format(was=before[key], now=after[key]) for key, text in _FEWER.items() if after[key] < before[key]
    ]
    return [*fewer, *(text for key, text in _MORE.items() if after[key] > before[key])]


def _all(folder: Path) -> Counter[str] | None:
    total: Counter[str] = Counter()
    for path in sorted(folder.rglob('*.py')):
        data = path.read_bytes()
        try:
            text = data.decode('utf-8-sig')
        except UnicodeDecodeError:
            text = data.decode('latin-1')
        tree = parsed(text)
        if tree is None:
            return None
        total.update(counts(tree))
    return total


def main() -> None:
    options = argparse.ArgumentParser(description='Tells whether a change hides a failure.', allow_abbrev=False)
    options.add_argument('--before', type=Path, required=True)
    options.add_argument('--after', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    before, after = _all(chosen.before), _all(chosen.after)
    found = [] if before is None or after is None else reasons(before, after)
    removes = before is None or before['removes'] > 0
    chosen.out.write_text(json.dumps({'reasons': found, 'removes': removes}))


if __name__ == '__main__':
    main()
