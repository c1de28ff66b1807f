"""Fixes of what a program is written in: indents, colons, Python 2, encodings, and what of it runs where."""

from __future__ import annotations

import ast
import io
import tokenize

from source import NotApplicable, Text, called, lines_in_strings

_MOST_COLONS = 200


def _error_of(source: str) -> SyntaxError | None:
    try:
        compile(source, 'program', 'exec', dont_inherit=True)
    except SyntaxError as error:
        return error
    except ValueError:
        raise NotApplicable('the source holds a null byte') from None
    return None


def expand_tabs(source: str, _fix: object) -> tuple[str, str]:
    for width in (8, 4, 2):
        lines = source.split('\n')
        spaced = [_expanded(line, width) for line in lines]
        if _error_of('\n'.join(spaced)) is not None:
            continue
        for number in lines_in_strings('\n'.join(spaced)):
            spaced[number - 1] = lines[number - 1]
        return '\n'.join(spaced), f'indents by spaces; a tab stands for {width} of them'
    raise NotApplicable('no width of a tab makes the indents fit')


def _expanded(line: str, width: int) -> str:
    rest = line.lstrip(' \t')
    return line[: len(line) - len(rest)].expandtabs(width) + rest


def add_colon(source: str, _fix: object) -> tuple[str, str]:
    added: list[int] = []
    for _ in range(_MOST_COLONS):
        error = _error_of(source)
        if error is None or not str(error.msg).startswith("expected ':'") or error.lineno is None:
            break
        source = _with_colon(source, error.lineno, error.offset or 0)
        added.append(error.lineno)
    if _error_of(source) is not None or not added:
        raise NotApplicable('a colon alone does not make it Python')
    return source, f'a colon at the end of line {", ".join(map(str, added))}'


def _with_colon(source: str, number: int, offset: int) -> str:
    lines = source.split('\n')
    line = lines[number - 1]
    for at in (_end_of_code(line), offset - 1):
        changed = '\n'.join([*lines[: number - 1], f'{line[:at]}:{line[at:]}', *lines[number:]])
        error = _error_of(changed)
        if error is None or (error.lineno or 0) > number:
            return changed
    raise NotApplicable(f'line {number}: it is not clear where the colon belongs')


def _end_of_code(line: str) -> int:
    end = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.lstrip()).readline):
            if token.type not in (tokenize.COMMENT, tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER):
                end = max(end, token.end[1])
    except (tokenize.TokenError, IndentationError):
        pass
    return len(line) - len(line.lstrip()) + end


def from_python2(source: str, _fix: object) -> tuple[str, str]:
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    from lib2to3.pgen2.parse import ParseError
    from lib2to3.refactor import RefactoringTool, get_fixers_from_package

    # Where it can be read as Python 3, print is a function already.
    is_read = _error_of(source) is None
    tool = RefactoringTool(get_fixers_from_package('lib2to3.fixes'), {'print_function': is_read})
    whole = source if source.endswith('\n') else f'{source}\n'
    try:
        changed = str(tool.refactor_string(whole, 'program'))
    except (ParseError, tokenize.TokenError, IndentationError) as error:
        raise NotApplicable(f'it cannot be read as Python 2 either: {error}') from None
    if changed == whole:
        raise NotApplicable('there is nothing to change')
    if _error_of(changed) is not None:
        raise NotApplicable(f'it is no Python 3 after that either: {_error_of(changed)}')
    return changed, 'Python 3 by lib2to3; / still divides as it is written'


def decode_source(data: bytes) -> tuple[bytes, str]:
    try:
        data.decode('utf-8')
    except UnicodeDecodeError:
        pass
    else:
        raise NotApplicable('the source is UTF-8')
    for encoding in ('cp1252', 'latin-1'):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _error_of(text) is None:
            return text.encode(), f'UTF-8 in place of {encoding}'
    raise NotApplicable('no usual encoding makes it Python')


_STARTING = {'set_start_method', 'Pool', 'Process', 'ProcessPoolExecutor', 'Manager', 'start_processes', 'spawn'}


def guard_start(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    body = text.tree.body
    first = next((index for index, node in enumerate(body) if _starts(node)), None)
    if first is None:
        line = fix.get('line')
        first = next(
            (
                index
                for index, node in enumerate(body)
                if isinstance(line, int) and node.lineno <= line <= (node.end_lineno or 0) and not _defines(node)
            ),
            None,
        )
    if first is None:
        raise NotApplicable('no statement of the module itself starts processes')
    runs: list[list[ast.stmt]] = []
    for node in body[first:]:
        if _defines(node):
            runs.append([])
        elif runs:
            runs[-1].append(node)
        else:
            runs.append([node])
    lines = source.split('\n')
    inside = lines_in_strings(source)
    for run in reversed([run for run in runs if run]):
        start, end = run[0].lineno, run[-1].end_lineno or run[-1].lineno
        for number in range(start, end + 1):
            if number not in inside and lines[number - 1].strip():
                lines[number - 1] = f'    {lines[number - 1]}'
        lines.insert(start - 1, "if __name__ == '__main__':")
    changed = '\n'.join(lines)
    if _error_of(changed) is not None:
        raise NotApplicable('the statements cannot be indented')
    return changed, f"what starts processes, from line {body[first].lineno} on, below if __name__ == '__main__'"


def _defines(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))


def _starts(node: ast.stmt) -> bool:
    if _defines(node) or _is_guard(node):
        return False
    return any(isinstance(each, ast.Call) and called(each) in _STARTING for each in ast.walk(node))


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(each, ast.Name) and each.id == '__name__' for each in ast.walk(node.test)
    )
