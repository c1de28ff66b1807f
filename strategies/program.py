"""A program being made: files, how it is built, and what a wrapper around the compiled function must do."""

import ast
import io
from dataclasses import dataclass, field
from pathlib import Path

from case import ArrayType
from source import defaults, parameters


@dataclass
class Program:
    """files: name -> text; entry: the module with the function; build: {"argv", "outputs"} or None."""

    entry: str
    files: dict[str, str]
    build: dict | None = None
    notes: list[str] = field(default_factory=list)


def docstring(node):
    """A function's or module's docstring as source lines, or nothing."""
    text = ast.get_docstring(node)
    if text is None:
        return ''
    plain = all(character.isprintable() or character == '\n' for character in text) and '"""' not in text and not text.endswith('"')
    return f'"""{text.replace(chr(92), chr(92) * 2)}"""\n' if plain else f'{text!r}\n'


def wrapper_module(module, types, note, extension):
    """A Python module with the function's own name and signature which calls the same name in `extension`.

    What the extension was not made for (a list, another type of numbers, an array that is not contiguous, None) goes to the
    original, which `original_files` puts beside it. An extension says so by a TypeError before it does anything; which class
    and byte order an array has it may not look at, so that is seen here.
    """
    function = module.function
    names = parameters(function)
    given = ', '.join(_converted(name, types[name]) for name in names)
    return (
        f'"""{note}"""\n\nimport numpy\n\nimport {extension}\n\n{dtype_constants(types)}\n'
        f'def {module.name}({numeric_signature(module)}):\n{_indented(docstring(function))}'
        f'    if {made_for(types)}:\n'
        f'        try:\n'
        f'            return {extension}.{module.name}({given})\n'
        f'        except (TypeError, SystemError):\n'
        f'            pass  # It was not made for these.\n'
        f'{_indented(call_original(module))}'
    )


def call_original(module):
    """The lines that hand a call on to the original; imported only where it is needed, for it may do more than define functions."""
    name = original_module(module)
    return f'import {name}\n\nreturn {name}.{module.name}({", ".join(_passed_on(module.function))})\n'


def dtype_constants(types):
    """Definitions of the types that `made_for` looks for."""
    names = sorted({kind.dtype for kind in types.values() if isinstance(kind, ArrayType)})
    return ''.join(f"_{name} = numpy.dtype('{name}')\n" for name in names) + ('\n' if names else '')


def original_module(module):
    """The name of the module that has the original function beside a program made of it."""
    name = f'{module.name}_original'
    return name if f'{name}.py' != module.filename else f'{name}_function'


def original_files(module):
    return {f'{original_module(module)}.py': module.text}


def made_for(types):
    """The condition, as source, under which arguments are of the types that were compiled; layout and axes are not looked at."""
    return ' and '.join(_is_of(name, kind) for name, kind in types.items()) or 'True'


def _is_of(name, kind):
    match kind:
        case ArrayType(dtype=dtype):
            # Nearly always it is the same object, which is faster to see.
            return f'type({name}) is numpy.ndarray and ({name}.dtype is _{dtype} or {name}.dtype == _{dtype})'
        case 'float32':
            return f'type({name}) is numpy.float32'
        case 'bool':
            return f'type({name}) in (bool, numpy.bool_)'
        case 'int':
            return f'type({name}) in (int, numpy.int64)'
    return f'type({name}) in (float, numpy.float64)'


def _passed_on(function):
    """The parameters as arguments of a call of the same signature."""
    arguments = function.args
    yield from (argument.arg for argument in arguments.posonlyargs + arguments.args)
    yield from (f'{argument.arg}={argument.arg}' for argument in arguments.kwonlyargs)


def numeric_signature(module):
    """The function's parameters as source, with defaults as numbers, so that it stands without the module's constants."""
    function = module.function
    arguments = ast.parse(f'def f({ast.unparse(function.args)}): pass').body[0].args
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    named = {name: ast.Constant(module.number(node)) for name, node in defaults(function).items()}
    positional = arguments.posonlyargs + arguments.args
    first = len(positional) - len(arguments.defaults)
    arguments.defaults = [named[argument.arg] for argument in positional[first:]]
    arguments.kw_defaults = [named.get(argument.arg) for argument in arguments.kwonlyargs]
    return ast.unparse(arguments)


def _converted(name, kind):
    match kind:
        case ArrayType():
            return name
        case 'int':
            return f'int({name})'
        case 'bool':
            return f'bool({name})'
    return f'float({name})'


def _indented(text):
    return ''.join(f'    {line}' if line.strip() else line for line in io.StringIO(text))
