"""Which lists of a function keep their length, so that arrays can stand for them."""

import ast

from growing_lists import PLACE, ROOM, ROOM_LIKE, with_room
from liveness import CHANGING
from syntax import parents_of


def as_arrays(statements, candidates, own, kernels, described, lists):
    """(the statements, in which lists that a loop fills have room beforehand; the names of lists that arrays can stand for)."""
    left = set()
    while lists:
        made, names = with_room(statements, described, left)
        fixed = fixed_names(made, candidates, own, kernels)
        if names <= fixed:
            return made, fixed
        left |= names - fixed
    return statements, fixed_names(statements, candidates, own, kernels)


def fixed_names(statements, candidates, own, kernels):
    """Those of the names of lists, and of lists made here, that keep their length: arrays can stand for them."""
    parents = parents_of(statements)
    # What is said when something raises is said by Python.
    raised = {id(each) for node in parents if isinstance(node, ast.Raise) for each in ast.walk(node)}
    parents = {node: parent for node, parent in parents.items() if id(node) not in raised}
    fixed = set(candidates)
    for node in (each for statement in statements for each in ast.walk(statement)):
        if isinstance(node, ast.Assign) and is_buckets(node.value):
            continue
        if isinstance(node, ast.Assign) and (isinstance(node.value, (ast.List, ast.ListComp)) or _marked(node.value)) or is_repeated(node):
            fixed |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    while True:
        bad = {
            node.id
            for node in parents
            if isinstance(node, ast.Name) and node.id in fixed and not _is_fixed_use(node, parents, fixed, own)
        }
        if not bad:
            return fixed
        fixed -= bad


def made_an_array(statements, name, own):
    """Whether statements do nothing with a list but `np.array(list)`."""
    parents = parents_of(statements)
    uses = [node for node in parents if isinstance(node, ast.Name) and node.id == name]
    return all(isinstance(node.ctx, ast.Load) and array_of(parents.get(node), own.module) is node for node in uses)


def array_of(node, module):
    """The name that `np.array(name)` makes an array of; None for anything else."""
    match node:
        case ast.Call(func=func, args=[ast.Name() as name], keywords=[] | [ast.keyword(arg='dtype')]):
            return name if module.full_name(func) in ('numpy.array', 'numpy.asarray') else None
    return None


def is_buckets(node):
    """`[[] for … in …]`: lists that grow."""
    return isinstance(node, ast.ListComp) and isinstance(node.elt, ast.List) and not node.elt.elts


def _marked(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (ROOM, ROOM_LIKE)


def is_repeated(node):
    match node:
        case ast.Assign(value=ast.BinOp(left=left, op=ast.Mult(), right=right)):
            return isinstance(left, ast.List) or isinstance(right, ast.List)
    return False


def _is_fixed_use(node, parents, fixed, own):
    parent = parents.get(node)
    if isinstance(node.ctx, ast.Store):
        if isinstance(parent, ast.Assign):
            return isinstance(parent.value, (ast.List, ast.ListComp, ast.Name, ast.Subscript, ast.Call, ast.IfExp)) or is_repeated(parent)
        return not isinstance(parent, ast.AugAssign)
    match parent:
        case ast.Subscript(value=value, slice=index, ctx=ctx) if value is node:
            around = parents.get(parent)
            if isinstance(around, ast.Attribute) and around.attr in CHANGING - {'sort', 'reverse'}:
                return False
            return not (isinstance(index, ast.Slice) and isinstance(ctx, (ast.Store, ast.Del)))
        case ast.Subscript() | ast.For() | ast.comprehension() | ast.Return() | ast.If() | ast.While():
            return True
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Starred():
            around = parents.get(parent)
            return isinstance(around, ast.Call) and isinstance(around.func, ast.Name) and around.func.id == 'zip' and len(around.args) == 1
        case ast.Call(func=ast.Name(id=name)):
            known = ('len', 'enumerate', 'zip', 'sum', 'min', 'max', 'sorted', 'reversed', 'list', 'any', 'all', 'range', PLACE, ROOM_LIKE)
            return name in known or own.find(name) is not None or name.startswith(('bisect', 'float', 'int', 'abs'))
        case ast.Call(func=ast.Attribute(attr=name)):
            return name.startswith('bisect') or name in ('sqrt', 'floor')
        case ast.Attribute(attr='copy'):
            return True
        case ast.Assign(targets=into):
            return all(isinstance(target, ast.Name) and target.id in fixed for target in into)
        case ast.Tuple(elts=parts):
            outer = parents.get(parent)
            if isinstance(outer, ast.Return):
                return True
            if isinstance(outer, ast.Assign) and outer.value is parent:
                at = [target.elts[parts.index(node)] for target in outer.targets if isinstance(target, ast.Tuple)]
                return bool(at) and all(isinstance(each, ast.Name) and each.id in fixed for each in at)
            return False
        case ast.Compare(ops=ops, left=left):
            return left is not node and all(isinstance(op, (ast.In, ast.NotIn)) for op in ops) or all(isinstance(op, (ast.Is, ast.IsNot)) for op in ops)
        case ast.IfExp(test=test):
            return test is node
        case ast.BinOp() | ast.UnaryOp() | ast.AugAssign():
            # A scalar may be among the candidates; of lists `py.number` makes an error.
            return True
    return False
