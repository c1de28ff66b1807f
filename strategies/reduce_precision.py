"""reduce_precision: does the arithmetic in float32, half the memory and twice the numbers in a vector register.

Arguments, constants and new arrays become float32; the result is given back in float64. The answer changes: whether it
stays within the tolerance is the grader's to say. (N. Higham, "Accuracy and Stability of Numerical Algorithms", ch. 3.)
"""

import ast
import io

from case import ArrayType
from parallel_loops import written_parameters
from program import call_original, docstring, dtype_constants, made_for, numeric_signature
from source import NotApplicable, edited, parameters

_WIDE = '''def {wide}(value):
    """Single precision back to double, inside tuples too."""
    if isinstance(value, tuple):
        return tuple({wide}(part) for part in value)
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype == np.float32 else value
    return float(value) if isinstance(value, np.float32) else value
'''


def reduce_precision(module, types):
    """The same module in float32 arithmetic.

    Returns (module, types, finish): a module whose function NAME_float32 takes float32, its argument types, and the function
    `finish(text)` that adds the definition of NAME with the old signature to the text of a module that has NAME_float32.
    """
    if _has_float32(module, types):
        # Which results to give back in float64 could then not be told from the outside.
        raise NotApplicable(f'{module.name} computes in float32 already', module.function)
    narrowed = {name: _narrow(kind) for name, kind in types.items()}
    single = module.fresh(f'{module.name}_float32')
    edits = _edits(module, single)
    if narrowed == types and not edits:
        raise NotApplicable(f'{module.name} computes nothing in float64', module.function)
    text = edited(module.text, [module.import_edit(['import numpy as np']), *edits])
    wrapper = _wrapper(module, types, narrowed, single)

    def finish(program):
        finished = module.rewritten(f'{program}\n\n{module.indented(wrapper)}')
        return edited(finished.text, [finished.import_edit(['import numpy', 'import numpy as np'])])

    return module.rewritten(text, single), narrowed, finish


def _has_float32(module, types):
    single = any(kind == 'float32' or (_is_array(kind) and kind.dtype == 'float32') for kind in types.values())
    return single or any('float32' in module.source(function) for function in module.reachable())


def _narrow(kind):
    match kind:
        case ArrayType(dtype='float64', ndim=ndim):
            return ArrayType('float32', ndim)
        case 'float':
            return 'float32'
    return kind


def _is_array(kind):
    return isinstance(kind, ArrayType)


def _edits(module, single):
    edits = []
    for function in module.reachable():
        skipped = {id(node) for default in function.args.defaults + function.args.kw_defaults if default for node in ast.walk(default)}
        if function is module.function:
            at = module.text.index(function.name, module.position(function.lineno, function.col_offset) + 3)
            edits.append((at, at + len(function.name), single))
        local = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in ast.walk(function):
            if id(node) not in skipped:
                edits += _edit(module, function, node, local, single)
    return edits


def _edit(module, function, node, local, single):
    match node:
        case ast.Constant(value=float()):
            return [(*module.span(node), f'np.float32({module.source(node)})')]
        case ast.Name(id=name, ctx=ast.Load()) if name not in local and name not in parameters(function):
            if isinstance(module.constants.get(name), float):
                return [(*module.span(node), f'np.float32({name})')]
            if name == module.name:
                return [(*module.span(node), single)]
        case ast.Attribute(attr='float64'):
            return [(*module.span(node), 'np.float32')]
        case ast.Call(func=ast.Name(id='float') as func):
            return [(*module.span(func), 'np.float32')]
        case ast.Call(func=func, args=args, keywords=keywords):
            full = module.full_name(func)
            shapes = {'numpy.zeros': 1, 'numpy.ones': 1, 'numpy.empty': 1, 'numpy.full': 2, 'numpy.linspace': 3}
            named = any(keyword.arg == 'dtype' for keyword in keywords)
            if full in shapes and len(args) <= shapes[full] and not named:
                end = module.span(node)[1] - 1
                comma = '' if module.text[:end].rstrip().endswith(',') else ','
                return [(end, end, f'{comma} dtype=np.float32')]
    return []


def _wrapper(module, types, narrowed, single):
    names = parameters(module.function)
    changed = [name for name in written_parameters(module) if _is_array(types[name]) and types[name] != narrowed[name]]
    wide = module.fresh('to_double')
    lines = [f'def {module.name}({numeric_signature(module)}):\n']
    lines += [f'    {line}' if line.strip() else line for line in io.StringIO(docstring(module.function))]
    axes = ' and '.join(f'{name}.ndim == {kind.ndim}' for name, kind in types.items() if _is_array(kind))
    lines.append(f'    if not ({made_for(types)}{f" and {axes}" if axes else ""}):\n')
    lines += [f'        {line}' if line.strip() else line for line in io.StringIO(call_original(module))]
    given = {}
    for name in names:
        given[name] = name
        if types[name] != narrowed[name]:
            given[name] = f'np.float32({name})' if narrowed[name] == 'float32' else f"{name}.astype(np.float32, order='C')"
    for name in changed:
        lines.append(f'    {name}_float32 = {given[name]}\n')
        lines.append(f'    {name}_before = {name}_float32.copy()\n')
        given[name] = f'{name}_float32'
    named = {argument.arg for argument in module.function.args.kwonlyargs}
    arguments = ', '.join(f'{name}={given[name]}' if name in named else given[name] for name in names)
    lines.append(f'    result = {wide}({single}({arguments}))\n')
    # What was left alone keeps all its digits.
    lines += [f'    np.copyto({name}, {name}_float32, where={name}_float32 != {name}_before)\n' for name in changed]
    lines.append('    return result\n')
    return f'{dtype_constants(types)}\n{_WIDE.format(wide=wide)}\n\n{"".join(lines)}'

