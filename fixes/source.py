"""Changes of a program's text at places that its syntax tree names: all else stays as somebody wrote it."""

from __future__ import annotations

import ast
import io
import tokenize


class NotApplicable(Exception):
    """A fix that does not fit the program, with the reason."""


class Text:
    """A source with its tree, and changes that are to be made of it."""

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self.tree = ast.parse(source)
        except SyntaxError as error:
            raise NotApplicable(f'line {error.lineno}: {error.msg}') from None
        self.data = source.encode()
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.edits: list[tuple[int, int, str]] = []
        self.heads: list[str] = []

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def written(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        self.edits.append((*self.span(node), text))

    def insert(self, at: int, text: str) -> None:
        self.edits.append((at, at, text))

    def before(self, statement: ast.stmt, lines: str) -> None:
        """Puts `lines` above a statement that is the first on its line. Raises `NotApplicable` where it is not."""
        start = self.starts[_first_line(statement) - 1]
        indent = self.data[start : self.at(statement.lineno, 0) + statement.col_offset]
        if indent.strip() != b'' and not isinstance(
            statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        ):
            raise NotApplicable(f'line {statement.lineno} has several statements')
        spaces = ' ' * statement.col_offset
        self.insert(start, ''.join(f'{spaces}{line}\n' for line in lines.split('\n')))

    def head(self, line: str) -> None:
        """Puts `line` in front of the first statement, once."""
        if line not in self.heads:
            self.heads.append(line)

    def bring(self, module: str) -> None:
        """Has `module` imported by its name, where it is not."""
        for node in self.tree.body:
            if isinstance(node, ast.Import) and any(
                each.name == module and each.asname in (None, module) for each in node.names
            ):
                return
        self.head(f'import {module}')

    def result(self) -> str:
        if not self.edits and not self.heads:
            raise NotApplicable('there is nothing to change')
        if self.heads:
            lines = '\n'.join(self.heads)
            first = next((node for node in self.tree.body if not _stands_first(self.tree, node)), None)
            at = len(self.data) if first is None else self.starts[_first_line(first) - 1]
            gap = '' if isinstance(first, (ast.Import, ast.ImportFrom)) and _all_imports(self.heads) else '\n'
            self.edits.insert(0, (at, at, f'{lines}\n{gap}'))
        data = self.data
        # The last first, so that places before it stay where they are; of two at one place the first comes first.
        for start, end, text in sorted(
            reversed(self.edits), key=lambda edit: (edit[0], edit[1]), reverse=True
        ):
            data = data[:start] + text.encode() + data[end:]
        changed = data.decode()
        try:
            ast.parse(changed)
        except SyntaxError as error:
            raise NotApplicable(f'what came of it is no Python: line {error.lineno}: {error.msg}') from None
        if changed == self.source:
            raise NotApplicable('there is nothing to change')
        return changed


def _all_imports(lines: list[str]) -> bool:
    return all(line.startswith(('import ', 'from ')) for line in lines)


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, 'decorator_list', [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _stands_first(tree: ast.Module, node: ast.stmt) -> bool:
    is_doc = node is tree.body[0] and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return (is_doc and isinstance(node.value.value, str)) or (
        isinstance(node, ast.ImportFrom) and node.module == '__future__'
    )


def dotted(node: ast.expr) -> str | None:
    """`a.b.c` of a name with attributes; None for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return None if before is None else f'{before}.{node.attr}'
    return None


def called(call: ast.Call) -> str:
    """The last part of the name of what is called; empty where it has none."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, 'id', '')


def modules_of(tree: ast.Module) -> dict[str, str]:
    """What each name stands for that an import binds, as a dotted path: `np` for `numpy`, `Image` for `PIL.Image`."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                bound[each.asname or each.name.split('.')[0]] = (
                    each.name if each.asname else each.name.split('.')[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for each in node.names:
                bound[each.asname or each.name] = f'{node.module}.{each.name}'
    return bound


def lines_in_strings(source: str) -> set[int]:
    """The numbers of lines that begin inside of a text that goes over several."""
    inside: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return inside
