"""Rewrites of a function's syntax tree that need no compiler. Each changes the tree and gives notes of what it did."""

import ast
import copy

from array_kinds import ELEMENTWISE, TRANSCENDENTAL, is_array, numpy_name, reduction_of

# Functions whose result depends on their arguments alone, and which take long enough to be worth a name.
_PURE = {'fft', 'ifft', 'rfft', 'irfft', 'fft2', 'ifft2', 'sort', 'argsort', 'unique', 'linspace', 'arange', 'hanning', 'inv', 'pinv', 'det', 'eye'}
_PURE |= {'dot', 'matmul', 'outer', 'cumsum', 'diff', 'meshgrid', 'log', 'exp', 'sqrt', 'sin', 'cos', 'norm', 'sum', 'mean', 'std', 'max', 'min'}
# Methods that leave the array they are called on as it is.
_LEAVES = {'sum', 'mean', 'min', 'max', 'std', 'var', 'copy', 'astype', 'reshape', 'transpose', 'append', 'any', 'all', 'argmin', 'argmax', 'tolist'}

# Functions of Python that leave what they are given as it is.
_HARMLESS = {'len', 'range', 'abs', 'float', 'int', 'sum', 'min', 'max', 'enumerate', 'zip', 'sorted', 'round', 'bool', 'list', 'tuple', 'isinstance', 'print'}


def changed_names(nodes):
    """Names that are bound, or whose object may be changed, by some statements."""
    found = set()
    for node in (each for top in nodes for each in ast.walk(top)):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                found |= _roots(node.value)
            case ast.AugAssign(target=target):
                found |= _roots(target)
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr not in _LEAVES:
                found |= _roots(value)
            case ast.Call(func=ast.Name(id=name), args=args) if name not in _HARMLESS:
                # A function of the program's own may change what it is given.
                found |= {name for each in args for name in _roots(each)}
        if isinstance(node, ast.keyword) and node.arg == 'out':
            found |= _roots(node.value)
    return found


def _roots(node):
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def read_names(node):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def blocks(tree):
    """All lists of statements in a function, inner ones first."""
    found = []
    for node in ast.walk(tree):
        if node is not tree and isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            continue
        found += [getattr(node, name) for name in ('body', 'orelse', 'finalbody') if isinstance(getattr(node, name, None), list)]
    return [block for block in reversed(found) if block]


class _Replacing(ast.NodeTransformer):
    """Puts other nodes in the place of those that `choose` gives one for."""

    def __init__(self, choose):
        self.choose = choose

    def visit(self, node):
        return self.choose(node) or self.generic_visit(node)


def replaced(node, choose):
    return _Replacing(choose).visit(node)


def _fresh(tree, name):
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} | {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    number = 1
    while f'{name}_{number}' in used:
        number += 1
    return f'{name}_{number}'


def hoist_invariants(tree, module):
    """Computes before a loop what it computes anew each time from names it leaves alone."""
    notes = []
    aliases = _may_be_shared(tree)
    for block in blocks(tree):
        for position, loop in reversed(list(enumerate(block))):
            if not isinstance(loop, ast.For) or loop.orelse:
                continue
            notes += _hoist(tree, module, block, position, loop, aliases)
    return notes


def _hoist(tree, module, block, position, loop, aliases):
    changed = changed_names([*loop.body, loop.target])
    # Where something is changed in place, what may be the same object is, too.
    changed |= aliases if changed & aliases else set()
    always = [statement for statement in loop.body if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr))]
    calls = []
    for statement in always:
        inside = {id(each) for part in ast.walk(statement) if isinstance(part, (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp))
                  for each in ast.walk(part)}
        calls += [node for node in ast.walk(statement) if isinstance(node, ast.Call) and id(node) not in inside]
    for call in calls:
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        simple = all(isinstance(each, (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple))
                     for given in arguments for each in ast.walk(given))
        names = set().union(*map(read_names, arguments)) - module.imports.keys()
        if numpy_name(module, call) in _PURE and simple and names and not names & changed:
            name, text = _fresh(tree, 'once'), ast.unparse(call)
            assigned = ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(call), lineno=0)
            loop.body = [replaced(each, lambda node: ast.Name(name, ast.Load()) if isinstance(node, ast.Call) and ast.unparse(node) == text else None) for each in loop.body]
            # Where the loop has no turn it is not computed either.
            block[position:position + 1] = [assigned, loop] if _has_turns(loop) else [
                ast.For(loop.target, loop.iter, [ast.If(ast.Compare(ast.Name(name, ast.Load()), [ast.Is()], [ast.Constant(None)]), [assigned], []), *loop.body], [], lineno=0)
            ]
            if not _has_turns(loop):
                block.insert(position, ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None), lineno=0))
            return [f'computed {text} once, before the loop']
    return []


def _has_turns(loop):
    match loop.iter:
        case ast.Call(func=ast.Name(id='range'), args=[ast.Constant(value=int(count))]):
            return count > 0
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return bool(parts)
    return False


def _may_be_shared(tree):
    """Names that may stand for one and the same array: parameters, and what is bound to a part of another."""
    shared = {argument.arg for argument in tree.args.posonlyargs + tree.args.args + tree.args.kwonlyargs}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Subscript() | ast.Attribute()):
                shared |= {name} | _roots(node.value)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(attr='reshape' | 'ravel' | 'transpose' | 'view'))):
                shared |= {name} | _roots(node.value.func)
    return shared


def inline_temporaries(tree, module, known):
    """Puts an array expression where its only name is used, so that no array has to be made for it."""
    notes = []
    aliases = _may_be_shared(tree)
    again = True
    while again:
        again = False
        for block in blocks(tree):
            for position, statement in enumerate(block):
                if _inline(tree, module, known, block, position, statement, aliases):
                    notes.append(f'put {statement.targets[0].id} where it is used')
                    again = True
                    break
            if again:
                break
    return notes


def _inline(tree, module, known, block, position, statement, aliases):
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if elementwise(module, value) and is_array(module, value, known):
            pass
        case _:
            return False
    later = block[position + 1:]
    everywhere = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    stores = [node for node in everywhere if not isinstance(node.ctx, ast.Load)]
    uses = [node for each in later for node in ast.walk(each) if isinstance(node, ast.Name) and node.id == name]
    if len(stores) != 1 or not uses or len(uses) != len(everywhere) - 1 or len(uses) > 3:
        return False
    costly = any(isinstance(node, ast.Call) and numpy_name(module, node) in TRANSCENDENTAL or isinstance(node, (ast.Pow, ast.Div)) for node in ast.walk(value))
    if len(uses) > 1 and costly:
        return False
    last = max(index for index, each in enumerate(later) if name in read_names(each))
    changed = changed_names(later[:last + 1])
    changed |= aliases if changed & aliases else set()
    if (read_names(value) - module.imports.keys()) & changed or not all(_stands_in_arithmetic(module, each, name) for each in later if name in read_names(each)):
        return False
    block[position + 1:] = [replaced(each, lambda node: copy.deepcopy(value) if isinstance(node, ast.Name) and node.id == name else None) for each in later]
    block.remove(statement)
    return True


def _stands_in_arithmetic(module, statement, name):
    """Whether each use of a name is part of arithmetic or of a reduction, outside of loops and functions."""
    right = [0]

    def look(node, good):
        if isinstance(node, (ast.For, ast.While, ast.Lambda, ast.FunctionDef, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)) and name in read_names(node):
            right[0] = -10_000
        if isinstance(node, ast.Name) and node.id == name:
            right[0] += 1 if good else -10_000
        reduced = reduction_of(module, node)
        inner = reduced is not None or elementwise(module, node)
        for child in ast.iter_child_nodes(node):
            # `x.sum(axis=1)`: the expression is below the name of the method.
            look(child.value if reduced and isinstance(child, ast.Attribute) and child.value is reduced[1] else child, inner)

    look(statement, False)
    return right[0] > 0


def elementwise(module, node):
    """Whether a node is a step of element-by-element arithmetic."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow() | ast.Mod() | ast.FloorDiv() | ast.BitAnd() | ast.BitOr()):
            return True
        case ast.UnaryOp(op=ast.USub()):
            return True
        case ast.Compare(ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.Eq() | ast.NotEq()]):
            return True
        case ast.Call(args=args, keywords=[]) if args:
            name = numpy_name(module, node)
            if name is None and isinstance(node.func, ast.Name):
                return node.func.id == 'abs' and len(args) == 1
            return name in ELEMENTWISE and len(args) == {'where': 3, 'clip': 3}.get(name, len(args))
    return False


def slice_groups(tree, module):
    """Sorts once where a loop over the different values of an array picks the rows of each by comparing all."""
    notes = []
    for block in blocks(tree):
        for position, loop in reversed(list(enumerate(block))):
            match loop:
                case ast.For(target=ast.Name(id=value), iter=ast.Call(args=[ast.Name(id=keys)], keywords=[]) as unique, body=[
                    ast.Assign(targets=[ast.Name(id=mask)], value=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])), *rest
                ], orelse=[]) if numpy_name(module, unique) == 'unique' and {_id(left), _id(right)} == {keys, value}:
                    made = _grouped(tree, module, loop, value, keys, mask, rest)
                    if made:
                        block[position:position + 1] = made
                        notes.append(f'sorted {keys} once instead of comparing all of it with each {value}')
    return notes


def _id(node):
    return node.id if isinstance(node, ast.Name) else None


def _grouped(tree, module, loop, value, keys, mask, rest):
    changed = changed_names(rest)
    everywhere = sum(isinstance(node, ast.Name) and node.id == mask for node in ast.walk(tree))
    picked, counted = {}, 0

    def choose(node):
        nonlocal counted
        match node:
            case ast.Subscript(value=ast.Name(id=column), slice=ast.Name(id=name), ctx=ast.Load()) if name == mask and column not in changed:
                sorted_name = picked.setdefault(column, _fresh(tree, f'{column}_sorted'))
                counted += 1
                return ast.parse(f'{sorted_name}[{low}:{high}]', mode='eval').body
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='sum'), args=[], keywords=[]) if name == mask:
                counted += 1
                return ast.parse(f'np.int64({high} - {low})', mode='eval').body
            case ast.Call(args=[ast.Name(id=name)], keywords=[]) if name == mask and numpy_name(module, node) in ('sum', 'count_nonzero'):
                counted += 1
                # Of the type that NumPy counts in: that differs between its versions.
                whole = f'np.int64({high} - {low})' if numpy_name(module, node) == 'sum' else f'np.count_nonzero({order}[{low}:{high}] >= 0)'
                return ast.parse(whole, mode='eval').body
        return None

    low, high, order, unique, lows, highs = (_fresh(tree, name) for name in ('low', 'high', 'order', 'unique', 'lows', 'highs'))
    # Rows that are picked are copies, slices are not.
    in_place = {_id(node.target) or '' for each in rest for node in ast.walk(each) if isinstance(node, ast.AugAssign)}
    in_place |= {name for each in rest for node in ast.walk(each) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) for name in _roots(node)}
    views = {name for each in rest if isinstance(each, ast.Assign) and mask in read_names(each.value) for target in each.targets for name in read_names(target)}
    if keys in changed or value in changed or in_place & views or module.imports.get('np', 'numpy') != 'numpy':
        return None
    body = [replaced(copy.deepcopy(each), choose) for each in rest]
    # One is bound; every other use must be one of these.
    if counted != everywhere - 1 or not picked:
        return None
    first = picked.setdefault(keys, _fresh(tree, f'{keys}_sorted'))
    before = [f'{order} = np.argsort({keys}, axis=None, kind="stable")']
    before += [f'{name} = {column}[{order}]' for column, name in picked.items()]
    before += [f'{unique} = np.unique({keys})', f'{lows} = np.searchsorted({first}, {unique})']
    # NaN equals nothing.
    before += [f'{highs} = np.where({unique} == {unique}, np.append({lows}[1:], len({first})), {lows})']
    made = [statement for line in before for statement in ast.parse(line).body]
    head = ast.parse(f'for {value}, {low}, {high} in zip({unique}, {lows}, {highs}):\n    pass').body[0]
    head.body = body
    return [*made, head]
