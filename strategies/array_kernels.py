"""Array expressions, and loops of them, as kernels that Numba compiles: one pass over the elements, without temporaries."""

import ast
import copy
import textwrap

from array_kinds import is_array, numpy_name, reduction_of
from array_passes import blocks, elementwise, read_names

_GUARD = '''
_COMPILED_TYPES = {np.dtype(each) for each in ('float64', 'complex128', 'int64', 'bool')}


def _compilable(*values):
    """Whether values are arrays, some of them large, and numbers whose arithmetic is the same when it is compiled."""
    large = False
    for value in values:
        if type(value) is np.ndarray:
            if value.dtype not in _COMPILED_TYPES:
                return False
            large = large or value.size > 64
        elif type(value) not in (float, int, bool, complex, np.float64, np.int64, np.bool_):
            return False
    return large


_KERNELS = {}


def _kernel(function, compiled, *values):
    """The compiled function for the types of these values: NumPy would take one made for wider types, and its result is wider too."""
    key = (function, *(getattr(value, 'dtype', type(value)) for value in values))
    if key not in _KERNELS:
        _KERNELS[key] = compiled(function)
    return _KERNELS[key]


def _by_rows(axis, *values):
    """Room for the result of a reduction, and the values with that axis last, each with three axes; None for others than real numbers."""
    values = [np.asarray(value) for value in values]
    shape = np.broadcast_shapes(*(value.shape for value in values))
    real = all(value.dtype == np.float64 for value in values)
    if not real or not 1 <= len(shape) <= 3 or not -len(shape) <= axis < len(shape) or shape[axis] == 0:
        return None, []
    given = []
    for value in values:
        row = np.moveaxis(value[(None,) * (len(shape) - value.ndim)], axis, -1)[(None,) * (3 - len(shape))]
        if row.shape[2] != shape[axis]:
            row = np.broadcast_to(row, (*row.shape[:2], shape[axis]))
        # What is small is quicker to read in order.
        given.append(np.ascontiguousarray(row) if row.size < 100_000 else row)
    return np.empty(tuple(np.delete(shape, axis))), given


@numba.extending.register_jitable
def _plain_size(x):
    squared = x.real * x.real + x.imag * x.imag
    return np.sqrt(squared) if 1e-280 < squared < 1e300 else abs(x)


def _size(x):
    return abs(x)


@numba.extending.overload(_size)
def _size_compiled(x):
    return (lambda x: _plain_size(x)) if isinstance(x, numba.types.Complex) else (lambda x: abs(x))


def _in_rows(values):
    """The values for a kernel that goes by rows, where they are two-dimensional and not all of one shape; else None. A row is a
    tuple of it, a column one-dimensional: so its types tell the kernel what is next to what.
    """
    arrays = [value for value in values if type(value) is np.ndarray and value.ndim > 0]
    if all(each.shape == arrays[0].shape for each in arrays):
        return None
    shape = np.broadcast_shapes(*(each.shape for each in arrays))
    if len(shape) != 2 or min(shape) < 2:
        return None
    given = []
    for value in values:
        if type(value) is not np.ndarray:
            given.append(value)
            continue
        if value.ndim == 0 or value.size == 1:
            given.append(value.reshape(-1)[0])
        elif value.ndim == 1 or value.shape[0] == 1:
            given.append((np.ascontiguousarray(value.reshape(-1)),))
        elif value.shape[1] == 1:
            given.append(np.ascontiguousarray(value[:, 0]))
        elif value.flags.c_contiguous:
            given.append(value)
        else:
            return None
    return shape, given


def _at(value, i, j):
    return value


@numba.extending.overload(_at, inline='always')
def _at_compiled(value, i, j):
    if isinstance(value, numba.types.BaseTuple):
        return lambda value, i, j: value[0][j]
    if isinstance(value, numba.types.Array):
        return (lambda value, i, j: value[i]) if value.ndim == 1 else (lambda value, i, j: value[i, j])
    return lambda value, i, j: value


def _kinds(*values):
    return [(type(value), getattr(value, 'dtype', None), getattr(value, 'shape', None)) for value in values]


def _same_shape(*values):
    """Whether all values are arrays of one shape."""
    return all(type(value) is np.ndarray and value.shape == values[0].shape for value in values)


'''

# The value of a reduction of `x` over `n` elements, from its loop. `@` is the element.
_LOOPS = {
    'sum': 'total = 0.0\nfor k in range(n):\n    total += @\nout[0] = total',
    'mean': 'total = 0.0\nfor k in range(n):\n    total += @\nout[0] = total / n',
    'norm': 'total = 0.0\nfor k in range(n):\n    x = @\n    total += x * x\nout[0] = np.sqrt(total)',
    'var': 'total = 0.0\nfor k in range(n):\n    total += @\nmean = total / n\ntotal = 0.0\nfor k in range(n):\n    x = @ - mean\n    total += x * x\nout[0] = total / n',
    'max': 'best = -np.inf\nfor k in range(n):\n    x = @\n    if not x <= best:\n        best = x\n        if x != x:\n            break\nout[0] = best',
    'min': 'best = np.inf\nfor k in range(n):\n    x = @\n    if not x >= best:\n        best = x\n        if x != x:\n            break\nout[0] = best',
    'nansum': 'total = 0.0\nfor k in range(n):\n    x = @\n    total += x if x == x else 0.0\nout[0] = total',
    'nanmean': 'total, count = 0.0, 0\nfor k in range(n):\n    x = @\n    total += x if x == x else 0.0\n    count += x == x\nout[0] = total / count if count else np.nan',
    'nanvar': 'total, count = 0.0, 0\nfor k in range(n):\n    x = @\n    total += x if x == x else 0.0\n    count += x == x\nmean = total / count if count else np.nan\ntotal = 0.0\nfor k in range(n):\n    x = @ - mean\n    total += x * x if x == x else 0.0\nout[0] = total / count if count else np.nan',
    'nanmax': 'best, count = -np.inf, 0\nfor k in range(n):\n    x = @\n    best = x if x > best else best\n    count += x == x\nout[0] = best if count else np.nan',
    'nanmin': 'best, count = np.inf, 0\nfor k in range(n):\n    x = @\n    best = x if x < best else best\n    count += x == x\nout[0] = best if count else np.nan',
}
for _root in ('', 'nan'):
    _LOOPS[f'{_root}std'] = _LOOPS[f'{_root}var'].rpartition('out[0] = ')[0] + 'out[0] = np.sqrt(total / ' + (
        'count) if count else np.nan' if _root else 'n)'
    )
_RENAMED = {'conjugate': 'conj'}
_POWERS = {0.5: 'np.sqrt({0})', -0.5: '1.0 / np.sqrt({0})', 1.5: '{0} * np.sqrt({0})', -1.5: '1.0 / ({0} * np.sqrt({0}))'}


class Kernels:
    """The kernels of a module, and the rewriting of its functions to call them."""

    def __init__(self, module):
        self.module = module
        self.texts = {}

    def text(self):
        """The kernels' source, to stand before the first function."""
        return _GUARD.lstrip('\n') + ''.join(f'{each}\n\n' for each in self.texts.values()) if self.texts else ''

    def rewrite(self, tree, known):
        """Rewrites a function's tree; notes of what was done."""
        notes = []
        for block in blocks(tree):
            for position, loop in reversed(list(enumerate(block))):
                made = self._whole_loop(loop, known)
                if made:
                    block[position:position + 1] = made
                    notes.append('did all turns of a loop for one element before the next')
        before = len(self.texts)
        for part in tree.body:
            _Fusing(self, known).visit(part)
        if len(self.texts) > before:
            notes.append('made single compiled loops of array expressions')
        return notes

    def name(self, kind, key, make):
        """The name of the kernel of an expression; the same for the same expression."""
        if key not in self.texts:
            self.texts[key] = make(self.module.fresh(f'_{kind}_{len(self.texts) + 1}'))
        return next(word for word in self.texts[key].split('def ')[-1].split('('))

    def fused(self, node, known):
        """The call of a kernel in the place of an array expression; None where it is one step alone."""
        reduction = reduction_of(self.module, node)
        leaves = _Leaves(self.module, known)
        if reduction:
            name, inner, axis, keepdims = reduction
            if not is_array(self.module, inner, known) and not isinstance(inner, ast.Name):
                return None
            body = leaves.element(inner)
            # A plain sum NumPy does as well.
            if not leaves.steps and not name.startswith(('nan', 'norm', 'std', 'var')):
                return None
            original = copy.deepcopy(node)
            called = self._reduction(name, body, axis, keepdims, leaves, leaves.original(original))
        else:
            body = leaves.element(node)
            if leaves.steps < 2 or not leaves.found:
                return None
            called = self._expression(body, leaves, leaves.original(copy.deepcopy(node)))
        return ast.Call(ast.Name(called, ast.Load()), [_Fusing(self, known).visit(each) for each in leaves.values()], [])

    def _expression(self, body, leaves, original):
        names = ', '.join(leaves.names())
        single = ''.join(f' and type({each}) is not np.ndarray' for each in leaves.scalars)

        def at(i, j):
            return ast.unparse(_renamed(ast.parse(body, mode='eval').body, {each: f'_at({each}, {i}, {j})' for each in leaves.names()}))

        def make(name):
            return (
                f'def {name}_loop({names}):\n    return {body}\n\n\n'
                f"@numba.njit(error_model='numpy')\ndef {name}_rows(shape, {names}):\n    out = np.empty(shape, np.array([{at(0, 0)}]).dtype)\n"
                f'    for i in range(shape[0]):\n        for j in range(shape[1]):\n            out[i, j] = {at("i", "j")}\n    return out\n\n\n'
                f'def {name}({names}):\n    if _compilable({names}){single}:\n        rows = _in_rows(({names},))\n'
                f'        if rows is not None:\n            return {name}_rows(rows[0], *rows[1])\n'
                f'        return _kernel({name}_loop, numba.vectorize, {names})({names})\n    return {original}\n'
            )

        return self.name('fused', f'{body}/{names}/{leaves.scalars}/{original}', make)

    def _reduction(self, name, body, axis, keepdims, leaves, original):
        names = leaves.names()
        listed = ', '.join(names)
        at = {each: f'{each}[i * {each}_i, j * {each}_j, k]' for each in names}
        element = ast.unparse(_renamed(ast.parse(body, mode='eval').body, at))
        loop = _LOOPS[name].replace('@', f'({element})').replace('out[0]', 'out[i, j]')
        single = ''.join(f' and type({each}) is not np.ndarray' for each in leaves.scalars)
        steps = ''.join(f'    {each}_i, {each}_j = {each}.shape[0] > 1, {each}.shape[1] > 1\n' for each in names)
        keep = f'np.expand_dims(out, {axis})' if keepdims else 'out[()]'

        def make(called):
            return (
                f"@numba.njit(fastmath={{'reassoc', 'contract'}}, error_model='numpy')\n"
                f'def {called}_loop({listed}, out):\n    n = {names[0]}.shape[2]\n{steps}'
                f'    for i in range(out.shape[0]):\n        for j in range(out.shape[1]):\n{textwrap.indent(loop, " " * 12)}\n\n\n'
                f'def {called}({listed}):\n'
                f'    if _compilable({listed}){single}:\n'
                f'        out, given = _by_rows({axis}, {listed})\n'
                f'        if out is not None:\n'
                f'            {called}_loop(*given, out[(None,) * (2 - out.ndim)])\n'
                f'            return {keep}\n'
                f'    return {original}\n'
            )

        return self.name('reduced', f'{name}/{axis}/{keepdims}/{element}/{listed}/{original}', make)

    def _whole_loop(self, loop, known):
        """Statements in the place of a loop whose turns work element by element: one turn by NumPy, which tells types and shapes, the others compiled."""
        match loop:
            case ast.For(target=ast.Name(id=turn), iter=ast.Call(func=ast.Name(id='range'), args=[count], keywords=[]), orelse=[]):
                pass
            case _:
                return None
        states, lines, leaves = [], [], _Leaves(self.module, known)
        for statement in loop.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    line = f'{name} = {leaves.element(value)}'
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    whole = ast.BinOp(ast.Name(name, ast.Load()), op, value)
                    if not elementwise(self.module, whole):
                        return None
                    line = f'{name} = {leaves.element(whole)}'
                case _:
                    return None
            if not is_array(self.module, statement.value, known) and name not in known:
                return None
            states.append(name)
            lines.append(line)
        plain = all(isinstance(each, ast.Name) for each in leaves.values())
        used = {each.id for each in leaves.values() if isinstance(each, ast.Name)}
        if not plain or not states or leaves.steps < 2 or turn in used or turn in states or set(leaves.scalars) or not used - set(states):
            return None
        if read_names(count) & set(states):
            return None
        return self._turns(loop, count, list(dict.fromkeys(states)), lines, leaves)

    def _turns(self, loop, count, states, lines, leaves):
        given = {each.id: name for name, each in zip(leaves.names(), leaves.values())}
        body = [ast.unparse(_renamed(ast.parse(line), {name: each for each, name in given.items()})) for line in lines]
        constants = [each for each in given if each not in states]
        inputs = ', '.join(['turns', *(f'{each}_0' for each in states), *constants])
        outputs = ', '.join(f'{each}_out' for each in states)
        shapes = ','.join('()' for _ in [0, *states, *constants]) + '->' + ','.join('()' for _ in states)
        start = ''.join(f'    {each} = {each}_0\n' for each in states)
        end = ''.join(f'    {each}_out[0] = {each}\n' for each in states)
        augmented = {each.target.id for each in loop.body if isinstance(each, ast.AugAssign)}

        def make(name):
            return (
                f'def {name}({inputs}, {outputs}):\n{start}'
                f'    for _ in range(turns):\n{textwrap.indent(chr(10).join(body), "        ")}\n{end}'
            )

        called = self.name('turns', f'{shapes}/{inputs}/{body}', make)
        kept = ', '.join([*states, *constants])
        carried = ', '.join(each for each in states if each not in _first_bound(loop))
        kinds = f'_kinds({carried})'
        outs = [f'{each}_after' for each in states]
        text = (
            f'for _left in reversed(range({ast.unparse(count)})):\n'
            f'    _before = {kinds}\n'
            f'    if _left and _compilable({", ".join(constants)}) and _before == {kinds} and _same_shape({", ".join(states)}):\n'
            + ''.join(f'        {out} = np.empty_like({each})\n' for each, out in zip(states, outs))
            + f"        _kernel({called}, numba.guvectorize('{shapes}'), {kept})(_left, {kept}, {', '.join(outs)})\n"
            + ''.join(f'        {each}[...] = {out}\n' if each in augmented else f'        {each} = {out}\n' for each, out in zip(states, outs))
            + '        break\n'
        )
        made = ast.parse(text).body
        made[0].body[1:1] = copy.deepcopy(loop.body)
        # Its one turn stays NumPy's.
        made[0].one_turn = True
        return made


def _first_bound(loop):
    """Names that a turn binds before it reads them: they need not stand for anything before the loop."""
    bound, read = set(), set()
    for statement in loop.body:
        read |= read_names(statement.value) - bound
        if isinstance(statement, ast.AugAssign):
            read |= {statement.target.id} - bound
        else:
            bound |= {statement.targets[0].id} - read
    return bound


def _renamed(tree, names):
    """A tree in which names are other source text."""

    class Renaming(ast.NodeTransformer):
        def visit_Name(self, node):
            if node.id not in names:
                return node
            other = ast.parse(names[node.id], mode='eval').body
            if isinstance(other, ast.Name):
                other.ctx = node.ctx
            return other

    return Renaming().visit(tree)


class _Leaves:
    """What goes into an expression's kernel, by the name it has there."""

    def __init__(self, module, known):
        self.module = module
        self.known = known
        self.found = {}
        self.scalars = []
        self.steps = 0

    def names(self):
        return [name for name, _ in self.found.values()]

    def values(self):
        return [node for _, node in self.found.values()]

    def original(self, node):
        """The expression as it was, of the kernel's names."""
        texts = {text: name for text, (name, _) in self.found.items()}

        class Naming(ast.NodeTransformer):
            def visit(self, part):
                name = texts.get(ast.unparse(part)) if isinstance(part, ast.expr) else None
                return ast.Name(name, ast.Load()) if name else self.generic_visit(part)

        return ast.unparse(Naming().visit(node))

    def leaf(self, node):
        text = ast.unparse(node)
        if text not in self.found:
            self.found[text] = (f'x{len(self.found)}', node)
        return self.found[text][0]

    def element(self, node):
        """The source of one element of an expression."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex, bool):
            return repr(node.value)
        if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Name) and node.test.id not in self.known:
            self.steps += 1
            test = self.leaf(node.test)
            if test not in self.scalars:
                self.scalars.append(test)
            return f'({self.element(node.body)} if {test} else {self.element(node.orelse)})'
        if not elementwise(self.module, node) or not (is_array(self.module, node, self.known) or _numbers(node)):
            return self.leaf(node)
        self.steps += 1
        match node:
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=op, right=right):
                return f'({self.element(left)} {_symbol(op)} {self.element(right)})'
            case ast.UnaryOp(operand=operand):
                return f'(-{self.element(operand)})'
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f'({self.element(left)} {_symbol(op)} {self.element(right)})'
            case ast.Call(args=args):
                name = numpy_name(self.module, node) or 'abs'
                parts = [self.element(each) for each in args]
                if name == 'where':
                    return f'({parts[1]} if {parts[0]} else {parts[2]})'
                if name == 'clip':
                    return f'np.minimum(np.maximum({parts[0]}, {parts[1]}), {parts[2]})'
                if name in ('abs', 'absolute'):
                    return f'_size({parts[0]})'
                if name == 'square':
                    return self._power(args[0], ast.Constant(2))
                return f'np.{_RENAMED.get(name, name)}({", ".join(parts)})'
        raise AssertionError(f'no element of {ast.unparse(node)}')

    def _power(self, base, exponent):
        value = _literal(exponent)
        element = self.element(base)
        if value in _POWERS and type(value) is float:
            return f'({_POWERS[value].format(element)})'
        if value == 2 and len(element) < 60:
            return f'({element} * {element})'
        return f'({element} ** {self.element(exponent)})'


def _literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _numbers(node):
    """Whether a node is arithmetic of names and numbers alone: cheap, and the same for every element."""
    return all(isinstance(each, (ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.expr_context)) for each in ast.walk(node))


_SYMBOLS = {
    ast.Add: '+', ast.Sub: '-', ast.Mult: '*', ast.Div: '/', ast.Mod: '%', ast.FloorDiv: '//', ast.BitAnd: '&', ast.BitOr: '|',
    ast.Lt: '<', ast.LtE: '<=', ast.Gt: '>', ast.GtE: '>=', ast.Eq: '==', ast.NotEq: '!=',
}


def _symbol(op):
    return _SYMBOLS[type(op)]


class _Fusing(ast.NodeTransformer):
    """Puts calls of kernels in the place of the largest array expressions."""

    def __init__(self, kernels, known):
        self.kernels = kernels
        self.known = known

    def visit(self, node):
        if getattr(node, 'one_turn', False):
            return node
        if isinstance(node, ast.expr):
            reduced = reduction_of(self.kernels.module, node)
            if reduced or (elementwise(self.kernels.module, node) and is_array(self.kernels.module, node, self.known)):
                made = self.kernels.fused(node, self.known)
                if made is not None:
                    return made
        return self.generic_visit(node)
