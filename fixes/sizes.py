"""Fixes of sizes: of what is worked on at once, and of the stack of calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from source import NotApplicable, Text, called

# A batch changes how the work is cut, and not what comes out.
_BATCH = re.compile(r'batch|chunk|block|tile|buffer', re.IGNORECASE)
_SIZE = re.compile(
    r'^(n|m|nx|ny|nz|num_?\w*|n_\w+|\w*size|\w*grid\w*|\w*resolution|res|width|height|depth|dims?|\w*points|\w*samples'
    r'|\w*count|side|\w*cells|\w*voxels|length|rows|columns|cols|steps|\w*particles|bins|order)$',
    re.IGNORECASE,
)
_LEAST = 4


def halve_size(source: str, _fix: object) -> tuple[str, str]:
    text = Text(source)
    found = [each for each in _parameters(text.tree) if each[2] >= 2 * _LEAST]
    for pattern, says in (
        (_BATCH, 'less at once, and the same in the end'),
        (_SIZE, 'it computes less than was asked for'),
    ):
        named = [each for each in found if pattern.search(each[0])]
        if named:
            name, node, value = max(named, key=lambda each: each[2])
            text.replace(node, str(value // 2))
            return text.result(), f'{name} is {value // 2} in place of {value}: {says}'
    raise NotApplicable('no batch and no size is told by its name')


def _parameters(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    """The names that are given a whole number in the text: where, and which."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pair(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _pair(node.target, node.value)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            takes = [*node.args.posonlyargs, *node.args.args]
            for argument, default in zip(reversed(takes), reversed(node.args.defaults)):
                yield from _given(argument.arg, default)
            for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults):
                if value is not None:
                    yield from _given(argument.arg, value)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                name = keyword.arg or ''
                if called(node) == 'add_argument' and name == 'default' and node.args:
                    option = node.args[-1]
                    if isinstance(option, ast.Constant):
                        name = str(option.value).lstrip('-').replace('-', '_')
                yield from _given(name, keyword.value)


def _pair(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(target, ast.Name):
        yield from _given(target.id, value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, given in zip(target.elts, value.elts):
            yield from _pair(each, given)


def _given(name: str, value: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    number = _number(value)
    if number is not None:
        yield name, value, number


def _number(node: ast.expr) -> int | None:
    """The whole number that an expression of numbers alone is."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else None
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Pow) and 0 <= right <= 64 and abs(left) <= 1024:
            return left**right
        if isinstance(node.op, ast.LShift) and 0 <= right <= 64:
            return left << right
    return None


_DEEP = 1_000_000


def raise_recursion_limit(source: str, _fix: object) -> tuple[str, str]:
    text = Text(source)
    calls = [
        node
        for node in ast.walk(text.tree)
        if isinstance(node, ast.Call) and called(node) == 'setrecursionlimit' and node.args
    ]
    for node in calls:
        if (_number(node.args[0]) or 0) < _DEEP:
            text.replace(node.args[0], f'{_DEEP:_}')
    if not calls:
        text.bring('sys')
        if not text.heads:
            text.head('import sys')
        text.head('')
        text.head(f'sys.setrecursionlimit({_DEEP:_})')
    return text.result(), f'up to {_DEEP:,} calls within calls'
