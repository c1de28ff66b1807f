"""Lists that a loop fills by one `append` a turn, as arrays whose length is known before the loop.

`x = []`, then `for …: …; x.append(e)` become calls that the translator knows: `__room__` makes the array, `__place__` puts an item.
"""

import ast
import copy

from liveness import stored, written

_DTYPES = {'float': 'float64', 'int': 'int64', 'bool': 'bool_'}
ROOM, ROOM_LIKE, PLACE = '__room__', '__room_like__', '__place__'


def with_room(statements, described, left=frozenset()):
    """The statements, in which lists are arrays with room, and their names; those named `left` stay as they are."""
    made, names = copy.deepcopy(statements), set()
    for block in _blocks(made):
        position = 0
        while position < len(block):
            if isinstance(block[position], ast.For):
                position += _give_room(block, position, made, described, left, names)
            position += 1
    return made, names


def _blocks(statements):
    yield statements
    for statement in statements:
        for field in ('body', 'orelse', 'finalbody'):
            inner = getattr(statement, field, None)
            if isinstance(inner, list) and inner and not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                yield from _blocks(inner)


def _give_room(block, position, everything, described, left, names):
    """Changes the loop at a position of a block; by how many places it moves."""
    loop = block[position]
    turns = _turns(loop.iter)
    if turns is None or loop.orelse or _leaves(loop.body):
        return 0
    before, after = [], []
    for name in _appended(loop):
        kind = described.get(name, {}).get('kind')
        dtype = _DTYPES.get(described.get(name, {}).get('type', '').rpartition('(')[2].rstrip(')'))
        made = _made_empty(block, position, name)
        known = kind == 'list' and dtype is not None or kind == 'matrix'
        if name in left or made is None or not known or not _stays(everything, loop, name) or not _is_own(everything, loop, name):
            continue
        after.append((name, kind, dtype, made))
    for name, kind, dtype, made in after:
        _remove_empty(made, name)
        count, at = f'{name}__count', f'{name}__at'
        before += _parsed(f'{at} = 0')
        if kind == 'list':
            before.append(ast.Assign([ast.Name(name, ast.Store())], _call(ROOM, copy.deepcopy(turns), ast.Constant(dtype))))
        else:
            before.append(ast.Assign([ast.Name(count, ast.Store())], copy.deepcopy(turns)))
            before += _parsed(f'if {count} == 0:\n    raise ValueError')
        _place(loop, name, kind, count, at)
        names.add(name)
    block[position:position] = before
    return len(before)


def _place(loop, name, kind, count, at):
    index, item = next((index, each.value.args[0]) for index, each in enumerate(loop.body) if _append_of(each) == name)
    made = []
    if kind == 'matrix':
        held = item.id if isinstance(item, ast.Name) else f'{name}__item'
        first = ast.Assign([ast.Name(name, ast.Store())], _call(ROOM_LIKE, _name(count), _name(held)))
        made = [] if isinstance(item, ast.Name) else [ast.Assign([ast.Name(held, ast.Store())], item)]
        made += [ast.If(_parsed(f'{at} == 0')[0].value, [first], [])]
        item = _name(held)
    made += [ast.Expr(_call(PLACE, _name(name), _name(at), item)), *_parsed(f'{at} += 1')]
    for each in made:
        ast.copy_location(each, loop)
    loop.body[index : index + 1] = made


def _parsed(text):
    return ast.parse(text).body


def _name(name):
    return ast.Name(name, ast.Load())


def _call(name, *arguments):
    return ast.Call(_name(name), list(arguments), [])


def _append_of(statement):
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='append'), args=[_], keywords=[])):
            return name
    return None


def _appended(loop):
    """The names that get one item in every turn, and of which a turn does nothing else."""
    found = [name for name in map(_append_of, loop.body) if name is not None]
    return [name for name in dict.fromkeys(found) if _mentions(loop.body, name) == 1 and not _mentions([loop.iter, loop.target], name)]


def _mentions(nodes, name):
    return sum(isinstance(each, ast.Name) and each.id == name for node in nodes for each in ast.walk(node))


def _leaves(body):
    """Whether a turn may end before its end."""
    for statement in body:
        match statement:
            case ast.Break() | ast.Continue() | ast.Return():
                return True
            case ast.For(body=inner, orelse=other) | ast.While(body=inner, orelse=other):
                if any(isinstance(each, ast.Return) for part in (*inner, *other) for each in ast.walk(part)) or _leaves(other):
                    return True
            case ast.If(body=one, orelse=two):
                if _leaves(one) or _leaves(two):
                    return True
            case ast.With() | ast.Try():
                return True
    return False


def _turns(node):
    """The number of items of what a loop goes through, as an expression; None where it is not known beforehand."""
    match node:
        case ast.Call(func=ast.Name(id='range'), args=args, keywords=[]) if all(map(_is_plain, args)):
            return _call('len', node)
        case ast.Call(func=ast.Name(id='enumerate'), args=[values, *_]) | ast.Call(func=ast.Name(id='reversed'), args=[values]):
            return _turns(values)
        case ast.Call(func=ast.Name(id='zip'), args=[_, *_] as parts, keywords=[]):
            counts = [_turns(each) for each in parts]
            return None if None in counts else counts[0] if len(counts) == 1 else _call('min', *counts)
        case ast.Name() | ast.Subscript() if _is_plain(node):
            return _call('len', node)
    return None


def _is_plain(node):
    """Whether an expression does nothing but look."""
    calls = (each for each in ast.walk(node) if isinstance(each, (ast.Call, ast.NamedExpr, ast.Lambda, ast.ListComp, ast.GeneratorExp)))
    return all(isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in ('len', 'min', 'max', 'range') for each in calls)


def _made_empty(block, position, name):
    """The statement before the loop that makes the list, where nothing between does anything with it."""
    for statement in reversed(block[:position]):
        if not _mentions([statement], name):
            continue
        match statement:
            case ast.Assign(targets=[ast.Name()], value=ast.List(elts=[])):
                return statement
            case ast.Assign(targets=[ast.Tuple(elts=into)], value=ast.Tuple(elts=values)) if len(into) == len(values):
                for one, value in zip(into, values):
                    if isinstance(one, ast.Name) and one.id == name and isinstance(value, ast.List) and not value.elts:
                        return statement
        return None
    return None


def _remove_empty(statement, name):
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=into)], value=ast.Tuple(elts=values)):
            kept = [(one, value) for one, value in zip(into, values) if not (isinstance(one, ast.Name) and one.id == name)]
            if len(kept) > 1:
                into[:], values[:] = (list(part) for part in zip(*kept))
                return
            if kept:
                statement.targets, statement.value = [kept[0][0]], kept[0][1]
                return
    # Its name is bound before the loop, as something else.
    statement.targets, statement.value = [ast.Name(f'{name}__count', ast.Store())], ast.Constant(0)


def _stays(everything, loop, name):
    """Whether the list keeps its length everywhere else."""
    inside = {id(each) for each in ast.walk(loop)}
    return not any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name and node.attr != 'copy' and id(node) not in inside
        for statement in everything
        for node in ast.walk(statement)
    )


def _is_own(everything, loop, name):
    """Whether what is put in is no list that something is done with under another name: it is copied."""
    index, item = next((index, each.value.args[0]) for index, each in enumerate(loop.body) if _append_of(each) == name)
    match item:
        case ast.Name(id=held):
            fresh = held in stored(loop.body[:index]) and held not in written(loop.body[index + 1 :])
            return fresh and held not in written([each for each in everything if each is not loop and loop not in ast.walk(each)])
        case ast.Subscript() | ast.Attribute():
            return not written(everything) & {each.id for each in ast.walk(item) if isinstance(each, ast.Name)}
    return True
