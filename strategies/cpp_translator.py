"""Translates a numeric part of Python to C++, one template a construct.

Translated are: loops over ranges and arrays of one axis, `while`, `if`, `break`, `continue`, `return`; numbers, arithmetic, comparisons;
`math.*` and the NumPy functions of the same names; arrays made by `np.zeros` and its relatives, their elements and rows; calls of
other functions of the module, also recursive ones. Anything else is refused with its line. Types come from the sample
case and are carried through the function until nothing changes any more; a name keeps one type, `int` giving way to `float`.
Python's meaning is kept: `/` of integers, `//` and `%` towards minus infinity, negative indices, chained comparisons.
Not kept: integers have 64 bits, indices beyond the end are not noticed, floats divide by zero to infinity.
"""

import ast
import io
import tokenize
from typing import NamedTuple

from case import ArrayType
from source import NotApplicable, defaults, parameters

_CPP = {'bool': 'bool', 'int': 'int64_t', 'narrow': 'int64_t', 'float': 'double', 'float32': 'float', 'unknown': 'int64_t'}
_ORDER = ['bool', 'narrow', 'int', 'float32', 'float']
_ELEMENTS = {'bool': 'bool', 'float64': 'double', 'float32': 'float'} | {
    f'{sign}int{bits}': f'{sign}int{bits}_t' for sign in ('', 'u') for bits in (8, 16, 32, 64)
}
_SCALARS = {'bool': 'bool', 'int64': 'int', 'float64': 'float', 'float32': 'float32'}
_DTYPES = {
    'bool': 'bool',
    'int': 'int64',
    'float': 'float64',
    'numpy.bool_': 'bool',
    'numpy.int_': 'int64',
    'numpy.intp': 'int64',
} | {f'numpy.{name}': name for name in _ELEMENTS}
_FUNCTIONS = {
    name: name
    for name in 'sqrt sin cos tan sinh cosh tanh exp expm1 log log2 log10 log1p cbrt atan2 hypot fmod copysign pow'.split()
} | {
    'asin': 'asin',
    'acos': 'acos',
    'atan': 'atan',
    'fabs': 'fabs',
    'arcsin': 'asin',
    'arccos': 'acos',
    'arctan': 'atan',
    'arctan2': 'atan2',
    'power': 'pow',
}
_ARITY = {'atan2': 2, 'hypot': 2, 'fmod': 2, 'copysign': 2, 'pow': 2}
_EXCEPTIONS = {'ValueError': 'invalid_argument', 'IndexError': 'out_of_range', 'RuntimeError': 'runtime_error'}
_RESERVED = set(
    """alignas alignof asm auto bool case catch char char16_t char32_t class const const_cast constexpr decltype default
    delete do double dynamic_cast enum explicit export extern float friend goto inline int int64_t long mutable namespace new
    noexcept nullptr operator private protected public register reinterpret_cast short signed sizeof static static_assert
    static_cast std struct switch template this thread_local throw typedef typeid typename union unsigned using virtual void
    volatile wchar_t xor or and not py first last thread threads""".split()
)


class Tuple(NamedTuple):
    """Several values, as a function returns them."""

    parts: tuple


class Value(NamedTuple):
    """An expression in C++ and its type; `constant`: written in the source; `parts`: of a tuple still in pieces."""

    code: str
    type: object
    constant: bool = False
    parts: tuple | None = None


def translate(module, types, parallel_loops):
    """C++ functions for the module's function and all it calls, most needed first.

    types: parameter name -> type. Returns (source text in namespace `kernel`, the function's result type or None).
    """
    translator = _Translator(module, parallel_loops)
    names = parameters(module.function)
    function = translator.function(module.function, tuple(types[name] for name in names))
    return '\n\n'.join(translator.texts()), function.result


def cpp_type(kind):
    """The C++ type of a Crucible type; None is void."""
    match kind:
        case None:
            return 'void'
        case ArrayType(dtype=dtype, ndim=ndim):
            return f'py::Array<{_ELEMENTS[dtype]}, {ndim}>'
        case Tuple(parts=parts):
            return f'std::tuple<{", ".join(map(cpp_type, parts))}>'
    return _CPP[kind]


class _Translator:
    def __init__(self, module, parallel_loops):
        self.module = module
        self.parallel = {loop.node: loop for loop in parallel_loops}
        self.functions = {}
        self.comments = _comments(module.text)

    def function(self, node, types):
        """The translation of a function for these argument types, made at the first call."""
        key = (node.name, types)
        if key not in self.functions:
            count = sum(name == node.name for name, _ in self.functions)
            name = node.name if count == 0 else f'{node.name}_{count + 1}'
            self.functions[key] = _Function(self, node, _mangled(name), types)
            self.functions[key].translate()
        return self.functions[key]

    def texts(self):
        functions = list(self.functions.values())
        declarations = ''.join(f'{function.head()};\n' for function in reversed(functions))
        return [declarations.rstrip(), *(function.text() for function in reversed(functions))]


def _comments(text):
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
                found[token.start[0]] = token.string.lstrip('#').strip()
    except (tokenize.TokenError, IndentationError):
        # It is stricter than Python itself; comments are for people.
        pass
    return found


def _mangled(name):
    return f'{name}_' if name in _RESERVED else name


class _Function:
    """One Python function for one list of argument types."""

    def __init__(self, translator, node, name, types):
        self.translator = translator
        self.module = translator.module
        self.node = node
        self.name = name
        self.parameters = parameters(node)
        self.locals = dict(zip(self.parameters, types))
        self.result = 'unknown' if any(isinstance(n, ast.Return) and n.value for n in ast.walk(node)) else None
        self.bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.counts = self._counting_names()
        self.rebound = self._rebound_arrays()
        self.lines = []

    # Types are found by translating again until they stay the same; the last translation is the result.
    def translate(self):
        for _ in range(12):
            before = (dict(self.locals), self.result)
            self.lines, self.depth, self.hidden = [], 1, 0
            self.comment_line = self.node.body[0].lineno
            self.statements(self.node.body)
            if before == (self.locals, self.result):
                break
        else:
            self.refuse(self.node, 'has names whose types do not settle')
        unknown = [name for name, kind in self.locals.items() if kind == 'unknown']
        if unknown or self.result == 'unknown':
            self.refuse(self.node, f'leaves the type of {unknown[0] if unknown else "its result"} open')

    def head(self):
        given = ', '.join(
            f'const {cpp_type(self.locals[name])}& {_mangled(name)}'
            if isinstance(self.locals[name], ArrayType) and name not in self.bound
            else f'{cpp_type(self.locals[name])} {_mangled(name)}'
            for name in self.parameters
        )
        return f'{cpp_type(self.result)} {self.name}({given})'

    def text(self):
        summary = (ast.get_docstring(self.node) or '').strip().splitlines()
        comment = f'// {summary[0]}\n' if summary else ''
        declared = [name for name in self.locals if name not in self.parameters]
        lines = [f'  {line}' for line in self.declarations(declared)] + self.lines
        if self.result is not None and not isinstance(self.node.body[-1], ast.Return):
            lines.append('  throw std::runtime_error("the function ended without a value");')
        return comment + self.head() + ' {\n' + '\n'.join(lines) + '\n}'

    def declarations(self, names):
        by_type = {}
        for name in names:
            by_type.setdefault(cpp_type(self.locals[name]), []).append(f'{_mangled(name)}{{}}')
        return [f'{kind} {", ".join(names)};' for kind, names in by_type.items()]

    def refuse(self, node, problem):
        raise NotApplicable(f'{self.node.name}: {problem}', node if hasattr(node, 'lineno') else self.node)

    def _counting_names(self):
        """Names that are never negative: bound by nothing but loops over ranges that start at 0 or above and go up."""
        ranges, stores = {}, {}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stores[node.id] = stores.get(node.id, 0) + 1
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and self._counts_up(node.iter):
                ranges[node.target.id] = ranges.get(node.target.id, 0) + 1
        return {name for name, count in ranges.items() if stores[name] == count and name not in self.parameters}

    def _counts_up(self, node):
        if not isinstance(node, ast.Call) or self.module.full_name(node.func) != 'range' or not node.args:
            return False
        start = 0 if len(node.args) == 1 else self.module.number(node.args[0])
        step = 1 if len(node.args) < 3 else self.module.number(node.args[2])
        return start is not None and start >= 0 and step is not None and step > 0

    def _rebound_arrays(self):
        """Names bound more than once: a row of such an array could outlive the array."""
        stores = {}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stores[node.id] = stores.get(node.id, 0) + 1
        return {name for name, count in stores.items() if count + (name in self.parameters) > 1}

    # ---- statements

    def emit(self, line):
        self.lines.append('  ' * self.depth + _without_double_parentheses(line))

    def statements(self, statements):
        for statement in statements:
            self.statement(statement)

    def block(self, opening, statements, closing='}'):
        self.emit(opening)
        self.depth += 1
        self.statements(statements)
        self.depth -= 1
        self.emit(closing)

    def _emit_comments(self, node):
        for line in range(self.comment_line, node.lineno):
            if line in self.translator.comments:
                self.emit(f'// {self.translator.comments[line]}')
        self.comment_line = max(self.comment_line, node.lineno + 1)

    def statement(self, node):
        self._emit_comments(node)
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call() as call) if self.module.full_name(call.func) in self.module.functions:
                self.emit(f'{self.expression(call).code};')
            case ast.Assign(targets=[target], value=value):
                self.assign(target, value)
            case ast.Assign(targets=targets, value=value) if self.module.number(value) is not None:
                for target in targets:
                    self.assign(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self.assign(target, value)
            case ast.AugAssign():
                self.augmented(node)
            case ast.For(orelse=[]):
                self.loop(node)
            case ast.While(test=test, body=body, orelse=[]):
                self.block(f'while ({self.truth(test)}) {{', body)
            case ast.If():
                self.condition(node)
            case ast.Break():
                self.emit('break;')
            case ast.Continue():
                self.emit('continue;')
            case ast.Return(value=value):
                self.give_back(node, value)
            case ast.Raise(exc=exc):
                self.throw(node, exc)
            case _:
                self.refuse(node, f'cannot translate `{ast.unparse(node).splitlines()[0]}`')

    def condition(self, node):
        self.emit(f'if ({self.truth(node.test)}) {{')
        self.depth += 1
        self.statements(node.body)
        self.depth -= 1
        if node.orelse:
            self.block('} else {', node.orelse)
        else:
            self.emit('}')

    def throw(self, node, exc):
        match exc:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as text)]) if name in _EXCEPTIONS:
                self.emit(f'throw std::{_EXCEPTIONS[name]}({_cpp_string(text)});')
            case _:
                self.refuse(node, 'only ValueError, IndexError and RuntimeError with a fixed text can be raised')

    def give_back(self, node, value):
        if value is None:
            if self.result is not None:
                self.refuse(node, 'returns sometimes a value and sometimes none')
            self.emit('return;')
            return
        result = self.expression(value)
        if isinstance(result.type, ArrayType) and isinstance(value, ast.Subscript):
            self.refuse(node, 'returns a part of an array')
        self.result = self.joined(self.result, result.type, node)
        self.emit(f'return {self.cast(result, self.result, node)};')

    def assign(self, target, value):
        match target:
            case ast.Name(id=name):
                result = self.expression(value)
                if isinstance(result.type, ArrayType) and isinstance(value, ast.Subscript):
                    self._require_lasting(value)
                self.bind(name, result, target)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                self.unpack(elements, self.expression(value), target)
            case ast.Subscript():
                self.store(target, self.expression(value))
            case _:
                self.refuse(target, f'cannot assign to `{ast.unparse(target)}`')

    def _require_lasting(self, value):
        base = value
        while isinstance(base, ast.Subscript):
            base = base.value
        if isinstance(base, ast.Name) and base.id in self.rebound:
            self.refuse(value, f'keeps a part of {base.id}, which is assigned more than once')

    def bind(self, name, value, node):
        self.locals[name] = self.joined(self.locals.get(name, 'unknown'), value.type, node)
        self.emit(f'{_mangled(name)} = {self.cast(value, self.locals[name], node)};')

    def unpack(self, elements, value, node):
        kinds = value.type.parts if isinstance(value.type, Tuple) else None
        if value.type == 'unknown':
            kinds = ('unknown',) * len(elements)
        if kinds is None or len(kinds) != len(elements):
            self.refuse(node, f'cannot unpack into {len(elements)} names')
        if not all(isinstance(element, (ast.Name, ast.Subscript)) for element in elements):
            self.refuse(node, 'cannot unpack into nested names')
        # All values first: `a, b = b, a` must not see its own assignments.
        temporary = self.fresh_hidden('values')
        self.emit('{')
        self.depth += 1
        code = f'std::make_tuple({", ".join(part.code for part in value.parts)})' if value.parts else value.code
        self.emit(f'const auto {temporary} = {code};')
        for place, (element, kind) in enumerate(zip(elements, kinds)):
            part = Value(f'std::get<{place}>({temporary})', kind)
            if isinstance(element, ast.Name):
                self.bind(element.id, part, node)
            else:
                self.store(element, part)
        self.depth -= 1
        self.emit('}')

    def store(self, target, value):
        base = self.expression(target.value)
        if isinstance(base.type, ArrayType) and _everything(target.slice):
            if isinstance(value.type, ArrayType):
                self.refuse(target, 'assigns a whole array; only elements and fills are translated')
            self.emit(f'{base.code}.fill({self.element(value, base.type.dtype, target)});')
            return
        place = self.expression(target)
        if isinstance(place.type, ArrayType):
            if isinstance(value.type, ArrayType):
                self.refuse(target, 'assigns a whole row; only elements and fills are translated')
            self.emit(f'{place.code}.fill({self.element(value, place.type.dtype, target)});')
            return
        dtype = self.dtype_of(target)
        self.emit(f'{place.code} = {self.element(value, dtype, target)};')

    def dtype_of(self, node):
        base = node
        while isinstance(base, ast.Subscript):
            base = base.value
        return self.expression(base).type.dtype

    def element(self, value, dtype, node):
        """A number as an element of an array of this dtype."""
        if isinstance(value.type, (ArrayType, Tuple)) or value.type is None:
            self.refuse(node, 'stores something that is not a number into an array')
        wanted, kind = _ELEMENTS[dtype], value.type
        return value.code if _CPP[kind] == wanted else f'{wanted}({value.code})'

    def augmented(self, node):
        target = node.target
        if isinstance(target, ast.Name):
            old = self.expression(ast.copy_location(ast.Name(target.id, ast.Load()), target))
            if isinstance(old.type, ArrayType):
                self.refuse(node, 'changes a whole array; only elements are translated')
            value = self.binary(old, node.op, self.expression(node.value), node)
            kind = self.joined(self.locals.get(target.id, 'unknown'), value.type, node)
            symbol = _short(node.op)
            if symbol and kind == old.type:
                self.locals[target.id] = kind
                self.emit(f'{_mangled(target.id)} {symbol}= {self.cast(self.expression(node.value), kind, node)};')
            else:
                self.bind(target.id, value, node)
            return
        place = self.expression(target)
        if isinstance(place.type, (ArrayType, Tuple)):
            self.refuse(node, 'changes a whole row; only elements are translated')
        value = self.expression(node.value)
        dtype = self.dtype_of(target)
        kind = self.binary(place, node.op, value, node)
        if _short(node.op) and kind.type == place.type:
            self.emit(f'{place.code} {_short(node.op)}= {self.cast(value, place.type, node)};')
            return
        reference = self.fresh_hidden('place')
        self.emit(f'{{ auto& {reference} = {place.code};')
        changed = self.binary(Value(reference, place.type), node.op, value, node)
        self.emit(f'  {reference} = {self.element(changed, dtype, node)}; }}')

    def fresh_hidden(self, word):
        self.hidden += 1
        return f'{word}_{self.hidden}_'

    def loop(self, node):
        if node in self.translator.parallel:
            self.parallel_loop(node, self.translator.parallel[node])
            return
        if not isinstance(node.iter, ast.Call) or self.module.full_name(node.iter.func) != 'range':
            self.loop_over_array(node)
            return
        if not isinstance(node.target, ast.Name):
            self.refuse(node, 'a loop over a range needs one name')
        start, stop, step = self.range(node)
        counter = self.fresh_hidden(node.target.id)
        limit = f'{counter}end'
        self.locals[node.target.id] = self.joined(self.locals.get(node.target.id, 'unknown'), 'int', node)
        compare, advance = ('<', f'{counter} += {step}L') if step > 0 else ('>', f'{counter} -= {-step}L')
        if abs(step) == 1:
            advance = f'++{counter}' if step == 1 else f'--{counter}'
        self.emit(f'for (int64_t {counter} = {start}, {limit} = {stop}; {counter} {compare} {limit}; {advance}) {{')
        self.depth += 1
        # The body may assign the name; the count goes on all the same.
        self.emit(f'{_mangled(node.target.id)} = {counter};')
        self.statements(node.body)
        self.depth -= 1
        self.emit('}')

    def range(self, node):
        if node.iter.keywords or not 1 <= len(node.iter.args) <= 3:
            self.refuse(node, f'cannot translate `{ast.unparse(node.iter)}`')
        bounds = [self.integer(argument) for argument in node.iter.args[:2]]
        step = 1 if len(node.iter.args) < 3 else self.module.number(node.iter.args[2])
        if not isinstance(step, int) or step == 0:
            self.refuse(node, 'the step of a range must be a constant other than 0')
        return ('0L', bounds[0], step) if len(bounds) == 1 else (bounds[0], bounds[1], step)

    def loop_over_array(self, node):
        array = self.expression(node.iter)
        if not isinstance(array.type, ArrayType) or array.type.ndim != 1 or not isinstance(node.target, ast.Name):
            self.refuse(node, f'cannot translate a loop over `{ast.unparse(node.iter)}`')
        counter, walked = self.fresh_hidden('at'), self.fresh_hidden('array')
        self.emit(f'const auto {walked} = {array.code};')
        self.emit(f'for (int64_t {counter} = 0; {counter} < {walked}.shape[0]; ++{counter}) {{')
        self.depth += 1
        self.bind(node.target.id, Value(f'{walked}({counter})', _scalar(array.type.dtype)), node)
        self.statements(node.body)
        self.depth -= 1
        self.emit('}')

    def parallel_loop(self, node, loop):
        start, stop, _ = self.range(node)
        number = self.fresh_hidden('threads')
        self.locals[loop.index] = self.joined(self.locals.get(loop.index, 'unknown'), 'int', node)
        self.emit('{')
        self.depth += 1
        self.emit(f'const int64_t {number} = py::threads();')
        parts = {name: self.fresh_hidden(f'{name}_parts') for name in loop.scattered}
        for name, part in parts.items():
            self.emit(f'const py::Parts {part}({_mangled(name)}, {number});')
        sums = {name: self.fresh_hidden(f'{name}_sums') for name in loop.sums}
        for name, part in sums.items():
            self.emit(f'std::vector<{cpp_type(self.locals.get(name, "unknown"))}> {part}({number});')
        self.emit(f'py::share_out({start}, {stop}, {number}, [&](int64_t thread, int64_t first, int64_t last) {{')
        self.depth += 1
        for name, part in parts.items():
            self.emit(f'const auto& {_mangled(name)} = {part}.of(thread);')
        own = len(self.lines)
        self.emit(f'for (int64_t {_mangled(loop.index)} = first; {_mangled(loop.index)} < last; ++{_mangled(loop.index)}) {{')
        self.depth += 1
        self.statements(node.body)
        self.depth -= 1
        self.emit('}')
        declared = self.declarations([name for name in [*loop.private, *loop.sums] if name in self.locals])
        self.lines[own:own] = ['  ' * self.depth + line for line in declared]
        for name, part in sums.items():
            self.emit(f'{part}[thread] = {_mangled(name)};')
        self.emit('(void)thread;')
        self.depth -= 1
        self.emit('});')
        for part in parts.values():
            self.emit(f'{part}.add_up();')
        for name, part in sums.items():
            self.emit(f'for (const auto part : {part}) {_mangled(name)} += part;')
        self.depth -= 1
        self.emit('}')

    # ---- types

    def joined(self, a, b, node):
        """The type that holds both."""
        if a == b or b == 'unknown':
            return a
        if a == 'unknown':
            return b
        if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.parts) == len(b.parts):
            return Tuple(tuple(self.joined(x, y, node) for x, y in zip(a.parts, b.parts)))
        if a in _ORDER and b in _ORDER:
            return max(a, b, key=_ORDER.index)
        self.refuse(node, f'one name or result is both {_described(a)} and {_described(b)}')

    def cast(self, value, kind, node):
        """The code of `value` as this type."""
        if isinstance(kind, Tuple):
            if value.type == kind and not value.parts:
                return value.code
            if value.parts:
                parts = (self.cast(part, wanted, node) for part, wanted in zip(value.parts, kind.parts))
                return f'{cpp_type(kind)}({", ".join(parts)})'
            return f'{cpp_type(kind)}({value.code})'
        if value.type == kind or kind == 'unknown' or value.type == 'unknown':
            return value.code
        return value.code if _CPP[value.type] == _CPP[kind] else f'{_CPP[kind]}({value.code})'

    def number(self, node):
        """An expression that is a number."""
        value = self.expression(node)
        if value.type not in _CPP:
            self.refuse(node, f'`{ast.unparse(node)}` is {_described(value.type)}, expected a number')
        return value

    def integer(self, node):
        """The code of an expression that is an integer."""
        value = self.number(node)
        if value.type not in ('int', 'bool', 'narrow', 'unknown'):
            self.refuse(node, f'`{ast.unparse(node)}` is a float, expected an integer')
        return self.cast(value, 'int', node)

    def truth(self, node):
        """An expression as a condition."""
        match node:
            case ast.BoolOp(op=op, values=values):
                symbol = ' && ' if isinstance(op, ast.And) else ' || '
                return '(' + symbol.join(self.truth(value) for value in values) + ')'
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f'!({self.truth(operand)})'
        value = self.number(node)
        return value.code if value.type == 'bool' else f'({value.code} != 0)'

    # ---- expressions

    def expression(self, node):
        number = self.module.number(node)
        if number is not None and not (isinstance(node, ast.Name) and node.id in self.locals):
            return _constant(number)
        match node:
            case ast.Name(id=name):
                if name in self.locals:
                    return Value(_mangled(name), self.locals[name])
                if name in self.bound:
                    return Value(_mangled(name), 'unknown')
                self.refuse(node, f'{name} is not a number that is known here')
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(self.expression(left), op, self.expression(right), node)
            case ast.UnaryOp(op=ast.Not()) | ast.BoolOp():
                if isinstance(node, ast.BoolOp) and any(self.number(value).type != 'bool' for value in node.values):
                    self.refuse(node, '`and` and `or` are translated for truth values only')
                return Value(self.truth(node), 'bool')
            case ast.UnaryOp(op=op, operand=operand):
                return self.unary(op, self.number(operand), node)
            case ast.Compare():
                return self.comparison(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yes, no = self.number(body), self.number(orelse)
                kind = self.joined(yes.type, no.type, node)
                return Value(f'({self.truth(test)} ? {self.cast(yes, kind, node)} : {self.cast(no, kind, node)})', kind)
            case ast.Tuple(elts=elements):
                parts = tuple(self.expression(element) for element in elements)
                kind = Tuple(tuple(part.type for part in parts))
                return Value(f'{cpp_type(kind)}({", ".join(part.code for part in parts)})', kind, parts=parts)
            case ast.Attribute(value=value, attr=attr):
                return self.attribute(node, self.expression(value), attr)
            case ast.Subscript():
                return self.subscript(node)
            case ast.Call():
                return self.call(node)
        self.refuse(node, f'cannot translate `{ast.unparse(node)}`')

    def binary(self, left, op, right, node):
        for side in (left, right):
            if isinstance(side.type, ArrayType):
                self.refuse(node, 'calculates with a whole array; only elements are translated')
            if side.type not in _CPP:
                self.refuse(node, f'calculates with {_described(side.type)}')
        kind = self.arithmetic_type(left, right, node)
        floats = kind in ('float', 'float32')
        a, b = self.cast(left, kind, node), self.cast(right, kind, node)
        match op:
            case ast.Add() | ast.Sub() | ast.Mult():
                return Value(f'({a} {_short(op)} {b})', kind)
            case ast.Div():
                kind = kind if floats else 'float'
                return Value(f'({self.cast(left, kind, node)} / {self.cast(right, kind, node)})', kind)
            case ast.FloorDiv():
                return Value(f'py::floor_div({a}, {b})', kind)
            case ast.Mod():
                return Value(f'py::mod({a}, {b})', kind)
            case ast.Pow():
                return self.power(left, right, kind, node)
            case ast.BitAnd() | ast.BitOr() | ast.BitXor() if not floats:
                symbol = {ast.BitAnd: '&', ast.BitOr: '|', ast.BitXor: '^'}[type(op)]
                both = left.type == right.type == 'bool'
                return Value(f'bool({a} {symbol} {b})' if both else f'({a} {symbol} {b})', 'bool' if both else kind)
            case ast.LShift() | ast.RShift() if not floats and right.constant:
                return Value(f'({a} {"<<" if isinstance(op, ast.LShift) else ">>"} {b})', kind)
        self.refuse(node, f'cannot translate `{ast.unparse(node)}`')

    def arithmetic_type(self, left, right, node):
        kinds = {left.type, right.type}
        if kinds == {'unknown'}:
            return 'unknown'
        kinds.discard('unknown')
        # NumPy keeps float32 beside numbers written in the source and beside Python's integers.
        if 'float32' in kinds and 'float' in kinds:
            strong = right if left.type == 'float32' else left
            return 'float32' if strong.constant else 'float'
        if 'narrow' in kinds and not kinds & {'float', 'float32'}:
            self.refuse(node, f'`{ast.unparse(node)}`: small integers wrap around in NumPy; convert them with int() or float()')
        kind = max(kinds, key=_ORDER.index)
        return 'int' if kind == 'bool' else kind

    def power(self, left, right, kind, node):
        if kind in ('float', 'float32'):
            if right.constant and right.code.rstrip('L.0') == '2' and not isinstance(left.type, Tuple) and _simple(left.code):
                a = self.cast(left, kind, node)
                return Value(f'({a} * {a})', kind)
            return Value(f'std::pow({self.cast(left, kind, node)}, {self.cast(right, kind, node)})', kind)
        if right.constant and not right.code.startswith('-'):
            return Value(f'py::power({self.cast(left, "int", node)}, {right.code})', 'int')
        self.refuse(node, 'an integer power needs a constant exponent of 0 or more')

    def unary(self, op, value, node):
        kind = 'int' if value.type == 'bool' else value.type
        if value.type == 'narrow':
            self.refuse(node, 'small integers wrap around in NumPy; convert them with int() or float()')
        match op:
            case ast.USub():
                return Value(f'(-{self.cast(value, kind, node)})', kind)
            case ast.UAdd():
                return Value(self.cast(value, kind, node), kind)
            case ast.Invert() if kind in ('int', 'unknown'):
                return Value(f'(~{self.cast(value, kind, node)})', kind)
        self.refuse(node, f'cannot translate `{ast.unparse(node)}`')

    def comparison(self, node):
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Call) for side in sides[1:-1]):
            self.refuse(node, 'calls a function in the middle of a chained comparison')
        symbols = {ast.Lt: '<', ast.LtE: '<=', ast.Gt: '>', ast.GtE: '>=', ast.Eq: '==', ast.NotEq: '!='}
        parts = []
        for left, op, right in zip(sides, node.ops, sides[1:]):
            symbol = symbols.get(type(op))
            if symbol is None:
                self.refuse(node, f'cannot translate `{ast.unparse(node)}`')
            a, b = self.number(left), self.number(right)
            kind = self.joined(a.type, b.type, node)
            parts.append(f'{self.cast(a, kind, node)} {symbol} {self.cast(b, kind, node)}')
        return Value('(' + ' && '.join(parts) + ')', 'bool')

    def attribute(self, node, value, attr):
        if isinstance(value.type, ArrayType):
            match attr:
                case 'shape':
                    parts = tuple(Value(f'{value.code}.shape[{axis}]', 'int') for axis in range(value.type.ndim))
                    kind = Tuple(('int',) * value.type.ndim)
                    return Value(f'{cpp_type(kind)}({", ".join(part.code for part in parts)})', kind, parts=parts)
                case 'size':
                    return Value(f'{value.code}.size()', 'int')
                case 'ndim':
                    return _constant(value.type.ndim)
        self.refuse(node, f'cannot translate `{ast.unparse(node)}`')

    def subscript(self, node):
        base, indices = node, []
        while isinstance(base, ast.Subscript):
            own = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            indices = [*own, *indices]
            base = base.value
            if self.module.number(base) is None and isinstance(base, ast.Attribute):
                break
        value = self.expression(base)
        if value.type == 'unknown':
            return Value('0', 'unknown')
        if isinstance(value.type, Tuple):
            place = self.module.number(indices[0]) if len(indices) == 1 else None
            if not isinstance(place, int) or not -len(value.type.parts) <= place < len(value.type.parts):
                self.refuse(node, 'a tuple needs one constant index')
            place %= len(value.type.parts)
            return value.parts[place] if value.parts else Value(f'std::get<{place}>({value.code})', value.type.parts[place])
        if not isinstance(value.type, ArrayType):
            self.refuse(node, f'takes an element of {_described(value.type)}')
        while indices and _everything(indices[-1]):
            indices.pop()
        if len(indices) > value.type.ndim:
            self.refuse(node, f'{len(indices)} indices for {value.type.ndim} axes')
        codes = [self.index(index, f'{value.code}.shape[{axis}]') for axis, index in enumerate(indices)]
        if not codes:
            return value
        if len(codes) == value.type.ndim:
            return Value(f'{value.code}({", ".join(codes)})', _scalar(value.type.dtype))
        return Value(f'{value.code}.row({", ".join(codes)})', ArrayType(value.type.dtype, value.type.ndim - len(codes)))

    def index(self, node, length):
        if isinstance(node, (ast.Slice, ast.Starred)):
            self.refuse(node, 'slices are not translated, only elements and rows')
        constant = self.module.number(node)
        if isinstance(constant, int) and constant < 0:
            return f'{length} - {-constant}L'
        code = self.integer(node)
        return code if self.never_negative(node) else f'py::wrap({code}, {length})'

    def never_negative(self, node):
        """Whether an integer expression is provably 0 or more."""
        constant = self.module.number(node)
        if constant is not None:
            return constant >= 0
        match node:
            case ast.Name(id=name):
                return name in self.counts
            case ast.BinOp(left=left, op=ast.Add() | ast.Mult() | ast.FloorDiv(), right=right):
                return self.never_negative(left) and self.never_negative(right)
            case ast.BinOp(op=ast.Mod(), right=right):
                return self.never_negative(right)
            case ast.Subscript(value=ast.Attribute(attr='shape')):
                return True
            case ast.Call(func=ast.Name(id='len')):
                return True
            case ast.Call(func=ast.Name(id='max'), args=args) if not node.keywords:
                return any(self.never_negative(argument) for argument in args)
            case ast.Call(func=ast.Name(id='min'), args=args) if not node.keywords:
                return all(self.never_negative(argument) for argument in args)
        return False

    # ---- calls

    def call(self, node):
        name = self.module.full_name(node.func)
        if name in self.module.functions:
            return self.own_call(node, self.module.functions[name])
        if name is None and isinstance(node.func, ast.Attribute) and node.func.attr == 'copy' and not node.args:
            return self.copied(node, node.func.value)
        library, _, function = (name or '').rpartition('.')
        if library == 'numpy' and function in ('zeros', 'empty', 'ones', 'full', 'zeros_like', 'empty_like', 'array', 'copy'):
            return self.new_array(node, function)
        if node.keywords:
            self.refuse(node, f'cannot translate `{ast.unparse(node)}`')
        if library in ('math', 'numpy'):
            return self.library_call(node, library, function)
        if library == '':
            return self.builtin(node, function)
        self.refuse(node, f'cannot translate a call of {ast.unparse(node.func)}')

    def own_call(self, node, callee):
        given = dict(zip(parameters(callee), node.args)) | {keyword.arg: keyword.value for keyword in node.keywords}
        given = defaults(callee) | given
        names = parameters(callee)
        if set(given) != set(names):
            self.refuse(node, f'does not call {callee.name}({", ".join(names)}) with its arguments')
        values = [self.expression(given[name]) for name in names]
        if any(value.type == 'unknown' for value in values):
            return Value('0', 'unknown')
        function = self.translator.function(callee, tuple(value.type for value in values))
        return Value(f'{function.name}({", ".join(value.code for value in values)})', function.result)

    def library_call(self, node, library, function):
        arguments = [self.number(argument) for argument in node.args]
        floats = 'float32' if arguments and all(a.type == 'float32' for a in arguments) else 'float'
        codes = [self.cast(argument, floats, node) for argument in arguments]
        cpp = _FUNCTIONS.get(function)
        if cpp is not None and len(arguments) == _ARITY.get(cpp, 1):
            return Value(f'std::{cpp}({", ".join(codes)})', floats)
        match function, arguments:
            case ('floor' | 'ceil' | 'trunc'), [argument]:
                if argument.type == 'int':
                    return argument if library == 'math' else Value(f'double({argument.code})', 'float')
                code = f'std::{function}({codes[0]})'
                return Value(f'int64_t({code})', 'int') if library == 'math' else Value(code, floats)
            case ('isnan' | 'isinf' | 'isfinite'), [_]:
                return Value(f'bool(std::{function}({codes[0]}))', 'bool')
            case ('radians' | 'deg2rad'), [_]:
                return Value(f'({codes[0]} * (3.141592653589793 / 180.0))', floats)
            case ('degrees' | 'rad2deg'), [_]:
                return Value(f'({codes[0]} * (180.0 / 3.141592653589793))', floats)
            case ('abs' | 'absolute'), [_]:
                return self.builtin(node, 'abs')
            case ('minimum' | 'maximum'), [a, b]:
                kind = self.arithmetic_type(a, b, node)
                return Value(f'py::{function[:3]}({self.cast(a, kind, node)}, {self.cast(b, kind, node)})', kind)
            case ('float32' | 'float64'), [argument]:
                kind = 'float32' if function == 'float32' else 'float'
                if argument.constant and kind == 'float32':
                    return Value(f'float({argument.code})', kind, constant=True)
                return Value(self.cast(argument, kind, node), kind)
            case ('int64' | 'intp'), [argument]:
                return Value(f'int64_t({argument.code})', 'int')
        self.refuse(node, f'cannot translate a call of {library}.{function}')

    def builtin(self, node, function):
        if function == 'len' and len(node.args) == 1:
            array = self.expression(node.args[0])
            if isinstance(array.type, ArrayType):
                return Value(f'{array.code}.shape[0]', 'int')
        if function in ('int', 'float', 'bool', 'abs', 'round') and len(node.args) == 1:
            value = self.number(node.args[0])
            match function:
                case 'int':
                    return Value(value.code if value.type == 'int' else f'int64_t({value.code})', 'int')
                case 'float':
                    return Value(self.cast(value, 'float', node), 'float')
                case 'bool':
                    return Value(f'bool({value.code})', 'bool')
                case 'abs':
                    kind = 'int' if value.type == 'bool' else value.type
                    return Value(f'std::abs({self.cast(value, kind, node)})', kind)
                case 'round' if value.type in ('float', 'float32'):
                    # Halves go to the even neighbour, as in Python.
                    return Value(f'int64_t(std::nearbyint({value.code}))', 'int')
        if function in ('min', 'max') and len(node.args) >= 2:
            values = [self.number(argument) for argument in node.args]
            kind = values[0].type
            for value in values[1:]:
                kind = self.joined(kind, value.type, node)
            return Value(f'py::{function}({", ".join(self.cast(value, kind, node) for value in values)})', kind)
        self.refuse(node, f'cannot translate `{ast.unparse(node)}`')

    def copied(self, node, array):
        value = self.expression(array)
        if not isinstance(value.type, ArrayType):
            self.refuse(node, f'cannot translate `{ast.unparse(node)}`')
        return Value(f'py::copy({value.code})', value.type)

    def new_array(self, node, function):
        arguments = list(node.args)
        places = {'zeros': ('shape', 'dtype'), 'full': ('shape', 'fill_value', 'dtype'), 'array': ('object', 'dtype')}
        given = dict(zip(places.get(function, ('shape', 'dtype')), arguments))
        given |= {keyword.arg: keyword.value for keyword in node.keywords}
        if not set(given) <= {'shape', 'dtype', 'fill_value', 'object'}:
            self.refuse(node, f'cannot translate `{ast.unparse(node)}`')
        if function == 'copy':
            return self.copied(node, arguments[0])
        if function == 'array':
            return self.array_of(node, given)
        if function.endswith('_like'):
            like = self.expression(arguments[0])
            if not isinstance(like.type, ArrayType):
                self.refuse(node, f'cannot translate `{ast.unparse(node)}`')
            dtype = self.dtype(given, like.type.dtype, node)
            kind = ArrayType(dtype, like.type.ndim)
            return Value(f'py::zeros_like<{_ELEMENTS[dtype]}, {kind.ndim}>({like.code}.shape)', kind)
        shape = self.expression(given['shape'])
        parts = shape.parts or (shape,)
        if any(part.type not in ('int', 'unknown') for part in parts):
            self.refuse(node, 'the shape of a new array must be integers')
        lengths = ', '.join(part.code for part in parts)
        if function in ('zeros', 'empty'):
            dtype = self.dtype(given, 'float64', node)
            return Value(f'py::zeros<{_ELEMENTS[dtype]}, {len(parts)}>({{{lengths}}})', ArrayType(dtype, len(parts)))
        value = Value('1L', 'int') if function == 'ones' else self.number(given['fill_value'])
        natural = 'float64' if function == 'ones' else {'int': 'int64', 'float32': 'float32', 'bool': 'bool'}.get(value.type, 'float64')
        dtype = self.dtype(given, natural, node)
        code = f'py::full<{_ELEMENTS[dtype]}, {len(parts)}>({{{lengths}}}, {self.element(value, dtype, node)})'
        return Value(code, ArrayType(dtype, len(parts)))

    def array_of(self, node, given):
        elements = given['object'].elts if isinstance(given['object'], (ast.List, ast.Tuple)) else []
        values = [self.number(element) for element in elements]
        if not values:
            self.refuse(node, 'only np.array([number, …]) is translated')
        kind = values[0].type
        for value in values[1:]:
            kind = self.joined(kind, value.type, node)
        dtype = self.dtype(given, {'int': 'int64', 'float32': 'float32', 'bool': 'bool'}.get(kind, 'float64'), node)
        codes = ', '.join(f'{_ELEMENTS[dtype]}({value.code})' for value in values)
        return Value(f'py::array_of<{_ELEMENTS[dtype]}>({{{codes}}})', ArrayType(dtype, 1))

    def dtype(self, given, natural, node):
        if 'dtype' not in given:
            return natural
        match given['dtype']:
            case ast.Constant(value=str() as name) if name in _ELEMENTS:
                return name
            case ast.Attribute(value=ast.Name() as array, attr='dtype'):
                kind = self.expression(array).type
                if isinstance(kind, ArrayType):
                    return kind.dtype
            case other:
                name = _DTYPES.get(self.module.full_name(other) or '')
                if name is not None:
                    return name
        self.refuse(node, f'cannot translate the dtype `{ast.unparse(given["dtype"])}`')


def _without_double_parentheses(line):
    """`x = (a + b);` and `if ((a < b)) {` without what C++ does not need."""
    for opening, closing in ((' = ', ';'), ('return ', ';'), ('if (', ') {'), ('while (', ') {')):
        before, found, rest = line.partition(opening)
        inner = rest.removesuffix(closing)
        if found and inner != rest and _enclosed(inner):
            return before + opening + inner[1:-1] + closing
    return line


def _enclosed(code):
    """Whether the first parenthesis of the code is closed by its last character."""
    if not (code.startswith('(') and code.endswith(')')):
        return False
    depth = 0
    for place, character in enumerate(code):
        depth += (character == '(') - (character == ')')
        if depth == 0:
            return place == len(code) - 1
    return False


def _scalar(dtype):
    return _SCALARS.get(dtype, 'narrow')


def _constant(number):
    match number:
        case bool():
            return Value('true' if number else 'false', 'bool', constant=True)
        case int():
            if not -(2**63) < number < 2**63:
                raise NotApplicable(f'the number {number} does not fit into 64 bits')
            return Value(f'{number}L' if number >= 0 else f'({number}L)', 'int', constant=True)
    if number != number:
        return Value('std::numeric_limits<double>::quiet_NaN()', 'float', constant=True)
    if number in (float('inf'), float('-inf')):
        sign = '-' if number < 0 else ''
        return Value(f'({sign}std::numeric_limits<double>::infinity())', 'float', constant=True)
    return Value(repr(number) if number >= 0 else f'({number!r})', 'float', constant=True)


def _cpp_string(text):
    escaped = ''.join(c if c.isascii() and c.isprintable() and c not in '"\\' else f'\\{ord(c):03o}' for c in text if ord(c) < 256)
    return f'"{escaped}"'


def _short(op):
    return {ast.Add: '+', ast.Sub: '-', ast.Mult: '*'}.get(type(op))


def _simple(code):
    return code.replace('_', '').replace('.', '').isalnum()


def _everything(node):
    """`:` or `...`."""
    if isinstance(node, ast.Slice):
        return node.lower is None and node.upper is None and node.step is None
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _described(kind):
    match kind:
        case ArrayType(dtype=dtype, ndim=ndim):
            return f'an array of {dtype} with {ndim} axes'
        case Tuple():
            return 'a tuple'
        case None:
            return 'nothing'
    return f'a number ({kind})'
