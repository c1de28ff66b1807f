"""How good the outputs of a program are, by a function of the user's that returns a number."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from comparing import describe
from on_folders import OnFolders, said_by
from verdict import Finding

_MOST_VALUES = 20


def score_of(evaluator: OnFolders, plan: dict[str, Any]) -> Finding:
    """The finding with the `metric` of the plan as its score; a violated constraint, or a number that is none, refuses the outputs.

    Raises `UserCodeError` where the function is mistaken, whatever the outputs are.
    """
    title, metric, constraints = evaluator.title, plan['metric'], plan['constraints']
    said, refused = said_by(evaluator, seed=plan['seed'])
    if refused is not None:
        return refused
    if not isinstance(said, dict):
        if constraints:
            needed = ', '.join(f"'{name}': …" for name in (metric, *constraints))
            return Finding.invalid(title, f'{title} returned {describe(said)}: the constraints need a dict {{{needed}}}')
        said = {metric: said}
    missing = [name for name in (metric, *constraints) if name not in said]
    if missing:
        there = ', '.join(map(str, list(said)[:_MOST_VALUES])) or 'nothing'
        return Finding.invalid(title, f'{title} returned a dict without {missing[0]}; it has {there}')
    values: dict[str, float] = {}
    for name in (metric, *constraints):
        value = _number(said[name])
        if value is None:
            return Finding.invalid(title, f'{title} returned {describe(said[name])} as {name}: expected a number')
        if not math.isfinite(value):
            return Finding.wrong(title, f'{name} is {value}: expected a finite number')
        values[name] = value
    for name, bounds in constraints.items():
        broken = _broken(values[name], bounds)
        if broken is not None:
            return Finding.wrong(title, f'{name} is {values[name]:.6g}: {broken} ({metric} is {values[metric]:.6g})')
    return Finding(title, checked=1, score=values[metric], values=values)


def _number(value: Any) -> float | None:
    """`value` as a float; None where it is no number. True and False are none."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _broken(value: float, bounds: dict[str, float]) -> str | None:
    if value < bounds.get('min', -math.inf):
        return f'at least {bounds["min"]:.6g} is asked for'
    if value > bounds.get('max', math.inf):
        return f'at most {bounds["max"]:.6g} is allowed'
    return None
