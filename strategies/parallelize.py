"""parallelize: shares the turns of a loop out among threads, at most CRUCIBLE_CORES of them.

Which loops may be shared out is proved in `parallel_loops.py`. Each thread takes one run of consecutive turns; arrays
that many turns add into exist once per thread and are summed in the order of the threads (privatisation; see
L. Rauchwerger and D. Padua, "The Privatizing DOALL Test", 1994), so that no update is lost and a run can be repeated.
Python's own threads take turns, so the strategy goes together with a compiler: `vectorize_loops` or `use_cpp_extension`.
"""

import ast

from parallel_loops import find_parallel_loops
from source import NotApplicable

_PREAMBLE = '''# The threads that the loops below are shared out among.
numba.set_num_threads(min(int(os.environ.get('CRUCIBLE_CORES', '1')), numba.config.NUMBA_NUM_THREADS))


@numba.njit
def {bounds}(start, stop, chunk, chunks):
    """The turns start..stop of a loop that belong to one of `chunks` threads."""
    turns = max(stop - start, 0)
    return start + turns * chunk // chunks, start + turns * (chunk + 1) // chunks
'''


def share_out_with_numba(module, types):
    """Rewrites the function's parallel loops for Numba.

    Returns the loops, the text to put before the functions, and the edits of the module's text.
    """
    loops = find_parallel_loops(module, types)
    bounds = module.fresh('turns_of_thread')
    edits = []
    for number, loop in enumerate(loops, start=1):
        edits += _share_out(module, loop, bounds, '' if len(loops) == 1 else f'_{number}')
    return loops, module.indented(_PREAMBLE.format(bounds=bounds)), edits


def _share_out(module, loop, bounds, suffix):
    node, indent = loop.node, module.indent(loop.node)
    # One level more, as the loop's own body has it.
    unit = module.indent(node.body[0]).removeprefix(indent) or module.unit
    chunk, chunks = module.fresh('thread' + suffix), module.fresh('threads' + suffix)
    first, last = module.fresh('first' + suffix), module.fresh('last' + suffix)
    parts = {name: module.fresh(f'{name}_parts{suffix}') for name in loop.scattered}
    part = {name: module.fresh(f'{name}_part{suffix}') for name in loop.scattered}
    start, stop = _range(module, node)

    before = [f'{chunks} = numba.get_num_threads()']
    before += [f'{parts[name]} = np.zeros(({chunks},) + {name}.shape, {name}.dtype)' for name in loop.scattered]
    before += [f'for {chunk} in numba.prange({chunks}):']
    before += [f'{unit}{first}, {last} = {bounds}({start}, {stop}, np.int64({chunk}), {chunks})']
    before += [f'{unit}{part[name]} = {parts[name]}[{chunk}]' for name in loop.scattered]
    after = [line for name in loop.scattered for line in (f'for {chunk} in range({chunks}):', f'{unit}{name} += {parts[name]}[{chunk}]')]

    at = module.position(node.lineno, 0)
    edits = [(at, at, ''.join(f'{indent}{line}\n' for line in before))]
    edits += _indent_lines(module, node, unit)
    iterable = module.span(node.iter)
    edits.append((*iterable, f'range({first}, {last})'))
    for child in ast.walk(ast.Module(node.body, [])):
        if isinstance(child, ast.Name) and child.id in part:
            edits.append((*module.span(child), part[child.id]))
    if after:
        end = module.position(node.end_lineno + 1, 0)
        newline = '' if module.text[:end].endswith('\n') else '\n'
        edits.append((end, end, newline + ''.join(f'{indent}{line}\n' for line in after)))
    return edits


def _range(module, node):
    bounds = [module.source(argument) for argument in node.iter.args]
    return ('0', bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])


def _indent_lines(module, node, unit):
    """One level more for every line of a statement."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and child.lineno != child.end_lineno:
            raise NotApplicable(f'a text over several lines stands in the loop of line {node.lineno}', child)
    if node.body[0].lineno == node.lineno:
        raise NotApplicable('this loop stands on one line', node)
    indent = module.indent(node)
    return [
        (at, at, unit)
        for line in range(node.lineno, node.end_lineno + 1)
        if module.lines[line - 1].strip()
        for at in [module.position(line, 0) + (len(indent) if module.lines[line - 1].startswith(indent) else 0)]
    ]
