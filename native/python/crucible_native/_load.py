"""Loads the kernels for the best instruction set that the processor has.

CRUCIBLE_NATIVE=baseline, avx2 or avx512 takes a plainer one, for tests; the results are the same to the last bit.
"""

import importlib
import os

from crucible_native import _baseline

LEVELS = ('baseline', 'avx2', 'avx512')


def _chosen():
    best, asked = _baseline.best_level(), os.environ.get('CRUCIBLE_NATIVE', '')
    if asked == '':
        return best
    if asked not in LEVELS:
        raise ValueError(f'CRUCIBLE_NATIVE: expected one of {", ".join(LEVELS)}, got {asked!r}')
    if LEVELS.index(asked) > LEVELS.index(best):
        raise ValueError(f'CRUCIBLE_NATIVE: expected what this processor has, {best} or plainer, got {asked}')
    return asked


level = _chosen()
try:
    kernels = importlib.import_module(f'crucible_native._{level}')
except ModuleNotFoundError:
    # Built for one instruction set alone.
    level, kernels = 'baseline', _baseline
