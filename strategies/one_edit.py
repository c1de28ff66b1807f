"""Finds the one edit of a refused program that would let a strategy do its work, by trying it: what is said is so."""

import ast

import numpy as np

from source import edited, parsed


def one_edit(text, case, reason, applies):
    """What to change about a program in a few words, such as `without this line`; None where no single edit is known to help.

    reason: {"line", "message"} of the refusal; applies(text, case): whether the strategy applies then. `case` is None for a script.
    """
    line = reason['line']
    if line is None:
        return None
    for words, other_text, other_case in _edits(text, case, line):
        if applies(other_text, other_case):
            return words
    return None


def _edits(text, case, line):
    lines = _Text(text)
    at_line = [node for node in ast.walk(lines.tree) if getattr(node, 'lineno', None) == line]
    for statement in (node for node in at_line if isinstance(node, (ast.Expr, ast.Assert, ast.Delete))):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        yield 'without this line', lines.without([statement]), case
        functions = [node for node in lines.tree.body if isinstance(node, ast.FunctionDef)]
        around = [node for node in functions if node.lineno <= line <= node.end_lineno]
        for place in (around, functions):
            calls = [node for function in place for node in ast.walk(function) if _called(node)]
            same = [node for node in calls if _called(node) == _called(statement)]
            if len(same) < 2:
                continue
            yield f'without the calls of {_called(statement)} in lines {_listed(same)}', lines.without(same), case
    for node in at_line:
        match node:
            case ast.Import() | ast.ImportFrom() if node.col_offset > 0:
                moved = f'{ast.unparse(node)}\n{lines.without([node])}'
                yield 'with this import at the top of the file', moved, case
            case ast.JoinedStr():
                texts = [each for each in ast.walk(lines.tree) if isinstance(each, ast.JoinedStr)]
                fixed = edited(text, [(*lines.span(each), repr('text')) for each in texts if not _inside(each, texts)])
                yield 'with a fixed text instead of a formatted one', fixed, case
    for function in (node for node in ast.walk(lines.tree) if isinstance(node, ast.FunctionDef)):
        if any(decorator.lineno == line for decorator in function.decorator_list):
            spans = [(lines.start(each.lineno), lines.start(each.end_lineno + 1), '') for each in function.decorator_list]
            yield 'without its decorator', edited(text, spans), case
        if function.lineno == line and function.args.kwonlyargs and not function.args.vararg:
            yield 'with plain parameters instead of keyword-only ones', lines.with_plain_parameters(function), case
        if function.lineno == line and case is not None:
            arrays = _with_arrays(case)
            if arrays is not None:
                yield 'given NumPy arrays instead of lists', text, arrays


class _Text:
    """A program's text and where its nodes stand in it."""

    def __init__(self, text):
        self.text = text
        self.tree = parsed(text, 'program')
        self.lines = text.split('\n')

    def start(self, line, column=0):
        """The index of a line (from 1) and a column in UTF-8 bytes, as `ast` counts them."""
        before = sum(len(each) + 1 for each in self.lines[: line - 1])
        within = self.lines[line - 1].encode()[:column].decode() if line <= len(self.lines) else ''
        return min(before + len(within), len(self.text))

    def span(self, node):
        return self.start(node.lineno, node.col_offset), self.start(node.end_lineno, node.end_col_offset)

    def without(self, statements):
        return edited(self.text, [(*self.span(each), 'pass') for each in statements])

    def with_plain_parameters(self, function):
        """Parameters without a default before those with one, as Python wants them."""
        arguments = function.args
        plain = [argument for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None]
        given = [(argument, default) for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is not None]
        positional = arguments.args
        first = len(positional) - len(arguments.defaults)
        names = [argument.arg for argument in [*arguments.posonlyargs, *positional[: max(first, 0)], *plain]]
        names += [f'{argument.arg}={ast.unparse(default)}' for argument, default in zip(positional[max(first, 0) :], arguments.defaults)]
        names += [f'{argument.arg}={ast.unparse(default)}' for argument, default in given]
        body = self.start(function.body[0].lineno, function.body[0].col_offset)
        opening = self.text.index('(', self.start(function.lineno, function.col_offset))
        colon = self.text.rindex(':', opening, body)
        return f'{self.text[:opening]}({", ".join(names)}){self.text[colon:]}'


def _called(node):
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name
    return None


def _inside(node, others):
    return any(node is not other and node in ast.walk(other) for other in others)


def _listed(nodes):
    numbers = [str(line) for line in sorted({node.lineno for node in nodes})]
    return numbers[0] if len(numbers) == 1 else f'{", ".join(numbers[:-1])} and {numbers[-1]}'


def _with_arrays(case):
    """The case with arrays of numbers for its lists and tuples of them; None where it has none."""
    changed = False

    def array(value):
        nonlocal changed
        if not isinstance(value, (list, tuple)):
            return value
        try:
            made = np.asarray(value)
        except ValueError:
            return value
        if made.dtype.kind not in 'biuf' or made.ndim == 0:
            return value
        changed = True
        return made

    other = {
        'args': tuple(array(each) for each in case['args']),
        'kwargs': {name: array(each) for name, each in case['kwargs'].items()},
    }
    return other if changed else None
