"""Writes a generator of cases, `make_case(seed)`, out of calls: Python that a person reads and changes.

A generator is written in one of three ways: `LEVELS`. The first varies sizes and draws values spread as those seen; the second keeps sizes and whole
numbers as they were; the third keeps the calls and changes their fractions by a thousandth. Which one does is found by trying.
"""

import base64
import io
import math
import pprint
import re
from collections import deque
from typing import NamedTuple

import numpy as np

LEVELS = ('drawn', 'same sizes', 'same calls')

# Lengths below this are a part of what a value is (a point, a colour), not its size.
_SMALL = 5
# Whole numbers below this choose (a mode, an axis) more often than they count.
_COUNTS_FROM = 20
_MOST_CHOICES = 8
_QUANTILES = np.linspace(0, 1, 9)
_LONGEST_LITERAL = 2000


class CannotDraw(Exception):
    """Values that nothing like them can be drawn of, in words."""


class Generator(NamedTuple):
    text: str
    # One line a size, for people.
    sizes: list


def write_generator(calls, names, level, made_from, scale=1.0, invented=False, scaled_numbers=False):
    """Returns the generator of calls like `calls` of a function with the parameters `names`. Raises CannotDraw.

    `scale` changes sizes; with `scaled_numbers` whole numbers, too, which else only vary. Sizes of calls that are `invented` say nothing, however small.
    """
    writer = _Writer(calls, level, scale, invented, scaled_numbers)
    arguments = _same_calls(writer, calls) if level == 'same calls' else _drawn(writer, calls, names)
    small = any('= small or ' in line for line in writer.needed(arguments))
    lines = [
        f'"""Inputs that Crucible made from {made_from}.',
        '',
        'The verdict on a faster program rests on them: look whether they are as your own, and change here what is not.',
        '"""',
        '',
        *writer.imports(small),
        '',
        '',
        f'def make_case(seed{", small=None" if small else ""}):',
        '    rng = np.random.default_rng(seed)',
        *(f'    {line}' for line in writer.needed(arguments)),
        f'    return {arguments}',
    ]
    if level == 'drawn':
        writer.helpers.append('repeated')
        lines += ['', '', *_edges(small)]
    for helper in writer.helpers:
        lines += ['', '', _HELPERS[helper].strip()]
    if writer.constants:
        lines += ['', '', *writer.constants]
    return Generator('\n'.join(lines) + '\n', writer.told)


def _edges(small):
    """The lines of a function of cases that are checked and not measured: programs are wrong there most often."""
    few = ['for few in (1, 2, 3, 5):', '    with contextlib.suppress(Exception):', '        cases.append(make_case(seed, small=few))']
    return [
        'def edge_cases(seed):',
        f'    """Checked and not measured: elements that occur several times{", and few elements" if small else ""}. What the function refuses is left out."""',
        '    rng = np.random.default_rng(seed)',
        '    cases = [repeated(rng, make_case(seed + more)) for more in range(4)]',
        *(f'    {line}' for line in (few if small else [])),
        '    return cases',
    ]


def _drawn(writer, calls, names):
    forms = {}
    for call in calls:
        forms.setdefault(_form(call), []).append(call)
    # What takes longest is what has to become faster; calls of another form are other cases.
    calls = max(forms.values(), key=lambda those: (sum(call.seconds or 0 for call in those), len(those)))
    count = len(calls[0].args)
    writer.find_sizes(calls)
    used = set(writer.symbols.values())

    def variable(position):
        name = names[position] if position < len(names) else f'argument_{position + 1}'
        while name in used or name in ('rng', 'seed', 'np'):
            name += '_'
        used.add(name)
        return name

    positional = [(variable(index), [call.args[index] for call in calls]) for index in range(count)]
    named = {}
    for key in calls[0].kwargs:
        used_name = key if key not in used else f'{key}_'
        named[key] = (used_name, [call.kwargs[key] for call in calls])
    for name, values in [*positional, *named.values()]:
        writer.body.append(f'{name} = {writer.value(values, True)}  # seen: {described(values)}')
    args = f'({"".join(f"{name}, " for name, _ in positional).rstrip() if count == 1 else ", ".join(name for name, _ in positional)})'
    if not named:
        return args
    kwargs = ', '.join(f'{key!r}: {name}' for key, (name, _) in named.items())
    return f"{{'args': {args}, 'kwargs': {{{kwargs}}}}}"


def _form(call):
    return tuple(map(_kind, call.args)), tuple((key, _kind(value)) for key, value in call.kwargs.items())


def _kind(value):
    """What tells apart values that no one line draws."""
    match value:
        case np.ndarray():
            return 'array', value.dtype.str, value.ndim
        case dict() if value:
            return 'dict', type(next(iter(value))).__name__, _kind(next(iter(value.values())))
        case list() | tuple() | set() | frozenset() if value:
            return type(value).__name__, _kind(next(iter(value)))
    return type(value).__name__


def _same_calls(writer, calls):
    writer.helpers.append('varied')
    shown = [(call.args, call.kwargs) for call in calls]
    arrays = {}
    literal = pprint.pformat([_literal(value, arrays) for value in shown], width=120, compact=True, sort_dicts=False)
    # A literal has no arrays: they stand by name.
    for key in arrays:
        literal = literal.replace(f"'{key}'", f"ARRAYS['{key[2:]}']" if key.startswith('a:') else f"ARRAYS['{key[2:]}'].tolist()")
    if arrays:
        packed = io.BytesIO()
        np.savez_compressed(packed, **{key[2:]: value for key, value in arrays.items()})
        text = base64.b64encode(packed.getvalue()).decode()
        writer.more_imports += ['import base64', 'import io']
        writer.constants += [f"ARRAYS = np.load(io.BytesIO(base64.b64decode('{text}')))"]
    writer.constants += [f'# The calls that were seen: arguments by place, then by name.\nCALLS = {literal}']
    writer.body += ['args, kwargs = CALLS[int(rng.integers(len(CALLS)))]']
    return "{'args': varied(rng, args), 'kwargs': varied(rng, kwargs)}"


def _literal(value, arrays):
    match value:
        case np.ndarray():
            key = f'a:{len(arrays)}'
            arrays[key] = value
            return key
        case list() if len(value) > 64 and (array := _numbers(value)) is not None:
            key = f'l:{len(arrays)}'
            arrays[key] = array
            return key
        case list() | tuple():
            return type(value)(_literal(each, arrays) for each in value)
        case dict():
            return {key: _literal(each, arrays) for key, each in value.items()}
        case np.generic():
            return value.item()
        case None | bool() | int() | float() | complex() | str() | bytes():
            return value
    raise CannotDraw(f'a {type(value).__name__} cannot be written down')


_HELPERS = {
    'spread': '''
def spread(rng, shape, quantiles):
    """Numbers spread as those seen, of which `quantiles` are the least, the greatest, and some between."""
    return np.interp(rng.random(shape), np.linspace(0, 1, len(quantiles)), quantiles)
''',
    'repeated': '''
def repeated(rng, case):
    """The same case with elements that occur several times in lists and arrays; rising ones, permutations and square ones stay."""
    if isinstance(case, dict):
        return {'args': repeated(rng, case['args']), 'kwargs': dict(zip(case['kwargs'], repeated(rng, tuple(case['kwargs'].values()))))}
    return tuple(repeated_elements(rng, value) for value in case)


def repeated_elements(rng, value):
    if not isinstance(value, (list, np.ndarray)) or getattr(value, 'ndim', 1) == 0 or len(value) < 8:
        return value
    if getattr(value[0], '__len__', int)() == len(value):
        return value
    places = rng.integers(0, max(2, len(value) // 4), len(value))
    if isinstance(value[0], tuple) and rng.random() < 0.5 and not all(row[0] <= row[-1] for row in value if type(row[0]) is type(row[-1])):
        return [tuple(value[place][k] for k, place in enumerate(rng.integers(0, len(value) // 4 + 1, len(row)))) for row in value]
    if isinstance(value[0], (int, float, np.number)):
        steps = np.diff(np.asarray(value, float))
        if (steps > 0).all() or (isinstance(value[0], (int, np.integer)) and len(set(map(int, value))) == len(value)):
            return value
        places = np.sort(places) if (steps >= 0).all() else places
    return value[places] if isinstance(value, np.ndarray) else [value[place] for place in places]
''',
    'varied': '''
def varied(rng, value):
    """The same, with fractions changed by up to a thousandth; whole numbers, texts, sizes and order stay."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in 'fc':
            return value.copy()
        return (value * (1 + rng.uniform(-1e-3, 1e-3))).astype(value.dtype)
    if isinstance(value, list) and value and all(isinstance(each, float) for each in value):
        factor = 1 + float(rng.uniform(-1e-3, 1e-3))
        return [each * factor for each in value]
    if isinstance(value, (list, tuple)):
        return type(value)(varied(rng, each) for each in value)
    if isinstance(value, dict):
        return {key: varied(rng, each) for key, each in value.items()}
    return value * (1 + float(rng.uniform(-1e-3, 1e-3))) if isinstance(value, float) else value
''',
}


class _Writer:
    """The body of a generator as it is written: names of sizes, lines, helpers that it needs."""

    def __init__(self, calls, level, scale, invented, scaled_numbers):
        self.calls = len(calls)
        self.varies = level == 'drawn'
        self.scale = scale
        self.invented = invented
        self.scaled_numbers = scaled_numbers
        self.symbols = {}
        self.body = []
        self.helpers = []
        self.constants = []
        self.more_imports = []
        self.told = []

    def imports(self, small):
        standard = sorted({*self.more_imports, *(['import contextlib'] if small else [])})
        return [*standard, *([''] if standard else []), 'import numpy as np']

    def needed(self, arguments):
        """The lines of the body, without sizes that nothing has."""
        lines = list(self.body)
        for index in range(len(lines) - 1, -1, -1):
            name, _, drawn = lines[index].partition(' = ')
            rest = '\n'.join([*lines[index + 1 :], arguments])
            if '# a size' in drawn and not re.search(rf'\b{name}\b', rest):
                del lines[index]
                self.told = [each for each in self.told if not each.startswith(f'{name}:')]
        return lines

    # Sizes

    def find_sizes(self, calls):
        """Gives every length that occurs, one a call, a name; equal lengths have one."""
        lengths = {}
        for call in calls:
            for place, length in _lengths([*call.args, *call.kwargs.values()]):
                lengths.setdefault(place, []).append(length)
        outer = {tuple(each) for place, each in lengths.items() if place[-1] == 0}
        found = []
        for each in map(tuple, lengths.values()):
            counts = max(each) >= _SMALL or (self.invented and each in outer and max(each) > 1)
            if len(each) == len(calls) and counts and each not in found:
                found.append(each)
        self.calls = len(calls)
        for vector in sorted(found, key=max):
            self._name_size(vector)

    def _name_size(self, vector):
        for other, name in self.symbols.items():
            for more in (1, -1):
                if all(one == two + more for one, two in zip(vector, other)):
                    self.symbols[vector] = f'{name} {"+" if more > 0 else "-"} 1'
                    return
            if len(set(vector)) and all(two > 1 and one == two * two for one, two in zip(vector, other)):
                self.symbols[vector] = f'{name} * {name}'
                return
        name = f'n{len(self.body) + 1}' if self.body else 'n'
        self.symbols[vector] = name
        low, high = self._range(vector, min(vector), max(vector))
        drawn = f'int(rng.integers({low}, {high + 1}))' if low < high else str(low)
        if self.varies and low >= _SMALL:
            drawn = f'small or {drawn}'
        seen = ', '.join(map(str, sorted(set(vector))[:4]))
        self.body.append(f'{name} = {drawn}  # a size; seen: {seen}')
        self.told.append(f'{name}: {low}…{high} (seen: {seen})' if low < high else f'{name}: {low}')

    def _range(self, vector, low, high):
        if not self.varies:
            high = max(vector)
            return high, high
        low = min(low, math.ceil(0.8 * high))
        return max(1, math.ceil(low * self.scale)), max(1, math.ceil(high * self.scale))

    def _length(self, lengths, per_call):
        if per_call and tuple(lengths) in self.symbols:
            return self.symbols[tuple(lengths)]
        low, high = min(lengths), max(lengths)
        return str(low) if low == high else f'int(rng.integers({low}, {high + 1}))'

    def _size_above(self, values, per_call):
        """The size that all these whole numbers lie below, so that they may be places in something; None where there is none."""
        if not per_call or not self.symbols:
            return None
        ranges = [(int(np.min(each)), int(np.max(each))) for each in values if np.size(each)]
        if len(ranges) != self.calls or any(low < 0 for low, _ in ranges):
            return None
        for vector, name in sorted(self.symbols.items(), key=lambda each: max(each[0])):
            if all(0.5 * size <= high < size for (_, high), size in zip(ranges, vector)):
                return name
        return None

    # Values

    def value(self, values, per_call):
        """Python that draws a value like `values`; with `per_call` there is one of each call, in their order."""
        first = values[0]
        kinds = {type(value) for value in values}
        if len(kinds) > 1 and kinds != {int, float}:
            if not all(value is None or isinstance(value, (bool, int, float, str)) for value in values):
                raise CannotDraw(f'{" and ".join(sorted(kind.__name__ for kind in kinds))} where one kind was expected')
            return self._choice(values)
        match first:
            case None:
                return 'None'
            case bool() | np.bool_():
                share = sum(map(bool, values)) / len(values)
                return repr(bool(first)) if share in (0, 1) and per_call else f'bool(rng.random() < {_short(share)})'
            case int():
                return self._whole(values, per_call) if kinds == {int} else self._fraction(values, per_call)
            case float():
                return self._fraction(values, per_call)
            case complex():
                real, imaginary = ([getattr(value, part) for value in values] for part in ('real', 'imag'))
                return f'complex({self._fraction(real, per_call)}, {self._fraction(imaginary, per_call)})'
            case str():
                return self._text(values, per_call)
            case np.generic():
                return f'np.{first.dtype.name}({self.value([value.item() for value in values], per_call)})'
            case np.ndarray():
                return self._array(values, per_call)
            case list() | tuple() | set() | frozenset() | deque():
                return self._row(values, per_call)
            case dict():
                return self._table(values, per_call)
        if all(_equal(value, first) for value in values) and len(repr(first)) < _LONGEST_LITERAL and isinstance(first, bytes):
            return repr(first)
        raise CannotDraw(f'a {type(first).__name__} is nothing that can be drawn')

    def _choice(self, values):
        options = list(dict.fromkeys(values))
        return repr(options[0]) if len(options) == 1 else f'{options!r}[int(rng.integers({len(options)}))]'

    def _whole(self, values, per_call):
        if per_call:
            if tuple(values) in self.symbols:
                return self.symbols[tuple(values)]
            for vector, name in self.symbols.items():
                if len(set(zip(values, vector))) > 1 or max(values) >= _SMALL:
                    for more in (1, -1):
                        if all(one == two + more for one, two in zip(values, vector)):
                            return f'{name} {"+" if more > 0 else "-"} 1'
        low, high = min(values), max(values)
        if per_call and self.scaled_numbers and high > 1:
            low, high = math.ceil(min(low, 0.5 * high) * self.scale), math.ceil(high * self.scale)
            if low >= _SMALL:
                return f'small or int(rng.integers({low}, {high + 1}))'
        elif per_call and low == high:
            if not self.varies or high < _COUNTS_FROM:
                return repr(high)
            else:
                low = math.ceil(0.8 * high)
                return f'small or int(rng.integers({low}, {high + 1}))'
        if not self.varies and per_call:
            return self._choice(values)
        return repr(low) if low == high else f'int(rng.integers({low}, {high + 1}))'

    def _fraction(self, values, per_call):
        low, high = float(min(values)), float(max(values))
        if not all(map(math.isfinite, values)):
            return self._choice(values) if all(value == value for value in values) else "float('nan')"
        if per_call and low == high:
            return repr(high) if high == 0 or not self.varies else f'float(rng.uniform({_short(0.9 * high)}, {_short(1.1 * high)}))'
        if len(values) < 9:
            return f'float(rng.uniform({_short(low)}, {_short(high)}))'
        return f'float({self._spread(np.array(values, float), "None")})'

    def _text(self, values, per_call):
        longest = max(map(len, values))
        joined = ''.join(values)
        words = joined.split(' ')
        if longest <= 12 and not (self.invented and per_call and longest > 2):
            return self._choice(values) if per_call or len(set(values)) <= _MOST_CHOICES else self._letters(joined, values, False)
        if len(words) > 4 * len(values) and len(values) <= self.calls:
            known = list(dict.fromkeys(word for value in values for word in value.split(' ')))[:50]
            counts = [len(value.split(' ')) for value in values]
            return f"' '.join({known!r}[int(each)] for each in rng.integers({len(known)}, size={self._scaled(counts)}))"
        return self._letters(joined, values, per_call)

    def _letters(self, joined, values, per_call):
        letters = ''.join(sorted(set(joined)))[:200]
        return f"''.join(rng.choice(list({letters!r}), {self._length([len(value) for value in values], per_call)}))"

    def _scaled(self, counts):
        low, high = self._range(counts, min(counts), max(counts))
        return str(high) if low == high else f'int(rng.integers({low}, {high + 1}))'

    def _array(self, arrays, per_call):
        first = arrays[0]
        if any(array.ndim != first.ndim or array.dtype != first.dtype for array in arrays):
            raise CannotDraw('arrays of several dtypes, or with several numbers of axes')
        if first.dtype.kind not in 'biufc':
            raise CannotDraw(f'an array of {first.dtype}')
        axes = [self._length([array.shape[axis] for array in arrays], per_call) for axis in range(first.ndim)]
        shape = f'({"".join(f"{axis}, " for axis in axes).rstrip() if len(axes) == 1 else ", ".join(axes)})'
        drawn = self._numbers(arrays, shape if len(axes) != 1 else axes[0], axes, per_call)
        dtype = first.dtype.name if first.dtype.isnative else first.dtype.str
        plain = {'f': 'float64', 'i': 'int64', 'b': 'bool', 'c': 'complex128'}.get(first.dtype.kind)
        return drawn if dtype == plain else f"({drawn}).astype('{dtype}')"

    def _numbers(self, arrays, shape, axes, per_call):
        """Python for an array of this shape with numbers spread as those of `arrays`, and ordered as they are."""
        pool = np.concatenate([array.reshape(-1) for array in arrays])
        kind = pool.dtype.kind
        if kind == 'b':
            return f'rng.random({shape}) < {_short(float(pool.mean())) if pool.size else 0.5}'
        if kind == 'c':
            return f'{self._spread(pool.real, shape)} + 1j * {self._spread(pool.imag, shape)}'
        if pool.size == 0:
            return f'np.zeros({shape})' if kind == 'f' else f'np.zeros({shape}, int)'
        if len(axes) == 1 and all(len(array) > 3 for array in arrays):
            ordered = self._ordered(arrays, pool, axes[0], per_call)
            if ordered is not None:
                return ordered
        if kind in 'iu':
            return self._whole_numbers(arrays, pool, shape, per_call)
        return self._with_form(arrays, self._floats(pool, shape))

    def _ordered(self, arrays, pool, length, per_call):
        whole = pool.dtype.kind in 'iu'
        if whole and all(np.array_equal(np.sort(array), np.arange(len(array))) for array in arrays):
            return f'np.arange({length})' if all(np.array_equal(array, np.arange(len(array))) for array in arrays) else f'rng.permutation({length})'
        if not all(bool((np.diff(array.astype(float)) >= 0).all()) for array in arrays) or pool.min() == pool.max():
            return None
        if not whole:
            return f'np.sort({self._floats(pool, length)})'
        ends = tuple(int(array[-1]) for array in arrays)
        if per_call and all(array[0] == 0 for array in arrays) and ends in self.symbols:
            # Where each row begins, as in sparse matrices.
            return f'np.concatenate([[0], np.sort(rng.integers(0, {self.symbols[ends]} + 1, {length} - 2)), [{self.symbols[ends]}]])'
        if all(bool((np.diff(array) > 0).all()) for array in arrays):
            return f'{int(pool.min())} + np.cumsum(rng.integers(1, {1 + 2 * max(1, int(np.median(np.concatenate([np.diff(array) for array in arrays]))))}, {length}))'
        return f'np.sort({self._whole_numbers(arrays, pool, length, per_call)})'

    def _whole_numbers(self, arrays, pool, shape, per_call):
        above = self._size_above(arrays, per_call)
        if above is not None:
            return f'rng.integers(0, {above}, {shape})'
        options, counts = np.unique(pool, return_counts=True)
        if len(options) <= _MOST_CHOICES and pool.size > len(options):
            weights = np.round(counts / counts.sum(), 3)
            weights[-1] += 1 - weights.sum()
            return f'rng.choice({options.tolist()}, {shape}, p={[round(float(each), 3) for each in weights]})'
        return f'rng.integers({int(pool.min())}, {int(pool.max()) + 1}, {shape})'

    def _floats(self, pool, shape):
        missing = float(np.isnan(pool).mean())
        known = pool[~np.isnan(pool)].astype(float)
        if missing == 1 or not np.isfinite(known).all():
            raise CannotDraw('infinities among the numbers' if missing < 1 else 'nothing but NaN')
        drawn = self._spread(known, shape)
        if len(known) >= 9 and bool((known == np.rint(known)).all()):
            drawn = f'np.rint({drawn})'
        return drawn if missing == 0 else f'np.where(rng.random({shape}) < {_short(missing)}, np.nan, {drawn})'

    def _with_form(self, arrays, drawn):
        """The same with what was always so: a matrix equal to its transpose, rows that sum to one."""
        square = all(array.ndim == 2 and array.shape[0] == array.shape[1] > 1 for array in arrays)
        if square and all(np.array_equal(array, array.T) for array in arrays):
            hollow = all(not np.diag(array).any() for array in arrays)
            symmetric = f'(lambda half: half + half.T)(np.tril({drawn}, {-1 if hollow else 0}))'
            return symmetric
        if all(array.ndim and array.shape[-1] > 1 and (array >= 0).all() and np.allclose(array.sum(-1), 1) for array in arrays):
            return f'(lambda parts: parts / parts.sum(-1, keepdims=True))({drawn} + 1e-12)'
        return drawn

    def _spread(self, numbers, shape):
        low, high = float(numbers.min()), float(numbers.max())
        if low == high:
            return f'np.full({shape}, {_short(low)})'
        if len(numbers) < 9:
            return f'rng.uniform({_short(low)}, {_short(high)}, {shape})'
        if 'spread' not in self.helpers:
            self.helpers.append('spread')
        quantiles = [float(_short(each)) for each in np.quantile(numbers, _QUANTILES)]
        return f'spread(rng, {shape}, {quantiles})'

    def _from_to(self, pairs, kind):
        """Pairs of numbers whose second is never below the first, and near to it: where something begins and ends; None for others."""
        if len(pairs) < 8 or {len(pair) for pair in pairs} != {2}:
            return None
        if not all(type(a) is type(b) and type(a) in (int, float) and a <= b for a, b in pairs):
            return None
        lengths, begins = [b - a for a, b in pairs], [a for a, _ in pairs]
        if max(lengths) > 0.25 * (max(begins) - min(begins)):
            return None
        both = f'begin, begin + {self.value(lengths, False)}'
        return f'(lambda begin: {f"({both})" if kind == "tuple" else f"[{both}]"})({self.value(begins, False)})'

    def _row(self, rows, per_call):
        kind = type(rows[0]).__name__
        put = {'list': '{}', 'tuple': 'tuple({})', 'set': 'set({})', 'frozenset': 'frozenset({})', 'deque': 'deque({})'}[kind]
        if kind == 'deque':
            self.more_imports += ['from collections import deque']
        elements = [element for row in rows for element in row]
        if not elements:
            return put.format('[]') if kind != 'list' else '[]'
        lengths = [len(row) for row in rows]
        if not per_call and kind in ('list', 'tuple') and (drawn := self._from_to(rows, kind)) is not None:
            return drawn
        if kind == 'tuple' and len(set(lengths)) == 1 and lengths[0] <= 8:
            parts = [self.value([row[index] for row in rows], per_call) for index in range(lengths[0])]
            return f'({", ".join(parts)}{"," if len(parts) == 1 else ""})'
        arrays = [_numbers(row if kind in ('list', 'tuple', 'deque') else sorted(row)) for row in rows]
        pairs = {type(element) for element in elements} in ({tuple}, {list}) and self._from_to(elements, type(elements[0]).__name__)
        if not pairs and all(array is not None for array in arrays) and len({(array.dtype, array.ndim) for array in arrays}) == 1:
            drawn = self._array(arrays, per_call)
            inner = {type(element) for element in elements}
            listed = f'({drawn}).tolist()'
            return put.format(listed) if inner != {tuple} else put.format(f'[tuple(row) for row in {listed}]')
        element = self.value(elements, False)
        return put.format(f'[{element} for _ in range({self._length(lengths, per_call)})]')

    def _table(self, tables, per_call):
        keys = list(tables[0])
        if all(list(table) == keys for table in tables) and len(keys) <= 20 and all(isinstance(key, str) for key in keys):
            parts = [f'{key!r}: {self.value([table[key] for table in tables], per_call)}' for key in keys]
            return f'{{{", ".join(parts)}}}'
        values = [value for table in tables for value in table.values()]
        if not values:
            return '{}'
        length = self._length([len(table) for table in tables], per_call)
        # Values that name keys, as a graph's neighbours do, are drawn below the number of keys.
        value = self._neighbours(tables, length) or self.value(values, False)
        if all(list(table) == list(range(len(table))) for table in tables):
            return f'{{key: {value} for key in range({length})}}'
        pooled = [key for table in tables for key in table]
        return f'{{{self.value(pooled, False)}: {value} for _ in range({length})}}'

    def _neighbours(self, tables, length):
        lists = [value for table in tables for value in table.values()]
        if not all(isinstance(value, (list, set, tuple)) and all(type(each) is int for each in value) for value in lists):
            return None
        if not all(each in table for table in tables for value in table.values() for each in value):
            return None
        kind = type(lists[0]).__name__
        degrees = [len(value) for value in lists]
        low, high = min(degrees), max(degrees)
        drawn = f'rng.integers(0, {length}, {low if low == high else f"int(rng.integers({low}, {high + 1}))"}).tolist()'
        return drawn if kind == 'list' else f'{kind}({drawn})'


def _numbers(row):
    """A list of numbers of one type, or of lists of such of one length, as an array; None where it is something else."""
    if not row:
        return None
    kinds = {type(each) for each in row}
    if kinds in ({int}, {float}, {bool}):
        with np.errstate(all='ignore'):
            try:
                return np.array(row)
            except OverflowError:
                return None
    if kinds in ({list}, {tuple}) and len({len(each) for each in row}) == 1 and len(row[0]) > 0:
        if kinds == {tuple} and len(row[0]) <= 8 and len({type(each) for each in row[0]}) > 1:
            return None
        inner = [_numbers(each) for each in row]
        if all(each is not None and each.dtype == inner[0].dtype and each.shape == inner[0].shape for each in inner):
            array = np.array(inner)
            return array if array.dtype.kind in 'bif' else None
    return None


def _lengths(values, place=()):
    """Every length in a call, with the place it has there."""
    for index, value in enumerate(values):
        here = (*place, index)
        if isinstance(value, np.ndarray):
            yield from (((*here, axis), length) for axis, length in enumerate(value.shape))
        elif isinstance(value, str):
            yield (*here, 0), len(value)
        elif isinstance(value, (list, tuple, set, frozenset, deque, dict)):
            yield (*here, 0), len(value)
            array = _numbers(value) if isinstance(value, (list, tuple)) else None
            if array is not None and array.ndim > 1:
                yield from (((*here, axis), length) for axis, length in enumerate(array.shape) if axis > 0)
            elif array is None and isinstance(value, (tuple, list)) and len(value) <= 8:
                yield from _lengths(value, (*here, 'in'))
            elif isinstance(value, dict) and len(value) <= 20:
                yield from _lengths(list(value.values()), (*here, 'in'))


def described(values):
    """What a place of the calls held, in a few words."""
    from comparing import describe

    texts = list(dict.fromkeys(repr(value) if isinstance(value, (bool, int, float, type(None))) else describe(value) for value in values))
    text = ', '.join(texts[:3]) + (', …' if len(texts) > 3 else '')
    return text.replace('\n', ' ')[:120]


def _equal(one, other):
    return type(one) is type(other) and one == other


def _short(number):
    return f'{float(number):.6g}'
