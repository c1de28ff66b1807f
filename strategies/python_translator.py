"""Writes statements of Python functions so that Numba compiles them with Python's meaning (see `compiled/python_loops.py`).

Arithmetic becomes calls that notice what 64 bits cannot hold; lists of a fixed length become arrays; sums, minima and the like
of generators become functions of their own; an exception becomes the end of the compiled part. `NotApplicable` says what cannot.
"""

import ast
import copy
import math

from fixed_lists import array_of, is_buckets
from growing_lists import PLACE, ROOM, ROOM_LIKE
from liveness import all_reads, reads, stored, targets
from own_functions import Own
from source import NotApplicable, defaults
from syntax import LISTS, call, expression, parse

_OPERATIONS = {
    ast.Add: 'add', ast.Sub: 'sub', ast.Mult: 'mul', ast.Div: 'div', ast.FloorDiv: 'floordiv', ast.Mod: 'mod', ast.Pow: 'power',
    ast.LShift: 'shl', ast.RShift: 'shr',
}  # fmt: skip
_CHECKED_MATH = {
    'sqrt', 'exp', 'log', 'log2', 'log10', 'log1p', 'expm1', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh',
    'asinh', 'acosh', 'atanh', 'fabs', 'erf', 'erfc', 'gamma', 'lgamma', 'degrees', 'radians', 'floor', 'ceil',
}  # fmt: skip
# Of NumPy's generators: Numba draws the same numbers.
_DRAWS = {'random', 'standard_normal', 'normal', 'uniform', 'integers', 'exponential', 'standard_exponential', 'gamma', 'beta', 'poisson', 'lognormal'}
_AS_THEY_ARE = {'len', 'range', 'enumerate', 'zip', 'bool', 'float', 'complex', 'sorted', 'set', 'slice', 'min', 'max'}
_LIBRARIES = ('numpy', 'math', 'cmath', 'heapq')
_UNKNOWN = {
    ast.With: 'with', ast.ClassDef: 'a class', ast.AsyncFunctionDef: 'async', ast.Await: 'await', ast.Yield: 'yield',
    ast.YieldFrom: 'yield from', ast.Global: 'global', ast.Nonlocal: 'nonlocal', ast.Import: 'import', ast.ImportFrom: 'import',
    ast.Lambda: 'lambda', ast.JoinedStr: 'a formatted string', ast.Match: 'match', ast.Starred: '*', ast.FunctionDef: 'a function inside',
    ast.Set: 'a set', ast.MatMult: '@', ast.AsyncFor: 'async',
}  # fmt: skip


class Translator(ast.NodeTransformer):
    """Translates the statements of one function. lists: whether arrays here stand for lists."""

    def __init__(self, kernels, own, statements, lists, fixed, described, parameters):
        self.kernels, self.own, self.lists, self.fixed, self.described = kernels, own, lists, fixed, described
        self.local = stored(statements) | set(parameters) | own.local
        self.deques, self.defaults, self.count = set(), {}, 0
        self.has_text = any(each.get('kind') == 'text' for each in described.values()) or kernels.record.has_text
        for node in (each for statement in statements for each in ast.walk(statement)):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func)) if self.full_name(func) == 'collections.deque':
                    self.deques.add(name)

    def statements(self, statements):
        made = []
        for statement in sorted_where_cut(copy.deepcopy(statements)):
            result = self.visit(statement)
            made += result if isinstance(result, list) else [] if result is None else [result]
        return made or [ast.Pass()]

    def full_name(self, node):
        if isinstance(node, ast.Name) and node.id in self.own.local:
            return None
        return self.own.module.full_name(node)

    def fresh(self, what):
        self.count += 1
        return f'{what}__{self.count}'

    def generic_visit(self, node):
        name = _UNKNOWN.get(type(node))
        if name is not None:
            raise NotApplicable(f'{self.own.node.name} uses {name}, which is not compiled', node)
        return super().generic_visit(node)

    # Statements.

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return None
        match node.value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='popleft'), args=[]) if name in self.deques:
                return parse(f'{name}[{name}__at]\n{name}__at += 1')
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='pop'), args=[]) if name in self.deques:
                return parse(f'py.last_of({name}, {name}__at)\n{name}.pop()')
            case ast.Call(func=func, args=[ast.Name() as into, value]) if self.full_name(func) == 'heapq.heappush':
                held = self.fresh('item')
                return [
                    ast.Assign([ast.Name(held, ast.Store())], self.visit(value)),
                    # What it holds is known by what is appended; this never is.
                    *parse(f'if len({into.id}) < 0:\n    {into.id}.append({held})\nheapq.heappush({into.id}, {held})\npy.same_kind({into.id}, {held})'),
                ]
            case ast.Call(func=func, args=[into, value]) if (self.full_name(func) or '').startswith('bisect.insort'):
                side = 'bisect_left' if (self.full_name(func) or '').endswith('left') else 'bisect_right'
                into, value = self.visit(into), self.visit(value)
                return ast.Expr(ast.Call(ast.Attribute(into, 'insert', ast.Load()), [call(side, into, value), value], []))
            case ast.Call(func=ast.Attribute(value=base, attr='append'), args=[value]) if isinstance(base, (ast.Name, ast.Subscript)) or _is_bucket(base):
                held = self.fresh('item')
                value, base = self.visit(value), self.visit(base)
                made = [ast.Assign([ast.Name(held, ast.Store())], value)]
                if not isinstance(base, ast.Name):
                    into = self.fresh('into')
                    made.append(ast.Assign([ast.Name(into, ast.Store())], base))
                    base = expression(into)
                return [
                    *made,
                    ast.Expr(ast.Call(ast.Attribute(base, 'append', ast.Load()), [expression(held)], [])),
                    ast.Expr(call('same_kind', copy.deepcopy(base), expression(held))),
                ]
        return self.generic_visit(node)

    def visit_Return(self, node):
        if isinstance(node.value, ast.DictComp):
            kinds = (self.kernels.record.of(self.own.node)['returns'] or {}).get('numba')
            return [*self._dict('made__', node.value, None, kinds), *parse('return made__')]
        return self.generic_visit(node)

    def visit_Yield(self, node):
        if self.own.node is self.own.module.function or node.value is None:
            raise NotApplicable(f'{self.own.node.name} uses yield, which is compiled in functions that it calls', node)
        return ast.Yield(self.visit(node.value))

    def visit_FunctionDef(self, node):
        if node.name in self.own.inner:
            return None  # Compiled where it is called.
        return self.generic_visit(node)

    def visit_Try(self, node):
        """`try` around one division: what is divided by is looked at instead."""
        match node:
            case ast.Try(
                body=[statement],
                handlers=[ast.ExceptHandler(type=ast.Name(id='ZeroDivisionError' | 'ArithmeticError' | 'Exception'), name=None, body=handler)],
                orelse=orelse,
                finalbody=[],
            ):
                below = _only_divisor(statement)
                plain = node.handlers[0].type.id == 'ZeroDivisionError' or _cannot_fail(statement)
                if below is not None and plain:
                    zero = ast.Compare(copy.deepcopy(below), [ast.Eq()], [ast.Constant(0)])
                    return self.visit(ast.copy_location(ast.If(zero, handler, [statement, *orelse]), node))
        raise NotApplicable(f'{self.own.node.name} uses try, which is compiled around a single division alone', node)

    def visit_Raise(self, node):
        return parse('raise ValueError')[0]

    def visit_Assert(self, node):
        return ast.If(self.visit(self._truth(ast.UnaryOp(ast.Not(), node.test))), parse('raise ValueError'), [])

    def visit_AnnAssign(self, node):
        if node.value is None:
            return None
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_Assign(self, node):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                special = self._container(name, value)
                if special is not None:
                    return special
            case ast.Assign(targets=[ast.Tuple(elts=into)], value=ast.Tuple(elts=values)) if _one_by_one(into, values):
                parts = [ast.copy_location(ast.Assign([one], value), node) for one, value in zip(into, values)]
                return [each for part in parts for made in [self.visit(part)] for each in (made if isinstance(made, list) else [made])]
        match node.value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='popleft')) if name in self.deques:
                first = ast.Assign([self.visit(target) for target in node.targets], expression(f'{name}[{name}__at]'))
                return [first, *parse(f'{name}__at += 1')]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='pop'), args=[]) if name in self.deques:
                last = ast.Assign([self.visit(target) for target in node.targets], expression(f'py.last_of({name}, {name}__at)'))
                return [last, *parse(f'{name}.pop()')]
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name) as into, slice=key)], value=ast.List(elts=[])) if name not in self.fixed:
                return [ast.Expr(call('put', into, self.visit(key), call('empty_of', into)))]
        value = self.visit(node.value)
        names = [target for target in node.targets if isinstance(target, ast.Name)]
        if any(target.id in self.fixed for target in names) and isinstance(node.value, (ast.List, ast.ListComp)):
            value = self._array(node.value, value)
        elif len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript) and self.lists and isinstance(node.value, (ast.List, ast.ListComp)):
            value = value if not self._of_fixed(node.targets[0]) else call('stacked', value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            return self._put(node.targets[0], value)
        if any(isinstance(each, ast.Subscript) for target in node.targets for each in ast.walk(target) if isinstance(getattr(each, 'ctx', None), ast.Store)):
            return self._several(node, value)
        return ast.Assign([self.visit(target) for target in node.targets], value)

    def _of_fixed(self, target):
        return isinstance(target.value, ast.Name) and target.value.id in self.fixed

    def _several(self, node, value):
        """`a[i], a[j] = a[j], a[i]`, one by one."""
        if len(node.targets) != 1 or not isinstance(node.targets[0], (ast.Tuple, ast.List)):
            raise NotApplicable('an assignment to several places at once is not compiled', node)
        held = self.fresh('value')
        made = [ast.Assign([ast.Name(held, ast.Store())], value)]
        for index, target in enumerate(node.targets[0].elts):
            part = expression(f'{held}[{index}]')
            match target:
                case ast.Subscript():
                    made += self._put(target, part)
                case ast.Name():
                    made.append(ast.Assign([target], part))
                case _:
                    raise NotApplicable('an assignment to several places at once is not compiled', node)
        return made

    def _put(self, target, value):
        if isinstance(target.slice, ast.Slice) or isinstance(target.slice, ast.Tuple) and any(isinstance(each, ast.Slice) for each in target.slice.elts):
            if self.lists:
                raise NotApplicable('an assignment to a part of a list is not compiled', target)
            return [ast.Assign([self.visit(target)], value)]
        outer = target.value
        if isinstance(outer, ast.Subscript) and not _slices(outer) and self._is_plain_base(outer.value):
            return [ast.Expr(call('put_inside', self.visit(outer.value), self.visit(outer.slice), self.visit(target.slice), value))]
        return [ast.Expr(call('put', self.visit(target.value), self.visit(target.slice), value))]

    def _is_plain_base(self, node):
        return isinstance(node, (ast.Name, ast.Subscript)) and not (isinstance(node, ast.Name) and node.id in self.defaults.keys() | self.deques)

    def _array(self, made_by, value):
        if isinstance(made_by, ast.List) and not made_by.elts:
            return value
        return call('stacked', value)

    def _placed(self, node):
        """The calls that stand for lists with room."""
        if node.func.id == ROOM:
            return ast.Call(expression('np.empty'), [self.visit(node.args[0]), expression(f'np.{node.args[1].value}')], [])
        if node.func.id == ROOM_LIKE:
            return call('room_like', *map(self.visit, node.args))
        return call('place', *map(self.visit, node.args))

    def _container(self, name, value):
        """Lists, dicts and deques that are made under a name; None where it is none of them."""
        full = self.full_name(value.func) if isinstance(value, ast.Call) else None
        if name in self.deques and full == 'collections.deque':
            first = value.args[0] if value.args else ast.List([], ast.Load())
            if value.keywords or len(value.args) > 1 or not isinstance(first, ast.List):
                raise NotApplicable('a deque of this kind is not compiled', value)
            return [ast.Assign([ast.Name(name, ast.Store())], self.visit(first)), *parse(f'{name}__at = 0')]
        default = None
        if full == 'collections.Counter' and len(value.args) == 1 and not value.keywords:
            return self._counted(name, value.args[0])
        if full == 'collections.Counter' and not value.args:
            default = 'Counter'
        elif full == 'collections.defaultdict' and len(value.args) == 1 and isinstance(value.args[0], ast.Name):
            default = value.args[0].id
        if is_buckets(value) and self.described.get(name, {}).get('item'):
            return [ast.Assign([ast.Name(name, ast.Store())], self._buckets(name, value))]
        if isinstance(value, ast.List) and not value.elts and not self._is_filled_here(name):
            item = self.described.get(name, {}).get('item') or self.kernels.record.item_of(name)
            if item:
                return parse(f'{name} = [{item} for none__ in range(0)]')
        empty = isinstance(value, ast.Dict) and None not in value.keys or full == 'dict' and not value.args and not value.keywords
        if default is not None or empty or isinstance(value, ast.DictComp):
            return self._dict(name, value, default)
        filled = self._filled(name, value)
        return None if filled is None else [ast.Assign([ast.Name(name, ast.Store())], filled)]

    def _is_filled_here(self, name):
        """Whether this function says itself what a list holds."""
        return any(isinstance(each, ast.Attribute) and each.attr in ('append', 'extend', 'insert') and isinstance(each.value, ast.Name) and each.value.id == name for each in ast.walk(self.own.node))

    def _buckets(self, name, value):
        item = expression(f'[{self.described[name]["item"]} for none__ in range(0)]')
        generators = copy.deepcopy(value.generators)
        for generator in generators:
            generator.iter = self.visit(self._iterable(generator.iter))
            generator.ifs = [self.visit(self._truth(each)) for each in generator.ifs]
        return ast.ListComp(item, generators)

    def _counted(self, name, values):
        """`Counter(values)`."""
        kinds = self.described.get(name, {}).get('numba')
        if not kinds:
            raise NotApplicable(f'the types of the items of {name} were not observed, or are not numbers', values)
        if not isinstance(values, (ast.GeneratorExp, ast.ListComp)):
            values = ast.GeneratorExp(ast.Name('each__', ast.Load()), [ast.comprehension(ast.Name('each__', ast.Store()), values, [], 0)])
        names = self._names([values])
        inside = [
            ast.Assign([ast.Name('key__', ast.Store())], self.visit(copy.deepcopy(values.elt))),
            *parse('made__[key__] = made__[key__] + 1 if key__ in made__ else 1'),
        ]
        body = [*parse(f'made__ = {self.kernels.empty_dict(kinds)}'), *self._loops(values.generators, inside), *parse('return made__')]
        self.defaults[name] = '0'
        return parse(f'{name} = {self.kernels.lifted("counts", names, body)}({", ".join(names)})')

    def _dict(self, name, value, default, kinds=None):
        kinds = kinds or self.described.get(name, {}).get('numba')
        if not kinds:
            raise NotApplicable(f'the types of the items of {name} were not observed, or are not numbers', value)
        empty = self.kernels.empty_dict(kinds)
        if isinstance(value, ast.DictComp):
            body = [call('put', expression('made__'), self.visit(value.key), self._item(expression('made__'), value.value))]
            names = self._names([value])
            inside = [*parse(f'made__ = {empty}'), *self._loops(value.generators, [ast.Expr(body[0])]), *parse('return made__')]
            lifted = self.kernels.lifted('dict', names, inside)
            return parse(f'{name} = {lifted}({", ".join(names)})')
        if default is not None:
            if default not in ('int', 'float', 'list', 'Counter'):
                raise NotApplicable(f'defaultdict({default}) is not compiled', value)
            self.defaults[name] = {'float': '0.0', 'list': 'list'}.get(default, '0')
        made = parse(f'{name} = {empty}')
        if isinstance(value, ast.Dict):
            into = ast.Name(name, ast.Load())
            made += [ast.Expr(call('put', into, self.visit(key), self._item(into, each))) for key, each in zip(value.keys, value.values)]
        return made

    def _item(self, into, value):
        """What is put into a dict; a list is of the type that it holds."""
        if isinstance(value, ast.List) and not value.elts:
            return call('empty_of', into)
        return self.visit(value)

    def _is_value(self, name):
        return name in self.local and name not in self.own.inner or self.own.is_value(name)

    def _filled(self, name, value):
        """`[c] * n` and comprehensions of one number, as an array; None where it is something else, or cannot be one."""
        if name not in self.fixed:
            return None
        shape = []
        while True:
            match value:
                case ast.BinOp(left=ast.List(elts=[inner]), op=ast.Mult(), right=count) | ast.BinOp(
                    left=count, op=ast.Mult(), right=ast.List(elts=[inner])
                ) if not shape or not isinstance(inner, (ast.List, ast.ListComp, ast.BinOp)) or not _makes_list(inner):
                    if _makes_list(inner):
                        return None
                    shape.append(count)
                    value = inner
                    break
                case ast.ListComp(elt=inner, generators=[ast.comprehension(target=target, iter=ast.Call(func=ast.Name(id='range'), args=[count]), ifs=[])]):
                    if targets(target) & all_reads(inner):
                        return None
                    shape.append(count)
                    value = inner
                    if not _makes_list(inner):
                        break
                case _:
                    return None
        if not isinstance(value, (ast.Constant, ast.UnaryOp, ast.Attribute, ast.Call, ast.Name)):
            return None
        if isinstance(value, ast.Call) and not (isinstance(value.func, ast.Name) and value.func.id == 'float'):
            return None
        if isinstance(value, ast.Constant) and not isinstance(value.value, (bool, int, float)):
            return None
        filler = self.visit(value)
        if isinstance(value, ast.Constant) and type(value.value) is int and 'float' in self.described.get(name, {}).get('type', ''):
            filler = ast.Constant(float(value.value))
        counts = [self.visit(count) for count in shape]
        return call('filled', counts[0] if len(counts) == 1 else ast.Tuple(counts, ast.Load()), filler)

    def visit_AugAssign(self, node):
        operation = _OPERATIONS.get(type(node.op))
        value = self.visit(node.value)
        target = node.target
        if isinstance(target, ast.Name):
            held = call('number', ast.Name(target.id, ast.Load()))
            made = call(operation, held, value) if operation else ast.BinOp(held, node.op, value)
            return ast.Assign([target], made)
        if not isinstance(target, ast.Subscript):
            raise NotApplicable(f'{ast.unparse(target)} is not compiled', node)
        if isinstance(target.slice, ast.Slice) or isinstance(target.slice, ast.Tuple) and any(isinstance(each, ast.Slice) for each in target.slice.elts):
            if self.lists:
                raise NotApplicable('an assignment to a part of a list is not compiled', target)
            return ast.AugAssign(self.visit(target), node.op, value)
        before = []
        index = self.visit(target.slice)
        if any(isinstance(each, ast.Call) for each in ast.walk(index)):
            name = self.fresh('at')
            before.append(ast.Assign([ast.Name(name, ast.Store())], index))
            index = ast.Name(name, ast.Load())
        base = self.visit(target.value)
        if isinstance(target.value, ast.Name) and target.value.id in self.defaults:
            old = call('got', base, index, expression(self.defaults[target.value.id]))
        else:
            old = ast.Subscript(base, index, ast.Load())
        inner = base
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == 'py.item_of':
            raise NotApplicable('a change three levels deep is not compiled', node)
        if isinstance(target.value, ast.Subscript) and not _slices(target.value) and self._is_plain_base(target.value.value) and isinstance(base, ast.Subscript):
            outer, first = base.value, base.slice
            old = call('number', call('item_of', copy.deepcopy(outer), copy.deepcopy(first), copy.deepcopy(index)))
            made = call(operation, old, value) if operation else ast.BinOp(old, node.op, value)
            return [*before, ast.Expr(call('put_inside', outer, first, copy.deepcopy(index), made))]
        old = call('number', old)
        made = call(operation, old, value) if operation else ast.BinOp(old, node.op, value)
        return [*before, ast.Expr(call('put', copy.deepcopy(base), copy.deepcopy(index), made))]

    def visit_For(self, node):
        full = self.full_name(node.iter.func) if isinstance(node.iter, ast.Call) else None
        if full in ('itertools.product', 'itertools.combinations'):
            return self.visit(self._nested(node, full))
        node.iter = self._iterable(node.iter)
        return super().generic_visit(node)

    def _iterable(self, node):
        match node:
            case ast.Call(func=ast.Name(id='zip'), args=[ast.Starred(value=ast.Name() as values)], keywords=[]):
                return call('columns', values)
            case ast.Call(func=ast.Name(id='reversed'), args=[ast.Call(func=ast.Name(id='range'), args=bounds)]) if len(bounds) < 3:
                low, high = (ast.Constant(0), bounds[0]) if len(bounds) == 1 else bounds
                one = ast.Constant(1)
                return ast.Call(ast.Name('range', ast.Load()), [ast.BinOp(high, ast.Sub(), one), ast.BinOp(low, ast.Sub(), one), ast.Constant(-1)], [])
            case ast.Call(func=ast.Name(id='reversed'), args=[values]):
                return ast.Subscript(values, ast.Slice(None, None, ast.Constant(-1)), ast.Load())
            case ast.Call(func=ast.Name(id='enumerate' | 'zip') as func, args=parts, keywords=keywords):
                return ast.Call(func, [*map(self._iterable, parts), *(each.value for each in keywords if each.arg == 'start')], [])
        return node

    def _nested(self, node, full):
        if node.orelse or any(isinstance(each, (ast.Break, ast.Continue)) for each in ast.walk(node)):
            raise NotApplicable(f'break and continue in a loop over {full} are not compiled', node)
        parts = node.target.elts if isinstance(node.target, (ast.Tuple, ast.List)) else None
        body = node.body
        if full == 'itertools.product':
            iterables = list(node.iter.args)
            match node.iter.keywords:
                case [ast.keyword(arg='repeat', value=ast.Constant(value=int() as times))] if len(iterables) == 1:
                    iterables *= times
                case [_, *_]:
                    raise NotApplicable('product of this kind is not compiled', node)
            if parts is None or len(parts) != len(iterables):
                raise NotApplicable('a loop over product needs a name for each part', node)
            for part, values in reversed(list(zip(parts, iterables))):
                body = [ast.For(part, copy.deepcopy(values), body, [])]
            return body[0]
        values, count = node.iter.args
        if parts is None or not isinstance(count, ast.Constant) or len(parts) != count.value or len(parts) > 4:
            raise NotApplicable('a loop over combinations needs a name for each part', node)
        simple = isinstance(values, ast.Name)
        if not simple and not (isinstance(values, ast.Call) and isinstance(values.func, ast.Name) and values.func.id == 'range' and len(values.args) == 1):
            raise NotApplicable('combinations of this kind are not compiled', node)
        size = f'len({values.id})' if simple else ast.unparse(values.args[0])
        places = [self.fresh('place') for _ in parts]
        named = [ast.Assign([part], expression(f'{values.id}[{at}]' if simple else at)) for part, at in zip(parts, places)]
        body = [*named, *body]
        for number in reversed(range(len(parts))):
            low = f'{places[number - 1]} + 1' if number else '0'
            body = [ast.For(ast.Name(places[number], ast.Store()), expression(f'range({low}, {size})'), body, [])]
        return body[0]

    def visit_While(self, node):
        node.test = self._truth(node.test)
        return super().generic_visit(node)

    visit_If = visit_IfExp = visit_While

    def _truth(self, test):
        """A condition in which lists that are arrays, and deques, are asked for their length."""
        match test:
            case ast.Name(id=name) if name in self.deques:
                return expression(f'len({name}) > 0')
            case ast.Name() | ast.Subscript() if self.lists and not _is_truth(test):
                return call('truth', test)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ast.UnaryOp(ast.Not(), self._truth(operand))
            case ast.BoolOp(op=op, values=values):
                return ast.BoolOp(op, [self._truth(each) for each in values])
        return test

    # Expressions.

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and not self._is_value(node.id):
            full = self.own.module.imports.get(node.id, node.id)
            if full in ('math.inf', 'math.nan', 'math.pi', 'math.e', 'math.tau', 'numpy.inf', 'numpy.nan', 'numpy.pi'):
                return self._constant(full)
            raise NotApplicable(f'{node.id} is used as a value, which is not compiled', node)
        return node

    def visit_Constant(self, node):
        if node.value is None or isinstance(node.value, (bool, float, complex)):
            return node
        if isinstance(node.value, int):
            if abs(node.value) >= 1 << 53:
                raise NotApplicable(f'{node.value} is beyond 53 bits', node)
            return node
        raise NotApplicable(f'{node.value!r:.40} is not compiled', node)

    def visit_BinOp(self, node):
        if self.own.module.number(node) is not None and not any(isinstance(each, ast.Name) for each in ast.walk(node)):
            return self.visit(ast.copy_location(ast.Constant(self.own.module.number(node)), node))
        joined = self._joined(node)
        if joined is not None:
            return joined
        left, right = self._operand(node.left), self._operand(node.right)
        operation = _OPERATIONS.get(type(node.op))
        if operation is not None:
            return call(operation, left, right)
        if isinstance(node.op, ast.MatMult) and self.lists:
            raise NotApplicable('@ is not compiled', node)
        return ast.BinOp(left, node.op, right)

    def _joined(self, node):
        """`a + b` of lists, where one of them is seen to be a list; else None."""
        if self.lists and isinstance(node.op, ast.Add) and (self._is_made_list(node.left) or self._is_made_list(node.right)):
            return call('joined', self.visit(node.left), self.visit(node.right))
        return None

    def _is_made_list(self, node):
        match node:
            case ast.List() | ast.ListComp() | ast.Subscript(slice=ast.Slice()) | ast.Call(func=ast.Name(id='list' | 'sorted')):
                return True
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._is_made_list(left) or self._is_made_list(right)
        return False

    def _operand(self, node):
        made = self.visit(node)
        if self.lists and isinstance(node, (ast.Name, ast.Subscript, ast.Call)):
            return call('number', made)
        return made

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            return call('neg', self._operand(node.operand))
        if isinstance(node.op, ast.Not):
            node = self._truth(node)
        return super().generic_visit(node)

    def visit_BoolOp(self, node):
        return super().generic_visit(self._truth(node))

    def visit_Compare(self, node):
        parts = [node.left, *node.comparators]
        for op, right in zip(node.ops, node.comparators):
            if isinstance(op, (ast.In, ast.NotIn)) and isinstance(right, ast.Constant) and isinstance(right.value, str):
                # A letter in a text.
                parts[parts.index(right)] = ast.Tuple([ast.Constant(letter) for letter in right.value], ast.Load())
        plain = not any(isinstance(op, (ast.In, ast.NotIn, ast.Is, ast.IsNot)) for op in node.ops)
        made = [self._compared(part, plain) for part in parts]
        return ast.Compare(made[0], node.ops, made[1:])

    def _compared(self, part, plain):
        match part:
            case ast.Constant(value=str() as letter) if len(letter) == 1 and self.has_text:
                return expression(f'np.uint32({ord(letter)})')
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return ast.Tuple([self._compared(each, plain) for each in parts], ast.Load())
            case ast.Call(func=ast.Attribute(value=values, attr='get'), args=[key, default], keywords=[]) if plain and self.full_name(part.func) is None:
                return call('least_known', self.visit(values), self.visit(key), self.visit(default))
        return self._operand(part) if plain else self.visit(part)

    def visit_Subscript(self, node):
        if isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in self.defaults:
            if self.defaults[node.value.id] == 'list':
                return call('bucket', node.value, self.visit(node.slice))
            return call('fetch', node.value, self.visit(node.slice), expression(self.defaults[node.value.id]))
        if isinstance(node.value, ast.Name) and node.value.id in self.deques:
            return self._of_deque(node)
        match node:
            case ast.Subscript(value=ast.Call(func=ast.Name(id='sorted'), args=[values], keywords=[]), slice=ast.Slice(lower=None, upper=ast.expr() as count, step=None)):
                if self.full_name(node.value.func) == 'sorted' and not (isinstance(values, ast.Name) and values.id in self.fixed):
                    values = ast.ListComp(values.elt, values.generators) if isinstance(values, ast.GeneratorExp) else values
                    return call('smallest', self.visit(values), self.visit(count))
        if isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load) and self.lists:
            parts = [ast.Constant(None) if each is None else self.visit(each) for each in (node.slice.lower, node.slice.upper, node.slice.step)]
            return call('cut', self.visit(node.value), *parts)
        outer = node.value
        if isinstance(node.ctx, ast.Load) and isinstance(outer, ast.Subscript) and not _slices(node) and not _slices(outer) and self._is_plain_base(outer.value):
            return call('item_of', self.visit(outer.value), self.visit(outer.slice), self.visit(node.slice))
        return super().generic_visit(node)

    def _of_deque(self, node):
        name = node.value.id
        match node:
            case ast.Subscript(slice=ast.Constant(value=int() as place), ctx=ast.Load()):
                return expression(f'{name}[{name}__at + {place}]')
            case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), ctx=ast.Load()):
                return expression(f'py.last_of({name}, {name}__at)')
        raise NotApplicable('an item of a deque other than its first and its last is not compiled', node)

    def visit_Attribute(self, node):
        full = self.full_name(node)
        if full is not None:
            if full in ('math.inf', 'math.nan', 'math.pi', 'math.e', 'math.tau', 'numpy.inf', 'numpy.nan', 'numpy.pi', 'numpy.e'):
                return self._constant(full)
            if full.split('.')[0] in ('numpy', 'cmath') and isinstance(node.ctx, ast.Load):
                return self._library(full)
            raise NotApplicable(f'{ast.unparse(node)} is not compiled', node)
        if node.attr not in ('shape', 'size', 'ndim', 'T', 'real', 'imag', 'flat'):
            raise NotApplicable(f'{ast.unparse(node)} is not compiled', node)
        return super().generic_visit(node)

    def _constant(self, full):
        name = full.partition('.')[2]
        return ast.Constant(getattr(math, name)) if name in ('pi', 'e', 'tau') else expression(f'np.{name}')

    def _library(self, full):
        library, _, rest = full.partition('.')
        return expression(f'np.{rest}' if library == 'numpy' else full)

    def visit_ListComp(self, node):
        for generator in node.generators:
            generator.iter = self._iterable(generator.iter)
            generator.ifs = [self._truth(each) for each in generator.ifs]
        return super().generic_visit(node)

    def visit_GeneratorExp(self, node):
        raise NotApplicable('a generator that is no argument of sum, min, max, any, all, list or sorted is not compiled', node)

    def visit_SetComp(self, node):
        inside = [ast.Expr(ast.Call(expression('made__.add'), [self.visit(node.elt)], []))]
        return self._lift('set', node, [*parse('made__ = set()'), *self._loops(node.generators, inside), *parse('return made__')])

    def visit_DictComp(self, node):
        raise NotApplicable('a dict made inside an expression is not compiled', node)

    def visit_List(self, node):
        if self.kernels.floats:
            for each in node.elts:
                if isinstance(each, ast.Tuple) and isinstance(each.elts[0], ast.Constant) and type(each.elts[0].value) is int:
                    each.elts[0] = ast.Constant(float(each.elts[0].value))
        return self.generic_visit(node)

    def visit_Dict(self, node):
        raise NotApplicable('a dict with items, or inside an expression, is not compiled', node)

    def _lift(self, what, node, body, more=()):
        names = self._names([node, *more])
        return expression(f'{self.kernels.lifted(what, names, body)}({", ".join(names)})')

    def _names(self, nodes):
        """The names of the values that expressions, and what they call, read."""
        names = set().union(*map(reads, nodes))
        called = [self.own.find(name) for name in names]
        names |= {name for found in called if found is not None for name in found.needs()}
        return sorted(name for name in names if self._is_value(name))

    def _loops(self, generators, inside):
        for generator in reversed(generators):
            for test in reversed(generator.ifs):
                inside = [ast.If(self.visit(self._truth(copy.deepcopy(test))), inside, [])]
            inside = [ast.For(generator.target, self.visit(self._iterable(copy.deepcopy(generator.iter))), inside, [])]
        return inside

    def visit_Call(self, node):
        func = node.func
        if isinstance(func, ast.Name) and func.id in (ROOM, ROOM_LIKE, PLACE):
            return self._placed(node)
        if isinstance(func, ast.Attribute) and self.full_name(func) is None:
            return self._method(node)
        full = self.full_name(func)
        found = self.own.find(func.id) if isinstance(func, ast.Name) else self.own.elsewhere(full) if full and '.' in full else None
        if found is not None:
            return self._own_call(node, found)
        if full is None:
            raise NotApplicable(f'{ast.unparse(func)} is called, which is not compiled', node)
        if '.' in full:
            return self._library_call(node, full)
        return self._builtin(node, full)

    def _own_call(self, node, found):
        names = [argument.arg for argument in found.node.args.posonlyargs + found.node.args.args]
        functions = {name: self._function(each) for name, each in [*zip(names, node.args), *((each.arg, each.value) for each in node.keywords)]}
        functions = {name: each for name, each in functions.items() if each is not None}
        if functions:
            found = found.taking(functions)
            node.args = [each for name, each in zip(names, node.args) if name not in functions]
            node.keywords = [each for each in node.keywords if each.arg not in functions]
            names = [name for name in names if name not in functions]
        name, needs = self.kernels.helper(found, self.lists)
        arguments = [self.visit(argument) for argument in node.args]
        if node.keywords or len(arguments) < len(names):
            given = dict(zip(names, arguments)) | {each.arg: self.visit(each.value) for each in node.keywords}
            for missing, default in defaults(found.node).items():
                if missing not in given:
                    given[missing] = Translator(self.kernels, found, [], self.lists, set(), {}, []).visit(copy.deepcopy(default))
            if set(given) != set(names):
                raise NotApplicable(f'the arguments of {found.node.name} are not all given', node)
            arguments = [given[each] for each in names]
        return ast.Call(expression(name), [*arguments, *(ast.Name(each, ast.Load()) for each in sorted(needs))], [])

    def _function(self, node):
        """The own function that an argument is; None where it is a value."""
        match node:
            case ast.Name(id=name) if not self._is_value(name):
                return self.own.find(name)
            case ast.Lambda(args=arguments, body=body):
                made = ast.FunctionDef(f'lambda_{node.lineno}', arguments, [ast.copy_location(ast.Return(body), node)], [])
                return Own(ast.copy_location(made, node), self.own.module, self.own)
        return None

    def _method(self, node):
        func = node.func
        if isinstance(func.value, ast.Name) and func.value.id in self.deques and func.attr != 'append':
            raise NotApplicable(f'{ast.unparse(func)} is not compiled here', node)
        if func.attr == 'copy' and not node.args and self.lists and self._is_list(func.value):
            return call('cut', self.visit(func.value), *(ast.Constant(None) for _ in range(3)))
        match node:
            case ast.Call(func=ast.Attribute(attr='setdefault'), args=[key, ast.List(elts=[])], keywords=[]):
                return call('bucket', self.visit(func.value), self.visit(key))
        if func.attr in ('count', 'index') and len(node.args) == 1 and not node.keywords:
            return call('count_of' if func.attr == 'count' else 'place_of', self.visit(func.value), self._compared(node.args[0], False))
        if func.attr == 'get' and len(node.args) == 2:
            return call('got', self.visit(func.value), *map(self.visit, node.args))
        if isinstance(func.value, ast.Name) and self.described.get(func.value.id, {}).get('kind') == 'generator':
            return self._drawn(node)
        if node.keywords and func.attr not in ('sort',) and self.lists:
            raise NotApplicable(f'{ast.unparse(func)} is not compiled here', node)
        if any(keyword.arg == 'key' for keyword in node.keywords):
            raise NotApplicable('sort with a key is not compiled', node)
        node.args = [self.visit(each) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        node.func = ast.Attribute(self.visit(func.value), func.attr, ast.Load())
        return node

    def _drawn(self, node):
        if node.func.attr not in _DRAWS:
            raise NotApplicable(f'{ast.unparse(node.func)} is not compiled here', node)
        node.args = [self.visit(each) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self._dtype(keyword.value) or self.visit(keyword.value)
        return node

    def _is_list(self, node):
        return isinstance(node, ast.Subscript) or isinstance(node, ast.Name) and node.id in self.fixed

    def _library_call(self, node, full):
        library, _, name = full.partition('.')
        if library == 'math' and name in _CHECKED_MATH and len(node.args) == 1:
            return call(f'math_{name}', self._operand(node.args[0]))
        if library == 'math' and name == 'pow' and len(node.args) == 2:
            return call('power', call('real', self._operand(node.args[0])), self._operand(node.args[1]))
        if library == 'bisect' and name in ('bisect', 'bisect_left', 'bisect_right') and len(node.args) == 2:
            return call('bisect_left' if name == 'bisect_left' else 'bisect_right', *map(self.visit, node.args))
        if full == 'itertools.permutations' and not node.keywords and len(node.args) in (1, 2):
            values = self.visit(node.args[0])
            return call('permuted', values, self.visit(node.args[1]) if len(node.args) == 2 else ast.Call(ast.Name('len', ast.Load()), [copy.deepcopy(values)], []))
        made_of = array_of(node, self.own.module)
        if made_of is not None and not self.lists and self.described.get(made_of.id, {}).get('kind') in LISTS:
            dtype = [self._dtype(each.value) or self.visit(each.value) for each in node.keywords]
            return ast.Call(ast.Attribute(made_of, 'astype' if dtype else 'copy', ast.Load()), dtype, [])
        match full, node.args, node.keywords:
            case 'numpy.array', [ast.List(elts=[])], []:
                return expression('np.empty(0)')
        if library == 'numpy' and name.startswith('random') or library not in _LIBRARIES:
            raise NotApplicable(f'{self.own.node.name} calls {full}, which is not compiled', node)
        node.args = [self.visit(each) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self._dtype(keyword.value) or self.visit(keyword.value)
        node.func = self._library(full)
        return node

    def _dtype(self, node):
        spelled = {'int': 'np.int64', 'float': 'np.float64', 'bool': 'np.bool_', 'complex': 'np.complex128'}
        return expression(spelled[node.id]) if isinstance(node, ast.Name) and node.id in spelled else None

    def _builtin(self, node, name):
        arguments = node.args
        match name, arguments:
            case 'float', [ast.Constant(value=str() as text)]:
                try:
                    return expression(f'np.{float(text)}' if not math.isfinite(float(text)) and float(text) > 0 or text == 'nan' else '-np.inf' if float(text) < 0 and math.isinf(float(text)) else repr(float(text)))
                except ValueError:
                    raise NotApplicable(f'float({text!r}) raises', node) from None
            case 'len', [ast.Name(id=queue)] if queue in self.deques:
                return expression(f'(len({queue}) - {queue}__at)')
            case 'abs', [value]:
                return call('absolute', self._operand(value))
            case 'int', [value]:
                return call('to_int', self._operand(value))
            case 'round', [value]:
                return call('rounded', self._operand(value))
            case 'ord', [value]:
                return call('code', self.visit(value))
            case 'divmod', [one, two]:
                one, two = self._operand(one), self._operand(two)
                return ast.Tuple([call('floordiv', one, two), call('mod', copy.deepcopy(one), copy.deepcopy(two))], ast.Load())
            case 'pow', [one, two]:
                return call('power', self._operand(one), self._operand(two))
            case 'pow', [one, two, three]:
                return call('power_mod', *(self._operand(each) for each in (one, two, three)))
            case ('sum' | 'min' | 'max' | 'any' | 'all'), _:
                return self._reduction(node, name)
            case 'list', [ast.GeneratorExp(elt=elt, generators=generators)]:
                return self.visit(ast.ListComp(elt, generators))
            case 'list', [ast.Name() as values] if self.lists and values.id in self.fixed:
                return call('cut', self.visit(values), *(ast.Constant(None) for _ in range(3)))
            case 'list', [values]:
                return self.visit(ast.ListComp(ast.Name('each__', ast.Load()), [ast.comprehension(ast.Name('each__', ast.Store()), values, [], 0)]))
            case 'sorted', [ast.GeneratorExp(elt=elt, generators=generators)]:
                node.args = [ast.ListComp(elt, generators)]
        if name == 'range':
            node.args = [call('whole', self.visit(each)) if not isinstance(each, ast.Constant) else self.visit(each) for each in node.args]
            return node
        if name not in _AS_THEY_ARE or any(keyword.arg in ('key', 'default') for keyword in node.keywords):
            raise NotApplicable(f'{self.own.node.name} calls {name}, which is not compiled here', node)
        node.args = [self.visit(self._iterable(each) if name in ('zip', 'enumerate') else each) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node

    def _reduction(self, node, name):
        keywords = {each.arg: each.value for each in node.keywords}
        arguments = node.args
        if name in ('min', 'max') and len(arguments) > 1:
            if keywords:
                raise NotApplicable(f'{name} of several values with a key is not compiled', node)
            made = self._operand(arguments[0])
            for other in arguments[1:]:
                made = call(f'{name}_of', made, self._operand(other))
            return made
        if not arguments:
            raise NotApplicable(f'{name} without a value', node)
        values, *start = arguments
        if name in ('min', 'max', 'sum') and not keywords and not start and not isinstance(values, ast.GeneratorExp):
            return call({'min': 'least', 'max': 'greatest', 'sum': 'total'}[name], self.visit(values))
        if not isinstance(values, (ast.GeneratorExp, ast.ListComp)):
            values = ast.GeneratorExp(ast.Name('each__', ast.Load()), [ast.comprehension(ast.Name('each__', ast.Store()), values, [], 0)])
        if start:
            keywords['start'] = start[0]
        return self._lift(name, values, self._reduced(name, values, keywords), list(keywords.values()))

    def _reduced(self, name, values, keywords):
        element = self.visit(copy.deepcopy(values.elt))
        if name == 'sum':
            begin = self.visit(copy.deepcopy(keywords['start'])) if 'start' in keywords else ast.Constant(0)
            inside = [ast.Assign([ast.Name('sum__', ast.Store())], call('add', expression('sum__'), element))]
            return [ast.Assign([ast.Name('sum__', ast.Store())], begin), *self._loops(values.generators, inside), *parse('return sum__')]
        if name in ('any', 'all'):
            test = self.visit(self._truth(copy.deepcopy(values.elt)))
            if name == 'all':
                test = ast.UnaryOp(ast.Not(), test)
            inside = [ast.If(test, parse(f'return {name == "any"}'), [])]
            return [*self._loops(values.generators, inside), *parse(f'return {name == "all"}')]
        better = '<' if name == 'min' else '>'
        inside = [ast.Assign([ast.Name('value__', ast.Store())], element)]
        if 'key' in keywords:
            inside.append(ast.Assign([ast.Name('key__', ast.Store())], self._key(keywords['key'])))
            inside += parse(
                'if not found__:\n    best__ = value__\n    best_key__ = key__\n    found__ = True\n'
                f'elif key__ {better} best_key__:\n    best__ = value__\n    best_key__ = key__'
            )
        else:
            inside += parse(f'if not found__:\n    best__ = value__\n    found__ = True\nelif value__ {better} best__:\n    best__ = value__')
        none = [ast.Return(self.visit(copy.deepcopy(keywords['default'])))] if 'default' in keywords else parse('raise ValueError')
        return [*parse('found__ = False'), *self._loops(values.generators, inside), ast.If(expression('not found__'), none, []), *parse('return best__')]

    def _key(self, key):
        """A key function, of `value__`."""
        match key:
            case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name)]), body=body):

                class Renamed(ast.NodeTransformer):
                    def visit_Name(self, node):
                        return ast.Name('value__', ast.Load()) if node.id == name else node

                return self.visit(Renamed().visit(copy.deepcopy(body)))
            case ast.Name() | ast.Attribute():
                return self.visit(ast.Call(copy.deepcopy(key), [ast.Name('value__', ast.Load())], []))
        raise NotApplicable('a key of this kind is not compiled', key)


def _is_truth(node):
    return isinstance(node, ast.Call)


def sorted_where_cut(statements):
    """`x.sort()` of a list of which nothing but `x[:k]` is used afterwards becomes `sorted(x)[:k]` there."""
    for node in (each for statement in [ast.Module(statements, [])] for each in ast.walk(statement)):
        for block in (getattr(node, field, None) for field in ('body', 'orelse')):
            for at, statement in enumerate(block if isinstance(block, list) else []):
                match statement:
                    case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr='sort'), args=[], keywords=[])):
                        _cut_sorted(statements, block, at, name)
    return statements


def _cut_sorted(statements, block, at, name):
    later = [each for statement in block[at + 1 :] for each in ast.walk(statement)]
    uses = [each for each in later if isinstance(each, ast.Name) and each.id == name]
    cuts = [
        each for each in later
        if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name) and each.value.id == name and isinstance(each.ctx, ast.Load)
        and isinstance(each.slice, ast.Slice) and each.slice.lower is None and each.slice.step is None and isinstance(each.slice.upper, (ast.Name, ast.Constant))
    ]  # fmt: skip
    # Made anew in the same block, so that no other turn and nothing after it sees it.
    fresh = any(isinstance(each, ast.Assign) and name in targets(each.targets[0]) for each in block[:at])
    others = sum(isinstance(each, ast.Name) and each.id == name for statement in statements for each in ast.walk(statement))
    own = sum(isinstance(each, ast.Name) and each.id == name for statement in block for each in ast.walk(statement))
    if len(uses) == 1 == len(cuts) and fresh and others == own:
        block[at] = ast.Pass()
        cuts[0].value = ast.Call(ast.Name('sorted', ast.Load()), [ast.Name(name, ast.Load())], [])


def _only_divisor(statement):
    """What the one division of a statement divides by, where that is a name, a number or an item."""
    if not isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)):
        return None
    found = [each.right for each in ast.walk(statement) if isinstance(each, ast.BinOp) and isinstance(each.op, (ast.Div, ast.FloorDiv, ast.Mod))]
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Div, ast.FloorDiv, ast.Mod)):
        found.append(statement.value)
    hidden = any(isinstance(each, (ast.Pow, ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp, ast.Lambda)) for each in ast.walk(statement))
    calls = any(isinstance(each, ast.Call) and not (isinstance(each.func, ast.Name) and each.func.id in ('abs', 'float', 'len', 'min', 'max')) and not _is_append(each) for each in ast.walk(statement))
    if len(found) != 1 or hidden or calls or any(isinstance(each, ast.Call) for each in ast.walk(found[0])):
        return None
    return found[0]


def _is_append(call):
    return isinstance(call.func, ast.Attribute) and call.func.attr == 'append' and isinstance(call.func.value, ast.Name)


def _cannot_fail(statement):
    """Whether nothing in a statement but a division raises an exception."""
    return not any(isinstance(each, (ast.Subscript, ast.Call)) and not (isinstance(each, ast.Call) and _is_append(each)) for each in ast.walk(statement))


def _is_bucket(node):
    match node:
        case ast.Call(func=ast.Attribute(attr='setdefault'), args=[_, ast.List(elts=[])]):
            return True
    return False


def _slices(node):
    """Whether a subscript may pick several items."""
    return isinstance(node.slice, (ast.Slice, ast.Tuple, ast.Constant)) and not (
        isinstance(node.slice, ast.Constant) and type(node.slice.value) is int
    )


def _one_by_one(into, values):
    """Whether `a, b = x, y` may be carried out as two assignments."""
    names = {each.id for each in into if isinstance(each, ast.Name)}
    return len(into) == len(values) == len(names) and not any(names & all_reads(value) for value in values)


def _makes_list(node):
    return isinstance(node, (ast.List, ast.ListComp)) or isinstance(node, ast.BinOp) and any(isinstance(each, ast.List) for each in (node.left, node.right))
