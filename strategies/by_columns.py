"""Goes through columns where pandas goes through rows: `for i, row in df.iterrows()` whose body looks at `row['a']` and `row.b`, loops over
`df.itertuples()`, and `df.apply(f, axis=1)`. Pandas makes a Series of each row, which takes longer than most bodies do.

The values are those that the row would hold, of the same types: the columns of `df.values`, or Python's numbers for `itertuples`. Where a frame is
none of the plain ones, rows are gone through as before.
"""

import ast
import copy
import keyword

from source import edited

_RUNTIME = '''\
def _values_of(frame, names):
    """What rows of a frame hold in some columns; None where a row is more than its values."""
    if type(frame) is not pandas.DataFrame or not frame.columns.is_unique or any(name not in frame.columns for name in names):
        return None
    values = frame.values
    if values.dtype.kind not in 'biufO':
        return None
    columns = [values[:, frame.columns.get_loc(name)] for name in names]
    return [column.tolist() if values.dtype.kind == 'O' else column.copy() for column in columns]


def _rows_of(frame, names):
    """The labels of `frame.iterrows()`, and what its rows hold in some columns; None where a row is more than that."""
    columns = _values_of(frame, names)
    return None if columns is None else (frame.index.tolist(), *columns)


def _tuples_of(frame, names):
    """What the tuples of `frame.itertuples()` hold in some columns; None where they hold no more than some of them."""
    if type(frame) is not pandas.DataFrame or not frame.columns.is_unique or any(name not in frame.columns for name in names):
        return None
    return tuple(frame[name].tolist() for name in names)


def _applied(frame, function, names, of_values):
    """`frame.apply(function, axis=1)`, by a function of what the rows hold."""
    columns = _values_of(frame, names) if len(frame) else None
    values = None if columns is None else [*map(of_values, *columns)]
    if values is None or not all(each is None or isinstance(each, (str, bool, int, float, pandas.api.typing.NAType)) or hasattr(each, 'dtype') and each.ndim == 0 for each in values):
        return frame.apply(function, axis=1)
    return pandas.Series(values, index=frame.index)


'''


def by_columns(module):
    """(the module that goes through columns, notes); the same module and none where it goes through no rows of pandas."""
    if not any(name.split('.')[0] == 'pandas' for name in module.imports.values()):
        return module, []
    edits, copies, notes = [], {}, []
    for part in _parts(module):
        made = ast.Module([copy.deepcopy(part)], [])
        done = _loops(made, part if isinstance(part, ast.FunctionDef) else module.tree) + _applies(made, module, copies)
        if done:
            notes += done
            edits.append((*module.span(part), _text(module, made)))
    if not edits:
        return module, []
    first = min([start for start, _, _ in edits] + [_start(module, function) for function in module.functions.values()])
    before = _RUNTIME + ''.join(f'{_text(module, each)}\n\n\n' for each in copies.values())
    return module.rewritten(edited(module.text, [module.import_edit(['import pandas']), (first, first, before), *edits])), notes


def _parts(module):
    """What is rewritten: the functions that are needed; of a script all that it has, and what stands outside of them."""
    if module.function is not None:
        return module.reachable()
    return [each for each in module.tree.body if not isinstance(each, (ast.ClassDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom)) and not getattr(each, 'decorator_list', [])]


def _start(module, function):
    return module.position(function.decorator_list[0].lineno if function.decorator_list else function.lineno, 0)


def _text(module, node):
    return module.indented(ast.unparse(ast.fix_missing_locations(node)))


def _loops(tree, scope):
    """Rewrites the loops over rows in a copy of a scope, or of a part of it; notes."""
    notes = []
    over = [loop for loop in ast.walk(scope) if isinstance(loop, ast.For) and _row_of(loop)]
    blocks = [block for node in ast.walk(tree) for name in ('body', 'orelse', 'finalbody') if isinstance(block := getattr(node, name, None), list)]
    for block in blocks:
        for position, loop in reversed(list(enumerate(block))):
            row = _row_of(loop)
            if row is not None and _stays_inside(scope, [each for each in over if _row_of(each) == row], row):
                frame = ast.unparse(loop.iter.func.value)
                made = _by_columns(loop)
                if made:
                    block[position : position + 1] = made
                    notes.append(f'went through the columns of {frame} where it went through rows')
    return notes


def _row_of(loop):
    """The name that a loop over rows gives to each; None where it is another loop."""
    match loop:
        case ast.For(target=ast.Tuple(elts=[ast.Name() | ast.Tuple(), ast.Name(id=row)]), iter=ast.Call(func=ast.Attribute(attr='iterrows'), args=[], keywords=[]), orelse=[]):
            return row
        case ast.For(target=ast.Name(id=row), iter=ast.Call(func=ast.Attribute(attr='itertuples'), args=[], keywords=keywords), orelse=[]):
            plain = all(each.arg == 'index' and isinstance(each.value, ast.Constant) for each in keywords)
            return row if plain else None
    return None


def _stays_inside(scope, loops, row):
    """Whether a name is that of these loops' rows alone."""
    inside = sum(_names(statement, row) for loop in loops for statement in loop.body)
    given = isinstance(scope, ast.FunctionDef) and any(isinstance(node, ast.arg) and node.arg == row for node in ast.walk(scope))
    return not given and sum(_names(statement, row) for statement in scope.body) == inside + len(loops)


def _names(node, name):
    """How often a name stands in a node, but for functions that have one of their own."""
    own = isinstance(node, (ast.FunctionDef, ast.Lambda)) and any(
        isinstance(each, ast.arg) and each.arg == name or isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store) for each in ast.walk(node)
    )
    if own:
        return 0
    return (isinstance(node, ast.Name) and node.id == name) + sum(_names(each, name) for each in ast.iter_child_nodes(node))


def _by_columns(loop):
    """The statements in the place of a loop over rows; None where its body does more than look at their values."""
    row, labelled = _row_of(loop), loop.iter.func.attr == 'iterrows'
    taken = _taken(loop.body, row, labelled)
    if not taken:
        return None
    columns = [f'{each}__all' for each in taken.values()]
    names = ast.unparse(ast.Tuple([ast.Constant(name) for name in taken], ast.Load()))
    label = [ast.unparse(loop.target.elts[0])] if labelled else []
    given = ([f'{row}__labels'] if labelled else []) + columns
    made = ast.parse(
        f'{row}__table = {ast.unparse(loop.iter.func.value)}\n'
        f'{row}__columns = {"_rows_of" if labelled else "_tuples_of"}({row}__table, {names})\n'
        f'if {row}__columns is None:\n    pass\nelse:\n    {", ".join(given)}, = {row}__columns\n'
        f'    for {", ".join([*label, *taken.values()])}, in zip({", ".join(given)}):\n        pass\n'
    ).body
    choice = made[-1]
    choice.orelse[1].body = [_Named(row, taken).visit(copy.deepcopy(each)) for each in loop.body]
    loop.iter.func.value = ast.Name(f'{row}__table', ast.Load())
    choice.body = [loop]
    return made


def _taken(body, row, labelled):
    """Column -> name, of what a body takes from a row; None where it does anything else with it."""
    parents = {child: node for statement in body for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}
    taken = {}
    for node in (each for statement in body for each in ast.walk(statement)):
        if not isinstance(node, ast.Name) or node.id != row:
            continue
        column = _column(parents.get(node), labelled)
        if column is None or not isinstance(node.ctx, ast.Load):
            return None
        spelled = column if column.isidentifier() and not keyword.iskeyword(column) else f'column_{len(taken)}'
        taken.setdefault(column, f'{row}__{spelled}')
    return taken


def _column(node, labelled):
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as name), ctx=ast.Load()) if labelled:
            return name
        case ast.Attribute(attr=name, ctx=ast.Load()) if not name.startswith('_') and name not in _names_of_rows(labelled):
            return name
    return None


def _names_of_rows(labelled):
    """What an attribute of a row means whatever its columns are called."""
    if not labelled:
        return ('count', 'index', 'Index')
    try:
        import pandas
    except ImportError:
        return ()
    return dir(pandas.Series)


class _Named(ast.NodeTransformer):
    """Puts names in the place of what is taken from a row."""

    def __init__(self, row, taken):
        self.row, self.taken = row, taken

    def visit(self, node):
        match node:
            case ast.Subscript(value=ast.Name(id=self.row), slice=ast.Constant(value=name)) | ast.Attribute(value=ast.Name(id=self.row), attr=name):
                return ast.Name(self.taken[name], ast.Load())
        return self.generic_visit(node)


def _applies(function, module, copies):
    """Rewrites `df.apply(f, axis=1)` in a function's tree; notes. `copies`: functions of values, by name."""
    notes = []

    class Applying(ast.NodeTransformer):
        def visit_Call(self, node):
            self.generic_visit(node)
            match node:
                case ast.Call(func=ast.Attribute(value=frame, attr='apply'), args=[inner], keywords=[ast.keyword(arg='axis', value=ast.Constant(value=1 | 'columns'))]):
                    given = _of_values(inner, function, module, copies)
                    if given is not None:
                        names, of_values = given
                        notes.append(f'went through the columns of {ast.unparse(frame)} where it applied {"a lambda" if isinstance(inner, ast.Lambda) else ast.unparse(inner)} to rows')
                        return ast.Call(ast.Name('_applied', ast.Load()), [frame, inner, names, of_values], [])
            return node

    Applying().visit(function)
    return notes


def _of_values(inner, around, module, copies):
    """(the columns that a function takes of its row, the function of their values); None where it does more with it."""
    applied = module.functions.get(inner.id) if isinstance(inner, ast.Name) else inner
    match applied:
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=row)], posonlyargs=[], kwonlyargs=[], vararg=None, kwarg=None, defaults=[])):
            body = [ast.Expr(applied.body)]
        case ast.FunctionDef(args=ast.arguments(args=[ast.arg(arg=row)], posonlyargs=[], kwonlyargs=[], vararg=None, kwarg=None, defaults=[]), decorator_list=[]):
            body = applied.body
        case _:
            return None
    taken = _taken(body, row, True)
    if not taken or any(isinstance(each, (ast.Yield, ast.YieldFrom)) for statement in body for each in ast.walk(statement)):
        return None
    names = ast.Tuple([ast.Constant(name) for name in taken], ast.Load())
    arguments = ast.parse(f'def f({", ".join(taken.values())}): pass').body[0].args
    if isinstance(applied, ast.Lambda):
        return names, ast.Lambda(arguments, _Named(row, taken).visit(copy.deepcopy(applied.body)))
    name = module.fresh(f'_{applied.name}_of_values')
    copies[name] = ast.FunctionDef(name, arguments, [_Named(row, taken).visit(copy.deepcopy(each)) for each in body], [], None)
    return names, ast.Name(name, ast.Load())
