"""What a value is: in words, and as which kind compiled code could take it (`TAKE` in `compiled/python_loops.py`)."""

import numpy as np

_NUMBERS = {float: 'float', int: 'int', bool: 'bool', complex: 'complex', np.float64: 'float', np.int64: 'int', np.bool_: 'bool'}
# Items that are looked at.
_MOST = 200_000


def described(value, fields=True):
    """{"type", "kind"} and, of a tuple, "parts"; of numbers, "range"; of a dict, "numba", the types of its keys and values; of records,
    "width"; of a dict or an object that nothing else is known of, "fields".
    """
    found = {'type': _words(value), 'kind': kind_of(value)}
    if type(value) is tuple and len(value) <= 16:
        found['parts'] = [described(each) for each in value]
    ends = _range(value)
    if ends is not None:
        found['range'] = ends
    if isinstance(value, dict) and value:
        types = [_numba_type(value), _numba_type(value.values())]
        if None not in types:
            found['numba'] = types
    if found['kind'] in _ITEMS:
        found['item'] = _nothing(_ITEMS[found['kind']](value))
    if found['kind'] in ('records', 'ragged_records'):
        first = value[0] if found['kind'] == 'records' else next(row[0] for row in value if row)
        found['width'] = len(first)
    if found['kind'] is None and fields:
        inside = value if type(value) is dict else getattr(value, '__dict__', {})
        named = [(name, each) for name, each in list(inside.items())[:30] if isinstance(name, str) and name.isidentifier()]
        if named:
            found['fields'] = {name: described(each, False) for name, each in named}
    return found


# An item of the innermost lists.
_ITEMS = {
    'list': lambda value: value[0],
    'records': lambda value: value[0],
    'matrix': lambda value: value[0][0],
    'ragged': lambda value: next(row[0] for row in value if row),
    'ragged_records': lambda value: next(row[0] for row in value if row),
}


def _nothing(item):
    """The source of a number, or of a tuple of numbers, of the same types."""
    if type(item) is tuple:
        return f'({"".join(f"{_nothing(each)}, " for each in item)})'
    return {'float': '0.0', 'int': '0', 'bool': 'False', 'complex': '0j'}.get(_NUMBERS[type(item)] if type(item) in _NUMBERS else '', '0')


def _numba_type(values):
    """The one type of all, as Numba spells it; integers among floats are floats."""
    kinds = set(map(type, values))
    if kinds <= {int, float} and len(kinds) == 2:
        return 'numba.float64'
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    if kind is list:
        items = [item for each in values for item in each][:_MOST]
        inside = _numba_type(items) if items else None
        return None if inside is None else f'numba.types.ListType({inside})'
    plain = {int: 'numba.int64', float: 'numba.float64', bool: 'numba.boolean', np.int64: 'numba.int64', np.float64: 'numba.float64'}
    if kind is tuple:
        first = next(iter(values))
        parts = [_numba_type([each]) for each in first]
        if None in parts or not parts or any(len(each) != len(first) for each in values):
            return None
        return f'numba.types.Tuple(({", ".join(parts)},))'
    if kind is str:
        return 'numba.uint32' if set(map(len, values)) == {1} else None
    return plain.get(kind)


def kind_of(value):
    kind = type(value)
    if value is None:
        return 'none'
    if kind in _NUMBERS:
        return 'number'
    if kind is np.ndarray:
        return 'array' if value.dtype.kind in 'biufc' else None
    if kind is np.random.Generator:
        return 'generator'
    if kind is str:
        return 'text'
    if kind is bytes:
        return 'bytes'
    if kind in (set, frozenset):
        return 'set' if _same_numbers(value) else None
    if kind is tuple and value and set(map(type, value)) <= _NUMBERS.keys():
        return 'tuple'
    if kind is dict:
        if not _same_numbers(value):
            return None
        if _same_numbers(value.values()):
            return 'dict'
        return 'dict_of_lists' if kind_of(list(value.values())) in ('matrix', 'ragged') else None
    return _kind_of_list(value) if kind in (list, tuple) else None


def _kind_of_list(value):
    if len(value) > _MOST or not value:
        return None
    inside = set(map(type, value))
    if _same_numbers(value):
        return 'list'
    if not inside <= {list, tuple}:
        return None
    lengths = set(map(len, value))
    first = next((row for row in value if row), ())
    if inside == {tuple} and len(lengths) == 1 and set(map(type, first)) <= _NUMBERS.keys():
        return 'records'
    deeper = set(map(type, (item for row in value for item in row)))
    if len(deeper) == 1 and deeper <= _NUMBERS.keys():
        return 'matrix' if len(lengths) == 1 else 'ragged'
    if deeper == {tuple} and len({len(item) for row in value for item in row}) == 1:
        return 'ragged_records'
    if deeper == {list} and len(lengths) == 1 and kind_of([row for plane in value for row in plane]) == 'matrix':
        return 'block'
    return None


def _same_numbers(values):
    found = set(map(type, values))
    return len(found) == 1 and found <= _NUMBERS.keys()


def _words(value, depth=0):
    kind = type(value)
    if isinstance(value, np.ndarray):
        layout = '' if value.flags.c_contiguous else ', not contiguous'
        return f'{value.dtype}[{",".join(map(str, value.shape))}]{layout}'
    if kind in (list, tuple, set, frozenset, dict):
        items = list(value.values() if kind is dict else value)[:1000]
        if not items or depth > 3:
            return f'{kind.__name__} of {len(value)}'
        inside = sorted({_words(each, depth + 1) for each in items}, key=str)
        keys = f'{type(next(iter(value))).__name__} to ' if kind is dict else ''
        told = ' or '.join(inside[:3]) + (' …' if len(inside) > 3 else '')
        return f'{kind.__name__} of {len(value)} ({keys}{told})'[:200]
    if kind is str:
        return f'str of {len(value)}'
    return kind.__name__


def _range(value):
    if type(value) in _NUMBERS and type(value) not in (bool, complex, np.bool_):
        return [_plain(value), _plain(value)]
    if type(value) is list and 0 < len(value) <= _MOST and _same_numbers(value) and type(value[0]) in (int, float):
        return [_plain(min(value)), _plain(max(value))]
    if isinstance(value, np.ndarray) and 0 < value.size and value.dtype.kind in 'iuf':
        return [_plain(value.min()), _plain(value.max())]
    return None


def _plain(number):
    number = number.item() if isinstance(number, np.generic) else number
    # JSON has no word for infinity, and few digits tell a range.
    return float(f'{number:.4g}') if isinstance(number, float) and np.isfinite(number) else str(number)
