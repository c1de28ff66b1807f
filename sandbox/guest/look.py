"""Looks at a program that nobody has run, then becomes it: a program that is certain to fail is not run.

    look.py --root FOLDER --entry PATH.py [--function NAME] [--modules NAME…] -- COMMAND…

Certain is a source that does not compile, a name that is nowhere defined and is used on the way that every run takes, and an import on
that way of a module that is not there. What a run may go around is not looked at: what stands in an `if`, a loop or a `try`, behind
whatever may end the program, or in a function that is not called on that way. Style is nobody's business.

Where something was found it ends with code 97 and, as the last line of standard error, `{"rejected": [{ path, line, said, module? }…]}`.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import difflib
import importlib
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXIT_REJECTED = 97
_MOST_BYTES = 1 << 20
_MOST_TOLD = 10
_MOST_FILES = 50_000

# Whatever may end a program, or lead it elsewhere.
_ENDS = {'exit', '_exit', 'quit', 'abort', 'SystemExit', 'KeyboardInterrupt', 'execv', 'execve', 'execvp', 'execl', 'kill', 'sigqueue'}
_RUNNERS = {'click', 'typer', 'fire', 'unittest', 'pytest', 'absl', 'trio', 'anyio', 'twisted', 'tornado'}
# Whatever may bring names, or modules, that the text does not show.
_OPENS_NAMES = {'exec', 'eval', 'globals', 'vars', 'locals', 'setattr', '__builtins__', 'builtins', '__dict__', 'runpy', 'gettext', 'f_globals', '_getframe'}
_OPENS_MODULES = {'path_hooks', 'meta_path', 'import_module', '__import__', 'importlib', 'addsitedir', 'site', 'modules', 'runpy', 'pkgutil', 'pip'}
# Modules whose functions write no file that could be imported next.
_HARMLESS = {'warnings', 'logging', 'matplotlib', 'numpy', 'random', 'locale', 'time', 'faulthandler', 'math', 'collections', 'dataclasses', 're', 'typing', 'decimal', 'argparse'}

Plain = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete)


@dataclass
class Finding:
    path: str
    line: int
    said: str
    # The module that is not there.
    module: str | None = None


@dataclass
class Source:
    """A module of the program, as far as its text tells."""

    path: Path
    told: str
    tree: ast.Module
    is_main: bool
    # Undefined names by where they are used.
    undefined: dict[tuple[int, int], str]
    # Functions of the module itself that nothing else is bound to.
    functions: dict[str, ast.FunctionDef]
    # Modules that are not the program's, by the names they have in it.
    foreign: set[str] = field(default_factory=set)
    may_end: bool = False
    opens_modules: bool = False


class Look:
    def __init__(self, root: Path, entry: str, function: str | None, modules: set[str] | None) -> None:
        self.root = root
        self.folder = (root / entry).parent
        self.entry = root / entry
        self.function = function
        # Modules that are brought, or made, before the program runs; None where it is not known what will be there.
        self.modules = modules
        self.findings: list[Finding] = []
        self._seen: set[Path] = set()
        self._walked: set[int] = set()
        self._names: set[str] | None = None
        # Whether a module could still be only what the files show: nothing was done yet but importing.
        self._leading = True

    def run(self) -> list[Finding]:
        self._module(self.entry, is_main=self.function is None)
        unique = {(each.path, each.line, each.said): each for each in self.findings}
        return sorted(unique.values(), key=lambda each: (each.path, each.line))[:_MOST_TOLD]

    def _module(self, path: Path, is_main: bool = False) -> bool:
        """Looks at a module that is sure to be run. Whether what follows is sure to be run, too."""
        if path in self._seen:
            return True
        self._seen.add(path)
        source = self._source(path, is_main)
        if source is None:
            return True
        goes_on = self._statements(source, source.tree.body)
        if path == self.entry and self.function in source.functions and goes_on:
            self._call(source, source.functions[self.function])
        return goes_on and not source.may_end

    def _source(self, path: Path, is_main: bool) -> Source | None:
        """None where it cannot be looked into; where it is no Python that was found."""
        data = path.read_bytes()
        told = os.path.relpath(path, self.root)
        if len(data) > _MOST_BYTES:
            return None
        try:
            compile(data, told, 'exec', dont_inherit=True)
        except SyntaxError as error:
            text = f': {error.text.strip()[:100]}' if error.text and error.text.strip() else ''
            self.findings.append(Finding(told, error.lineno or 1, f'{type(error).__name__}: {error.msg}{text}'))
            return None
        except ValueError as error:
            self.findings.append(Finding(told, 1, f'it is no Python: {error}'))
            return None
        tree = ast.parse(data)
        words = set(_words(tree))
        imported = {name.split('.')[0] for name in _imports(tree)}
        opens_names = bool(words & _OPENS_NAMES) or any(
            isinstance(node, ast.ImportFrom) and node.names[0].name == '*' for node in ast.walk(tree)
        )
        return Source(
            path,
            told,
            tree,
            is_main,
            {} if opens_names else _undefined(tree, told),
            _functions(tree),
            may_end=bool(words & _ENDS or imported & _RUNNERS),
            opens_modules=bool((words | imported) & _OPENS_MODULES) or _changes_path(tree),
        )

    def _statements(self, source: Source, statements: list[ast.stmt]) -> bool:
        """Looks at statements that are sure to be reached. Whether what follows them is."""
        return all(self._statement(source, statement) for statement in statements)

    def _statement(self, source: Source, node: ast.stmt) -> bool:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return self._import(source, node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
            return self._expressions(source, [*node.decorator_list, *given])
        if isinstance(node, ast.ClassDef):
            first = [*node.decorator_list, *node.bases, *(each.value for each in node.keywords)]
            return self._expressions(source, first) and self._statements(source, node.body)
        if isinstance(node, Plain):
            parts = [each for name, each in ast.iter_fields(node) if isinstance(each, ast.expr) and name != 'annotation']
            parts += getattr(node, 'targets', [])
            goes_on = self._expressions(source, parts)
            return goes_on and not isinstance(node, (ast.Return, ast.Raise))
        if isinstance(node, ast.If):
            if source.is_main and _is_main_test(node.test):
                return self._statements(source, node.body)
            return self._expressions(source, [node.test]) and self._passes(source, node)
        if isinstance(node, (ast.For, ast.While)):
            head = node.iter if isinstance(node, ast.For) else node.test
            endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
            return self._expressions(source, [head]) and not endless and self._passes(source, node)
        if isinstance(node, ast.With):
            managers = [item.context_expr for item in node.items]
            catches = {'suppress', 'raises', 'assertRaises', 'ExitStack', 'subTest'} & set(_words(*managers)) or any(
                not isinstance(each, ast.Call) or _is_own(each.func, source) for each in managers
            )
            goes_on = self._expressions(source, managers)
            if catches:
                return goes_on and self._passes(source, node)
            return goes_on and self._statements(source, node.body)
        return self._passes(source, node)

    def _passes(self, source: Source, node: ast.stmt) -> bool:
        """Whether a statement that was not looked into is left at its end, or else fails."""
        inside = list(ast.walk(node))
        calls = any(isinstance(each, ast.Call) for each in inside)
        if calls:
            self._leading = False
        if any(isinstance(each, ast.Return) for each in inside) or set(_words(node)) & _ENDS:
            return False
        return not (calls and (source.may_end or self._has_own_modules(source)))

    def _expressions(self, source: Source, nodes: list[ast.expr]) -> bool:
        """Looks at what is sure to be evaluated of `nodes`. Whether what follows is sure to be reached."""
        goes_on = True
        for node in nodes:
            for each in _evaluated(node):
                if isinstance(each, ast.Name):
                    name = source.undefined.get((each.lineno, each.col_offset))
                    if name is not None and name == each.id and not name.startswith('_'):
                        self._undefined_name(source, each)
                elif isinstance(each, ast.Call):
                    goes_on = self._after_call(source, each) and goes_on
                elif isinstance(each, (ast.Await, ast.Yield, ast.YieldFrom)):
                    goes_on = False
        return goes_on

    def _undefined_name(self, source: Source, node: ast.Name) -> None:
        known = {each.id for each in ast.walk(source.tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        near = difflib.get_close_matches(node.id, known | set(source.functions) | source.foreign, 1)
        meant = f'; did you mean {near[0]}?' if near else ''
        self.findings.append(Finding(source.told, node.lineno, f"NameError: name '{node.id}' is not defined{meant}"))

    def _after_call(self, source: Source, node: ast.Call) -> bool:
        """Looks into a function of the program that is called. Whether the call is sure to come back."""
        func = node.func
        if isinstance(func, ast.Name) and func.id in source.functions:
            self._leading = False
            self._call(source, source.functions[func.id])
            return not source.may_end
        root = _root(func)
        if root in source.foreign:
            if root not in _HARMLESS:
                self._leading = False
            return not set(_words(func)) & (_ENDS | {'main', 'run'})
        if isinstance(func, ast.Name) and hasattr(builtins, func.id):
            if func.id in ('open', 'input', 'compile'):
                self._leading = False
            return func.id not in _ENDS
        self._leading = False
        # A method, a class, or a value: of a program that never ends itself it comes back.
        return not source.may_end and not self._has_own_modules(source)

    def _call(self, source: Source, function: ast.FunctionDef) -> None:
        if id(function) not in self._walked:
            self._walked.add(id(function))
            self._statements(source, function.body)

    def _has_own_modules(self, source: Source) -> bool:
        return any(self._own(name.split('.')[0]) is not None for name in _imports(source.tree))

    def _import(self, source: Source, node: ast.Import | ast.ImportFrom) -> bool:
        if isinstance(node, ast.ImportFrom):
            if node.level:
                if source.is_main:
                    self.findings.append(
                        Finding(source.told, node.lineno, 'ImportError: attempted relative import with no known parent package: it is run by itself, so no import begins with a dot')
                    )
                return False
            return self._imported(source, node.lineno, node.module or '', [alias.name for alias in node.names], node)
        return all([self._imported(source, node.lineno, alias.name, [], node) for alias in node.names])

    def _imported(self, source: Source, line: int, name: str, names: list[str], node: ast.Import | ast.ImportFrom) -> bool:
        """Whether what follows an import of a module, and of `names` of it, is sure to be reached."""
        top = name.split('.')[0]
        own = self._own(top)
        if own is not None:
            # Of a package that is the program's own nothing is known but that its text goes on.
            return self._module(own) if own.is_file() and own.suffix == '.py' and own.stem == name else False
        source.foreign |= {alias.asname or alias.name.split('.')[0] for alias in node.names}
        if self.modules is None or source.opens_modules or not self._leading:
            return True
        if top in self.modules or top in self._all_names():
            return True
        missing = self._missing(name, names)
        if missing is not None:
            said, module = missing
            self.findings.append(Finding(source.told, line, said, module))
        return True

    def _own(self, top: str) -> Path | None:
        for place in (self.folder / f'{top}.py', self.folder / top):
            if place.exists():
                return place
        return None

    def _all_names(self) -> set[str]:
        """Every name that a file or folder around the program could be imported by, wherever it stands."""
        if self._names is None:
            self._names = set()
            count = 0
            for _, folders, files in os.walk(self.root):
                count += len(files)
                self._names |= {each.split('.')[0] for each in [*folders, *files]}
                if count > _MOST_FILES:
                    break
        return self._names

    def _missing(self, name: str, names: list[str]) -> tuple[str, str | None] | None:
        """What is not there of a module that is not the program's, and the module where it is that; None where all may be."""
        top = name.split('.')[0]
        try:
            if importlib.util.find_spec(top) is None:
                near = [name for names in _installed() for name in difflib.get_close_matches(top, names, 1, 0.7)]
                return f"ModuleNotFoundError: No module named '{top}'{f'; did you mean {near[0]}?' if near else ''}", top
            # To look into a package takes as long as importing it; Python's own are quick.
            if top not in sys.stdlib_module_names:
                return None
            if '.' in name and importlib.util.find_spec(name) is None:
                return f"ModuleNotFoundError: No module named '{name}'", None
            if not names or names == ['*'] or name == '__future__':
                return None
            module = importlib.import_module(name)
            for each in names:
                if not hasattr(module, each) and importlib.util.find_spec(f'{name}.{each}') is None:
                    near = difflib.get_close_matches(each, dir(module), 1)
                    return f"ImportError: cannot import name '{each}' from '{name}'{f'; did you mean {near[0]}?' if near else ''}", None
        except ModuleNotFoundError as error:
            # A module that is no package has none below it.
            if error.name in (name, *(f'{name}.{each}' for each in names)):
                return f"ModuleNotFoundError: No module named '{error.name}'", None
        except BaseException:  # What fails here may do so for another reason.
            return None
        return None


def _evaluated(node: ast.expr) -> Iterator[ast.expr]:
    """What of an expression is evaluated whatever its values are, in about that order."""
    if isinstance(node, ast.Lambda):
        inner = [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        inner = [node.generators[0].iter]
    elif isinstance(node, ast.BoolOp):
        inner = node.values[:1]
    elif isinstance(node, ast.IfExp):
        inner = [node.test]
    elif isinstance(node, ast.Compare):
        inner = [node.left, node.comparators[0]]
    else:
        inner = [each for each in _children(node) if isinstance(each, ast.expr)]
    for each in inner:
        yield from _evaluated(each)
    yield node


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.keyword):
            yield each.value
        else:
            yield each


def _words(*nodes: ast.AST) -> Iterator[str]:
    """Every name, attribute and imported name in `nodes`."""
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                yield each.id
            elif isinstance(each, ast.Attribute):
                yield each.attr
            elif isinstance(each, ast.alias):
                yield each.name.split('.')[-1]


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _changes_path(tree: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == 'path' and _root(node) == 'sys')
        or (isinstance(node, ast.ImportFrom) and node.module == 'sys' and any(alias.name == 'path' for alias in node.names))
        for node in ast.walk(tree)
    )


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions whose calls run their text: not decorated, no generators, bound to their names alone."""
    bound: dict[str, int] = {}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names = [node.id]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.alias):
            names = [node.asname or node.name.split('.')[0]]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names = [node.name]
        for name in names:
            bound[name] = bound.get(name, 0) + 1
    return {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.decorator_list
        and bound[node.name] == 1
        and not any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(node))
    }


def _undefined(tree: ast.Module, told: str) -> dict[tuple[int, int], str]:
    from pyflakes.checker import Checker
    from pyflakes.messages import UndefinedName

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return {
            (each.lineno, each.col): each.message_args[0]
            for each in Checker(tree, told).messages
            if isinstance(each, UndefinedName)
        }


def _installed() -> tuple[list[str], list[str]]:
    """What packages bring, and what Python itself has."""
    from importlib.metadata import packages_distributions

    return [*packages_distributions()], [*sys.stdlib_module_names]


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_own(func: ast.expr, source: Source) -> bool:
    return _root(func) not in source.foreign and not (isinstance(func, ast.Name) and func.id == 'open')


def _is_main_test(test: ast.expr) -> bool:
    return ast.unparse(test) in ("__name__ == '__main__'", "'__main__' == __name__")


def main() -> None:
    options = argparse.ArgumentParser(description='Looks at a program, then becomes it.', allow_abbrev=False)
    options.add_argument('--root', type=Path, required=True)
    options.add_argument('--entry', required=True)
    options.add_argument('--function')
    options.add_argument('--modules', nargs='*', help='modules there will be besides; without it imports are not looked at')
    at = sys.argv.index('--')
    chosen, command = options.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    try:
        modules = None if chosen.modules is None else set(chosen.modules)
        findings = Look(chosen.root.resolve(), chosen.entry, chosen.function, modules).run()
    except BaseException:  # Whatever cannot be looked at is run, and says itself what is wrong.
        findings = []
    if findings:
        rejected: list[dict[str, Any]] = [vars(each) for each in findings]
        print(json.dumps({'rejected': rejected}), file=sys.stderr)
        sys.exit(EXIT_REJECTED)
    os.execv(command[0], command)


if __name__ == '__main__':
    main()
