"""Objects that never leave a function, as names of their own: `m = Matrix(…)`, `m.rows`, `m.multiply(x)` become
`m__rows = Matrix__init(…)` and `Matrix__multiply(m__rows, x)`. What is left is functions of numbers and lists, which can be compiled.
"""

import ast
import copy

from source import NotApplicable, edited

# Methods that change what a name or an attribute means.
_MAGIC = {'__new__', '__del__', '__getattr__', '__getattribute__', '__setattr__', '__delattr__', '__init_subclass__', '__post_init__'}


def flattened(module):
    """The module without such objects in the functions it needs; None where there are none."""
    classes = {node.name: node for node in module.tree.body if isinstance(node, ast.ClassDef)}
    plain = {}
    for name, node in classes.items():
        try:
            plain[name] = _Class(node, module)
        except NotApplicable:
            continue
    edits, needed = [], {}
    for function in module.reachable() if plain else []:
        made = _without_objects(function, plain, needed)
        if made is not None:
            edits.append((*module.span(function), module.indented(ast.unparse(ast.fix_missing_locations(made)))))
    if not edits:
        return None
    functions = ''.join(f'{module.indented(ast.unparse(ast.fix_missing_locations(each)))}\n\n\n' for each in needed.values())
    first = module.position(module.function.lineno, 0)
    return module.rewritten(edited(module.text, [(first, first, functions), *edits]))


class _Class:
    """A class whose objects are its attributes, and no more. Raises NotApplicable where they may be."""

    def __init__(self, node, module):
        self.name, self.methods, fields = node.name, {}, []
        is_data = any(module.full_name(each) == 'dataclasses.dataclass' for each in node.decorator_list)
        if node.bases or node.keywords or len(node.decorator_list) != is_data:
            raise NotApplicable(f'{node.name} is derived or decorated', node)
        for statement in node.body:
            match statement:
                case ast.FunctionDef(name=name, decorator_list=[]) if name not in _MAGIC and statement.args.args:
                    self.methods[name] = statement
                case ast.AnnAssign(target=ast.Name()) if is_data:
                    fields.append(statement)
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    pass
                case _:
                    raise NotApplicable(f'{node.name} has more than methods', statement)
        if is_data:
            self.methods['__init__'] = _data_init(fields)
        begin = self.methods.get('__init__')
        if begin is None or any(isinstance(each, ast.Return) for each in ast.walk(begin)):
            raise NotApplicable(f'{node.name} has no plain __init__', node)
        self.attributes = []
        for statement in begin.body:
            for target in _bound_in(statement):
                if _is_of(target, _own_name(begin)) and target.attr not in self.attributes:
                    self.attributes.append(target.attr)
        for method in self.methods.values():
            self._require_plain(method)

    def _require_plain(self, method):
        own = _own_name(method)
        parents = {child: node for node in ast.walk(method) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(method):
            if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await)) and node is not method:
                raise NotApplicable(f'{self.name}.{method.name} has a function inside', node)
            if isinstance(node, ast.Name) and node.id == own and not self.is_plain_use(node, parents):
                raise NotApplicable(f'{self.name}.{method.name} hands itself on', node)

    def is_plain_use(self, node, parents):
        """Whether a name of an object stands for an attribute, or for the call of a method."""
        around = parents.get(node)
        if not isinstance(around, ast.Attribute):
            return False
        outside = parents.get(around)
        if around.attr in self.methods and around.attr != '__init__':
            return isinstance(outside, ast.Call) and outside.func is around
        return around.attr in self.attributes and not isinstance(around.ctx, ast.Del)

    def touched(self, name, seen=()):
        """(the attributes that a method looks at, those that it binds anew), by what it calls, too."""
        method = self.methods[name]
        looked, bound = set(), set()
        for node in ast.walk(method):
            if _is_of(node, _own_name(method)):
                if node.attr in self.methods:
                    if node.attr not in (*seen, name):
                        more, changed = self.touched(node.attr, (*seen, name))
                        looked, bound = looked | more, bound | changed
                else:
                    looked.add(node.attr)
                    if isinstance(node.ctx, ast.Store):
                        bound.add(node.attr)
        in_order = [each for each in self.attributes if each in looked]
        return (set(in_order), bound) if seen else (in_order, [each for each in self.attributes if each in bound])


def _bound_in(statement):
    """What a statement assigns to, the parts of a tuple each for itself."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return [part for target in targets for part in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])]


def _own_name(method):
    return method.args.args[0].arg


def _is_of(node, name):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name


def _data_init(fields):
    """What `dataclass` makes."""
    for field in fields:
        if field.value is not None and not isinstance(field.value, ast.Constant):
            raise NotApplicable('a field with a default of its own', field)
    names = ', '.join(field.target.id + (f'={ast.unparse(field.value)}' if field.value is not None else '') for field in fields)
    body = ''.join(f'\n    self.{field.target.id} = {field.target.id}' for field in fields) or '\n    pass'
    return ast.parse(f'def __init__(self, {names}):{body}').body[0]


def _without_objects(function, classes, needed):
    """A copy of a function without objects of these classes; None where it has none that stays inside."""
    made, changed = copy.deepcopy(function), False
    for name, kind in _kept_inside(made, classes).items():
        try:
            wanted = {}
            other = _Flattening(kind, name, wanted).visit(copy.deepcopy(made))
        except NotApplicable:
            continue
        made, changed = other, True
        needed.update(wanted)
    return made if changed else None


def _kept_inside(function, classes):
    """Names that are bound once, to a new object, of which the function uses attributes and methods alone."""
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    found = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=kind))) if kind in classes:
                uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
                stores = [each for each in uses if not isinstance(each.ctx, ast.Load)]
                hidden = any(isinstance(each, (ast.FunctionDef, ast.Lambda, ast.ClassDef)) and each is not function and _mentions(each, name) for each in ast.walk(function))
                plain = all(each in stores or classes[kind].is_plain_use(each, parents) for each in uses)
                if len(stores) == 1 and plain and not hidden and name not in {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}:
                    found[name] = classes[kind]
    return found


def _mentions(node, name):
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


class _Flattening(ast.NodeTransformer):
    """Puts names in the place of an object. `needed`: the methods that are called, as functions."""

    def __init__(self, kind, name, needed):
        self.kind, self.name, self.needed = kind, name, needed

    def of(self, attribute):
        return f'{self.name}__{attribute}'

    def visit_Assign(self, node):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=args, keywords=keywords)) if name == self.name:
                made = self._function('__init__')
                targets = [ast.Name(self.of(each), ast.Store()) for each in self.kind.attributes]
                into = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
                return ast.Assign([into], ast.Call(ast.Name(made, ast.Load()), args, keywords))
            case ast.Assign(targets=[target], value=ast.Call(func=func)) if _is_of(func, self.name) and func.attr in self.kind.methods:
                if self.kind.touched(func.attr)[1]:
                    return self._rebinding(target, node.value)
        return self.generic_visit(node)

    def visit_Expr(self, node):
        match node.value:
            case ast.Call(func=func) if _is_of(func, self.name) and func.attr in self.kind.methods and self.kind.touched(func.attr)[1]:
                return self._rebinding(ast.Name('_', ast.Store()), node.value)
        return self.generic_visit(node)

    def _rebinding(self, target, called):
        """A call that gives back the attributes which it binds anew, after its value."""
        bound = [ast.Name(self.of(each), ast.Store()) for each in self.kind.touched(called.func.attr)[1]]
        return ast.Assign([ast.Tuple([self.visit(target), *bound], ast.Store())], self._call(called))

    def _call(self, node):
        looked, _ = self.kind.touched(node.func.attr)
        made = self._function(node.func.attr)
        given = [ast.Name(self.of(each), ast.Load()) for each in looked]
        return ast.Call(ast.Name(made, ast.Load()), [*given, *map(self.visit, node.args)], [self.visit(each) for each in node.keywords])

    def visit_Call(self, node):
        if _is_of(node.func, self.name) and node.func.attr in self.kind.methods:
            if self.kind.touched(node.func.attr)[1]:
                raise NotApplicable(f'{node.func.attr} changes {self.name} inside an expression', node)
            return self._call(node)
        return self.generic_visit(node)

    def visit_Attribute(self, node):
        if _is_of(node, self.name):
            return ast.Name(self.of(node.attr), node.ctx)
        return self.generic_visit(node)

    def _function(self, method):
        """The name of a method as a function, which is made where it is needed for the first time."""
        name = f'{self.kind.name}__{method.strip("_")}'
        if name not in self.needed:
            self.needed[name] = None
            made = copy.deepcopy(self.kind.methods[method])
            own = made.args.args.pop(0).arg
            looked, bound = self.kind.touched(method)
            if method == '__init__':
                looked, bound = [], self.kind.attributes
            body = _Flattening(self.kind, own, self.needed)
            made.body = [body.visit(each) for each in made.body]
            made.name, made.returns = name, None
            made.args.args[:0] = [ast.arg(f'{own}__{each}') for each in looked]
            for argument in ast.walk(made.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
            back = [ast.Name(f'{own}__{each}', ast.Load()) for each in bound]
            if method == '__init__':
                made.body.append(ast.Return(back[0] if len(back) == 1 else ast.Tuple(back, ast.Load())))
            elif back:
                made.body = [_Returning(back).visit(each) for each in made.body]
                if not isinstance(made.body[-1], ast.Return):
                    made.body.append(ast.Return(ast.Tuple([ast.Constant(None), *back], ast.Load())))
            # In the order in which they are called, what is called first.
            del self.needed[name]
            self.needed[name] = made
        return name


class _Returning(ast.NodeTransformer):
    def __init__(self, back):
        self.back = back

    def visit_Return(self, node):
        return ast.Return(ast.Tuple([node.value or ast.Constant(None), *copy.deepcopy(self.back)], ast.Load()))
