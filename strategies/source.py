"""The user's module as text and as a syntax tree. It is read and rewritten here, never run."""

import ast
import builtins
import functools
import io
import itertools
import math
import symtable
import tokenize


class NotApplicable(Exception):
    """A strategy cannot be used on this function; the message is the reason, a sentence for people.

    `at` is the node or the line (from 1) that stands in the way; `reasons` is [{"line", "message"}], several where functions of a
    script have each their own.
    """

    def __init__(self, message, at=None):
        super().__init__(message)
        self.reasons = [{'line': getattr(at, 'lineno', at), 'message': message}]

    @classmethod
    def because(cls, reasons):
        """One refusal for several."""
        refusal = cls('; '.join(map(str, reasons)))
        refusal.reasons = [each for reason in reasons for each in reason.reasons]
        return refusal

    def elsewhere(self, lines, name, original):
        """The same of the user's own text, which has so many lines more and calls the function by its own name."""
        told = [
            NotApplicable(each['message'].replace(name, original), each['line'] and each['line'] + lines) for each in self.reasons
        ]
        return NotApplicable.because(told)


def read_source(data):
    """A file's text as Python reads it: in the encoding that its mark or its first lines declare, else UTF-8, each line ending in \\n.

    Raises NotApplicable, with the line, for bytes that are no text in that encoding.
    """
    encoding = 'utf-8'
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_in(encoding, data, error.start) from error
    except SyntaxError as error:
        raise _undeclared(data, error) from error
    return text.replace('\r\n', '\n').replace('\r', '\n')


def _undeclared(data, error):
    """Of the two first lines Python wants to know more than of the others."""
    try:
        data.decode('utf-8')
    except UnicodeDecodeError as broken:
        return _not_in('utf-8', data, broken.start)
    return NotApplicable(f'Python cannot read this: {error.msg}', 1)


def _not_in(encoding, data, place):
    line = data.count(b'\n', 0, place) + 1
    return NotApplicable(
        f'this line is not {encoding.upper()}: save the file as UTF-8, or let its first line say what it is, as in '
        '`# -*- coding: latin-1 -*-`',
        line,
    )


def written_source(text, like):
    """The bytes of a Python text in the encoding it declares itself, its lines ending as those of the bytes `like` do."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode('utf-8', 'surrogateescape')).readline)
    if encoding == 'utf-8-sig':
        encoding = 'utf-8'
    return (text.replace('\n', '\r\n') if b'\r\n' in like else text).encode(encoding)


@functools.lru_cache(maxsize=16)
def parsed(text, filename):
    """The syntax tree of a text. Raises NotApplicable, with the line, where Python could not read it either."""
    try:
        return ast.parse(text, filename)
    except SyntaxError as error:
        raise NotApplicable(f'Python cannot read this: {error.msg}', error) from error
    except ValueError as error:
        # NUL bytes.
        raise NotApplicable(f'Python cannot read {filename}: {error}') from error
    except (RecursionError, MemoryError) as error:
        raise NotApplicable(f'{filename} is nested too deeply to be read') from error


class Module:
    """One Python file and the function to make faster; of a file beside it, None.

    folder: where other files of the program stand, if anywhere. text: the file's text; functions: its top-level functions by name; constants: its top-level numbers by name;
    imports: local name -> full name (`np` -> `numpy`, `sqrt` -> `math.sqrt`).
    """

    def __init__(self, text, function, filename, folder=None):
        self.text = text
        self.filename = filename
        self.folder = folder
        self.tree = parsed(text, filename)
        # As Python counts lines: `splitlines` also ends them at form feeds and others.
        self.lines = io.StringIO(text, newline='\n').readlines()
        self.starts = [0, *itertools.accumulate(map(len, self.lines))]
        self.functions = {}
        self.constants = {}
        self.imports = {}
        for statement in self.tree.body:
            self._collect(statement)
        found = self.functions.get(function)
        if found is None and function is not None:
            raise NotApplicable(f'{filename} defines no function {function} at its top level')
        self.function = found
        self.name = function

    def _collect(self, statement):
        match statement:
            case ast.FunctionDef(name=name):
                self.functions[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                number = self.number(value)
                # A name bound twice is no constant.
                if number is not None and name not in self.constants:
                    self.constants[name] = number
                else:
                    self.constants.pop(name, None)
            case ast.Import(names=names):
                for alias in names:
                    self.imports[alias.asname or alias.name.split('.')[0]] = (
                        alias.name if alias.asname else alias.name.split('.')[0]
                    )
            case ast.ImportFrom(module=module, names=names) if module:
                for alias in names:
                    self.imports[alias.asname or alias.name] = f'{module}.{alias.name}'

    def number(self, node):
        """The value of a constant numeric expression, or None where it is not one."""
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value
            case ast.Name(id=name):
                return self.constants.get(name)
            case ast.Attribute():
                known = {'math': math, 'numpy': math}
                full = self.full_name(node) or ''
                library, _, name = full.rpartition('.')
                if library in known and name in ('pi', 'e', 'inf', 'nan', 'tau'):
                    return getattr(known[library], name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.number(operand)
                return None if value is None else -value
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.number(left), self.number(right)
                if a is None or b is None:
                    return None
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.Div() if b != 0:
                        return a / b
                    case ast.Pow() if abs(a) <= 1000 and 0 <= b <= 64:
                        return a**b
        return None

    def full_name(self, node):
        """`np.zeros` -> `numpy.zeros`; a function of this module or a builtin keeps its name; else None."""
        match node:
            case ast.Name(id=name):
                if name in self.functions:
                    return name
                if name in self.imports:
                    return self.imports[name]
                return name if hasattr(builtins, name) else None
            case ast.Attribute(value=value, attr=attr):
                base = self.full_name(value) if isinstance(value, (ast.Name, ast.Attribute)) else None
                return f'{base}.{attr}' if base in self.imports.values() or (base and '.' in base) else None
        return None

    def rewritten(self, text, function=None):
        """The same file with another text, or for another function."""
        return Module(text, function or self.name, self.filename, self.folder)

    def stands_beside(self, name):
        """Whether a module of this name is another file of the program."""
        return self.folder is not None and ((self.folder / f'{name}.py').is_file() or (self.folder / name).is_dir())

    @functools.lru_cache(maxsize=64)
    def beside(self, name):
        """Another file of the program as a module; None where there is none of this name, or it cannot be read."""
        if self.folder is None or not (self.folder / f'{name}.py').is_file():
            return None
        try:
            return Module(read_source((self.folder / f'{name}.py').read_bytes()), None, f'{name}.py', self.folder)
        except NotApplicable:
            return None

    def called(self, function):
        """The module's own functions that `function` calls, in the order of their definition."""
        names = {
            self.full_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)
        } | {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        return [self.functions[name] for name in self.functions if name in names]

    def reachable(self):
        """The function and all functions of this module that it needs, in the order of their definition."""
        needed, waiting = {self.name}, [self.function]
        while waiting:
            for callee in self.called(waiting.pop()):
                if callee.name not in needed:
                    needed.add(callee.name)
                    waiting.append(callee)
        return [function for name, function in self.functions.items() if name in needed]

    def fresh(self, name):
        """`name`, with a number where the module uses it already."""
        used = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        used |= {node.arg for node in ast.walk(self.tree) if isinstance(node, ast.arg)}
        used |= self.functions.keys() | self.imports.keys()
        candidate, count = name, 2
        while candidate in used:
            candidate, count = f'{name}_{count}', count + 1
        return candidate

    def position(self, line, column):
        """The index in `text` of a line (from 1) and a column in UTF-8 bytes (from 0), as `ast` counts them."""
        before = self.starts[min(line - 1, len(self.lines))]
        within = self.lines[line - 1].encode()[:column].decode() if line <= len(self.lines) else ''
        return before + len(within)

    def span(self, node):
        """Where a node begins and ends in `text`."""
        return (
            self.position(node.lineno, node.col_offset),
            self.position(node.end_lineno, node.end_col_offset),
        )

    def source(self, node):
        """A node's own text."""
        start, end = self.span(node)
        return self.text[start:end]

    def indent(self, node):
        """The white space before a statement."""
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    @property
    def unit(self):
        """What one level of this module is indented by: what its first function does."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.body[0].lineno > node.lineno:
                return self.indent(node.body[0]).removeprefix(self.indent(node)) or '    '
        return '    '

    def indented(self, text):
        """`text`, which is indented by four spaces a level, as this module is."""
        levels = ((len(line) - len(line.lstrip(' '))) // 4 for line in text.split('\n'))
        return '\n'.join(self.unit * level + line[4 * level :] for level, line in zip(levels, text.split('\n')))

    def import_edit(self, wanted):
        """The edit that adds those of the import lines (`import numpy as np`) the module does not have yet."""
        missing = [line for line in wanted if not self._imported(line)]
        at = self.position(self._first_statement_line(), 0)
        imports_follow = self.text[at:].startswith(('import ', 'from '))
        lines = ''.join(f'{line}\n' for line in missing)
        return (at, at, lines if imports_follow or not missing else f'{lines}\n\n')

    def _imported(self, line):
        _, name, *renamed = line.split()
        return self.imports.get(renamed[1] if renamed else name) == name

    def _first_statement_line(self):
        """The line (from 1) before which imports may be put: after the docstring and `from __future__` lines."""
        before = 0
        for statement in self.tree.body:
            docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            future = isinstance(statement, ast.ImportFrom) and statement.module == '__future__'
            # More statements may stand in a line, after a semicolon.
            if docstring or future or statement.lineno <= before:
                before = statement.end_lineno
            else:
                decorators = getattr(statement, 'decorator_list', [])
                return min([statement.lineno] + [decorator.lineno for decorator in decorators])
        return len(self.lines) + 1


def edited(text, edits):
    """`text` with every (start, end, replacement) carried out. Spans may touch but not overlap."""
    parts, at = [], 0
    for start, end, replacement in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        if start < at:
            raise ValueError(f'two edits overlap at character {start}')
        parts += [text[at:start], replacement]
        at = end
    return ''.join([*parts, text[at:]])


def parameters(function):
    """The names of all parameters, in order. Raises NotApplicable for * and ** parameters."""
    arguments = function.args
    if arguments.vararg or arguments.kwarg:
        raise NotApplicable(f'{function.name} takes a variable number of arguments (* or **)', function)
    return [argument.arg for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]


def defaults(function):
    """Parameter name -> the expression of its default."""
    arguments = function.args
    positional = arguments.posonlyargs + arguments.args
    found = {}
    if arguments.defaults:
        for argument, value in zip(positional[-len(arguments.defaults) :], arguments.defaults):
            found[argument.arg] = value
    for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults):
        if value is not None:
            found[argument.arg] = value
    return found


def has_loop(function):
    """Whether a function loops over a range, an array or a condition."""
    return any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(function))


def require_compilable(module):
    """Raises NotApplicable where no numeric compiler could take the function, or would gain by it."""
    require_numeric(module)
    functions = module.reachable()
    if not any(has_loop(function) or _calls_itself(module, function) for function in functions):
        raise NotApplicable(f'{module.name} has no loop or recursion to compile; NumPy already does its work', module.function)


def require_numeric(module):
    """Raises NotApplicable, with the construct and its line, where no numeric compiler could take the function."""
    for function in module.reachable():
        if function.decorator_list:
            raise NotApplicable(f'{function.name} is decorated', function.decorator_list[0])
        parameters(function)
        inside = [node for node in ast.walk(function) if node is not function and hasattr(node, 'lineno')]
        for node in sorted(inside, key=lambda node: (node.lineno, node.col_offset)):
            # A generator is compiled with the loop that runs it.
            if not isinstance(node, ast.Yield) or function is module.function or node.value is None:
                _require_compilable_node(node, function)
        _require_known_names(module, function)


def require_positional(module, compiler):
    """Raises NotApplicable where a function has keyword-only parameters, which the compiler does not take."""
    for function in module.reachable():
        if function.args.kwonlyargs:
            raise NotApplicable(f'{function.name} has keyword-only parameters, which {compiler} does not take', function)


def require_own_calls(module, libraries, compiler):
    """Raises NotApplicable where a function calls what stands in another file or in a library that the compiler does not know."""
    for function in module.reachable():
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = module.full_name(call.func) or ''
            library, _, _ = name.partition('.')
            if '.' not in name or library in libraries:
                continue
            if module.stands_beside(library):
                called = name.rpartition('.')[2]
                raise NotApplicable(
                    f'{function.name} calls {called} of {library}, another file, and only what stands in {module.filename} is '
                    f'compiled: put {called} into {module.filename}',
                    call,
                )
            raise NotApplicable(f'{function.name} calls {name}, which {compiler} does not compile', call)


def _calls_itself(module, function):
    return any(isinstance(n, ast.Call) and module.full_name(n.func) == function.name for n in ast.walk(function))


_REFUSED = {
    ast.Try: 'try',
    ast.With: 'with',
    ast.ClassDef: 'class',
    ast.FunctionDef: 'a function inside a function',
    ast.Lambda: 'lambda',
    ast.AsyncFunctionDef: 'async',
    ast.Await: 'await',
    ast.Yield: 'yield',
    ast.YieldFrom: 'yield from',
    ast.Global: 'global',
    ast.Nonlocal: 'nonlocal',
    ast.Import: 'import',
    ast.ImportFrom: 'import',
    ast.Delete: 'del',
    ast.JoinedStr: 'a formatted string',
    ast.Dict: 'a dictionary',
    ast.DictComp: 'a dictionary',
    ast.Set: 'a set',
    ast.SetComp: 'a set',
    ast.Match: 'match',
    ast.NamedExpr: ':=',
}


def _require_compilable_node(node, function):
    refused = _REFUSED.get(type(node))
    if refused is not None:
        raise NotApplicable(f'{function.name} uses {refused}, which does not compile to numbers', node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('print', 'open', 'input'):
        raise NotApplicable(f'{function.name} calls {node.func.id}', node)


def globals_of(module, function):
    """The global names that a function uses, in the order of their first use, with the node of it."""
    table = symtable.symtable(module.source(function), module.filename, 'exec')
    # The first is the module around it, where the function's own name is bound; comprehensions are scopes of their own.
    scopes = list(table.get_children())
    names = set()
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        names |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in names]
    uses.sort(key=lambda node: (node.lineno, node.col_offset))
    return {node.id: node for node in reversed(uses)}


def _require_known_names(module, function):
    """Globals that are neither functions, numbers, imports nor builtins cannot be carried along."""
    for name, node in globals_of(module, function).items():
        known = name in module.functions or name in module.constants or name in module.imports
        if not known and not hasattr(builtins, name):
            raise NotApplicable(f'{function.name} uses the global {name}, which is not a number or a function', node)
