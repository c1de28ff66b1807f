"""The compiled functions of one program, as source: loops that were cut out, and the functions they call."""

import ast
import copy

from fixed_lists import as_arrays
from python_translator import Translator
from source import NotApplicable
from syntax import LISTS, expression, without_docstring


class Kernels:
    """The compiled functions of one program, as source."""

    def __init__(self, module, record, floats=False):
        self.module, self.record, self.floats = module, record, floats
        self.texts, self.done, self.count = [], {}, 0
        self.helpers, self.types = [], {}

    def empty_dict(self, kinds):
        """The source of an empty dict for keys and values of these types."""
        names = [self.types.setdefault(kind, f'_type_{len(self.types) + 1}') for kind in kinds]
        return f'numba.typed.Dict.empty({names[0]}, {names[1]})'

    def helper(self, found, lists):
        """The name of an own function compiled as it is, with the global names it needs besides its arguments."""
        key = _key(found, lists)
        if key not in self.done:
            if found.node.decorator_list:
                raise NotApplicable(f'{found.node.name} is decorated', found.node.decorator_list[0])
            name = f'_{found.node.name}_{len(self.done) + 1}'
            self.done[key] = (name, found.needs())
            self.helpers.append(found)
            self._write_helper(found, name, lists)
        return self.done[key]

    def _write_helper(self, found, name, lists):
        arguments = copy.deepcopy(found.node.args)
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise NotApplicable(f'{found.node.name} takes keyword-only or any number of arguments', found.node)
        _without(arguments, found.given)
        for argument in arguments.posonlyargs + arguments.args:
            argument.annotation = None
        body = without_docstring(found.node.body)
        names = [argument.arg for argument in arguments.posonlyargs + arguments.args]
        described = self.record.locals_of(found.node)
        candidates = {each for each in names if not lists or described.get(each, {}).get('kind') in LISTS}
        body, fixed = as_arrays(body, candidates, found, self, described, lists)
        translator = Translator(self, found, body, lists, fixed, described, names)
        made = translator.statements(body)
        extra = [ast.arg(each) for each in sorted(found.needs())]
        if arguments.defaults and extra:
            arguments.defaults = []
        arguments.args += extra
        self.add(name, arguments, made)

    def add(self, name, arguments, body):
        function = ast.FunctionDef(name, arguments, body, [expression('numba.njit(boundscheck=True)')], None)
        self.texts.append(ast.unparse(ast.fix_missing_locations(function)))

    def lifted(self, what, names, body):
        self.count += 1
        name = f'_{what}_{self.count}'
        self.add(name, ast.parse(f'def f({", ".join(names)}): pass').body[0].args, body)
        return name


def _key(found, lists):
    """What tells one compiled function from another: the functions that it is given, too."""
    return (id(found.node), lists, *((name, _key(each, lists)) for name, each in sorted(found.given.items())))


def _without(arguments, given):
    """Takes parameters that stand for functions out; of those with defaults none is among them."""
    plain = arguments.posonlyargs + arguments.args
    first = len(plain) - len(arguments.defaults)
    if any(argument.arg in given for argument in plain[first:]):
        raise NotApplicable('a function as a default is not compiled', plain[first])
    arguments.posonlyargs = [each for each in arguments.posonlyargs if each.arg not in given]
    arguments.args = [each for each in arguments.args if each.arg not in given]
