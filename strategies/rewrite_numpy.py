"""rewrite_numpy: makes one compiled loop of what NumPy does in several passes over whole arrays.

Eight rewrites, each where the source shows that it means the same:
- what goes through the rows of a table of pandas goes through its columns (`by_columns.py`);
- a loop over the values of `np.unique(keys)` that picks rows by `keys == value` sorts once and takes slices;
- what a loop computes anew each time from what it does not change is computed before it;
- outer products become broadcasts, and numbers are taken out of products of matrices (`outer_products.py`);
- a loop whose turns work element by element does all its turns for one element before the next;
- element-by-element arithmetic, and a reduction of it along an axis, is one pass without temporaries;
- what `np.vectorize` calls for each element, and `np.apply_along_axis` for each row, is compiled with the loop around it.

What is compiled is compiled by Numba at the first call, for the types it finds. Arrays of other types than float64, complex128, int64 and
bool, whose arithmetic Numba would do otherwise, take the way they took before.
"""

import ast

from array_kernels import Kernels
from array_kinds import array_names
from array_passes import hoist_invariants, inline_temporaries, slice_groups
from by_columns import by_columns
from each_element import compile_each
from outer_products import COLUMN, as_broadcasts, take_out_factors
from program import Program
from source import NotApplicable, edited, parsed


def rewrite_numpy(module, case):
    """The program whose NumPy expressions were rewritten. Raises NotApplicable where none can be."""
    own = module.functions
    module, by_column = by_columns(module)
    if not by_column and not any(name == 'numpy' or name.startswith('numpy.') for name in module.imports.values()):
        raise NotApplicable(f'{module.filename} does not import NumPy: there are no array expressions to rewrite', module.function)
    module, compiled, stay = compile_each(module)
    arrays = array_names(module, case)
    kernels = Kernels(module)
    edits, notes, laid_out = [], by_column + compiled, False
    for function in module.reachable():
        if function.name not in own or compiled and function.name != module.name:
            continue
        # A tree of its own: what is parsed is shared.
        tree = ast.parse(ast.unparse(function)).body[0]
        done = [*slice_groups(tree, module), *hoist_invariants(tree, module)]
        if function.name == module.name and take_out_factors(tree, case, function):
            done.append('scaled vectors instead of matrices')
        broadcast = as_broadcasts(tree, module)
        done += inline_temporaries(tree, module, arrays[function.name])
        fused = kernels.rewrite(tree, arrays[function.name])
        if not any(not each.startswith('put ') for each in [*done, *fused]):
            continue
        notes += [*done, *fused]
        laid_out = laid_out or broadcast
        start = module.position(function.decorator_list[0].lineno if function.decorator_list else function.lineno, 0)
        edits.append((start, module.span(function)[1], ast.unparse(ast.fix_missing_locations(tree))))
    if not edits and notes:
        return Program(entry=module.filename, files={module.filename: module.text}, notes=notes)
    if not edits and stay:
        raise NotApplicable.because(stay)
    if not edits:
        raise NotApplicable(
            f'{module.name} has no array expression of several steps, no loop of such, and nothing in a loop that could stand before it',
            module.function,
        )
    first = min(start for start, _, _ in edits)
    imports = ['import numpy as np', *(['import numba', 'import numba.extending'] if kernels.texts else [])]
    edits += [module.import_edit(imports), (first, first, (COLUMN if laid_out else '') + kernels.text())]
    text = edited(module.text, edits)
    parsed(text, module.filename)
    return Program(entry=module.filename, files={module.filename: text}, notes=list(dict.fromkeys(notes))[:8])
