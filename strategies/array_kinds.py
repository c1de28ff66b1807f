"""Which names of a function hold arrays, as far as its source and one case tell; and what of NumPy works element by element."""

import ast

import numpy as np

ELEMENTWISE = {
    *('sqrt exp log log2 log10 log1p expm1 sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh hypot abs absolute fabs'.split()),
    *('floor ceil trunc rint minimum maximum where clip square real imag conj conjugate isnan isfinite isinf sign power'.split()),
    *('multiply add subtract divide true_divide logical_and logical_or logical_not'.split()),
}
TRANSCENDENTAL = ELEMENTWISE & set(
    'exp log log2 log10 log1p expm1 sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh hypot power'.split()
)
REDUCTIONS = {'sum', 'mean', 'min', 'max', 'amin', 'amax', 'std', 'var', 'nansum', 'nanmean', 'nanmin', 'nanmax', 'nanstd', 'nanvar', 'norm'}
_MAKES_ARRAYS = {
    *('zeros ones empty full linspace arange array asarray zeros_like ones_like empty_like full_like stack concatenate vstack'.split()),
    *('hstack broadcast_to meshgrid indices eye diff cumsum nan_to_num sort argsort unique ascontiguousarray tile repeat roll'.split()),
    *('sliding_window_view outer moveaxis transpose swapaxes expand_dims'.split()),
}
_KEEPS = {'copy', 'astype', 'reshape', 'transpose', 'ravel', 'flatten', 'clip', 'conj', 'round', 'cumsum'}


def numpy_name(module, call):
    """The last part of a NumPy function's name that is called (`sqrt`), or None."""
    name = module.full_name(call.func) or ''
    return name.rpartition('.')[2] if name.startswith('numpy.') else None


def reduction_of(module, node):
    """(name, the reduced expression, axis, keepdims) of a reduction along one axis; None for anything else."""
    if not isinstance(node, ast.Call):
        return None
    name, given = numpy_name(module, node), list(node.args)
    if name is None and isinstance(node.func, ast.Attribute):
        name, given = node.func.attr, [node.func.value, *given]
        if name.startswith(('nan', 'norm', 'am')):
            return None
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    if name not in REDUCTIONS or not given or len(given) > 2 or set(options) - {'axis', 'keepdims'}:
        return None
    if len(given) == 2 and (name == 'norm' or 'axis' in options):
        return None
    try:
        axis = ast.literal_eval(given[1] if len(given) == 2 else options.get('axis', ast.Constant(None)))
        keepdims = ast.literal_eval(options.get('keepdims', ast.Constant(False)))
    except ValueError:
        return None
    if type(axis) is not int or type(keepdims) is not bool:
        return None
    return name.removeprefix('a') if name.startswith('am') else name, given[0], axis, keepdims


def array_names(module, case):
    """Function name -> the names in it that hold arrays."""
    functions = module.reachable()
    found = {function.name: set() for function in functions}
    names = [argument.arg for argument in module.function.args.posonlyargs + module.function.args.args]
    given = dict(zip(names, case['args'])) | dict(case['kwargs'])
    found[module.name] |= {name for name, value in given.items() if isinstance(value, np.ndarray)}
    before = -1
    while before != sum(map(len, found.values())):
        before = sum(map(len, found.values()))
        for function in functions:
            _look(module, function, found)
    return found


def _look(module, function, found):
    known = found[function.name]
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value) if is_array(module, value, known):
                for target in targets:
                    known |= {each.id for each in _bound(target)}
            case ast.AugAssign(target=ast.Name(id=name), value=value) if is_array(module, value, known):
                known.add(name)
            case ast.Call(func=ast.Name(id=name), args=args) if name in found:
                parameters = [argument.arg for argument in module.functions[name].args.args]
                found[name] |= {parameter for parameter, each in zip(parameters, args) if is_array(module, each, known)}


def _bound(target):
    match target:
        case ast.Name():
            return [target]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [each for part in parts for each in _bound(part)]
    return []


def is_array(module, node, known):
    """Whether an expression is known to give an array, or something that takes its place."""

    def some(*nodes):
        return any(is_array(module, each, known) for each in nodes)

    match node:
        case ast.Name(id=name):
            return name in known
        case ast.BinOp(left=left, right=right):
            return some(left, right)
        case ast.UnaryOp(operand=operand):
            return some(operand)
        case ast.Compare(left=left, comparators=others):
            return some(left, *others)
        case ast.IfExp(body=body, orelse=other):
            return some(body, other)
        case ast.Attribute(value=value, attr='T' | 'real' | 'imag'):
            return some(value)
        case ast.Subscript(value=value, slice=index):
            parts = index.elts if isinstance(index, ast.Tuple) else [index]
            wide = any(isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value in (None, ...)) for part in parts)
            newaxis = any(isinstance(part, ast.Attribute) and part.attr == 'newaxis' for part in parts)
            return some(value) and (wide or newaxis or some(*parts))
        case ast.Call(func=func, args=args):
            if reduction_of(module, node):
                return True
            name = numpy_name(module, node)
            if name in _MAKES_ARRAYS:
                return True
            if name in ELEMENTWISE:
                return some(*args)
            if isinstance(func, ast.Attribute) and name is None:
                return func.attr in _KEEPS and some(func.value)
            return isinstance(func, ast.Name) and (func.id == '_column' or func.id in module.functions and some(*args))
    return False
