"""Compares an answer with what was expected: structure and kinds exactly, floats within a tolerance.

Both sides are plain values (see frames.py): no object of a candidate is ever asked whether it is equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_CHUNK = 1 << 16
# Without an absolute tolerance numbers near zero may be off by this share of what numbers as large as the expected ones are
# usually may.
_NEAR_ZERO = 1e-3
# What differs by no more than so many of the smallest steps at its own size may be rounding of something constant.
_ROUNDING_STEPS = 4096
_KINDS = {'b': 'booleans', 'i': 'integers', 'u': 'unsigned integers', 'f': 'floats', 'c': 'complex numbers'}


@dataclass(frozen=True)
class Tolerance:
    """Two floats agree where |got - expected| <= absolute + relative * |expected|. Without `absolute` it follows the scale of
    what is expected.
    """

    relative: float
    absolute: float | None = None


EXACT = Tolerance(0.0, 0.0)


class Spread:
    """How large the finite numbers of a place are: `scale`, the root of their mean square, and the lowest and highest."""

    def __init__(self) -> None:
        self.count = 0
        self.scale = 0.0
        self.low = np.inf
        self.high = -np.inf

    @property
    def constant(self) -> bool:
        return self.low >= self.high

    def add(self, numbers: np.ndarray) -> None:
        """Takes in numbers of any shape, of complex ones both parts."""
        numbers = np.asarray(numbers).reshape(-1)
        if numbers.dtype.kind == 'c':
            numbers = np.concatenate((numbers.real, numbers.imag))
        with np.errstate(all='ignore'):
            for start in range(0, numbers.size, _CHUNK):
                self._add_piece(numbers[start : start + _CHUNK].astype(np.float64, copy=False))

    def _add_piece(self, piece: np.ndarray) -> None:
        low, high = float(piece.min()), float(piece.max())
        if not np.isfinite(low + high):
            piece = piece[np.isfinite(piece)]
            if piece.size == 0:
                return
            low, high = float(piece.min()), float(piece.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        # By the largest, so that no square is beyond the floats.
        largest = max(self.scale, -low, high)
        if largest > 0:
            before, here = self.scale / largest, piece / largest
            mean = (self.count * before * before + float(np.dot(here, here))) / (self.count + piece.size)
            self.scale = largest * float(np.sqrt(mean))
        self.count += piece.size


class Scales:
    """The spread of the floats at every place of some answers: items of lists are one place, and so is the same place of several
    answers.
    """

    def __init__(self) -> None:
        self._spreads: dict[str, Spread] = {}

    def of(self, place: str) -> Spread | None:
        return self._spreads.get(place)

    def places(self) -> Iterator[str]:
        return iter(self._spreads)

    def add(self, value: Any, place: str) -> None:
        """Takes in a value and all in it."""
        if isinstance(value, list) and _are_floats(value):
            self.add_numbers(np.array(value), _item_place(value, 0, place))
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                self.add(item, _item_place(value, index, place))
        elif isinstance(value, dict):
            for key, item in value.items():
                self.add(item, _key_place(key, place))
        elif isinstance(value, (np.ndarray, np.generic, float, complex)):
            numbers = np.asarray(value)
            if numbers.dtype.kind in 'fc':
                self.add_numbers(numbers, place)

    def add_numbers(self, numbers: np.ndarray, place: str) -> None:
        self._spreads.setdefault(place, Spread()).add(numbers)


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
    # Whether types, classes and layout must be those of the expected side, too. Otherwise other ones are noted.
    exact: bool = False
    # Numbers of a text file and of pixels: 1 and 1.0 are the same, and the tolerance holds for both.
    one_number_type: bool = False
    # How large the numbers are that are expected, here and in other answers to be compared; those of each value where it is None.
    scales: Scales | None = None
    # What was got in the same places, where that is to be known.
    given: Scales | None = None
    checked: int = 0
    differing: int = 0
    wrong: str | None = None
    invalid: str | None = None
    largest: LargestError | None = None
    notes: list[str] = field(default_factory=list)
    # Said behind the first difference, where the answer may be right in another way.
    hint: str | None = None
    _counted: bool = False

    @property
    def kind(self) -> str:
        return 'invalid' if self.invalid else 'wrong' if self.wrong else 'right'

    def mismatch(self) -> str | None:
        """The first finding in words, with the share of values that differ where values do."""
        found = self.invalid or self.wrong
        if found is None or self.invalid:
            return found
        counted = self._counted and self.checked > 1
        share = f'; {self.differing:,} of {self.checked:,} values differ' if counted else ''
        return f'{found}{share}' + (f'; {self.hint}' if self.hint else '')

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

    def values(self, expected: Any, got: Any, where: str, place: str | None = None) -> None:
        """Compares two values recursively. `where` is the place's name in messages, `place` the one in `scales`."""
        place = where if place is None else place
        if self.scales is not None:
            self._values(expected, got, where, place)
            return
        self.scales = Scales()
        self.scales.add(expected, place)
        self._values(expected, got, where, place)
        self.scales = None

    def _values(self, expected: Any, got: Any, where: str, place: str) -> None:
        if isinstance(expected, np.ndarray):
            self._array(expected, got, where, place)
        elif _is_number(expected):
            self._number(expected, got, where, place)
        elif got is None and expected is not None:
            self.reject(f'{where}: expected {describe(expected)}, got nothing (None)')
        elif _plain(expected) is not _plain(got):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
        elif isinstance(expected, (list, tuple)):
            self._sequence(expected, got, where, place)
            self._same_class(expected, got, where)
        elif isinstance(expected, dict):
            self._dict(expected, got, where, place)
            self._same_class(expected, got, where)
        else:
            self.checked += 1
            if expected != got:
                self.differing += 1
                self.differ(f'{where}: expected {show(expected)}, got {show(got)}', counted=True)
            self._same_class(expected, got, where)

    def arrays(self, expected: np.ndarray, got: np.ndarray, where: str, place: str) -> None:
        """Compares two arrays of one shape and kind, in pieces that fit the cache."""
        shape = expected.shape
        self.checked += expected.size
        # Not as matrices, which have two axes always.
        expected, got = np.asarray(expected).reshape(-1), np.asarray(got).reshape(-1)
        spread = (self.scales and self.scales.of(place)) or Spread()
        absolute = self.tolerance.absolute
        if absolute is None:
            absolute = _NEAR_ZERO * self.tolerance.relative * spread.scale
        found = self.wrong
        with np.errstate(all='ignore'):
            for start in range(0, expected.size, _CHUNK):
                piece = slice(start, start + _CHUNK)
                self._piece(expected[piece], got[piece], where, start, shape, absolute)
        if expected.dtype.kind in 'fc' and self.given is not None:
            self.given.add_numbers(got, place)
        if expected.size > 1 and self.wrong is found and self.largest is not None and self.largest.absolute > 0:
            self._constant(expected, got, where, spread.scale)

    def _constant(self, expected: np.ndarray, got: np.ndarray, where: str, scale: float) -> None:
        """One number for all is no answer where the expected ones differ by more than rounding, however large the tolerance."""
        spread, other = Spread(), Spread()
        spread.add(expected)
        other.add(got)
        if other.constant and varies(spread, expected.dtype, scale):
            self.differ(f'{where}: {_constant_problem(spread, other)}')

    def _same_class(self, expected: Any, got: Any, where: str, *alike: type) -> None:
        one, other = type(expected), type(got)
        if one.__name__ != other.__name__ and not (one in alike and other in alike):
            self._contract(f'{where}: expected {_of_class(one)}, got {_of_class(other)}')

    def _contract(self, problem: str) -> None:
        """Records that something other than a value differs, which is wrong in exact answers."""
        if self.exact:
            self.differ(problem)
        else:
            self.note(problem)

    def _array(self, expected: np.ndarray, got: Any, where: str, place: str) -> None:
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
            # First the values: a difference there tells more.
            self.arrays(expected, got, where, place)
            if got.dtype != expected.dtype:
                self._contract(f'{where}: expected {describe(expected)}, got {describe(got)}')
            self._same_class(expected, got, where, np.ndarray, np.memmap)
            self._same_layout(expected, got, where)

    def _same_layout(self, expected: np.ndarray, got: np.ndarray, where: str) -> None:
        """Where the expected array lies in C order or in Fortran order, so must the other; where it can be written to, too."""
        one, other = expected.flags, got.flags
        if (one.c_contiguous and not other.c_contiguous) or (one.f_contiguous and not other.f_contiguous):
            self._contract(f'{where}: expected an array {_order(expected)}, got one {_order(got)}')
        if one.writeable and not other.writeable:
            self._contract(f'{where}: expected an array that can be written to, got a read-only one')

    def _number(self, expected: Any, got: Any, where: str, place: str) -> None:
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
        if not self.one_number_type:
            self._same_number_type(expected, got, where)
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
        self.arrays(np.asarray(pair[0]), np.asarray(pair[1]), where, place)

    def _same_number_type(self, expected: Any, got: Any, where: str) -> None:
        """Python's own numbers stand for NumPy's of their kind, and NumPy's for Python's that are as wide: what is compiled can
        often give but one of them.
        """
        if type(expected).__name__ == type(got).__name__:
            return
        problem = f'{where}: expected {_of_class(type(expected))}, got {_of_class(type(got))}'
        stand_in = type(got) in _WIDEST or (type(expected) in _WIDEST and type(got) is _WIDEST[type(expected)])
        if stand_in and (isinstance(expected, np.generic) or isinstance(got, np.generic)):
            self.note(problem)
        else:
            self._contract(problem)

    def _sequence(self, expected: Any, got: Any, where: str, place: str) -> None:
        if len(got) == 0 and len(expected) > 0:
            self.reject(f'{where}: expected {describe(expected)}, got an empty one')
        elif len(got) != len(expected):
            self.differ(f'{where}: expected {describe(expected)}, got {describe(got)}')
        elif isinstance(expected, list) and _are_floats(expected) and _are_floats(got):
            self._same_number_type(expected[0], got[0], f'{where}[0]')
            self.arrays(np.array(expected), np.array(got), where, _item_place(expected, 0, place))
        else:
            for index, (one, other) in enumerate(zip(expected, got)):
                self._values(one, other, f'{where}[{index}]', _item_place(expected, index, place))

    def _dict(self, expected: dict[Any, Any], got: dict[Any, Any], where: str, place: str) -> None:
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
                self._values(expected[key], got[key], _key_place(key, where), _key_place(key, place))

    def _piece(
        self,
        expected: np.ndarray,
        got: np.ndarray,
        where: str,
        start: int,
        shape: tuple[int, ...],
        absolute: float,
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
        allowed = absolute + self.tolerance.relative * size
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


def varies(spread: Spread, dtype: np.dtype, scale: float) -> bool:
    """Whether numbers differ by more than rounding does at their size, or at that of others in their place."""
    largest = max(scale, abs(spread.low), abs(spread.high))
    step = float(np.finfo(dtype).eps) if dtype.kind in 'fc' else 0.0
    return spread.high - spread.low > _ROUNDING_STEPS * step * largest


def constant_place(expected: Scales, given: Scales) -> str | None:
    """What is wrong where some place has one number everywhere, and the expected ones differ there by more than rounding: that is
    no answer, however large the tolerance.
    """
    for place in expected.places():
        spread, got = expected.of(place), given.of(place)
        if got is not None and got.count > 1 and got.constant and varies(spread, np.dtype(float), spread.scale):
            return f'{place}: {_constant_problem(spread, got)}'
    return None


def _constant_problem(expected: Spread, got: Spread) -> str:
    return f'expected numbers from {show(expected.low)} to {show(expected.high)}, got {show(got.low)} everywhere'


# NumPy's number that is as wide as Python's.
_WIDEST = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.generic))


def _number_kind(value: Any) -> str:
    if isinstance(value, np.generic):
        return 'i' if value.dtype.kind == 'u' else value.dtype.kind
    return {bool: 'b', int: 'i', float: 'f', complex: 'c'}[_plain(value)]


def _plain(value: Any) -> type:
    """The plain type a value is of, or its class is made from."""
    for plain in (bool, int, float, complex, str, bytes, list, tuple, dict):
        if isinstance(value, plain):
            return plain
    return type(value)


def _of_class(kind: type) -> str:
    vowel = kind is np.ndarray or kind.__name__[:1].lower() in tuple('aeio')
    return f'{"an" if vowel else "a"} {kind.__name__}'


def _order(array: np.ndarray) -> str:
    flags = array.flags
    if array.ndim > 1 and flags.c_contiguous != flags.f_contiguous:
        return 'in C order' if flags.c_contiguous else 'in Fortran order'
    return 'that is contiguous' if flags.c_contiguous else 'that is not contiguous'


def _are_floats(items: list[Any]) -> bool:
    """Whether a list is as good as an array, which is faster to compare."""
    return len(items) > 0 and set(map(type, items)) <= {float, np.float64}


def _item_place(sequence: Any, index: int, place: str) -> str:
    return f'{place}[]' if isinstance(sequence, list) else f'{place}[{index}]'


def _key_place(key: Any, place: str) -> str:
    step = json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)
    return f'{place}[{step:.80}]'


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
