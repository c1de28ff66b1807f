"""Finds the loops whose turns may run at the same time, and proves it from the syntax tree.

A loop is taken only if no turn reads what another turn writes. Local names must be assigned in every turn before
they are read; `total += x` becomes a sum of partial sums; an array may be written either at the turn's own index
only (`out[i, j] = …` in a loop over `i`), or by nothing but `+=` and `-=` (a scatter), in which case every
thread adds into an array of its own. Anything the proof does not cover is refused with its reason.
Names that may stand for the same array are treated as one array.
"""

import ast
from dataclasses import dataclass

import numpy as np

from case import ArrayType
from source import NotApplicable, parameters


@dataclass
class ParallelLoop:
    """One loop over a range with step 1.

    private: names that each turn assigns for itself; scattered: names of arrays that get only `+=`;
    sums: names of numbers that get only `+=`.
    """

    node: ast.For
    index: str
    private: list[str]
    scattered: list[str]
    sums: list[str]


def find_parallel_loops(module, types):
    """The outermost loops of the module's function that may run in parallel, in the order of the source.

    types: parameter name -> type, as of `argument_types`. Raises NotApplicable with the first obstacle where there is none.
    """
    scope = _Scope(module, types)
    found, obstacles = [], []
    for node in _loops(module.function.body):
        _collect(scope, node, found, obstacles, depth=0)
    if not found:
        raise obstacles[0] if obstacles else NotApplicable(f'{module.name} has no loop over a range to share out', module.function)
    return found


def _collect(scope, node, found, obstacles, depth):
    inner = list(_loops(node.body))
    try:
        # Threads are started for every turn of the loop around: that pays for a sweep within time steps, not further in.
        if depth > 0 and not inner:
            raise NotApplicable('this loop is too short to share out', node)
        found.append(_prove(scope, node))
    except NotApplicable as obstacle:
        obstacles.append(obstacle)
        for loop in inner if depth == 0 else []:
            _collect(scope, loop, found, obstacles, depth + 1)


def _loops(statements):
    """The outermost loops among statements."""
    for statement in statements:
        if isinstance(statement, (ast.For, ast.While)):
            yield statement
        elif isinstance(statement, ast.If):
            yield from _loops(statement.body)
            yield from _loops(statement.orelse)


class _Scope:
    """What the proof needs to know of the whole function: which names may be the same array, what callees do."""

    def __init__(self, module, types):
        self.module = module
        self.function = module.function
        numbers = {name for name, kind in types.items() if not isinstance(kind, ArrayType)}
        self.aliases = _Aliases(module, module.function, numbers)
        self.effects = _effects(module)


class _Aliases:
    """Sets of local names that may stand for the same array."""

    def __init__(self, module, function, numbers=frozenset(), callers=()):
        self.module = module
        self.function = function
        self.parent = {}
        self.sources = {}
        self.numbers = numbers
        self.callers = callers
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(target, value)
                case ast.AnnAssign(target=target, value=value) if value is not None:
                    self._bind(target, value)
                case ast.For(target=target, iter=iterable):
                    # Walking along an array gives its rows.
                    if not _is_range(module, iterable):
                        self._bind(target, iterable)

    def _bind(self, target, value):
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value] * len(target.elts)
            if len(parts) == len(target.elts):
                for element, part in zip(target.elts, parts):
                    self._bind(element, part)
        elif isinstance(target, ast.Name):
            for origin in self.origins(value):
                self.parent[self.root(target.id)] = self.root(origin)
                self.sources.setdefault(target.id, set()).add(origin)

    def origins(self, value):
        """The names whose array `value` may be, or be a part of."""
        match value:
            case ast.Name(id=name):
                return set() if name in self.numbers or name in self.module.imports else {name}
            case ast.Subscript(value=base) | ast.Starred(value=base):
                return self.origins(base)
            case ast.Attribute(value=base, attr=attr):
                return set() if attr in ('shape', 'size', 'ndim', 'dtype') else self.origins(base)
            case ast.IfExp(body=body, orelse=orelse):
                return self.origins(body) | self.origins(orelse)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return set().union(*map(self.origins, elements)) if elements else set()
            case ast.Call(func=func, args=args):
                name = self.module.full_name(func)
                if name in ('int', 'float', 'len', 'min', 'max', 'abs', 'round', 'range') or _makes_new(name):
                    return set()
                if name in self.module.functions:
                    args = self._returned(value, self.module.functions[name])
                if isinstance(func, ast.Attribute) and name is None and func.attr in _NEW_METHODS:
                    return set()
                origins = set().union(*map(self.origins, args)) if args else set()
                return origins | (self.origins(func.value) if isinstance(func, ast.Attribute) else set())
        return set()

    def _returned(self, call, callee):
        """The arguments of a call which the callee may give back."""
        if callee is self.function or callee.name in self.callers:
            return [*call.args, *(keyword.value for keyword in call.keywords)]
        inside = _Aliases(self.module, callee, callers=(*self.callers, callee.name))
        returned = {
            origin
            for node in ast.walk(callee)
            if isinstance(node, ast.Return) and node.value is not None
            for name in inside.origins(node.value)
            for origin in inside.behind(name)
        }
        return [argument for name, argument in _given(call, callee) if name in returned]

    def root(self, name):
        """The name that stands for all names of the same array."""
        while name in self.parent and self.parent[name] != name:
            name = self.parent[name]
        return name

    def behind(self, name):
        """The names whose first array may stand behind `name`, its own included. Unlike `root` this has a direction: after `a = b` a
        write into b is none into what a was.
        """
        found, waiting = {name}, [name]
        while waiting:
            for source in self.sources.get(waiting.pop(), ()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return found


def _given(call, callee):
    """(parameter name, argument) of a call of one of the module's functions."""
    return [*zip(parameters(callee), call.args), *((keyword.arg, keyword.value) for keyword in call.keywords)]


def _makes_new(name):
    """Library functions whose result shares no memory with their arguments."""
    library, _, function = (name or '').rpartition('.')
    if library == 'math':
        return True
    return library == 'numpy' and function not in ('asarray', 'ascontiguousarray', 'ravel', 'reshape', 'transpose')


# Methods of arrays whose result shares no memory with the array.
_NEW_METHODS = ('copy', 'sum', 'min', 'max', 'mean', 'dot', 'astype')
# Methods that leave the array as it is; others, such as `sort` and `fill`, change it.
_KEEPING_METHODS = (
    *_NEW_METHODS,
    *('all', 'any', 'argmax', 'argmin', 'argsort', 'clip', 'conj', 'cumprod', 'cumsum', 'diagonal', 'flatten', 'item', 'nonzero'),
    *('prod', 'ravel', 'repeat', 'reshape', 'round', 'squeeze', 'std', 'swapaxes', 'take', 'tolist', 'trace', 'transpose', 'var', 'view'),
)


def _is_range(module, node):
    return isinstance(node, ast.Call) and module.full_name(node.func) == 'range'


def _effects(module):
    """Function name -> parameter name -> how its array is used: a set of 'read', 'add' and 'write'."""
    functions = module.reachable()
    effects = {function.name: {} for function in functions}
    for _ in functions:
        for function in functions:
            uses = _Uses(module, _Aliases(module, function), effects)
            uses.statements(function.body)
            for name in parameters(function):
                effects[function.name][name] = {use.kind for use in uses.found if name in uses.aliases.behind(use.name)}
    return effects


def written_parameters(module):
    """The parameters of the module's function whose arrays it changes."""
    return [name for name, kinds in _effects(module)[module.name].items() if kinds & {'add', 'write'}]


@dataclass
class _Use:
    root: str
    name: str
    kind: str
    index: list[ast.expr] | None
    line: int


class _Uses:
    """Collects how the arrays behind names are used in some statements."""

    def __init__(self, module, aliases, effects):
        self.module = module
        self.aliases = aliases
        self.effects = effects
        self.found = []

    def _add(self, base, kind, index, line):
        for name in self.aliases.origins(base):
            self.found.append(_Use(self.aliases.root(name), name, kind, index, line))

    def statements(self, statements):
        for statement in statements:
            self.statement(statement)

    def statement(self, node):
        match node:
            case ast.Assign(targets=targets, value=value):
                # Naming an array, or a part of one, is no use of it: what is done under that name is.
                if not (_is_view(value) and all(isinstance(target, ast.Name) for target in targets)):
                    self.expression(value)
                else:
                    self.indices(value)
                for target in targets:
                    self.store(target, 'write')
            case ast.AugAssign(target=target, op=op, value=value):
                self.expression(value)
                if isinstance(target, ast.Subscript):
                    plain = isinstance(op, (ast.Add, ast.Sub))
                    self.store(target, 'add' if plain else 'write')
                    if not plain:
                        self._add(target.value, 'read', _index(target), node.lineno)
                else:
                    self.expression(ast.copy_location(ast.Name(target.id, ast.Load()), target))
                    self._add(target, 'write', None, node.lineno)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.expression(value)
                    self.store(target, 'write')
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                self.expression(iterable)
                self.store(target, 'write')
                self.statements(body)
                self.statements(orelse)
            case ast.While(test=test, body=body, orelse=orelse) | ast.If(test=test, body=body, orelse=orelse):
                self.expression(test)
                self.statements(body)
                self.statements(orelse)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.expression(child)

    def store(self, target, kind):
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    self.store(element, kind)
            case ast.Subscript(value=base):
                self._add(base, kind, _index(target), target.lineno)
                self.indices(target)
            case ast.Attribute(value=base):
                self._add(base, 'write', None, target.lineno)

    def indices(self, node):
        """The expressions inside the brackets of `a[i][j]`, without `a`."""
        while isinstance(node, (ast.Subscript, ast.Attribute)):
            if isinstance(node, ast.Subscript):
                self.expression(node.slice)
            node = node.value

    def expression(self, node):
        match node:
            case ast.Name():
                self._add(node, 'read', None, node.lineno)
            case ast.Attribute(attr='shape' | 'size' | 'ndim' | 'dtype'):
                pass
            case ast.Subscript(value=base):
                if isinstance(base, ast.Attribute) and base.attr == 'shape':
                    return
                self._add(base, 'read', _index(node), node.lineno)
                self.indices(node)
            case ast.Call():
                self.call(node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.expression(child)

    def call(self, node):
        name = self.module.full_name(node.func)
        arguments = node.args + [keyword.value for keyword in node.keywords]
        if name in self.effects:
            for parameter, argument in _given(node, self.module.functions[name]):
                if _is_view(argument):
                    self.indices(argument)
                    for kind in self.effects[name].get(parameter, ()):
                        self._add(argument, kind, None, node.lineno)
                else:
                    self.expression(argument)
            return
        if name == 'len':
            return
        for changed in self._changed(node, name):
            self._add(changed, 'write', None, node.lineno)
        for argument in arguments:
            self.expression(argument)
        if isinstance(node.func, ast.Attribute) and name is None:
            self.expression(node.func.value)

    def _changed(self, node, name):
        """The arrays that a call of another function than the module's own may change."""
        out = [keyword.value for keyword in node.keywords if keyword.arg == 'out']
        if name is None:
            # A method: of the array it belongs to.
            kept = not isinstance(node.func, ast.Attribute) or node.func.attr in _KEEPING_METHODS
            return out if kept else [*out, node.func.value]
        library, _, function = name.rpartition('.')
        if library in ('', 'math', 'cmath'):
            return out
        ufunc = getattr(np, function, None) if library == 'numpy' else None
        if isinstance(ufunc, np.ufunc):
            return [*out, *node.args[ufunc.nin :]]
        if library == 'numpy' and function not in _CHANGING:
            return out
        # Of NumPy's, such as `np.add.at` and `np.random.shuffle`, the first; of what nobody knows here, any.
        return [*out, *(node.args[:1] if name.startswith('numpy.') else node.args)]


def _is_view(node):
    """`a`, `a[i]`, `a[i].T`: a name for an array or for a part of one, or a single element."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return isinstance(node, ast.Name)


def _index(node):
    """The indices of `a[i][j, k]` as one list."""
    own = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    return _index(node.value) + own if isinstance(node.value, ast.Subscript) else own


_PURE_BUILTINS = ('range', 'len', 'min', 'max', 'abs', 'int', 'float', 'bool', 'round', 'sum', 'enumerate', 'zip')
_CHANGING = ('copyto', 'put', 'place', 'putmask', 'fill_diagonal', 'put_along_axis')


def _require_pure_calls(module, nodes, seen):
    for node in nodes:
        for call in (child for child in ast.walk(node) if isinstance(child, ast.Call)):
            name = module.full_name(call.func)
            if name in module.functions:
                if name not in seen:
                    seen.add(name)
                    _require_pure_calls(module, module.functions[name].body, seen)
                continue
            library, _, function = (name or '').rpartition('.')
            method = call.func.attr if name is None and isinstance(call.func, ast.Attribute) else None
            pure = (
                library == 'math'
                or (library == 'numpy' and function not in _CHANGING)
                or (library == '' and function in _PURE_BUILTINS)
                or method in _NEW_METHODS
            )
            if not pure:
                called = ast.unparse(call.func)
                raise NotApplicable(f'{called} may depend on the order of its calls', call)


def _prove(scope, node):
    module = scope.module
    if not isinstance(node, ast.For) or not _is_range(module, node.iter) or not isinstance(node.target, ast.Name):
        raise NotApplicable('this loop does not run over a range', node)
    steps = node.iter.args[2:]
    if node.iter.keywords or not node.iter.args or (steps and module.number(steps[0]) != 1):
        raise NotApplicable('this loop has a step other than 1', node)
    if node.orelse:
        raise NotApplicable('this loop has an else', node)
    for child in _own_nodes(node.body):
        raise NotApplicable(f'the loop of line {node.lineno} may end early here', child)
    _require_pure_calls(module, node.body, set())

    index = node.target.id
    assigned = _assigned(node.body)
    if index in assigned:
        raise NotApplicable(f'this loop assigns its own index {index}', node)
    sums = [name for name in assigned if _is_sum(node, name)]
    private = [name for name in assigned if name not in sums]
    _require_private(scope, node, index, private, sums)
    scattered = _require_separate_arrays(scope, node, index, private, sums)
    return ParallelLoop(node, index, private, scattered, sums)


def _own_nodes(statements, inner=False):
    """The statements that leave the loop these statements are the body of."""
    for statement in statements:
        if isinstance(statement, (ast.Return, ast.Raise, ast.Assert)) or (isinstance(statement, ast.Break) and not inner):
            yield statement
        for body in ('body', 'orelse'):
            nested = inner or (isinstance(statement, (ast.For, ast.While)) and body == 'body')
            yield from _own_nodes(getattr(statement, body, []), nested)


def _assigned(statements):
    names = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] = None
    return list(names)


def _is_sum(loop, name):
    """Whether the loop touches `name` in statements `name += …` and `name -= …` alone."""
    sums = [
        node.target
        for node in ast.walk(loop)
        if isinstance(node, ast.AugAssign)
        and isinstance(node.op, (ast.Add, ast.Sub))
        and isinstance(node.target, ast.Name)
        and node.target.id == name
    ]
    touched = [node for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id == name]
    return bool(sums) and len(sums) == len(touched)


def _require_private(scope, loop, index, private, sums):
    """Every turn assigns its private names before it reads them, and nobody reads them after the loop."""

    def carried(name, node):
        raise NotApplicable(
            f'{name} carries a value from one turn of the loop of line {loop.lineno} to the next', node
        )

    flow = _Flow(set(private), carried)
    flow.statements(loop.body, frozenset())

    def used_later(name, node):
        raise NotApplicable(f'uses {name} as the loop of line {loop.lineno} left it', node)

    left = {*private, index}
    _Flow(left, used_later, leaves=loop).statements(scope.function.body, frozenset(left))
    # A sum that was an array would be changed in place: only numbers can be summed apart.
    for name in sums:
        first = [
            node.value
            for node in ast.walk(scope.function)
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        ]
        if not first or any(scope.module.number(value) is None for value in first):
            raise NotApplicable(f'{name}, a sum over this loop, does not begin as a number', loop)


class _Flow:
    """Walks statements with the set of watched names that surely have a value, and reports reads of others."""

    def __init__(self, watched, report, leaves=None):
        self.watched = watched
        self.report = report
        self.leaves = leaves

    def statements(self, statements, defined):
        for statement in statements:
            defined = self.statement(statement, defined)
        return defined

    def statement(self, node, defined):
        match node:
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                self.reads(iterable, defined)
                if node is self.leaves:
                    return defined - self.watched
                # Twice: what the end of one turn leaves undefined, the next may read.
                end = self.statements(body, defined | self.targets(target))
                self.statements(body, (defined & end) | self.targets(target))
                return self.statements(orelse, defined & end)
            case ast.While(test=test, body=body, orelse=orelse):
                self.reads(test, defined)
                end = self.statements(body, defined)
                self.reads(test, defined & end)
                self.statements(body, defined & end)
                return self.statements(orelse, defined & end)
            case ast.If(test=test, body=body, orelse=orelse):
                self.reads(test, defined)
                return self.statements(body, defined) & self.statements(orelse, defined)
            case ast.Assign(targets=targets, value=value):
                self.reads(value, defined)
                for target in targets:
                    self.reads(target, defined)
                    defined = defined | self.targets(target)
                return defined
            case ast.AugAssign(target=target, value=value):
                self.reads(value, defined)
                if isinstance(target, ast.Name):
                    self.read(target, defined)
                else:
                    self.reads(target, defined)
                return defined
            case ast.Continue() | ast.Break() | ast.Return() | ast.Raise():
                self.reads(node, defined)
                # Nothing after it runs: there every name counts as defined.
                return frozenset(self.watched) | defined
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self.reads(value, defined)
                return defined | self.targets(target)
        self.reads(node, defined)
        return defined

    def reads(self, node, defined):
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                self.read(child, defined)

    def read(self, name, defined):
        if name.id in self.watched and name.id not in defined:
            self.report(name.id, name)

    def targets(self, target):
        return frozenset(
            node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )


def _require_separate_arrays(scope, loop, index, private, sums):
    """Every array written in the loop is either written at the turn's own index or only added to. Returns the latter."""
    uses = _Uses(scope.module, scope.aliases, scope.effects)
    uses.statements(loop.body)
    outside = _names_outside(scope, private) - {index}
    scattered = []
    for root in {use.root for use in uses.found if use.kind != 'read'}:
        names = sorted(name for name in outside if scope.aliases.root(name) == root and name not in sums)
        if not names:
            continue
        of_array = [use for use in uses.found if use.root == root]
        direct = len({use.name for use in of_array}) == 1 and of_array[0].name in outside
        if direct and _own_index(of_array, index):
            continue
        conflict = next((use for use in of_array if use.kind != 'add'), None)
        if conflict is not None:
            verb = 'reads' if conflict.kind == 'read' else 'writes'
            raise NotApplicable(
                f'{verb} {names[0]} where other turns of the loop of line {loop.lineno} may change it', conflict.line
            )
        used = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name)}
        names = [name for name in names if name in used]
        if len(names) != 1:
            raise NotApplicable(f'{" and ".join(names)} may be the same array, added to in this loop', loop)
        scattered += names
    return sorted(scattered)


def _names_outside(scope, private):
    names = {node.id for node in ast.walk(scope.function) if isinstance(node, ast.Name)}
    names |= {argument.arg for argument in ast.walk(scope.function.args) if isinstance(argument, ast.arg)}
    return names - set(private)


def _own_index(uses, index):
    """Whether all uses have the loop's index at one and the same place among their indices."""

    def places(use):
        return {
            place
            for place, part in enumerate(use.index or [])
            if isinstance(part, ast.Name) and part.id == index
        }

    shared = set.intersection(*map(places, uses))
    return any(all(_is_one_axis(part) for use in uses for part in use.index[:place]) for place in shared)


def _is_one_axis(node):
    """After `...`, `None` or `*indices` the places among the indices no longer count axes."""
    return not isinstance(node, ast.Starred) and not (
        isinstance(node, ast.Constant) and (node.value is Ellipsis or node.value is None)
    )
