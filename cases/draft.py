"""Drafts a generator of cases for a function: from calls that somebody's own code makes, else from what stands in its file.

    draft.py --program FILE.py --function NAME --out FOLDER [--record SCRIPT.py ARGUMENT…]

Without `--record` the file itself is run where it calls the function, then the examples in its docstrings; failing that, calls are guessed. Writes
`cases.py`, tried on the function, and `told.json` {"from", "words", "sizes", "seconds", "notes"}; or ends with exit code 3 and `problem.json`
{"message"}. It runs somebody's own program, so it runs in a sandbox.
"""

import argparse
import ast
import json
import sys
from pathlib import Path

# With -I Python does not look beside this file.
_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), '/sandbox/guest', str(_HERE.parent / 'sandbox/guest')]

from calls import Call, NoCalls, calls_of_command, calls_of_docstring  # noqa: E402
from generator import LEVELS, CannotDraw, write_generator  # noqa: E402
from guesses import combinations, examples_of, guessed_parameters  # noqa: E402
from tried import Tried, try_calls, try_generator  # noqa: E402
from user_code import UserCodeError, load_function  # noqa: E402

EXIT_PROBLEM = 3
# A call that takes less is made larger where nothing says how large calls are; one that takes more, smaller in any case.
_LEAST_SECONDS, _MOST_SECONDS = 0.03, 2.0
_MOST_STEPS = 24
# Sizes are not made larger than this: a case has to be made, kept and passed on.
_MOST_SCALE = 20_000


class Problem(Exception):
    """No generator could be made, in words."""


def draft(path, name, command):
    """Returns the generator's text and what is told of it. Raises Problem."""
    definition = next(
        (each for each in ast.parse(path.read_bytes()).body if isinstance(each, ast.FunctionDef) and each.name == name), None
    )
    if definition is None:
        raise Problem(f'{path.name} has no function {name}')
    names = [each.arg for each in [*definition.args.posonlyargs, *definition.args.args]]
    notes = []
    for origin, words, find in _sources(path, name, command, definition):
        try:
            calls = find()
            made_from = words(calls)
            return (*_generator(path, name, names, calls, made_from, origin), {'from': origin, 'words': made_from, 'notes': notes})
        except (NoCalls, Problem) as why:
            notes.append(str(why))
            if command:
                break
    raise Problem('; '.join(notes))


def _sources(path, name, command, definition):
    """Where calls may be known from, the surest first."""
    if command:
        script = path.parent / command[0] if not Path(command[0]).is_absolute() else Path(command[0])
        said = ' '.join(['python', *command])
        return [('record', lambda calls: f'{_count(calls)} that `{said}` made', lambda: calls_of_command(path, name, script, command[1:]))]
    found = []
    text = path.read_text('utf-8', 'replace')
    if '__main__' in text or _calls_at_once(text, name):
        found.append(
            ('main', lambda calls: f'{_count(calls)} that `python {path.name}` made', lambda: calls_of_command(path, name, path, []))
        )
    found.append(('docstring', lambda calls: f'{_count(calls)} in docstrings of {path.name}', lambda: calls_of_docstring(path, name)))
    found.append(('guess', lambda calls: f'how {path.name} names and uses the parameters of {name}, for nothing there calls it', lambda: _guessed(path, name, definition)))
    return found


def _count(calls):
    return f'{len(calls)} call{"" if len(calls) == 1 else "s"}'


def _calls_at_once(text, name):
    outside = [each for each in ast.parse(text).body if not isinstance(each, (ast.FunctionDef, ast.ClassDef))]
    return any(isinstance(node, ast.Name) and node.id == name for each in outside for node in ast.walk(each))


def _guessed(path, name, definition):
    if definition.args.kwonlyargs and any(each is None for each in definition.args.kw_defaults):
        raise NoCalls(f'{name} takes arguments by name alone, which are not guessed')
    why = 'none was tried'
    for combination in combinations(guessed_parameters(definition)):
        examples = [Call(args, {}, None) for args in examples_of(combination)]
        tried = try_calls(path, name, examples)
        if tried.why is None and tried.answers:
            return [example._replace(seconds=tried.seconds) for example in examples]
        why = tried.why or f'{name} returns nothing and changes nothing'
    raise NoCalls(f'no guess at the arguments of {name} fits, the last since {why}')


def _generator(path, name, names, calls, made_from, origin):
    """The first generator that the function takes, at sizes that can be measured."""
    recorded = max(call.seconds or 0 for call in calls)
    why = None
    for level in LEVELS:
        # Sizes that only serve to show how something is called are too small to be measured.
        invented = origin in ('docstring', 'guess')
        try:
            written, tried = _at_sizes(path, name, names, calls, made_from, level, invented)
        except CannotDraw as reason:
            why = why or str(reason)
            continue
        if tried.why is None and (invented or tried.seconds >= 0.1 * recorded or recorded < _LEAST_SECONDS or level == LEVELS[-1]):
            return written.text, {'sizes': written.sizes, 'seconds': round(tried.seconds, 4), 'level': level}
        why = tried.why or 'it ends much sooner on numbers that are drawn'
    raise Problem(f'nothing like {made_from} can be drawn: {why}')


def _at_sizes(path, name, names, calls, made_from, level, invented):
    """The generator of a level at sizes whose calls neither end at once nor take long, and how it went."""

    def at(scale, numbers):
        written = write_generator(calls, names, level, made_from, scale, invented, numbers)
        return written, try_generator(path, name, written.text)

    best = at(1.0, False)
    numbers = level == 'drawn' and not best[0].sizes and (invented or best[1].same)
    if numbers:
        best = at(1.0, True)
    if level != 'drawn' or (best[1].why is not None and not best[1].same):
        return best
    scale, step = 1.0, 2.0
    for _ in range(_MOST_STEPS):
        _, tried = best
        if tried.seconds > _MOST_SECONDS:
            next_scale = scale / 2
        elif invented and (tried.seconds < _LEAST_SECONDS or tried.same) and step > 1.05 and scale < _MOST_SCALE:
            next_scale = scale * step
        else:
            break
        other = at(next_scale, numbers)
        if (other[1].why is None or other[1].same) and other[1].seconds <= max(_MOST_SECONDS, tried.seconds):
            scale, best = next_scale, other
        elif next_scale < scale:
            break
        else:
            step = 1 + (step - 1) / 2
    return best


def main():
    parser = argparse.ArgumentParser(description='Drafts a generator of cases.', allow_abbrev=False)
    parser.add_argument('--program', type=Path, required=True)
    parser.add_argument('--function', required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--record', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    path = options.program.resolve()
    try:
        load_function(path, options.function)
        text, found, told = draft(path, options.function, options.record)
    except (Problem, UserCodeError) as why:
        (out / 'problem.json').write_text(json.dumps({'message': str(why)}))
        raise SystemExit(EXIT_PROBLEM) from None
    (out / 'cases.py').write_text(text, 'utf-8')
    (out / 'told.json').write_text(json.dumps({**told, **found}))


if __name__ == '__main__':
    main()
