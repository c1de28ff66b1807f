"""Makes a faster program out of a Python function, or of a whole script, without any model; runs inside a sandbox.

    strategies.py --module FILE.py --function NAME --case CASE.frame [--record RECORD.json] --out FOLDER --strategies vectorize_loops,parallelize
    strategies.py --script FILE.py --out FOLDER --strategies vectorize_loops,parallelize
    strategies.py … --out FOLDER --list [--tolerance RELATIVE[,ABSOLUTE]]

The first two write a program into FOLDER (its files and `program.json`), or end with exit code 3 and
`problem.json` {"kind": "notApplicable", "reasons": [{"line", "message"}, …]}. `--list` writes `strategies.json`
{"known": [every strategy], "applicable": [{"strategies", "note", "made"}, …] in the order worth trying, "refused": [{"strategies", "reasons"}, …],
"crashed": [{"strategies", "traceback"}, …]}; `made` is the folder below FOLDER of a program that was made on the way, the last are
faults of the strategies themselves. A reason there has an `edit` where a single one would do away with it. A line is null where none
is to blame.
The program is read: the types of a function's arguments come from the case, a script does without. `outline_loops` alone runs it, on
the case, to see whether what it made is compiled and right; it needs the record that `observe.py` makes. With a tolerance the program is run
for `reduce_precision` as well, to see whether that leaves room for float32.
"""

import argparse
import functools
import json
import sys
import traceback
from pathlib import Path

# With -I Python does not look beside this file.
sys.path[:0] = [str(Path(__file__).resolve().parent), '/sandbox/guest', str(Path(__file__).resolve().parents[1] / 'sandbox/guest')]

from frames import decode  # noqa: E402

from case import argument_types  # noqa: E402
from one_edit import one_edit  # noqa: E402
from outline_loops import outline_loops  # noqa: E402
from precision_room import why_no_room  # noqa: E402
from program import Program, original_files  # noqa: E402
from reduce_precision import reduce_precision  # noqa: E402
from rewrite_numpy import rewrite_numpy  # noqa: E402
from scripts import faster_script  # noqa: E402
from source import Module, NotApplicable, read_source, written_source  # noqa: E402
from spelled_out import spelled_out  # noqa: E402
from use_cpp_extension import use_cpp_extension  # noqa: E402
from use_cython import use_cython  # noqa: E402
from use_pythran import use_pythran  # noqa: E402
from vectorize_loops import vectorize_loops  # noqa: E402

COMPILERS = ['rewrite_numpy', 'vectorize_loops', 'outline_loops', 'use_cpp_extension', 'use_pythran', 'use_cython']
# fastmath lets the compiler reorder sums, fuse multiply and add, and assume that no NaN or infinity occurs: results change in
# the last digits, and a function that relies on NaN or infinity may go wrong altogether; the grader decides. (GCC manual,
# "Options That Control Optimization"; https://numba.readthedocs.io/en/stable/user/performance-tips.html#fastmath)
MODIFIERS = ['parallelize', 'reduce_precision', 'fastmath']

# Cheap and most often right first; what changes digits after what does not, lower precision last: few tolerances leave room
# for it. By itself, without a compiler, it makes hardly anything faster. What leaves a part of the function to Python comes after
# what compiles the whole of it: where that applies, it is seldom better.
WORTH_TRYING = [
    ['vectorize_loops'],
    ['use_cpp_extension'],
    ['use_cpp_extension', 'parallelize'],
    ['vectorize_loops', 'parallelize'],
    ['use_pythran'],
    ['vectorize_loops', 'fastmath'],
    ['use_cpp_extension', 'parallelize', 'fastmath'],
    ['rewrite_numpy'],
    ['outline_loops'],
    ['use_cython'],
    ['use_cpp_extension', 'reduce_precision'],
    ['use_cpp_extension', 'parallelize', 'reduce_precision'],
]

EXIT_NOT_APPLICABLE = 3
# For all ways of cutting a program, where nothing else is asked.
_OUTLINING_SECONDS = 60
# Characters.
_LONGEST_TRACEBACK = 4000


def require_combination(strategies):
    """Raises NotApplicable where no program could be made by all of these strategies together."""
    unknown = [name for name in strategies if name not in COMPILERS + MODIFIERS]
    if unknown or not strategies:
        raise NotApplicable(f'no strategy is called {", ".join(unknown) or "nothing"}; there are {", ".join(COMPILERS + MODIFIERS)}')
    for alone in ('outline_loops', 'rewrite_numpy', 'use_cython'):
        if alone in strategies and len(strategies) > 1:
            raise NotApplicable(f'{alone} goes with no other strategy')
    compilers = [name for name in strategies if name in COMPILERS]
    if len(compilers) > 1:
        raise NotApplicable(f'{" and ".join(compilers)} both compile the function; take one of them')
    if not compilers and strategies != ['reduce_precision']:
        others = ' and '.join(name for name in strategies if name != 'reduce_precision')
        raise NotApplicable(f'{others} needs compiled code: combine it with vectorize_loops or use_cpp_extension')


def make_program(module, case, strategies, observed=None, seconds=_OUTLINING_SECONDS):
    """The program that a combination of strategies makes of a module's function. Raises NotApplicable.

    `observed` is (record, case as bytes) where the program was observed.
    """
    if strategies == ['outline_loops']:
        record, frame = observed or (None, None)
        return outline_loops(module, frame, record, module.folder, seconds)
    if strategies == ['use_cython']:
        return use_cython(module, case)
    module = spelled_out(module)
    if strategies == ['rewrite_numpy']:
        return rewrite_numpy(module, case)
    types = argument_types(module, case)
    compilers = [name for name in strategies if name in COMPILERS]
    options = (compilers, 'parallelize' in strategies, 'fastmath' in strategies)
    if 'reduce_precision' not in strategies:
        return _compile(module, types, *options)
    narrow, narrow_types, finish = reduce_precision(module, types)
    try:
        program = _compile(narrow, narrow_types, *options)
    except NotApplicable as refusal:
        # What was put in stands above every function.
        added = narrow.text.count('\n') - module.text.count('\n')
        raise refusal.elsewhere(-added, narrow.name, module.name) from None
    program.files[program.entry] = finish(program.files[program.entry])
    program.files.update(original_files(module))
    program.notes.append('did the arithmetic in float32')
    return program


def _compile(module, types, compilers, parallel, fast_math):
    match compilers:
        case ['vectorize_loops']:
            return vectorize_loops(module, types, parallel, fast_math)
        case ['use_cpp_extension']:
            return use_cpp_extension(module, types, parallel, fast_math)
        case ['use_pythran']:
            if parallel:
                raise NotApplicable('parallelize goes with vectorize_loops or use_cpp_extension, not with use_pythran')
            return use_pythran(module, types, fast_math)
    return Program(entry=module.filename, files={module.filename: module.text})


def write_program(program, function, strategies, folder, original):
    """Writes the files and `program.json`; `function` is None for a script, `original` the bytes of the user's file."""
    for name, text in program.files.items():
        (folder / name).write_bytes(written_source(text, original) if name.endswith('.py') else text.encode())
    note = '; '.join(program.notes)
    description = {
        'entry': program.entry,
        'function': function,
        'build': program.build,
        'note': note[0].upper() + note[1:] + '.',
        'strategies': strategies,
    }
    (folder / 'program.json').write_text(json.dumps(description, indent=2))


def worth_trying(make, keep, advised=lambda reasons, strategies: reasons):
    """Which combinations apply, in the order worth trying, and why the others do not. `make` makes the program of one, of another
    text or case where they are given; `keep` keeps one and gives its place.
    """
    applicable, refused, crashed = [], [], []
    for strategies in WORTH_TRYING:
        try:
            try:
                program = make(strategies)
                applicable.append({'strategies': strategies, 'note': '; '.join(program.notes), 'made': keep(program, strategies)})
            except NotApplicable as refusal:
                # Where a part of the combination is refused, nobody asks about the whole.
                follows = any(set(part['strategies']) < set(strategies) for part in refused)
                reasons = refusal.reasons if follows else advised(refusal.reasons, strategies)
                refused.append({'strategies': strategies, 'reasons': reasons})
        except Exception:
            # Ours, not the program's; the other strategies may do all the same.
            crashed.append({'strategies': strategies, 'traceback': traceback.format_exc()[-_LONGEST_TRACEBACK:]})
    return {'known': COMPILERS + MODIFIERS, 'applicable': applicable, 'refused': refused, 'crashed': crashed}


def listing(make, keep, original, case):
    """What `--list` writes."""
    try:
        text = read_source(original)
    except NotApplicable:
        # Nothing can be made of it, and no edit can be tried.
        return worth_trying(make, keep)
    return worth_trying(make, keep, advice(make, text, case))


def advice(make, text, case):
    """Adds to the reasons of a refusal the one edit that would do away with it, where there is one."""

    def advised(reasons, strategies):
        def applies(other_text, other_case):
            try:
                make(strategies, other_text, other_case)
            except NotApplicable:
                return False
            return True

        return [{**reason, 'edit': one_edit(text, case, reason, applies)} for reason in reasons]

    return advised


def main():
    parser = argparse.ArgumentParser(description='Makes a function or a script faster by mechanical strategies.', allow_abbrev=False)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--module', type=Path)
    source.add_argument('--script', type=Path)
    parser.add_argument('--function')
    parser.add_argument('--case', type=Path)
    parser.add_argument('--record', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--strategies')
    what.add_argument('--list', action='store_true')
    parser.add_argument('--tolerance')
    options = parser.parse_args()
    if options.module and not (options.function and options.case):
        parser.error('--module needs --function and --case')

    options.out.mkdir(parents=True, exist_ok=True)
    original = (options.script or options.module).read_bytes()
    frame = options.case.read_bytes() if options.module else None
    case = None if frame is None else decode(frame)
    record = json.loads(options.record.read_text()) if options.record else None

    @functools.cache
    def no_room():
        return why_no_room(options.module, options.function, options.case, options.tolerance) if options.tolerance else None

    def make(strategies, text=None, other_case=None):
        require_combination(strategies)
        if options.script:
            text = text or read_source(original)
            return faster_script(text, options.script.name, strategies, options.script.parent)
        module = Module(text or read_source(original), options.function, options.module.name, options.module.parent)
        if 'reduce_precision' in strategies and (why := no_room()) is not None:
            raise NotApplicable(why, module.function)
        return make_program(module, other_case or case, strategies, None if text or record is None else (record, frame))

    def keep(program, strategies):
        place = f'made/{"-".join(strategies)}'
        (options.out / place).mkdir(parents=True)
        write_program(program, options.function, strategies, options.out / place, original)
        return place

    if options.list:
        listed = json.dumps(listing(make, keep, original, case), indent=2)
        (options.out / 'strategies.json').write_text(listed)
        print(listed)
        return
    strategies = options.strategies.split(',')
    try:
        program = make(strategies)
    except NotApplicable as refusal:
        problem = {'kind': 'notApplicable', 'reasons': refusal.reasons}
        (options.out / 'problem.json').write_text(json.dumps(problem))
        raise SystemExit(EXIT_NOT_APPLICABLE)
    write_program(program, options.function, strategies, options.out, original)


if __name__ == '__main__':
    main()
