"""Compares an answer with what was expected: structure and kinds exactly, floats within a tolerance.

Both sides are plain values (see frames.py): no object of a candidate is ever asked whether it is equal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_CHUNK = 1 << 16
_KINDS = {'b': 'booleans', 'i': 'integers', 'u': 'unsigned integers', 'f': 'floats', 'c': 'complex numbers'}


@dataclass(frozen=True)
class Tolerance:
    """Two floats agree where |got - expected| <= absolute + relative * |expected|."""

    relative: float
    absolute: float


EXACT = Tolerance(0.0, 0.0)


@dataclass
class LargestError:
    """The error at the place where it takes the largest share of what is allowed there."""

    absolute: float
    relative: float
    allowed_ratio: float
    where: str


@dataclass
class Comparison:
    """What was found so far. `wrong` and `invalid` are the first findings of their kind, `notes` what was
    let pass.
    """

    tolerance: Tolerance
    # Numbers of a text file and of pixels: 1 and 1.0 are the same, and the tolerance holds for both.
    one_number_type: bool = False
    checked: int = 0
    differing: int = 0
    wrong: str | None = None
    invalid: str | None = None
    largest: LargestError | None = None
    notes: list[str] = field(default_factory=list)
    _counted: bool = False

    @property
    def kind(self) -> str:
        return 'invalid' if self.invalid else 'wrong' if self.wrong else 'right'

    def mismatch(self) -> str | None:
        """The first finding in words, with the share of values that differ where values do."""
        found = self.invalid or self.wrong
        if found is None or self.invalid or not self._counted or self.checked == 1:
            return found
        return f'{found}; {self.differing:,} of {self.checked:,} values differ'

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def reject(self, problem: str) -> None:
        """Records that there is nothing that could be compared."""
        self.invalid = self.invalid or problem

    def differ(self, problem: str, counted: bool = False) -> None:
        """Records a difference; `counted` where it is one value among others."""
        if self.wrong is None:
            self.wrong, self._counted = problem, counted
        self.differing += not counted

    def values(self, expected: Any, got: Any, where: str) -> None:
        """Compares two values recursively. `where` is the place's name in messages."""
        if isinstance(expected, np.ndarray):
            self._array(expected, got, where)
        elif _is_number(expected):
            self._number(expected, got, where)
        elif got is None and expected is not None:
            self.reject(f'{where}: expected {describe(expected)}, got nothing (None)')
        elif type(expected) is not type(got):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
        elif isinstance(expected, (list, tuple)):
            self._sequence(expected, got, where)
        elif isinstance(expected, dict):
            self._dict(expected, got, where)
        else:
            self.checked += 1
            if expected != got:
                self.differing += 1
                self.differ(f'{where}: expected {show(expected)}, got {show(got)}', counted=True)

    def arrays(self, expected: np.ndarray, got: np.ndarray, where: str) -> None:
        """Compares two arrays of one shape and kind, in pieces that fit the cache."""
        shape = expected.shape
        self.checked += expected.size
        expected, got = expected.reshape(-1), got.reshape(-1)
        with np.errstate(all='ignore'):
            for start in range(0, expected.size, _CHUNK):
                piece = slice(start, start + _CHUNK)
                self._piece(expected[piece], got[piece], where, start, shape)

    def _array(self, expected: np.ndarray, got: Any, where: str) -> None:
        if got is None:
            self.reject(f'{where}: expected {describe(expected)}, got nothing (None)')
        elif not isinstance(got, np.ndarray):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
        elif got.size == 0 and expected.size > 0:
            self.reject(
                f'{where}: expected {describe(expected)}, got an empty one of shape {list(got.shape)}'
            )
        elif got.shape != expected.shape:
            self.differ(f'{where}: expected shape {list(expected.shape)}, got {list(got.shape)}')
        elif got.dtype.kind != expected.dtype.kind:
            self.differ(
                f'{where}: expected {_kind(expected)} ({expected.dtype}), got {_kind(got)} ({got.dtype})'
            )
        else:
            if got.dtype != expected.dtype:
                self.note(f'{where} is {got.dtype} where {expected.dtype} is expected')
            self.arrays(expected, got, where)

    def _number(self, expected: Any, got: Any, where: str) -> None:
        if got is None:
            self.reject(f'{where}: expected {describe(expected)}, got nothing (None)')
            return
        if not _is_number(got):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
            return
        kinds = {_number_kind(expected), _number_kind(got)}
        if len(kinds) > 1 and not (self.one_number_type and kinds == {'i', 'f'}):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
            return
        if type(expected) is not type(got) and not self.one_number_type:
            self.note(f'{where} is a {type(got).__name__} where a {type(expected).__name__} is expected')
        if kinds <= {'b', 'i'}:
            self.checked += 1
            if int(expected) != int(got):
                self.differing += 1
                self.differ(f'{where}: expected {show(expected)}, got {show(got)}', counted=True)
            return
        try:
            pair = [
                value if isinstance(value, np.generic) else np.array(value, 'D' if 'c' in kinds else 'd')
                for value in (expected, got)
            ]
        except OverflowError:  # An integer beyond every float, where the other is a float.
            self.differ(f'{where}: expected {show(expected)}, got {show(got)}')
            return
        self.arrays(np.asarray(pair[0]), np.asarray(pair[1]), where)

    def _sequence(self, expected: Any, got: Any, where: str) -> None:
        if len(got) == 0 and len(expected) > 0:
            self.reject(f'{where}: expected {describe(expected)}, got an empty one')
        elif len(got) != len(expected):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
        else:
            for index, (one, other) in enumerate(zip(expected, got)):
                self.values(one, other, f'{where}[{index}]')

    def _dict(self, expected: dict[Any, Any], got: dict[Any, Any], where: str) -> None:
        # True, 1 and 1.0 are one key to Python, but not one answer.
        keys, other_keys = ({(type(key), key): key for key in keys} for keys in (expected, got))
        missing = [key for typed, key in keys.items() if typed not in other_keys]
        extra = [key for typed, key in other_keys.items() if typed not in keys]
        if not got and expected:
            self.reject(f'{where}: expected {describe(expected)}, got an empty one')
            return
        if missing:
            self.differ(f'{where}: the key {_some(missing)} is missing')
        if extra:
            self.differ(f'{where}: has the key {_some(extra)}, which is not expected')
        for typed, key in keys.items():
            if typed in other_keys:
                step = json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)
                self.values(expected[key], got[key], f'{where}[{step:.80}]')

    def _piece(
        self, expected: np.ndarray, got: np.ndarray, where: str, start: int, shape: tuple[int, ...]
    ) -> None:
        kind = expected.dtype.kind
        if kind not in 'fc' and not (self.one_number_type and kind in 'iu'):
            # A byte of 2 is as true as one of 1.
            same = (
                (expected.view(np.uint8) != 0) == (got.view(np.uint8) != 0)
                if kind == 'b'
                else expected == got
            )
            if not same.all():
                self._first_of(~same, expected, got, where, start, shape, None)
            return
        wide = np.result_type(expected, got, np.complex128 if kind == 'c' else np.float64)
        expected, got = expected.astype(wide, copy=False), got.astype(wide, copy=False)
        same = expected == got
        if same.all():
            if self.largest is None and expected.size:
                self.largest = LargestError(0.0, 0.0, 0.0, _place(where, start, shape))
            return
        finite = np.isfinite(expected) & np.isfinite(got)
        size = np.abs(expected)
        allowed = self.tolerance.absolute + self.tolerance.relative * size
        error = np.abs(got - expected)
        right = same | (finite & (error <= allowed)) | _both_alike(expected, got, finite)
        ratio = np.where(finite & ~same, error / allowed, 0.0)
        worst = int(np.argmax(ratio))
        if self.largest is None or ratio[worst] > self.largest.allowed_ratio:
            relative = error[worst] / size[worst] if size[worst] > 0 else 0.0 if error[worst] == 0 else np.inf
            self.largest = LargestError(
                float(error[worst]), float(relative), float(ratio[worst]), _place(where, start + worst, shape)
            )
        if not right.all():
            self._first_of(~right, expected, got, where, start, shape, allowed)

    def _first_of(
        self,
        wrong: np.ndarray,
        expected: np.ndarray,
        got: np.ndarray,
        where: str,
        start: int,
        shape: tuple[int, ...],
        allowed: np.ndarray | None,
    ) -> None:
        self.differing += int(np.count_nonzero(wrong))
        if self.wrong is None:
            at = int(np.argmax(wrong))
            one, other = _shown_apart(expected[at], got[at])
            difference = (
                f', allowed difference {float(allowed[at]):.3g}'
                if allowed is not None and np.isfinite(expected[at])
                else ''
            )
            self.differ(
                f'{_place(where, start + at, shape)}: expected {one}, got {other}{difference}', counted=True
            )


def describe(value: Any) -> str:
    """What kind of value this is: `float64[64,64]`, `list of 3`, `96`, `"cat"`; at most about 80
    characters.
    """
    if isinstance(value, np.ndarray):
        return f'{value.dtype}[{",".join(map(str, value.shape))}]'
    if isinstance(value, (list, tuple)):
        return f'{type(value).__name__} of {len(value):,}'
    if isinstance(value, dict):
        return f'dict of {len(value):,}'
    if isinstance(value, np.generic):
        return f'{value.dtype} {show(value)}'
    if isinstance(value, (str, bytes)) and len(value) > 60:
        return f'{type(value).__name__} of {len(value):,}'
    return show(value)


def show(value: Any) -> str:
    """A value in at most 80 characters, control characters escaped."""
    if isinstance(value, (float, np.floating)):
        return f'{value:.6g}'
    if isinstance(value, np.generic):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 200:
        return f'an integer of {value.bit_length():,} bits'
    text = (
        json.dumps(value[:80])
        if isinstance(value, str)
        else repr(value[:80] if isinstance(value, bytes) else value)
    )
    return text if len(text) <= 80 else f'{text[:77]}…'


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.generic))


def _number_kind(value: Any) -> str:
    if isinstance(value, np.generic):
        return 'i' if value.dtype.kind == 'u' else value.dtype.kind
    return {bool: 'b', int: 'i', float: 'f', complex: 'c'}[type(value)]


def _kind(array: np.ndarray) -> str:
    return _KINDS.get(array.dtype.kind, 'other values')


def _both_alike(expected: np.ndarray, got: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Where both are not finite, and in the same way: NaN for NaN, an infinity for that infinity, part by
    part.
    """
    if expected.dtype.kind == 'f':
        return np.isnan(expected) & np.isnan(got)
    parts = [(expected.real, got.real), (expected.imag, got.imag)]
    alike = [(one == other) | (np.isnan(one) & np.isnan(other)) for one, other in parts]
    return ~finite & alike[0] & alike[1]


def _place(where: str, index: int, shape: tuple[int, ...]) -> str:
    if not shape:
        return where
    return f'{where}[{", ".join(str(int(at)) for at in np.unravel_index(index, shape))}]'


def _shown_apart(expected: Any, got: Any) -> tuple[str, str]:
    """Both as short as they can be told apart."""
    if expected.dtype.kind == 'f':
        for digits in (5, 9, 17):
            one, other = f'{expected:.{digits}g}', f'{got:.{digits}g}'
            if one != other:
                break
        return one, other
    return str(expected), str(got)


def _some(keys: list[Any]) -> str:
    shown = ', '.join(show(key) for key in keys[:3])
    return shown if len(keys) <= 3 else f'{shown} and {len(keys) - 3:,} more'
