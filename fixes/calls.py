"""Fixes of calls: what is done before them, and what they are told."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from source import NotApplicable, Text, called, dotted

# What writes the file that its first argument names.
_FIRST = {
    *('open', 'save', 'savez', 'savez_compressed', 'savetxt', 'savefig', 'imsave', 'imwrite', 'mimsave', 'tofile'),
    *('to_csv', 'to_json', 'to_excel', 'to_parquet', 'to_pickle', 'to_html', 'write_html', 'write_image'),
    *('FileHandler', 'ZipFile', 'VideoWriter', 'mkdir', 'to_file', 'export', 'write', 'connect'),
    *('RotatingFileHandler', 'TimedRotatingFileHandler'),
}
# What writes a file that a keyword alone names, and the keywords that do.
_BY_NAME = {'basicConfig'}
_PATHS = {'filename', 'fname', 'path_or_buf', 'path', 'file', 'database'}
_SECOND = {'copy', 'copy2', 'copyfile', 'move', 'rename', 'replace'}
_OF_PATH = {'write_text', 'write_bytes', 'touch'}
_PURE = {'join', 'str', 'Path', 'PurePath', 'format', 'int', 'round', 'len', 'basename', 'splitext', 'fspath', 'lower', 'replace'}


def make_folder(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    told = fix['told']
    assert isinstance(told, dict)
    folder = told['folder']
    text.bring('os')
    found = _written_at(text, fix.get('line'))
    if found is not None:
        statement, path = found
        edits = len(text.edits)
        try:
            text.before(statement, f"os.makedirs(os.path.dirname({path}) or '.', exist_ok=True)")
            return text.result(), f'the folder made before line {statement.lineno} writes into it'
        except NotApplicable:
            del text.edits[edits:]
    text.head(f'os.makedirs({folder!r}, exist_ok=True)')
    # The import comes first.
    text.heads.sort(key=lambda line: not line.startswith('import '))
    if not any(line.startswith('import os') for line in text.heads):
        text.heads = ['import os', *text.heads]
    return text.result(), f'the folder {folder} made at the start'


def _written_at(text: Text, line: object) -> tuple[ast.stmt, str] | None:
    """The statement at `line` that writes a file, and the expression of the file's path; None where that is not plain."""
    statement = _statement_at(text.tree, line)
    if statement is None:
        return None
    for node in _plain_parts(statement):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name == 'write' and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            # What is written, and not where: `open(path, 'w').write(text)`.
            continue
        path: ast.expr | None = None
        if name in _OF_PATH and isinstance(node.func, ast.Attribute):
            path = node.func.value
        elif name in _SECOND and len(node.args) > 1:
            path = node.args[1]
        elif name in _FIRST and node.args:
            is_of_path = name == 'open' and isinstance(node.func, ast.Attribute) and _is_mode(node.args[0])
            path = node.func.value if is_of_path and isinstance(node.func, ast.Attribute) else node.args[0]
        elif name in _FIRST or name in _BY_NAME:
            path = next((each.value for each in node.keywords if each.arg in _PATHS), None)
        if path is not None and _is_pure(path):
            return statement, text.written(path)
    return None


def _is_mode(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and set(node.value) <= set('rwaxbt+')


def _is_pure(node: ast.expr) -> bool:
    """Whether an expression can be computed twice, and is a path by the look of it."""
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return False
    return all(
        not isinstance(each, (ast.Lambda, ast.Await, ast.Yield, ast.NamedExpr, ast.ListComp, ast.GeneratorExp))
        and (not isinstance(each, ast.Call) or called(each) in _PURE)
        for each in ast.walk(node)
    )


def _statement_at(tree: ast.Module, line: object) -> ast.stmt | None:
    """The innermost statement that `line` belongs to; of a compound one, its head."""
    found: ast.stmt | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and isinstance(line, int) and node.lineno <= line <= (node.end_lineno or 0):
            if found is None or node.lineno >= found.lineno:
                found = node
    return found


def _plain_parts(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement itself: not of the statements in it, nor of what binds names of its own."""
    queue: list[ast.AST] = [statement]
    while queue:
        node = queue.pop(0)
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.stmt, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                queue.append(child)


_SCREENS = {'qt': ('QT_QPA_PLATFORM', 'offscreen'), 'pygame': ('SDL_VIDEODRIVER', 'dummy')}


def draw_off_screen(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    told = fix['told']
    assert isinstance(told, dict)
    library = told['library']
    if library == 'matplotlib':
        for node in ast.walk(text.tree):
            if isinstance(node, ast.Call) and node.args and dotted(node.func) in (
                *('matplotlib.use', 'mpl.use', 'plt.switch_backend', 'pyplot.switch_backend'),
            ):
                text.replace(node.args[0], "'Agg'")
        if not text.edits:
            text.head('import matplotlib')
            text.head('')
            text.head("matplotlib.use('Agg')")
        return text.result(), 'Matplotlib draws by Agg, which needs no screen'
    if library in _SCREENS:
        name, value = _SCREENS[library]
        text.bring('os')
        if not text.heads:
            text.head('import os')
        text.head('')
        text.head(f'os.environ[{name!r}] = {value!r}')
        return text.result(), f'{name}={value}, which needs no screen'
    if library == 'pyglet':
        for line in ('import pyglet', '', "pyglet.options['headless'] = True"):
            text.head(line)
        return text.result(), 'pyglet without a screen'
    if any(isinstance(node, ast.Import) and any(each.name.split('.')[0] == 'pyvista' for each in node.names) for node in ast.walk(text.tree)):
        # VTK looks for a screen while it is imported.
        screen = "os.environ.setdefault('VTK_DEFAULT_OPENGL_WINDOW', 'vtkOSOpenGLRenderWindow')"
        for line in ('import os', '', screen, '', 'import pyvista', '', 'pyvista.OFF_SCREEN = True'):
            text.head(line)
        return text.result(), 'PyVista draws off-screen, by Mesa'
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) == 'vtkRenderWindow':
            target = text.written(node.targets[0])
            text.insert(text.span(node)[1], f'\n{" " * node.col_offset}{target}.SetOffScreenRendering(1)')
    return text.result(), 'VTK draws off-screen'


_TEXT_CALLS = {'read_text', 'write_text', 'loadtxt', 'genfromtxt', 'read_csv', 'read_table', 'to_csv', 'savetxt'}


def name_encoding(source: str, fix: dict[str, object]) -> tuple[str, str]:
    text = Text(source)
    told, line = fix['told'], fix.get('line')
    assert isinstance(told, dict)
    encoding, writes = told['encoding'], told['mode'] == 'write'
    calls = [node for node in ast.walk(text.tree) if isinstance(node, ast.Call) and _opens(node, writes)]
    scope = _function_at(text.tree, line)
    near = [node for node in calls if _function_at(text.tree, node.lineno) is scope and isinstance(line, int) and node.lineno <= line]
    chosen = max(near, key=lambda node: node.lineno) if near else (calls[0] if len(calls) == 1 else None)
    if chosen is None:
        raise NotApplicable('it is not clear which file it is')
    for keyword in chosen.keywords:
        if keyword.arg == 'encoding':
            text.replace(keyword.value, repr(encoding))
            break
    else:
        _give(text, chosen, f'encoding={encoding!r}')
    return text.result(), f'line {chosen.lineno} {"writes" if writes else "reads"} by {encoding}'


def _give(text: Text, call: ast.Call, keyword: str) -> None:
    """Has a call take one more argument, behind those that it has."""
    end = text.span(call)[1] - 1
    before = text.data[:end].rstrip()
    gap = '' if before.endswith(b'(') else ' ' if before.endswith(b',') else ', '
    text.insert(end, f'{gap}{keyword}')


def _opens(node: ast.Call, writes: bool) -> bool:
    """Whether a call opens a text for reading, or for writing."""
    name = called(node)
    if name in _TEXT_CALLS:
        return writes == (name in ('write_text', 'to_csv', 'savetxt'))
    if name != 'open' or dotted(node.func) in ('Image.open', 'os.open', 'gzip.open', 'tarfile.open', 'wave.open'):
        return False
    of_path = isinstance(node.func, ast.Attribute) and dotted(node.func) not in ('io.open', 'codecs.open')
    given = [*node.args[0 if of_path else 1 :][:1], *(each.value for each in node.keywords if each.arg == 'mode')]
    mode = given[0].value if given and isinstance(given[0], ast.Constant) else 'r'
    if not isinstance(mode, str) or 'b' in mode:
        return False
    return writes == any(letter in mode for letter in 'wax+')


def _function_at(tree: ast.Module, line: object) -> ast.AST | None:
    found: ast.AST | None = None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and isinstance(line, int):
            if node.lineno <= line <= (node.end_lineno or 0):
                found = node
    return found


def write_numbers_as_json(source: str, _fix: object) -> tuple[str, str]:
    text = Text(source)
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.Call) or called(node) not in ('dump', 'dumps'):
            continue
        whose = dotted(node.func) or ''
        if not whose.startswith('json.') and whose not in ('dump', 'dumps'):
            continue
        if all(each.arg not in ('default', 'cls', None) for each in node.keywords):
            _give(text, node, 'default=lambda value: value.tolist()')
    return text.result(), "NumPy's numbers and arrays become Python's own in JSON"
