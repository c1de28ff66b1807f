"""Fixes of names: modules, what is imported, and what newer versions call otherwise."""

from __future__ import annotations

import ast

from source import NotApplicable, Text, called, dotted, modules_of


def _told(fix: dict[str, object]) -> dict[str, str]:
    told = fix['told']
    assert isinstance(told, dict)
    return told


def rename_module(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    [(old, new)] = _told(fix).items()
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Import) and any(_is_in(each.name, old) for each in node.names):
            names = [_renamed(each, old, new) for each in node.names]
            text.replace(node, f'import {", ".join(names)}')
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _is_in(node.module or '', old):
            module = new + (node.module or '')[len(old) :]
            text.replace(node, f'from {module} import {", ".join(map(_alias, node.names))}')
    return text.result(), f'{new} in place of {old}'


def _is_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f'{module}.')


def _alias(each: ast.alias) -> str:
    return each.name if each.asname is None else f'{each.name} as {each.asname}'


def _renamed(each: ast.alias, old: str, new: str) -> str:
    if not _is_in(each.name, old):
        return _alias(each)
    name = new + each.name[len(old) :]
    if each.asname is not None:
        return f'{name} as {each.asname}'
    # `import a.b` binds `a`: that stays the way it is reached.
    return f'{new} as {old}' if '.' not in each.name else name


def import_absolutely(source: str, _fix: object) -> tuple[str, str]:
    text = Text(source)
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.ImportFrom) or node.level != 1:
            continue
        names = ', '.join(map(_alias, node.names))
        text.replace(node, f'import {names}' if node.module is None else f'from {node.module} import {names}')
    return text.result(), 'imports by name of what stands beside it'


def add_import(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    [line] = _told(fix).values()
    text.head(line)
    return text.result(), line


def replace_removed(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    told = _told(fix)
    bound = modules_of(text.tree)
    done: dict[str, str] = {}
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Attribute):
            _attribute(text, node, told, bound, done)
        elif isinstance(node, ast.ImportFrom):
            _import_from(text, node, told, done)
        elif isinstance(node, ast.Call):
            _method(text, node, told, bound, done)
            _keyword(text, node, told, done)
    words = ', '.join(f'{new} in place of {old}' for old, new in done.items())
    return text.result(), words


def _attribute(
    text: Text, node: ast.Attribute, told: dict[str, str], bound: dict[str, str], done: dict[str, str]
) -> None:
    name = dotted(node)
    if name is None:
        return
    first, _, rest = name.partition('.')
    if first not in bound:
        return
    path = f'{bound[first]}.{rest}'
    by = told.get(path)
    if by is None:
        return
    module, _, new = by.partition(':')
    if module == 'self':
        new = f'{text.written(node.value)}.{new}'
    elif module == 'import':
        text.bring(new)
    elif module != 'builtin':
        text.bring(module)
        new = f'{module}.{new}'
    text.replace(node, new)
    done[text.written(node)] = new


def _import_from(text: Text, node: ast.ImportFrom, told: dict[str, str], done: dict[str, str]) -> None:
    if node.level != 0 or not any(f'{node.module}.{each.name}' in told for each in node.names):
        return
    kept: list[str] = []
    lines: list[str] = []
    for each in node.names:
        by = told.get(f'{node.module}.{each.name}')
        if by is None:
            kept.append(_alias(each))
            continue
        module, _, new = by.partition(':')
        bound = each.asname or each.name
        named = new if new == bound else f'{new} as {bound}'
        done[f'{node.module}.{each.name}'] = new
        if module == 'builtin':
            lines.append(f'{bound} = {new}')
        elif module == 'import':
            lines.append(f'import {named}')
        else:
            lines.append(f'from {node.module if module == "self" else module} import {named}')
    first = [f'from {node.module} import {", ".join(kept)}'] if kept else []
    indent = ' ' * node.col_offset
    text.replace(node, f'\n{indent}'.join([*first, *lines]))


def _method(
    text: Text, node: ast.Call, told: dict[str, str], bound: dict[str, str], done: dict[str, str]
) -> None:
    if not isinstance(node.func, ast.Attribute) or dotted(node.func.value) in bound:
        return
    by = told.get(f'.{node.func.attr}')
    if by is None:
        return
    receiver = text.written(node.func.value)
    args = ', '.join(text.written(each) for each in node.args)
    keywords = [f'{each.arg}={text.written(each.value)}' if each.arg else f'**{text.written(each.value)}' for each in node.keywords]
    if by == 'pandas.concat':
        if not _is_frame(node):
            return
        name = next((each for each, path in bound.items() if path == 'pandas'), None)
        if name is None:
            text.bring('pandas')
        other = f'[{args}]' if not isinstance(node.args[0], ast.List) else args
        added = f'{name or "pandas"}.DataFrame({other})' if _is_row(node.args[0]) else args
        text.replace(node, f'{name or "pandas"}.concat([{", ".join([receiver, added])}]{"".join(f", {each}" for each in keywords)})')
    elif '{args}' in by:
        given = ', '.join([each for each in [args, *keywords] if each])
        text.replace(node, f'{receiver}.{by.replace("{args}", given).replace("(, ", "(").replace(", )", ")")}')
    else:
        start, end = text.span(node.func)
        text.edits.append((end - len(node.func.attr), end, by))
    done[f'.{node.func.attr}'] = by


def _is_frame(node: ast.Call) -> bool:
    """Whether an `append` is a table's: a list's takes no keyword, and gives nothing to keep."""
    return len(node.args) == 1 and any(each.arg in ('ignore_index', 'sort', 'verify_integrity') for each in node.keywords)


def _is_row(node: ast.expr) -> bool:
    return isinstance(node, (ast.Dict, ast.DictComp)) or (
        isinstance(node, ast.Call) and called(node) == 'dict'
    )


def _keyword(text: Text, node: ast.Call, told: dict[str, str], done: dict[str, str]) -> None:
    for each in node.keywords:
        by = told.get(f'{called(node)}({each.arg})')
        if by is None:
            continue
        name, *values = by.split(' ')
        written = text.written(each.value)
        others = dict(value.split('=', 1) for value in values)
        if values and written not in others:
            raise NotApplicable(f'line {each.value.lineno}: {each.arg}={written} has nothing in its place')
        start = text.at(each.lineno, each.col_offset)
        new = f'{name}={others.get(written, written)}'
        text.edits.append((start, text.span(each.value)[1], new))
        done[f'{each.arg}={written}'] = new
