"""Whether an answer that differs looks like another right one: the same values in another order, or of the opposite sign."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST = 1_000_000
_ADVICE = 'where that is right, too, let a function of yours judge answers (--accepts, in a job file `accepts`)'


def otherwise_right(expected: Any, answer: Any) -> str | None:
    """What is to be said of a refused answer, behind its mismatch; None where it does not look right in another way."""
    how = _how(expected, answer)
    return None if how is None else f'{how}: {_ADVICE}'


def _how(expected: Any, answer: Any) -> str | None:
    if isinstance(expected, tuple) and isinstance(answer, tuple) and 0 < len(expected) == len(answer) <= 8:
        return _of_parts(expected, answer)
    one, other = _numbers(expected), _numbers(answer)
    if one is None or other is None or one.shape != other.shape:
        return _of_texts(expected, answer)
    if np.allclose(one, -other, rtol=1e-6) and one.any():
        return 'it is the same with the opposite sign'
    if one.ndim == 2 and _columns_of_either_sign(one, other):
        return 'it is the same but for the signs of columns'
    if _same(np.sort(one, axis=None), np.sort(other, axis=None)):
        return 'it has the same values in another order'
    return None


def _of_parts(expected: tuple[Any, ...], answer: tuple[Any, ...]) -> str | None:
    """Of a tuple all parts that differ must look right in another way."""
    told = None
    for one, other in zip(expected, answer):
        first, second = _numbers(one), _numbers(other)
        if first is not None and second is not None and first.shape == second.shape and _same(first, second):
            continue
        how = _how(one, other)
        if how is None:
            return None
        told = told or how
    return told


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, rtol=1e-6, equal_nan=True))


def _columns_of_either_sign(one: np.ndarray, other: np.ndarray) -> bool:
    equal = np.isclose(one, other, rtol=1e-6).all(0)
    opposite = np.isclose(one, -other, rtol=1e-6).all(0)
    return bool((equal | opposite).all())


def _numbers(value: Any) -> np.ndarray | None:
    """An array, or a flat list of numbers, as numbers; None for anything else, and for what is too large to be worth it."""
    if isinstance(value, (list, tuple)) and 1 < len(value) <= _MOST and all(type(each) in (int, float) for each in value):
        try:
            return np.array([float(each) for each in value])
        except OverflowError:
            return None
    if isinstance(value, np.ndarray) and 1 < value.size <= _MOST and value.dtype.kind in 'iuf':
        return value.astype(float)
    return None


def _of_texts(expected: Any, answer: Any) -> str | None:
    plain = (str, int, float, bool)
    lists = isinstance(expected, (list, tuple)) and isinstance(answer, (list, tuple)) and 1 < len(expected) == len(answer) <= _MOST
    if not lists or not all(type(each) in plain for each in (*expected, *answer)):
        return None
    one, other = (sorted((type(each).__name__, str(each)) for each in value) for value in (expected, answer))
    return 'it has the same values in another order' if one == other else None
