"""Which names statements need from before them, and which they bind: what a part of a function takes and gives back."""

import ast


def reads(node):
    """The names that an expression reads, without those that a comprehension, a lambda or an inner function binds itself."""
    match node:
        case None:
            return set()
        case ast.Name(id=name, ctx=ast.Load()):
            return {name}
        case ast.Lambda(args=arguments, body=body):
            return reads(body) - {argument.arg for argument in ast.walk(arguments) if isinstance(argument, ast.arg)}
        case ast.ListComp(generators=generators) | ast.SetComp(generators=generators) | ast.GeneratorExp(generators=generators):
            return _comprehension(generators, [node.elt])
        case ast.DictComp(generators=generators):
            return _comprehension(generators, [node.key, node.value])
        case ast.FunctionDef(args=arguments, body=body):
            own = {argument.arg for argument in ast.walk(arguments) if isinstance(argument, ast.arg)} | stored(body)
            return {name for statement in body for name in all_reads(statement)} - own
    found = set()
    for child in ast.iter_child_nodes(node):
        found |= reads(child)
    return found


def _comprehension(generators, results):
    found, own = set(), set()
    for generator in generators:
        found |= reads(generator.iter) - own
        own |= targets(generator.target)
        for test in generator.ifs:
            found |= reads(test) - own
    for result in results:
        found |= reads(result) - own
    return found


def targets(node):
    """The names that an assignment's target binds."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def all_reads(statement):
    """Every name that is read anywhere in a statement."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def stored(statements):
    """The names that statements bind; those of comprehensions and inner functions are their own."""
    found = set()
    for statement in statements:
        _stored(statement, found)
    return found


def _stored(node, found):
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            found.add(name)
            return
        case ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            found |= {each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
            return
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            found.add(name)
        case ast.alias(name=name, asname=renamed):
            found.add(renamed or name.partition('.')[0])
        case ast.ExceptHandler(name=str(name)):
            found.add(name)
    for child in ast.iter_child_nodes(node):
        _stored(child, found)


def exposed(statements, defined=frozenset()):
    """(names read before they are surely bound, names surely bound afterwards); None for the second where the end is not reached."""
    found, defined = set(), set(defined)
    for statement in statements:
        more, after = _exposed(statement, defined)
        found |= more
        if after is None:
            return found, None
        defined = after
    return found, defined


def _exposed(statement, defined):
    match statement:
        case ast.Assign(targets=into, value=value):
            found = reads(value).union(*(reads(target) for target in into))
            return found - defined, defined.union(*(targets(target) for target in into))
        case ast.AugAssign(target=target, value=value):
            own = {target.id} if isinstance(target, ast.Name) else reads(target)
            return (reads(value) | own) - defined, defined | targets(target)
        case ast.AnnAssign(target=target, value=value):
            return (reads(value) | reads(target)) - defined, defined | (targets(target) if value is not None else set())
        case ast.For(target=target, iter=values, body=body, orelse=other):
            inside, _ = exposed(body, defined | targets(target))
            after, _ = exposed(other, defined)
            return (reads(values) - defined) | inside | after, defined
        case ast.While(test=test, body=body, orelse=other):
            inside, _ = exposed(body, defined)
            after, _ = exposed(other, defined)
            ends = isinstance(test, ast.Constant) and test.value and not any(isinstance(each, ast.Break) for each in ast.walk(statement))
            return (reads(test) - defined) | inside | after, None if ends else defined
        case ast.If(test=test, body=body, orelse=other):
            one, after_one = exposed(body, defined)
            two, after_two = exposed(other, defined)
            afters = [each for each in (after_one, after_two) if each is not None]
            return (reads(test) - defined) | one | two, set.intersection(*afters) if afters else None
        case ast.Expr() | ast.Assert():
            return reads(statement) - defined, defined
        case ast.Return() | ast.Raise():
            return reads(statement) - defined, None
        case ast.Break() | ast.Continue():
            return set(), None
        case ast.FunctionDef(name=name):
            return reads(statement) - defined, defined | {name}
        case ast.Import() | ast.ImportFrom():
            return set(), defined | stored([statement])
        case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=last):
            found = set()
            for part in (body, *(handler.body for handler in handlers), other, last):
                found |= exposed(part, defined)[0]
            return found, defined
    return all_reads(statement) - defined, defined


def written(statements, changes_of=lambda name: None):
    """The names whose contents statements may change: by an item, a method that changes, or a call of an own function, of which
    `changes_of(name)` tells (the places of arguments it may change, the names from outside); None where it is none.

    Over-cautious: whatever a changed name was made from counts as changed, where it may be the same object or a part of it.
    """
    changed, made_from = set(), {}
    for node in (each for statement in statements for each in ast.walk(statement)):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                changed |= _roots(node)
            case ast.Call(func=ast.Attribute(value=base, attr=name)) if name in CHANGING:
                changed |= _roots(base)
            case ast.Call(func=ast.Name(id=name), args=arguments) if changes_of(name) is not None:
                places, outside = changes_of(name)
                changed |= outside
                for place, argument in enumerate(arguments):
                    if place in places:
                        changed |= _roots(argument)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in CHANGING:
                changed |= _roots(first)
            case ast.AugAssign(target=ast.Name(id=name)):
                pass
            case ast.Assign(targets=into, value=value):
                for target in into:
                    for name in targets(target):
                        made_from.setdefault(name, set()).update(_roots(value))
            case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
                for name in targets(target):
                    made_from.setdefault(name, set()).update(_roots(values))
    waiting = list(changed)
    while waiting:
        for name in made_from.get(waiting.pop(), ()):
            if name not in changed:
                changed.add(name)
                waiting.append(name)
    return changed


CHANGING = {
    'append', 'extend', 'insert', 'pop', 'popleft', 'appendleft', 'remove', 'clear', 'sort', 'reverse', 'add', 'discard', 'update',
    'setdefault', 'fill', 'heappush', 'heappop', 'heapify', 'heapreplace', 'heappushpop', 'insort', 'insort_left', 'insort_right',
}  # fmt: skip


# What gives a new value, and the functions of NumPy that may give what they were given.
_FRESH = {'len', 'range', 'int', 'float', 'abs', 'sum', 'round', 'bool', 'str', 'ord', 'divmod', 'pow'}
_VIEWS = {
    'asarray', 'asanyarray', 'ascontiguousarray', 'asfortranarray', 'atleast_1d', 'atleast_2d', 'atleast_3d', 'ravel', 'reshape', 'transpose',
    'squeeze', 'expand_dims', 'swapaxes', 'moveaxis', 'rollaxis', 'flip', 'flipud', 'fliplr', 'rot90', 'split', 'array_split', 'hsplit', 'vsplit',
    'diagonal', 'diag', 'real', 'imag', 'broadcast_to', 'broadcast_arrays', 'nan_to_num', 'require', 'array', 'nditer', 'matrix_transpose',
}  # fmt: skip


def _roots(node):
    """The names whose object, or a part of it, an expression may be."""
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.Subscript(value=value) | ast.Attribute(value=value) | ast.Starred(value=value):
            return _roots(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return set().union(*map(_roots, parts))
        case ast.IfExp(body=one, orelse=two):
            return _roots(one) | _roots(two)
        case ast.BoolOp(values=parts):
            return set().union(*map(_roots, parts))
        case ast.Call(func=ast.Name(id=name)) if name in _FRESH:
            return set()
        case ast.Call(func=ast.Attribute(value=ast.Name(id='np' | 'numpy' | 'math'), attr=name)) if name not in _VIEWS:
            return set()
        case ast.Call(args=arguments, func=func):
            base = _roots(func.value) if isinstance(func, ast.Attribute) else set()
            return base.union(*map(_roots, arguments))
    return set()
