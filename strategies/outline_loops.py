"""outline_loops: compiles the loops of a function, and leaves the rest of it as it is.

A part of a function that Numba takes becomes a function of its own, which is given what it needs as arrays and numbers. The rest
stays Python: what takes a dict apart, checks arguments, prints, puts the answer together. In front of the part stands the call;
the part itself stays behind it, for values the compiled one was not made for and for whatever raises. What was observed of the
program tells what its names hold; each way of cutting is tried on the sample case, and the first is taken that gives the same.
"""

import ast
import copy
from pathlib import Path

from by_columns import by_columns
from fixed_lists import as_arrays, made_an_array
from kernels import Kernels
from liveness import all_reads, exposed, stored, written
from objects import flattened
from outlined_trial import Trial
from own_functions import Own
from program import Program
from python_translator import Translator
from source import NotApplicable, edited
from syntax import LISTS, expression, parents_of, parse, without_docstring

SUPPORT = 'python_loops'
# The share of the time that is worth a look.
_LEAST_SHARE = 0.04
# Seconds.
_SHORTEST_CALL = 3e-5
_MOST_REASONS = 3


class Record:
    """What was observed of a program (see `observe.py`)."""

    def __init__(self, record, module):
        self.record, self.module = record, module
        self.functions = {(each['file'], each['name']): each for each in record['functions']}
        self.globals = {}
        for each in record['functions']:
            self.globals |= {name: value for name, value in each['globals'].items() if name not in self.globals}
        self.has_text = any(
            known.get('kind') == 'text' for each in record['functions'] for part in ('arguments', 'locals') for known in each[part].values()
        )

    def of(self, function):
        found = [each for each in self.record['functions'] if each['name'] == function.name]
        found.sort(key=lambda each: each['line'] != function.lineno)
        return found[0] if found else {'arguments': {}, 'locals': {}, 'globals': {}, 'returns': None}

    def locals_of(self, function):
        """What is known of each name: as an argument what it was at the beginning, else what it was at the end."""
        known = self.of(function)
        return {**known['globals'], **known['locals'], **known['arguments']}

    def item_of(self, name):
        """What the lists of a name hold, wherever it was seen; None where that is nowhere."""
        seen = [known[name]['item'] for each in self.record['functions'] for known in (each['arguments'], each['locals']) if 'item' in known.get(name, {})]
        return seen[0] if seen else None

    def is_long(self, function):
        """Whether a call lasts long enough for its arguments to be handed over."""
        calls = self.of(function).get('calls', 0)
        return calls == 0 or self.share(function, self.module.filename) * self.record['seconds'] / calls > _SHORTEST_CALL

    def share(self, node, filename):
        """How much of the time is spent in the lines of a statement."""
        lines = [each for each in self.record['lines'] if each['file'] == filename]
        return sum(each['share'] for each in lines if node.lineno <= each['line'] <= node.end_lineno)


class Cut:
    """A part of a function's body: `path` to the list of statements it stands in, from `start` to `end`; `ends` the function or not."""

    def __init__(self, body, start, end, after, ends):
        self.body, self.start, self.end, self.after, self.ends = body, start, end, after, ends

    @property
    def statements(self):
        return self.body[self.start : self.end]


def outline_loops(module, case, record, folder, seconds):
    """The program whose loops are compiled one by one. `record` is what was observed of it, `case` the sample as bytes, `seconds` the
    time for all ways of cutting it.
    """
    if record is None:
        raise NotApplicable('the program was not observed: it did not come to an end on a sample case')
    trial = Trial(module, case, folder, seconds)
    try:
        for other in _in_other_words(module):
            try:
                return _best(other, Record(trial.observed(other.text), other), trial)
            except NotApplicable:
                trial.whole = False
        return _best(module, Record(record, module), trial)
    finally:
        trial.close()


def _in_other_words(module):
    """The module without objects and rows of tables, as far as it has any: what is refused is told of the user's own text."""
    by_column, notes = by_columns(module)
    flat = flattened(by_column)
    return [each for each in (flat, by_column if notes else None) if each is not None]


def _best(module, known, trial):
    reasons, chosen, covered = [], {}, set()
    for name, function in _hot_functions(module, known).items():
        if name in covered:
            continue
        for cut, lists in _cuts(function, module, known, reasons):
            if trial.out_of_time():
                trial.untried += 1
                continue
            trying = {**chosen, name: (cut, lists, False)}
            made = _attempt(module, known, trial, trying, reasons)
            if made is not None:
                chosen = trying
                covered |= made
                break
    if not chosen:
        none = f'{module.name} has no loop to compile'
        if trial.untried:
            none = f'the time for finding loops to compile was over; {trial.untried} ways of cutting {module.filename} were not tried'
        raise NotApplicable.because(_worth_telling(reasons) or [NotApplicable(none, module.function)])
    program = _program(module, known, chosen, trial.whole, trial.types)[0]
    if trial.untried:
        program.notes.append(f'{trial.untried} more ways of cutting it were not tried: the time for that was over')
    return program


def _worth_telling(reasons):
    told = {}
    for reason in reasons:
        told.setdefault(str(reason), reason)
    return list(told.values())[:_MOST_REASONS]


def _hot_functions(module, known):
    """The function, then those it needs, and methods, in which time is spent: name -> definition."""
    found = {module.name: module.function}
    found |= {function.name: function for function in module.reachable()}
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f'{node.name}.{each.name}': each for each in node.body if isinstance(each, ast.FunctionDef) and not each.decorator_list}
    return {
        name: function
        for name, function in found.items()
        if name == module.name or _loops(function) and known.share(function, module.filename) >= _LEAST_SHARE and known.is_long(function)
    }


def _loops(node):
    return any(isinstance(each, (ast.For, ast.While, ast.comprehension)) for each in ast.walk(node))


def _cuts(function, module, known, reasons):
    """Ways to cut a function, the largest part first: (cut, whether arrays stand for lists)."""
    body = without_docstring(function.body)
    modes = [True, False] if _has_lists(function, known) else [False, True]
    hot = [index for index, statement in enumerate(body) if _loops(statement) or _calls_own(statement, module)]
    if not hot:
        return
    starts = [index for index in range(hot[0] + 1)]
    for start in starts[:4] + starts[4:][-1:]:
        for lists in modes:
            yield Cut(body, start, len(body), [], True), lists
    if function.name == module.name or any(known.share(body[index], module.filename) >= _LEAST_SHARE for index in hot):
        yield from _inner_cuts(function, body, [], module, known, modes)


def _inner_cuts(function, body, after, module, known, modes, depth=0):
    for index, statement in enumerate(body):
        share = known.share(statement, module.filename)
        if not _loops(statement) or known.record['lines'] and share < _LEAST_SHARE:
            continue
        # What a loop needs to be fast is often made just before it.
        later = [*body[index + 1 :], *after]
        if isinstance(statement, (ast.For, ast.While, ast.If)) or depth == 0:
            for start in (max(0, index - 3), index):
                for lists in modes:
                    yield Cut(body, start, index + 1, later, False), lists
                if index == 0:
                    break
        around = [statement] if isinstance(statement, (ast.For, ast.While)) else []
        for inner in (getattr(statement, 'body', []), getattr(statement, 'orelse', [])):
            if isinstance(statement, (ast.For, ast.While, ast.If, ast.With, ast.Try)) and depth < 3:
                yield from _inner_cuts(function, inner, [*around, *later], module, known, modes, depth + 1)


def _has_lists(function, known):
    return any(each.get('kind') not in (None, 'number', 'array', 'none', 'tuple') for each in known.locals_of(function).values())


def _calls_own(statement, module):
    own = Own(module.function, module)
    return any(isinstance(node, ast.Name) and own.find(node.id) is not None for node in ast.walk(statement))


def _attempt(module, known, trial, chosen, reasons):
    """The names of the functions that a program with these cuts compiles, where it gives the same; else None and a reason."""
    try:
        program, covered = _program(module, known, chosen, trial.whole)
    except NotApplicable as reason:
        reasons.append(reason)
        return None
    found = trial.run(program)
    if 'heap type must be' in (found.get('reason') or '') or ' among list(' in (found.get('reason') or ''):
        # An integer stands where floats come later.
        chosen[function_of(chosen)] = (*chosen[function_of(chosen)][:2], True)
        program, covered = _program(module, known, chosen, trial.whole)
        found = trial.run(program)
    if found.get('differs') and found.get('whole') and not trial.whole:
        trial.whole = True
        program, covered = _program(module, known, chosen, True)
        found = trial.run(program)
    if found.get('reason') is None and not found.get('differs') and not found.get('slow'):
        if found['seconds'] * 1.2 < min(found['original'], trial.best):
            trial.best, trial.types = found['seconds'], found['types']
            return covered
        found['slow'] = True
    name, (cut, *_) = list(chosen.items())[-1]
    if found.get('slow'):
        reasons.append(NotApplicable(f'{name} is no faster compiled: what it is given takes as long to hand over', cut.statements[0]))
        return None
    reasons.append(NotApplicable(f'{name}: {_short(found.get("reason") or found["differs"])}', cut.statements[0]))
    trial.whole = trial.whole and len(chosen) > 1
    return None


def _short(reason):
    """What Numba found, without the steps on its way there."""
    found = [line.strip() for line in reason.split('\n')]
    told = [line for line in found if line.startswith(('TypingError: ', 'Untyped ', 'Unknown attribute', 'Cannot unify', 'Use of unsupported'))]
    return (told or [line for line in found if line])[-1 if told else 0].removeprefix('TypingError: ')[:200]


def function_of(chosen):
    """The function whose cut was added last."""
    return list(chosen)[-1]


def _program(module, known, chosen, whole, types=None):
    """The program with these cuts: function name -> (cut, lists, floats); `types` are what its regions met, if that is known."""
    kernels = Kernels(module, known, any(floats for _, _, floats in chosen.values()))
    native = f'{Path(module.filename).stem}_loops'
    regions, edits = [], []
    for name, (cut, lists, _) in chosen.items():
        function = _hot_functions(module, known)[name]
        region = _Region(module, known, kernels, function, cut, lists, f'{name.replace(".", "_")}_{cut.statements[0].lineno}')
        regions.append(region)
        if function.decorator_list:
            raise NotApplicable(f'{name} is decorated', function.decorator_list[0])
        edits.append((*module.span(function), region.rewritten(function)))
    imports = [f'from {native} import {", ".join(region.name for region in regions)}']
    text = edited(module.text, [*edits, _import(module, imports)])
    lines = [
        f'"""Loops of {module.filename}, as functions that Numba compiles at their first call."""\n',
        'import cmath', 'import heapq', 'import math', '', 'import numba', 'import numpy as np', '', f'import {SUPPORT} as py', '',
    ]  # fmt: skip
    lines += [f'{name} = {kind}' for kind, name in kernels.types.items()]
    for text_of in [*kernels.texts, *(region.definition(whole, types) for region in regions)]:
        lines += ['', text_of, '']
    support = (Path(__file__).parent / 'compiled' / f'{SUPPORT}.py').read_text()
    told = ' and '.join(f'the loops of {name} from line {cut.statements[0].lineno}' for name, (cut, *_) in chosen.items())
    covered = set(chosen) | {found.node.name for found in kernels.helpers}
    files = {module.filename: text, f'{native}.py': '\n'.join(lines), f'{SUPPORT}.py': support}
    return Program(entry=module.filename, files=files, notes=[f'compiled {told} with Numba, and left the rest as it is']), covered


def _import(module, lines):
    start, end, _ = module.import_edit([])
    follow = module.text[start:].startswith(('import ', 'from '))
    return (start, end, ''.join(f'{line}\n' for line in lines) + ('' if follow else '\n\n'))


class _Region:
    def __init__(self, module, known, kernels, function, cut, lists, label):
        self.module, self.cut, self.lists = module, cut, lists
        self.name = f'_{label}'
        own = Own(function, module)
        described = known.locals_of(function)
        ended = known.of(function)['locals']
        for name in stored(without_docstring(function.body)[: cut.start] if cut.body is not function.body and cut.ends else function.body) if cut.start or not cut.ends else ():
            described[name] = ended.get(name, {})
        self.statements = copy.deepcopy(cut.statements)
        self._require_whole(cut)
        self._flatten(described)
        needed, bound = exposed(self.statements)
        self.takes = sorted(name for name in needed if name in self.places or own.is_value(name))
        # A name that only the part itself binds has no value before it.
        before = stored(function.body[: function.body.index(cut.body[cut.start])] if cut.body[cut.start] in function.body else function.body)
        arguments = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
        inside = stored(self.statements)
        outside = before | arguments
        for name in set(all_reads(ast.Module(self.statements, []))):
            found = own.find(name)
            if found is not None:
                self.takes = sorted({*self.takes, *(each for each in found.needs() if own.is_value(each))})
        self.takes = [name for name in self.takes if name not in inside or name in outside]
        self.gives = [] if cut.ends else sorted(inside & exposed(cut.after)[0])
        missing = [name for name in self.gives if name not in (bound or set()) and name not in self.takes]
        self.takes = sorted({*self.takes, *(name for name in missing if name in outside)})
        self.written = written(self.statements, lambda name: None if own.find(name) is None else own.find(name).changes())
        self._compile(kernels, own, described, known)

    @staticmethod
    def _require_whole(cut):
        for statement in cut.statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Return) and not cut.ends:
                    raise NotApplicable('a return stands inside', node)
            if isinstance(statement, (ast.Break, ast.Continue)):
                raise NotApplicable(f'{type(statement).__name__.lower()} leaves the part', statement)
            if isinstance(statement, ast.If) and not cut.ends and _leaves(statement):
                raise NotApplicable('break or continue leaves the part', statement)

    def _flatten(self, described):
        """`a.b` and `a['b']` of what is no array become names of their own where nothing else is done with it."""
        self.places = {}
        parents = parents_of(self.statements)
        uses = {}
        for node in parents:
            if isinstance(node, ast.Name) and described.get(node.id, {}).get('kind', 0) is None and described[node.id].get('fields'):
                uses.setdefault(node.id, []).append(node)
        for name, nodes in uses.items():
            fields = [_field(parents.get(node), node) for node in nodes]
            if None in fields or any(field not in described[name]['fields'] for field in fields):
                continue
            if any(not isinstance(parents[node].ctx, ast.Load) for node in nodes):
                continue
            for node, field in zip(nodes, fields):
                place = f'{name}__{field}'
                self.places[place] = ast.unparse(parents[node])
                described[place] = described[name]['fields'][field]
                _replace(parents[parents[node]], parents[node], ast.Name(place, ast.Load()))

    def _compile(self, kernels, own, described, known):
        for name in self.takes:
            if name not in described and name not in own.local:
                # A function that is called here reads it.
                described[name] = known.globals.get(name, {})
        kinds = {name: described.get(name, {}).get('kind') for name in self.takes}
        unknown = [name for name in self.takes if kinds[name] is None]
        if unknown:
            what = described.get(unknown[0], {}).get('type', 'something that was not observed')
            raise NotApplicable(f'{unknown[0]} holds a {what}, which cannot be handed to compiled code', self.statements[0])
        listed = {name for name in self.takes if kinds[name] in LISTS} if self.lists else set()
        # Of which nothing but an array is made.
        arrays = set() if self.lists else {name for name in self.takes if kinds[name] in LISTS and made_an_array(self.statements, name, own)}
        if any(kinds[name] in LISTS and name not in arrays for name in self.takes) and not self.lists:
            raise NotApplicable('lists are handed over', self.statements[0])
        statements, fixed = as_arrays(self.statements, listed, own, kernels, described, True) if self.lists else (self.statements, set())
        changed = {name for name in self.takes if name in self.written and kinds[name] not in ('number', 'none', 'tuple', 'text', 'bytes', 'generator')}
        parameters, before, self.specification = [], [], []
        for name in self.takes:
            kind = kinds[name]
            if kind in LISTS and name not in fixed | arrays:
                if name in changed or kind != 'list':
                    raise NotApplicable(f'{name} is a list that changes its length, or is used as a whole', self.statements[0])
                before += parse(f'{name} = [each__ for each__ in {name}__0]')
                parameters.append(f'{name}__0')
            elif kind in _PARTS:
                if name in changed:
                    raise NotApplicable(f'{name}, a {described[name]["type"]}, is changed', self.statements[0])
                parts, line = _PARTS[kind](name, described[name].get('width', 0))
                parameters += parts
                before += parse(line)
            else:
                parameters.append(name)
            self.specification.append((name, kind, name in changed))
        translator = Translator(kernels, own, statements, self.lists, fixed, {**described}, [*self.takes])
        translator.local |= set(self.places)
        body = translator.statements(statements)
        if translator.deques & set(self.gives):
            raise NotApplicable('a deque is used afterwards', self.statements[0])
        returned = known.of(own.node)['returns']
        if self.cut.ends:
            self.kinds = [_given_kind(returned)]
        else:
            self.kinds = [_given_kind(described.get(name)) for name in self.gives]
            body += parse(f'return ({"".join(f"{name}, " for name in self.gives)})' if self.gives else 'return (0,)')
        kernels.add(f'{self.name}_kernel', ast.parse(f'def f({", ".join(parameters)}): pass').body[0].args, [*before, *body])

    def definition(self, whole, types):
        met = None if types is None else types[self.name]
        return f'{self.name} = py.Region({self.name}_kernel, {self.specification!r}, {met!r}, {self.kinds!r}, {self.cut.ends}, {whole})'

    def rewritten(self, function):
        """The function's text with the call in front of the part."""
        made = copy.deepcopy(function)
        body = _same_place(function, made, self.cut.body)
        given = ', '.join(self.places.get(name, name) for name in self.takes)
        done = f'{self.name}_done'
        call = parse(f'{done} = {self.name}({given})')
        if self.cut.ends:
            body[self.cut.start : self.cut.start] = [*call, *parse(f'if {done} is not None:\n    return {done}[0]')]
        else:
            taken = parse(f'({"".join(f"{name}, " for name in self.gives)}) = {done}' if self.gives else 'pass')
            kept = body[self.cut.start : self.cut.end]
            test = expression(f'{done} is None') if not self.gives else expression(f'{done} is not None')
            choice = ast.If(test, kept, []) if not self.gives else ast.If(test, taken, kept)
            body[self.cut.start : self.cut.end] = [*call, choice]
        text = self.module.indented(ast.unparse(ast.fix_missing_locations(made)))
        # A method stands below its class; the first line is indented already.
        return text.replace('\n', f'\n{self.module.indent(function)}')


def _leaves(statement):
    """Whether a break or continue in it belongs to a loop around it."""
    match statement:
        case ast.Break() | ast.Continue():
            return True
        case ast.For(orelse=other) | ast.While(orelse=other):
            return any(map(_leaves, other))
    return any(_leaves(each) for each in ast.iter_child_nodes(statement) if isinstance(each, (ast.stmt, ast.ExceptHandler)))


def _same_place(function, made, body):
    """The list of statements of a copy that is `body` in the original."""
    if body == without_docstring(function.body):
        if len(body) != len(made.body):
            # The docstring is kept.
            return _Tail(made.body, 1)
        return made.body
    for one, two in zip(ast.walk(function), ast.walk(made)):
        for field in ('body', 'orelse', 'finalbody'):
            if getattr(one, field, None) is body:
                return getattr(two, field)
    raise ValueError('the part is not in the function')


class _Tail:
    """A list without its first items, as a place to write to."""

    def __init__(self, items, start):
        self.items, self.start = items, start

    def __getitem__(self, part):
        return self.items[part.start + self.start : part.stop + self.start]

    def __setitem__(self, part, values):
        self.items[part.start + self.start : part.stop + self.start] = values


def _field(parent, node):
    match parent:
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value, slice=ast.Constant(value=str() as name)) if value is node:
            return name
    return None


def _replace(parent, old, new):
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list):
            setattr(parent, field, [new if each is old else each for each in value])


def _given_kind(described):
    if not described:
        return None
    if described.get('parts'):
        return ['tuple', [_given_kind(each) for each in described['parts']]]
    return described['kind']


def _columns(name, width):
    return ', '.join(f'{name}__{number}[k__]' for number in range(width))


_PARTS = {
    'ragged': lambda name, width: (
        [f'{name}__0', f'{name}__1'],
        f'{name} = [{name}__0[{name}__1[k__]:{name}__1[k__ + 1]] for k__ in range(len({name}__1) - 1)]',
    ),
    'records': lambda name, width: (
        [f'{name}__{number}' for number in range(width)],
        f'{name} = [({_columns(name, width)},) for k__ in range(len({name}__0))]',
    ),
    'ragged_records': lambda name, width: (
        [f'{name}__{number}' for number in range(width + 1)],
        f'{name} = [[({_columns(name, width)},) for k__ in range({name}__{width}[j__], {name}__{width}[j__ + 1])] '
        f'for j__ in range(len({name}__{width}) - 1)]',
    ),
    'dict': lambda name, width: ([f'{name}__0', f'{name}__1'], f'{name} = py.dict_of({name}__0, {name}__1)'),
    'dict_of_lists': lambda name, width: (
        [f'{name}__0', f'{name}__1', f'{name}__2'],
        f'{name} = py.dict_of_rows({name}__0, {name}__1, {name}__2)',
    ),
    'set': lambda name, width: ([f'{name}__0'], f'{name} = py.set_of({name}__0)'),
}
