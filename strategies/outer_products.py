"""Outer products as broadcasts, and factors of matrix products taken out: `np.add.outer(a, b)` becomes `_column(a, b) + b`, which is one
step of an expression that can be made a single loop; `(s * A) @ x` becomes `s * (A @ x)`, which scales a vector and no matrix.
"""

import ast
import copy

from array_kinds import ELEMENTWISE
from array_passes import replaced

COLUMN = '''\
def _column(values, beside):
    """The values along new last axes, as many as those of the array beside which they are laid."""
    return np.reshape(values, np.shape(values) + (1,) * np.ndim(beside))


'''
_OPERATORS = {'add': ast.Add, 'subtract': ast.Sub, 'multiply': ast.Mult, 'divide': ast.Div, 'true_divide': ast.Div, 'power': ast.Pow}


def as_broadcasts(tree, module):
    """Rewrites the outer products of a function's tree; whether there are any."""
    found = []

    def choose(node):
        if not isinstance(node, ast.Call) or len(node.args) != 2 or node.keywords:
            return None
        name = (module.full_name(node.func) or '').removeprefix('numpy.')
        one, two = node.args
        if not (name == 'outer' or name.endswith('.outer') and name.removesuffix('.outer') in ELEMENTWISE) or not _is_view(two, module):
            return None
        found.append(node)
        if name == 'outer':
            one, two = _called(node.func, 'ravel', one), _called(node.func, 'ravel', two)
            return ast.BinOp(_column(one, two), ast.Mult(), two)
        operation = name.removesuffix('.outer')
        if operation in _OPERATORS:
            return ast.BinOp(_column(one, two), _OPERATORS[operation](), two)
        return ast.Call(node.func.value, [_column(one, two), two], [])

    tree.body = [replaced(each, choose) for each in tree.body]
    return bool(found)


def _is_view(node, module):
    """Whether an expression may be looked at twice: names, their items, and arithmetic of those."""
    return not any(isinstance(each, (ast.Call, ast.NamedExpr, ast.Lambda, ast.Await, ast.Yield)) for each in ast.walk(node))


def _column(values, beside):
    return ast.Call(ast.Name('_column', ast.Load()), [values, copy.deepcopy(beside)], [])


def _called(func, name, value):
    """`np.outer` of a value is as `np.ravel` of it; both stand below one name."""
    below = func.value if isinstance(func, ast.Attribute) else ast.Name('np', ast.Load())
    return ast.Call(ast.Attribute(copy.deepcopy(below), name, ast.Load()), [value], [])


def take_out_factors(tree, case, function):
    """Takes numbers among the arguments out of products of matrices; whether there are any."""
    names = [argument.arg for argument in function.args.posonlyargs + function.args.args]
    given = dict(zip(names, case['args'])) | dict(case['kwargs'])
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    numbers = {name for name, value in given.items() if type(value) in (int, float) and name not in bound}
    found = []

    def choose(node):
        match node:
            case ast.BinOp(left=ast.BinOp(left=ast.Name(id=name) as factor, op=ast.Mult(), right=matrix), op=ast.MatMult() as op, right=right) if name in numbers:
                found.append(node)
                return ast.BinOp(factor, ast.Mult(), ast.BinOp(matrix, op, right))
        return None

    tree.body = [replaced(each, choose) for each in tree.body]
    return bool(found)
