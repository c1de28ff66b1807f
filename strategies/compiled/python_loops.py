"""Runs loops of a Python function as machine code, and says so where it cannot: the caller then runs them itself.

A region takes the values its loops start from: numbers as they are, lists, dicts, sets and texts as arrays. What it is not made
for, and every exception in machine code, changes nothing and gives None. So errors, their texts and their side effects are those
of the Python code. Numbers are Python's: what needs more than 64 bits, or would raise, ends the region.
"""

import marshal
import math
from functools import partial
from itertools import chain

import numba
import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload, register_jitable
from numba.typed.typedobjectutils import _nonoptional as sure

# An index beyond the end raises, as in Python.
bounded = partial(overload, jit_options={'boundscheck': True})

# Beyond this an integer is not exact as a float, and sums of few of them are still far from 64 bits.
_LARGEST = 1 << 53


class Unfit(Exception):
    """A value that a region is not made for; the message says what it is."""


class Region:
    """Loops of a function: `kernel` is compiled for the types it meets, `takes` is [(name, kind, written)].

    `types` are those of the sample that it was tried with; None: any. For others, an integer that machine code keeps as a float would
    be a float. `gives` has a kind for each value that comes back. `ends`: it is the end of the function, and gives back what that returns.
    A call returns a tuple, or None.
    """

    every = []

    def __init__(self, kernel, takes, types, gives, ends, whole):
        self.name = kernel.py_func.__name__.removesuffix('_kernel')
        self.types, self.met = types, None
        self.kernel, self.takes, self.gives, self.ends, self.whole = kernel, takes, gives, ends, whole
        self.used, self.refused, self.looked_at = 0, None, 0
        Region.every.append(self)

    def __call__(self, *values):
        try:
            given, backs = self._taken(values)
        except (Unfit, ValueError, TypeError, OverflowError) as unfit:
            self.refused = f'{type(unfit).__name__}: {unfit}'
            return None
        met = list(map(_type_word, given))
        if self.types is not None and met != self.types:
            self.refused = f'values of other types: {met}'
            return None
        # What was drawn in vain is drawn again.
        drawn = [(value, value.bit_generator.state) for value in given if isinstance(value, np.random.Generator)]
        try:
            answer = self.kernel(*given)
            self._require_no_letters()
            answer = (answer,) if self.ends else answer
            results = tuple(give(value, kind, self.whole) for value, kind in zip(answer, self.gives))
        except Exception as error:
            # Python's own code raises it, or does not.
            self.refused = f'{type(error).__name__}: {error}'
            for generator, state in drawn:
                generator.bit_generator.state = state
            return None
        for back in backs:
            back()
        self.used += 1
        self.met = met
        return results

    def _require_no_letters(self):
        signatures = self.kernel.nopython_signatures
        if len(signatures) != self.looked_at and any('uint32' in str(each.return_type) for each in signatures):
            raise Unfit('letters of a text come back')
        self.looked_at = len(signatures)

    def _taken(self, values):
        given, backs, seen = [], [], []
        for value, (name, kind, written) in zip(values, self.takes):
            try:
                parts, back = TAKE[kind](value, written)
            except Unfit as unfit:
                raise Unfit(f'{name}: {unfit}') from None
            given += parts
            if written:
                backs.append(back)
            if isinstance(value, (list, dict, set, np.ndarray)):
                seen.append((value, written))
        if backs:
            _require_apart(seen)
        return given, backs


def _type_word(value):
    if isinstance(value, np.ndarray):
        return f'{value.dtype.str}{value.ndim}'
    if isinstance(value, tuple):
        return f'({",".join(map(_type_word, value))})'
    return type(value).__name__


def _require_apart(seen):
    """What is written to may be no part of another argument: in arrays of their own they would be two."""
    for index, (value, written) in enumerate(seen):
        for other, other_written in seen[:index]:
            if not (written or other_written):
                continue
            if isinstance(value, np.ndarray) and isinstance(other, np.ndarray):
                if np.may_share_memory(value, other):
                    raise Unfit('two arguments share memory')
            elif value is other or not _inner(value).isdisjoint(_inner(other)):
                raise Unfit('two arguments are one list')


def _inner(value):
    if isinstance(value, list):
        return {id(value)} | {id(row) for row in value if isinstance(row, list)}
    return {id(value)}


def _number(value, written):
    kind = type(value)
    if kind is int or kind is np.int64:
        if not -_LARGEST <= value <= _LARGEST:
            raise Unfit('an integer beyond 53 bits')
        return [int(value)], None
    if kind is float or kind is np.float64:
        return [float(value)], None
    if kind is bool or kind is np.bool_:
        return [bool(value)], None
    if kind is complex or kind is np.complex128:
        return [complex(value)], None
    raise Unfit(f'a {kind.__name__}')


_SCALARS = {float: np.float64, np.float64: np.float64, int: np.int64, np.int64: np.int64, bool: np.bool_, np.bool_: np.bool_}


# How `marshal` writes a number: a letter for its type, then the number. So both are seen at once, and quickest.
_LETTERS = {float: ('g', '<f8', np.float64), int: ('i', '<i4', np.int64)}
_VERSION = 2


def _items(first):
    """The layout of one written item, a number or a tuple of numbers like this one; None for others."""
    if type(first) in _LETTERS:
        letter, form, _ = _LETTERS[type(first)]
        return [('t', 'u1'), ('v', form)], [(('t',), ord(letter))]
    if type(first) not in (tuple, list) or not first or not set(map(type, first)) <= _LETTERS.keys():
        return None
    fields, wanted = [('k', 'u1'), ('n', '<i4')], [(('k',), ord('(' if type(first) is tuple else '[')), (('n',), len(first))]
    if type(first) is list and len(set(map(type, first))) == 1:
        inner, ((_, letter),) = _items(first[0])
        return [*fields, ('items', inner, (len(first),))], [*wanted, (('items', 't'), letter)]
    if len(first) > 16:
        return None
    for place, each in enumerate(first):
        letter, form, _ = _LETTERS[type(each)]
        fields += [(f't{place}', 'u1'), (f'v{place}', form)]
        wanted.append(((f't{place}',), ord(letter)))
    return fields, wanted


def written_out(values):
    """Numbers, or tuples or rows of numbers, as an array of what `marshal` writes of them; None where they are not all alike."""
    layout = _items(values[0]) if len(values) > 4 else None
    if layout is None:
        return None
    fields, wanted = layout
    item = np.dtype(fields)
    try:
        data = marshal.dumps(values, _VERSION)
    except ValueError:
        return None
    if len(data) != 5 + item.itemsize * len(values):
        return None
    found = np.frombuffer(data, item, offset=5)
    for path, value in wanted:
        part = found
        for name in path:
            part = part[name]
        if not (part == value).all():
            return None
    return found


def column(values):
    """An array of numbers of one type."""
    found = written_out(values) if type(values) in (list, tuple) and values and type(values[0]) in _LETTERS else None
    if found is not None:
        return found['v'].astype(_LETTERS[type(values[0])][2])
    found = set(map(type, values))
    if len(found) != 1:
        raise Unfit('nothing' if not found else 'numbers of several types')
    dtype = _SCALARS.get(found.pop())
    if dtype is None:
        raise Unfit(f'{type(values[0]).__name__}s')
    array = np.fromiter(values, dtype, len(values))
    if dtype is np.int64 and not (-_LARGEST <= array.min() and array.max() <= _LARGEST):
        raise Unfit('an integer beyond 53 bits')
    return array


def _list(value, written):
    if type(value) is tuple and not written:
        value = list(value)
    if type(value) is not list:
        raise Unfit(f'a {type(value).__name__}')
    array = column(value)

    def back():
        value[:] = array.tolist()

    return [array], back


def _sequences(value, written=False):
    if type(value) not in (list, tuple) or not value or not set(map(type, value)) <= {list, tuple}:
        raise Unfit('no list of lists')
    if written and (type(value) is tuple or tuple in set(map(type, value))):
        raise Unfit('a tuple')
    return value


def _matrix(value, written):
    rows = _sequences(value, written)
    if len(set(map(len, rows))) != 1 or not rows[0]:
        raise Unfit('rows of several lengths')
    if written and len(set(map(id, rows))) != len(rows):
        raise Unfit('one row at several places')
    found = written_out(rows) if type(rows[0]) is list and type(rows[0][0]) in _LETTERS else None
    if found is not None and 'items' in found.dtype.names:
        array = found['items']['v'].astype(_LETTERS[type(rows[0][0])][2])
    else:
        array = column(_flat(rows)).reshape(len(rows), -1)

    def back():
        for row, changed in zip(rows, array.tolist()):
            row[:] = changed

    return [array], back


def _block(value, written):
    planes = _sequences(value, written)
    rows = [row for plane in planes for row in _sequences(plane, written)]
    if len(set(map(len, planes))) != 1:
        raise Unfit('rows of several lengths')
    (array,), back = _matrix(rows, written)
    return [array.reshape(len(planes), len(planes[0]), -1)], back


def _flat(rows):
    return list(chain.from_iterable(rows))


def _offsets(rows):
    return np.cumsum([0, *map(len, rows)])


def _ragged(value, written):
    rows = _sequences(value)
    return [column(_flat(rows)), _offsets(rows)], None


def _columns(records):
    if not records or set(map(type, records)) not in ({tuple}, {list}) or len(set(map(len, records))) != 1:
        raise Unfit('no list of tuples')
    found = written_out(records) if type(records[0]) is tuple and type(records) in (list, tuple) else None
    if found is not None:
        return [found[f'v{place}'].astype(_LETTERS[type(each)][2]) for place, each in enumerate(records[0])]
    flat, width = _flat(records), len(records[0])
    return [column(flat[place::width]) for place in range(width)]


def _records(value, written):
    if type(value) not in (list, tuple):
        raise Unfit(f'a {type(value).__name__}')
    return _columns(value), None


def _ragged_records(value, written):
    rows = _sequences(value)
    return [*_columns(_flat(rows)), _offsets(rows)], None


def _text(value, written):
    if type(value) is not str or not value:
        raise Unfit(f'a {type(value).__name__}')
    return [np.frombuffer(value.encode('utf-32-le', 'surrogatepass'), np.uint32)], None


def _bytes(value, written):
    if type(value) is not bytes or not value:
        raise Unfit(f'a {type(value).__name__}')
    return [np.frombuffer(value, np.uint8).astype(np.int64)], None


def _dict(value, written):
    if type(value) is not dict or not value:
        raise Unfit(f'a {type(value).__name__}')
    return [column(list(value)), column(list(value.values()))], None


def _dict_of_lists(value, written):
    if type(value) is not dict or not value:
        raise Unfit(f'a {type(value).__name__}')
    (flat, offsets), _ = _ragged(list(value.values()), False)
    return [column(list(value)), flat, offsets], None


def _set(value, written):
    if type(value) not in (set, frozenset) or not value:
        raise Unfit(f'a {type(value).__name__}')
    return [column(list(value))], None


def _tuple(value, written):
    if type(value) is not tuple or not value:
        raise Unfit(f'a {type(value).__name__}')
    return [tuple(_number(each, False)[0][0] for each in value)], None


def _array(value, written):
    # The class and the byte order are what NumPy looks at, too.
    if type(value) is not np.ndarray or not value.dtype.isnative or value.dtype.kind not in 'biufc' or not value.size:
        raise Unfit(f'a {type(value).__name__}')
    given = np.array(value, order='C') if written else np.ascontiguousarray(value)

    def back():
        np.copyto(value, given)

    if written and not value.flags.writeable:
        raise Unfit('an array that cannot be written to')
    return [given], back


def _generator(value, written):
    if type(value) is not np.random.Generator:
        raise Unfit(f'a {type(value).__name__}')
    return [value], None


def _none(value, written):
    if value is not None:
        raise Unfit(f'a {type(value).__name__}')
    return [None], None


TAKE = {
    'none': _none, 'number': _number, 'list': _list, 'matrix': _matrix, 'block': _block, 'ragged': _ragged, 'records': _records,
    'ragged_records': _ragged_records, 'text': _text, 'bytes': _bytes, 'dict': _dict, 'dict_of_lists': _dict_of_lists,
    'set': _set, 'tuple': _tuple, 'array': _array, 'generator': _generator,
}  # fmt: skip


def give(value, kind, whole):
    """A value of machine code as the Python value it stands for. `kind` is that of the value where it was observed: lists come
    as arrays. `whole`: floats without a fraction stand for integers.
    """
    if isinstance(value, tuple):
        kinds = kind[1] if isinstance(kind, list) and kind[0] == 'tuple' and len(kind[1]) == len(value) else [None] * len(value)
        return tuple(give(each, part, whole) for each, part in zip(value, kinds))
    if isinstance(value, np.ndarray):
        if kind == 'array':
            return value
        value = value.tolist()
    if isinstance(value, numba.typed.Dict):
        keys, values = items_of(value)
        value = dict(zip(keys, map(list, values) if values and isinstance(values[0], numba.typed.List) else values))
    elif isinstance(value, numba.typed.List):
        value = list(value)
    return _as_whole(value) if whole else value


def _as_whole(value):
    if type(value) is float:
        return int(value) if math.isfinite(value) and value == int(value) else value
    if isinstance(value, (list, tuple)):
        return type(value)(map(_as_whole, value))
    if isinstance(value, dict):
        return {key: _as_whole(each) for key, each in value.items()}
    return value


# Python's arithmetic. An operation that Python carries out in more than 64 bits, or answers with an exception, raises here.


def _whole(kind):
    """A literal or not."""
    kind = types.unliteral(kind)
    return kind in (types.int64, types.boolean)


def _plain(kind):
    kind = types.unliteral(kind)
    return kind in (types.int64, types.boolean, types.float64, types.complex128)


def _arrays(*kinds):
    return any(isinstance(kind, types.Array) for kind in kinds)


def _require_plain(*kinds):
    for kind in kinds:
        if not _plain(kind) and not isinstance(kind, types.Array):
            raise TypingError(f'arithmetic on {kind}')
        if isinstance(kind, types.Array) and kind.dtype not in (types.int64, types.float64, types.complex128, types.boolean):
            raise TypingError(f'arithmetic on arrays of {kind.dtype}')


def _with_overflow(name):
    @intrinsic
    def checked(typing, a, b):
        def generate(context, builder, signature, arguments):
            pair = getattr(builder, f'{name}_with_overflow')(*arguments)
            parts = [builder.extract_value(pair, 0), builder.extract_value(pair, 1)]
            parts[1] = context.cast(builder, parts[1], types.boolean, types.boolean)
            return context.make_tuple(builder, signature.return_type, parts)

        return types.Tuple((types.int64, types.boolean))(types.int64, types.int64), generate

    return checked


_sadd, _ssub, _smul = map(_with_overflow, ('sadd', 'ssub', 'smul'))


def add(a, b):
    return a + b


@overload(add)
def _add(a, b):
    _require_plain(a, b)
    if _whole(a) and _whole(b):

        def whole(a, b):
            result, beyond = _sadd(np.int64(a), np.int64(b))
            if beyond:
                raise OverflowError
            return result

        return whole
    return lambda a, b: a + b


def sub(a, b):
    return a - b


@overload(sub)
def _sub(a, b):
    _require_plain(a, b)
    if _whole(a) and _whole(b):

        def whole(a, b):
            result, beyond = _ssub(np.int64(a), np.int64(b))
            if beyond:
                raise OverflowError
            return result

        return whole
    return lambda a, b: a - b


def mul(a, b):
    return a * b


@overload(mul)
def _mul(a, b):
    _require_plain(a, b)
    if _whole(a) and _whole(b):

        def whole(a, b):
            result, beyond = _smul(np.int64(a), np.int64(b))
            if beyond:
                raise OverflowError
            return result

        return whole
    return lambda a, b: a * b


def div(a, b):
    return a / b


@overload(div)
def _div(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        return lambda a, b: a / b
    if _whole(a) and _whole(b):

        def whole(a, b):
            if b == 0 or abs(np.int64(a)) > _LARGEST or abs(np.int64(b)) > _LARGEST:
                raise ZeroDivisionError
            return a / b

        return whole

    def divided(a, b):
        if b == 0:
            raise ZeroDivisionError
        return a / b

    return divided


def floordiv(a, b):
    return a // b


@overload(floordiv)
def _floordiv(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        raise TypingError('// of arrays')

    def divided(a, b):
        if b == 0 or b == -1 and a < -_LARGEST:
            raise ZeroDivisionError
        return a // b

    return divided


def mod(a, b):
    return a % b


@overload(mod)
def _mod(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        raise TypingError('% of arrays')

    def rest(a, b):
        if b == 0 or b == -1 and a < -_LARGEST:
            raise ZeroDivisionError
        return a % b

    return rest


def power(a, b):
    return a**b


@overload(power)
def _power(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        return lambda a, b: a**b
    if _whole(a) and _whole(b):

        def whole(a, b):
            if b < 0:
                raise ValueError  # A float.
            result, base, left = np.int64(1), np.int64(a), np.int64(b)
            while left > 0:
                if left & 1:
                    result, beyond = _smul(result, base)
                    if beyond:
                        raise OverflowError
                left >>= 1
                if left > 0:
                    base, beyond = _smul(base, base)
                    if beyond:
                        raise OverflowError
            return result

        return whole
    if types.complex128 in (types.unliteral(a), types.unliteral(b)):
        raise TypingError('a power of complex numbers')

    def real(a, b):
        if b == 2:
            result = np.float64(a) * a
        else:
            result = math.pow(a, b)
        if not math.isfinite(result) and math.isfinite(a) and math.isfinite(b):
            raise OverflowError
        return result

    return real


def shl(a, b):
    return a << b


@overload(shl)
def _shl(a, b):
    if not (_whole(a) and _whole(b)):
        raise TypingError('<< of other than integers')

    def shifted(a, b):
        if b < 0 or b > 62 or ((np.int64(a) << b) >> b) != a:
            raise OverflowError
        return np.int64(a) << b

    return shifted


def shr(a, b):
    return a >> b


@overload(shr)
def _shr(a, b):
    if not (_whole(a) and _whole(b)):
        raise TypingError('>> of other than integers')

    def shifted(a, b):
        if b < 0 or b > 63:
            raise OverflowError
        return np.int64(a) >> b

    return shifted


def neg(a):
    return -a


@overload(neg)
def _neg(a):
    _require_plain(a)
    if _whole(a):
        return lambda a: _sub_impl(a)
    return lambda a: -a


@register_jitable
def _sub_impl(a):
    result, beyond = _ssub(np.int64(0), np.int64(a))
    if beyond:
        raise OverflowError
    return result


def absolute(a):
    return abs(a)


@overload(absolute)
def _absolute(a):
    _require_plain(a)
    if _whole(a):
        return lambda a: a if a >= 0 else _sub_impl(a)
    return lambda a: abs(a)


def to_int(a):
    return int(a)


@overload(to_int)
def _to_int(a):
    if types.unliteral(a) == types.uint32:

        def digit(a):
            if a < 48 or a > 57:
                raise ValueError
            return np.int64(a) - 48

        return digit
    _require_plain(a)
    if _arrays(a) or types.unliteral(a) == types.complex128:
        raise TypingError('int of an array')
    if _whole(a):
        return lambda a: np.int64(a)

    def cut(a):
        if not -9e18 < a < 9e18:
            raise OverflowError
        return np.int64(a)

    return cut


def rounded(a):
    return round(a)


@overload(rounded)
def _rounded(a):
    _require_plain(a)
    if _whole(a):
        return lambda a: np.int64(a)
    if types.unliteral(a) != types.float64:
        raise TypingError('round of an array')

    def nearest(a):
        if not -9e18 < a < 9e18:
            raise OverflowError
        return np.int64(np.rint(a))

    return nearest


def code(a):
    return ord(a)


@overload(code)
def _code(a):
    if types.unliteral(a) != types.uint32:
        raise TypingError(f'ord of {a}')
    return lambda a: np.int64(a)


def checked(function):
    """A function of `math` that raises where it leaves the numbers it is given for infinity or NaN."""
    original = function

    def called(a):
        return original(a)

    @overload(called)
    def _called(a):
        kind = types.unliteral(a)
        if kind not in (types.float64, types.int64, types.boolean):
            raise TypingError(f'{original.__name__} of {a}')

        def compiled(a):
            result = original(np.float64(a))
            if not math.isfinite(result) and math.isfinite(np.float64(a)):
                raise ValueError
            return result

        return compiled

    return called


FUNCTIONS = {
    name: checked(getattr(math, name))
    for name in (
        'sqrt', 'exp', 'log', 'log2', 'log10', 'log1p', 'expm1', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh',
        'asinh', 'acosh', 'atanh', 'fabs', 'erf', 'erfc', 'gamma', 'lgamma', 'degrees', 'radians',
    )
}  # fmt: skip
globals().update({f'math_{name}': function for name, function in FUNCTIONS.items()})


def math_floor(a):
    return math.floor(a)


@overload(math_floor)
def _math_floor(a):
    if _whole(a):
        return lambda a: np.int64(a)

    def down(a):
        if not -9e18 < a < 9e18:
            raise OverflowError
        return np.int64(math.floor(a))

    return down


def math_ceil(a):
    return math.ceil(a)


@overload(math_ceil)
def _math_ceil(a):
    if _whole(a):
        return lambda a: np.int64(a)

    def up(a):
        if not -9e18 < a < 9e18:
            raise OverflowError
        return np.int64(math.ceil(a))

    return up


# Containers.


def put(into, index, value):
    into[index] = value


@bounded(put)
def _put(into, index, value):
    """Nothing is cut or rounded on its way into a list or an array."""
    if isinstance(into, types.DictType):
        return _stored
    if isinstance(into, (types.Array, types.List)) and not isinstance(value, (types.Array, types.List)):
        inside, kind = into.dtype, types.unliteral(value)
        if isinstance(inside, types.Array):
            raise TypingError('a number in the place of a row')
        if isinstance(into, types.Array) and not isinstance(index, types.BaseTuple) and into.ndim > 1:
            raise TypingError('a number in the place of a row')
        if inside == kind:
            return _stored
        if inside in (types.float64, types.complex128) and kind == types.int64:

            def wide(into, index, value):
                if abs(value) > _LARGEST:
                    raise OverflowError
                into[index] = value

            return wide
        if inside == types.complex128 and kind == types.float64:
            return _stored
        if inside == types.int64 and kind == types.float64:
            raise TypingError('WIDEN')
        raise TypingError(f'a {kind} put among {inside}')
    if isinstance(into, types.Array) and isinstance(value, types.Array) and into.dtype == value.dtype:
        if into.ndim == value.ndim + 1 and isinstance(types.unliteral(index), types.Integer):

            def row(into, index, value):
                # A row of another length would be copied over the whole.
                if into.shape[1] != len(value):
                    raise ValueError
                into[index] = value

            return row
    if isinstance(into, types.List) and into.dtype == value:
        return _stored
    raise TypingError(f'{value} put into {into}')


def _stored(into, index, value):
    into[index] = value


def place(into, index, value):
    into[index] = value


@bounded(place)
def _place(into, index, value):
    """An item of a list that has room for it: of the type of the others, rows of one length."""
    if not isinstance(into, types.Array):
        raise TypingError(f'{value} put into {into}')
    if into.ndim == 1 and into.dtype == types.unliteral(value):
        return _stored
    if isinstance(value, types.Array) and value.ndim == into.ndim - 1 and value.dtype == into.dtype:

        def row(into, index, value):
            if into.shape[1:] != value.shape:
                raise ValueError
            into[index] = value

        return row
    raise TypingError(f'a {value} put among {into.dtype}')


def room_like(count, row):
    return np.empty((count, *row.shape), row.dtype)


@overload(room_like)
def _room_like(count, row):
    if not isinstance(row, types.Array) or row.ndim != 1:
        raise TypingError(f'rows of {row}')
    return lambda count, row: np.empty((count, len(row)), row.dtype)


def stacked(values):
    return np.array(values)


@bounded(stacked)
def _stacked(values):
    """A list of numbers, or of rows of one length, as an array."""
    if not isinstance(values, types.List):
        raise TypingError(f'an array of {values}')
    if not isinstance(values.dtype, types.Array):
        return lambda values: np.array(values)
    if values.dtype.ndim != 1:
        raise TypingError('a list of lists of lists')

    def rows(values):
        if len(values) == 0:
            raise ValueError
        made = np.empty((len(values), len(values[0])), values[0].dtype)
        for index in range(len(values)):
            if len(values[index]) != made.shape[1]:
                raise ValueError
            made[index] = values[index]
        return made

    return rows


def item_of(values, one, two):
    return values[one][two]


@bounded(item_of)
def _item_of(values, one, two):
    """What stands in a row, without making the row an array of its own."""
    if isinstance(values, types.Array) and values.ndim == 2 and isinstance(types.unliteral(one), types.Integer) and isinstance(types.unliteral(two), types.Integer):
        return lambda values, one, two: values[one, two]
    return lambda values, one, two: values[one][two]


def put_inside(values, one, two, value):
    values[one][two] = value


@bounded(put_inside)
def _put_inside(values, one, two, value):
    if isinstance(values, types.Array) and values.ndim == 2 and values.dtype == types.unliteral(value):

        def stored(values, one, two, value):
            values[one, two] = value

        return stored
    return lambda values, one, two, value: put(values[one], two, value)


def columns(rows):
    return list(zip(*rows))


@overload(columns)
def _columns_of(rows):
    if not isinstance(rows, types.Array) or rows.ndim != 2:
        raise TypingError(f'the columns of {rows}')
    return lambda rows: np.ascontiguousarray(rows.T)


def last_of(queue, at):
    return queue[-1]


@overload(last_of)
def _last_of(queue, at):
    """The last item of a deque, whose items before `at` are gone."""

    def found(queue, at):
        if len(queue) <= at:
            raise IndexError
        return queue[-1]

    return found


def truth(value):
    return bool(value)


@overload(truth)
def _truth(value):
    if isinstance(value, types.Optional):
        return lambda value: value is not None and truth(sure(value))
    if isinstance(value, types.BaseTuple):
        size = len(value)
        return lambda value: size > 0
    if isinstance(value, (types.Array, types.List, types.ListType, types.DictType, types.Set)):
        return lambda value: len(value) > 0
    return lambda value: bool(value)


def cut(values, low, high, step):
    return values[low:high:step]


@bounded(cut)
def _cut(values, low, high, step):
    """A list's slice is a list of its own."""
    if isinstance(values, types.Array):
        return lambda values, low, high, step: values[low:high:step].copy()
    return lambda values, low, high, step: values[low:high:step]


def joined(one, two):
    return one + two


@overload(joined)
def _joined(one, two):
    """Two lists, one after the other, as a list of its own."""
    if isinstance(one, types.Array) and isinstance(two, types.Array) and one.dtype == two.dtype and one.ndim == two.ndim:
        return lambda one, two: np.concatenate((one, two))
    if isinstance(one, types.List) and isinstance(two, types.List) and one.dtype == two.dtype:
        return lambda one, two: one + two
    if isinstance(one, types.Array) and one.ndim == 1 and isinstance(two, types.List) and one.dtype == two.dtype:
        return lambda one, two: [each for each in one] + two
    if isinstance(two, types.Array) and two.ndim == 1 and isinstance(one, types.List) and one.dtype == two.dtype:
        return lambda one, two: one + [each for each in two]
    raise TypingError(f'{one} and {two} joined')


def _require_list(values, what):
    if not isinstance(values, (types.Array, types.List)) or isinstance(values, types.Array) and values.ndim != 1:
        raise TypingError(f'{what} of {values}')


def count_of(values, item):
    return values.count(item)


@overload(count_of)
def _count_of(values, item):
    _require_list(values, 'count')

    def counted(values, item):
        found = 0
        for value in values:
            if value == item:
                found += 1
        return found

    return counted


def place_of(values, item):
    return values.index(item)


@overload(place_of)
def _place_of(values, item):
    _require_list(values, 'index')

    def found(values, item):
        for at in range(len(values)):
            if values[at] == item:
                return at
        raise ValueError

    return found


@register_jitable
def permuted(values, count):
    """As `itertools.permutations`, in its order; each is a list."""
    size = len(values)
    if count <= size:
        places, turns = np.arange(size), np.arange(size, size - count, -1)
        yield [values[at] for at in places[:count]]
        going = size > 0
        while going:
            going = False
            for at in range(count - 1, -1, -1):
                turns[at] -= 1
                if turns[at] == 0:
                    first = places[at]
                    places[at : size - 1] = places[at + 1 :].copy()
                    places[size - 1] = first
                    turns[at] = size - at
                else:
                    other = size - turns[at]
                    places[at], places[other] = places[other], places[at]
                    going = True
                    break
            if going:
                yield [values[at] for at in places[:count]]


def total(values):
    return sum(values)


@bounded(total)
def _total(values):
    def added(values):
        result = 0
        for value in values:
            result = add(result, value)
        return result

    return added


def least(values):
    return min(values)


@bounded(least)
def _least(values):
    def found(values):
        if len(values) == 0:
            raise ValueError
        result = values[0]
        for value in values:
            if value < result:
                result = value
        return result

    return found


def greatest(values):
    return max(values)


@bounded(greatest)
def _greatest(values):
    def found(values):
        if len(values) == 0:
            raise ValueError
        result = values[0]
        for value in values:
            if value > result:
                result = value
        return result

    return found


def bisect_left(values, value):
    import bisect

    return bisect.bisect_left(values, value)


@bounded(bisect_left)
def _bisect_left(values, value):
    def found(values, value):
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            if values[middle] < value:
                low = middle + 1
            else:
                high = middle
        return low

    return found


def bisect_right(values, value):
    import bisect

    return bisect.bisect_right(values, value)


@bounded(bisect_right)
def _bisect_right(values, value):
    def found(values, value):
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            if value < values[middle]:
                high = middle
            else:
                low = middle + 1
        return low

    return found


def number(value):
    return value


@overload(number)
def _number_alone(value):
    """Where arrays stand for lists, no arithmetic of arrays is meant."""
    if isinstance(value, types.Array):
        raise TypingError('an operation on a list as a whole')
    return lambda value: value


def whole(value):
    return value


@overload(whole)
def _whole_alone(value):
    """Numba takes a float for the end of a range; Python does not."""
    if not _whole(value):
        raise TypingError(f'a range of {value}')
    return lambda value: np.int64(value)


def real(value):
    return float(value)


@overload(real)
def _real(value):
    return lambda value: np.float64(value)


def filled(shape, value):
    return np.full(shape, value)


@overload(filled)
def _filled(shape, value):
    kind = types.unliteral(value)
    if kind not in (types.int64, types.boolean, types.float64, types.complex128):
        raise TypingError(f'a list of {value}')
    return lambda shape, value: np.full(shape, value)


def min_of(a, b):
    return min(a, b)


@overload(min_of)
def _min_of(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        raise TypingError('min of lists')
    return lambda a, b: b if b < a else a


def max_of(a, b):
    return max(a, b)


@overload(max_of)
def _max_of(a, b):
    _require_plain(a, b)
    if _arrays(a, b):
        raise TypingError('max of lists')
    return lambda a, b: b if b > a else a


def same_kind(values, item):
    pass


@overload(same_kind)
def _same_kind(values, item):
    """What was appended was not changed on its way in."""
    inside = values.dtype if isinstance(values, (types.List, types.ListType)) else None
    if inside is None or types.unliteral(inside) != types.unliteral(item):
        raise TypingError(f'a {item} among {values}')
    return lambda values, item: None


def empty_of(values):
    return []


@overload(empty_of)
def _empty_of(values):
    """An empty list for a dict of lists."""
    if not isinstance(values, types.DictType) or not isinstance(values.value_type, types.ListType):
        raise TypingError(f'a list put among {values}')
    inside = values.value_type.item_type
    return lambda values: numba.typed.List.empty_list(inside)


def bucket(values, key):
    return values.setdefault(key, [])


@overload(bucket)
def _bucket(values, key):
    if not isinstance(values, types.DictType) or not isinstance(values.value_type, types.ListType):
        raise TypingError(f'lists among {values}')
    inside = values.value_type.item_type

    def found(values, key):
        if key not in values:
            values[key] = numba.typed.List.empty_list(inside)
        return values[key]

    return found


def fetch(values, key, default):
    return values.setdefault(key, default)


@overload(fetch)
def _fetch(values, key, default):
    def found(values, key, default):
        if key not in values:
            values[key] = default
        return values[key]

    return found


def got(values, key, default):
    return values.get(key, default)


@overload(got)
def _got(values, key, default):
    if not isinstance(values, types.DictType):
        raise TypingError(f'get of {values}')
    inside, kind = values.value_type, types.unliteral(default)
    if inside != kind and not (inside == types.float64 and kind == types.int64):
        raise TypingError(f'a {default} in the place of {inside}')

    def found(values, key, default):
        if key in values:
            return values[key]
        return inside(default)

    return found


def least_known(values, key, default):
    return values.get(key, default)


@overload(least_known)
def _least_known(values, key, default):
    """`values.get(key, default)` to be compared: an integer as the float that it equals."""
    if not isinstance(values, types.DictType):
        raise TypingError(f'get of {values}')
    inside, kind = values.value_type, types.unliteral(default)
    if inside != types.int64 or kind != types.float64:
        return lambda values, key, default: got(values, key, default)

    def found(values, key, default):
        if key in values:
            value = values[key]
            if abs(value) > _LARGEST:
                raise OverflowError
            return np.float64(value)
        return default

    return found


def power_mod(base, exponent, modulus):
    return pow(base, exponent, modulus)


@overload(power_mod)
def _power_mod(base, exponent, modulus):
    if not (_whole(base) and _whole(exponent) and _whole(modulus)):
        raise TypingError('pow of other than integers')

    def found(base, exponent, modulus):
        if not 0 < modulus < 1 << 31 or exponent < 0:
            raise OverflowError
        result, square, left = np.int64(1) % modulus, np.int64(base) % modulus, np.int64(exponent)
        while left > 0:
            if left & 1:
                result = result * square % modulus
            square = square * square % modulus
            left >>= 1
        return result

    return found


def smallest(values, count):
    return sorted(values)[:count]


@bounded(smallest)
def _smallest(values, count):
    """`sorted(values)[:count]`, without sorting what is not asked for."""
    if not _whole(count) or not isinstance(values, types.List):
        raise TypingError(f'the smallest of {values}')

    def found(values, count):
        for value in values:
            # NaN is nowhere in order.
            if not value == value:
                raise ValueError
        if count < 0 or count > 32 or count * 4 > len(values):
            return sorted(values)[:count]
        made = [value for value in values[:count]]
        made.sort()
        for index in range(count, len(values)):
            value = values[index]
            if count and value < made[count - 1]:
                at = count - 1
                while at > 0 and value < made[at - 1]:
                    made[at] = made[at - 1]
                    at -= 1
                made[at] = value
        return made

    return found


@numba.njit
def items_of(made):
    return [key for key in made], [value for value in made.values()]


@numba.njit
def dict_of(keys, values):
    made = dict()
    for index in range(len(keys)):
        made[keys[index]] = values[index]
    return made


@numba.njit
def dict_of_rows(keys, flat, offsets):
    made = dict()
    for index in range(len(keys)):
        made[keys[index]] = flat[offsets[index] : offsets[index + 1]]
    return made


@numba.njit
def set_of(values):
    made = set()
    for value in values:
        made.add(value)
    return made
