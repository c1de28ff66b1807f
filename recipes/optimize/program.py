"""A program being made: files, how it is built, and what a wrapper around the compiled function must do."""

import ast
import io
from dataclasses import dataclass, field

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

    Numbers are converted to the types that were compiled: an int given for a float is welcome, a float for an int is not.
    """
    function = module.function
    signature = numeric_signature(module)
    given = ', '.join(_converted(name, types[name]) for name in parameters(function))
    documented = _indented(docstring(function))
    operator = 'import operator\n\n' if 'int' in types.values() else ''
    return (
        f'"""{note}"""\n\n{operator}import {extension}\n\n\n'
        f'def {module.name}({signature}):\n{documented}    return {extension}.{module.name}({given})\n'
    )


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
            return f'operator.index({name})'
        case 'bool':
            return f'bool({name})'
    return f'float({name})'


def _indented(text):
    return ''.join(f'    {line}' if line.strip() else line for line in io.StringIO(text))
