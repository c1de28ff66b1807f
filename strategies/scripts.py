"""Makes a whole script faster: compiles its functions that loop, with the helpers they call, at their first call.

A script is read here, never run, so nobody knows what its functions will be called with. Of the strategies only Numba needs
no types beforehand: its decorator compiles for those of the first call. Every run is a new process, so the time this takes
counts. What Numba would take and then do differently is refused: random numbers, globals that change.
"""

import ast

from by_columns import by_columns
from known_to_numba import require_known_to_numba
from parallel_loops import written_parameters
from parallelize import share_out_with_numba
from program import Program
from source import Module, NotApplicable, globals_of, parameters, parsed, require_compilable, require_own_calls, require_positional
from vectorize_loops import COMPILED_LIBRARIES, compiled_with_numba

# What is said of one script; the rest is more of the same.
_MOST_REASONS = 3


def faster_script(text, filename, strategies, folder=None):
    """The program that a combination of strategies makes of a script. Raises NotApplicable."""
    if strategies == ['rewrite_numpy']:
        return _by_columns(Module(text, None, filename, folder))
    others = [name for name in strategies if name not in ('vectorize_loops', 'parallelize', 'fastmath')]
    if others:
        raise NotApplicable('needs the types of arguments, which only a function with cases has')
    if 'vectorize_loops' not in strategies:
        raise NotApplicable(f'{" and ".join(strategies)} needs compiled code: combine it with vectorize_loops')
    targets = _targets(text, filename, folder)
    shared = _shared_out(targets) if 'parallelize' in strategies else {}
    return compiled_with_numba(targets, shared, 'fastmath' in strategies)


def _by_columns(module):
    """The script that goes through the columns of tables: of all that `rewrite_numpy` does this alone needs no types."""
    made, notes = by_columns(module)
    if not notes:
        raise NotApplicable('needs the types of arguments, which only a function with cases has')
    return Program(entry=module.filename, files={module.filename: made.text}, notes=list(dict.fromkeys(notes)))


def _targets(text, filename, folder):
    """One module for each top-level function that loops and can be compiled. Raises NotApplicable where there is none."""
    found, reasons = [], []
    for statement in parsed(text, filename).body:
        if isinstance(statement, ast.FunctionDef) and any(map(_is_hot_loop, ast.walk(statement))):
            module = Module(text, statement.name, filename, folder)
            try:
                _require_compilable_unseen(module)
                found.append(module)
            except NotApplicable as reason:
                reasons.append(reason)
        elif loops := [node for node in ast.walk(statement) if _is_hot_loop(node)]:
            reasons.append(NotApplicable('this loop stands in no function: only functions can be compiled, so move it into one', loops[0]))
    if not found:
        raise NotApplicable.because(reasons[:_MOST_REASONS] or [NotApplicable(f'{filename} has no loop over a range')])
    return found


def _is_hot_loop(node):
    """Loops that count: over a range, or while a comparison holds. Others mostly walk along text, files and objects."""
    match node:
        case ast.For(iter=ast.Call(func=ast.Name(id='range'))):
            return True
        case ast.While(test=test):
            return not isinstance(test, ast.Constant)
    return False


def _require_compilable_unseen(module):
    """Raises NotApplicable where Numba could not take the function, or would give it another meaning."""
    require_compilable(module)
    require_positional(module, 'Numba')
    require_own_calls(module, COMPILED_LIBRARIES, 'Numba')
    rebound = _rebound_globals(module)
    for function in module.reachable():
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                _require_no_randomness(module, function, node)
    require_known_to_numba(module)
    for function in module.reachable():
        for name in globals_of(module, function):
            if name in rebound:
                # Numba takes the value that a global has when it compiles, and keeps it.
                raise NotApplicable(f'{function.name} uses the global {name}, which changes here', rebound[name])


def _require_no_randomness(module, function, call):
    name = module.full_name(call.func) or ''
    if name.startswith(('random.', 'numpy.random.')):
        raise NotApplicable(
            f'{function.name} draws random numbers: compiled code has a generator of its own and would draw others', call
        )


def _rebound_globals(module):
    """Global names that get another value after their first, with the line: by assignment, `del`, `global`, or in a loop."""
    bound, rebound = {}, {}

    def visit(node, in_loop):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bind(name, node.lineno, in_loop)
                for child in ast.walk(node):
                    if isinstance(child, ast.Global):
                        rebound.update((each, child.lineno) for each in child.names)
                return
            case ast.comprehension():
                # Its target is a name of its own.
                for child in (node.iter, *node.ifs):
                    visit(child, in_loop)
                return
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bind(name, node.lineno, in_loop)
            case ast.AugAssign(target=ast.Name(id=name)):
                rebound[name] = node.lineno
            case ast.For() | ast.AsyncFor() | ast.While():
                in_loop = True
            case ast.alias(name=name, asname=renamed):
                bind(renamed or name.partition('.')[0], node.lineno, in_loop, imported=name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bind(name, node.lineno, in_loop)
            case ast.MatchMapping(rest=str(name)):
                bind(name, node.lineno, in_loop)
        for child in ast.iter_child_nodes(node):
            visit(child, in_loop)

    def bind(name, line, in_loop, imported=None):
        # The same import once more changes nothing.
        if (in_loop or name in bound) and (imported is None or bound.get(name, imported) != imported):
            rebound[name] = line
        bound.setdefault(name, imported)

    visit(module.tree, False)
    return rebound


def _shared_out(targets):
    """Target name -> how its loops are shared out, for the targets whose loops may be. Raises NotApplicable where none may."""
    shared, reasons = {}, []
    for target in targets:
        try:
            _require_no_hidden_sharing(target)
            shared[target.name] = share_out_with_numba(target, {})
        except NotApplicable as reason:
            reasons.append(reason)
    # Threads that start threads gain nothing, and not every threading layer of Numba bears it.
    inside = {
        function.name
        for target in targets
        if target.name in shared
        for function in target.reachable()
        if function is not target.function
    }
    shared = {name: loops for name, loops in shared.items() if name not in inside}
    if not shared:
        raise NotApplicable.because(reasons[:_MOST_REASONS] or [NotApplicable('the loops that could be shared out call each other')])
    return shared


def _require_no_hidden_sharing(module):
    """Two arguments of an unseen call may be one array, so a function that writes into one may take no other."""
    written = written_parameters(module)
    if written and len(parameters(module.function)) > 1:
        raise NotApplicable(
            f'{module.name} changes its argument {written[0]}, and another argument may be a part of the same array',
            module.function,
        )
    if any(function is module.function for each in module.reachable() for function in module.called(each)):
        raise NotApplicable(f'{module.name} calls itself', module.function)
