"""Guesses calls of a function from its type hints, its docstring, its defaults, and how it uses its parameters."""

import ast
import itertools
import re
from typing import NamedTuple

import numpy as np

# Calls that are tried, at most.
_MOST_GUESSES = 240

# Sizes by name, of two calls; none equals another: what belongs together is told from what happens to be as long.
_FIRST_SIZES = (12, 9, 7, 17, 20, 23, 26)
_SECOND_SIZES = (15, 11, 6, 19, 24, 28, 21)


def _sizes(names):
    """Two assignments of sizes to names, for the axes that a docstring names as well."""
    order = ['n', 'm', 'k', *(name for name in names if name not in ('n', 'm', 'k'))][: len(_FIRST_SIZES)]
    return [dict(zip(order, sizes)) for sizes in (_FIRST_SIZES, _SECOND_SIZES)]


class Guess(NamedTuple):
    """What one parameter may be: words, and a value for sizes and a random generator."""

    words: str
    make: object


def _letters(rng, n):
    return ''.join(rng.choice(list('abcdefgh'), n))


_KINDS = {
    'int': lambda size, rng: size['n'],
    'small int': lambda size, rng: 3,
    'float': lambda size, rng: 0.7,
    'bool': lambda size, rng: True,
    'str': lambda size, rng: _letters(rng, size['n']),
    'other str': lambda size, rng: _letters(rng, size['m']),
    'words': lambda size, rng: ' '.join(rng.choice(['one', 'two', 'three', 'four', 'five', 'six'], 3 * size['n'])),
    'list of floats': lambda size, rng: rng.uniform(0.1, 4, size['n']).tolist(),
    'list of ints': lambda size, rng: rng.integers(1, 40, size['n']).tolist(),
    'list of strs': lambda size, rng: [_letters(rng, 6) for _ in range(size['n'])],
    'list of lists of floats': lambda size, rng: rng.uniform(0.1, 4, (size['n'], size['m'])).tolist(),
    'list of lists of ints': lambda size, rng: rng.integers(0, 2, (size['n'], size['m'])).tolist(),
    'square list of lists of floats': lambda size, rng: rng.uniform(0.1, 4, (size['n'], size['n'])).tolist(),
    'list of pairs of floats': lambda size, rng: [(float(a), float(b)) for a, b in rng.uniform(0.1, 4, (size['n'], 2))],
    'list of pairs of ints': lambda size, rng: [(int(a), int(b)) for a, b in rng.integers(0, size['m'], (size['n'], 2))],
    'list of weighted pairs': lambda size, rng: [
        (int(a), int(b), float(w)) for (a, b), w in zip(rng.integers(0, size['m'], (size['n'], 2)), rng.uniform(0.1, 4, size['n']))
    ],
    'array': lambda size, rng: rng.uniform(0.1, 4, size['n']),
    'array of ints': lambda size, rng: rng.integers(0, 40, size['n']),
    'matrix': lambda size, rng: rng.uniform(0.1, 4, (size['n'], size['m'])),
    'other matrix': lambda size, rng: rng.uniform(0.1, 4, (size['k'], size['m'])),
    'next matrix': lambda size, rng: rng.uniform(0.1, 4, (size['m'], size['k'])),
    'square matrix': lambda size, rng: rng.uniform(0.1, 4, (size['n'], size['n'])),
    'matrix of ints': lambda size, rng: rng.integers(0, 2, (size['n'], size['m'])),
    'volume': lambda size, rng: rng.uniform(0.1, 4, (size['n'], size['m'], size['k'])),
    'dict of floats': lambda size, rng: {_letters(rng, 6): float(rng.uniform(0.1, 4)) for _ in range(size['n'])},
    'graph': lambda size, rng: {node: rng.integers(0, size['n'], 3).tolist() for node in range(size['n'])},
    'weighted graph': lambda size, rng: {
        node: {int(other): float(rng.uniform(0.1, 4)) for other in rng.integers(0, size['n'], 3)} for node in range(size['n'])
    },
}
_ANY = ['list of floats', 'array', 'matrix', 'list of ints', 'list of lists of floats', 'int', 'str', 'float']


def guessed_parameters(function):
    """Parameter name -> its guesses, the likeliest first, for the definition of a function; what has a default may be left out."""
    arguments = function.args
    names = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip([each.arg for each in names][len(names) - len(arguments.defaults) :], arguments.defaults))
    document = ast.get_docstring(function) or ''
    found = {}
    for each in names:
        if (records := _records(function, each.arg)) is not None and each.annotation is None:
            found[each.arg] = records
            continue
        default = defaults.get(each.arg)
        if default is not None and (value := _constant(default)) is not None:
            found[each.arg] = [Guess(f'its default, {ast.unparse(default)}', lambda size, rng, value=value: value[0])]
            continue
        kinds = _of_hint(each.annotation) or _of_docstring(document, each.arg) or _of_use(function, each.arg) or _ANY
        found[each.arg] = [Guess(str(kind), _maker(kind)) for kind in dict.fromkeys(kinds)]
    for name, guesses in found.items():
        # Beside something that has a size, a whole number is more often a radius or a count of neighbours than that size.
        sized = any(other != name and guesses_[0].words not in ('int', 'small int') for other, guesses_ in found.items())
        if sized and name.lower() not in _SIZE_NAMES and [each.words for each in guesses[:2]] == ['int', 'small int']:
            guesses[:2] = guesses[1], guesses[0]
    return found


_SIZE_NAMES = {'n', 'm', 'size', 'length', 'count', 'rows', 'cols', 'width', 'height', 'num', 'nodes', 'vertices'}


def _maker(kind):
    if isinstance(kind, str):
        return _KINDS[kind]

    def shaped(size, rng):
        shape = [size[axis] if axis in size else int(axis) if axis.isdigit() else size['k'] for axis in kind.axes]
        return rng.integers(0, 40, shape) if kind.whole else rng.uniform(0.1, 4, shape)

    return shaped


class _Shaped(NamedTuple):
    axes: tuple
    whole: bool

    def __str__(self):
        return f'array of shape ({", ".join(self.axes)})'


def _records(function, name):
    """Guesses at a list of dicts, whose keys are those that a loop over it takes; None where there is no such loop."""
    loops = [
        node
        for node in ast.walk(function)
        if isinstance(node, (ast.For, ast.comprehension))
        and isinstance(node.iter, ast.Name)
        and node.iter.id == name
        and isinstance(node.target, ast.Name)
    ]
    rows = {loop.target.id for loop in loops}
    keys, numbers = {}, set()
    for node in ast.walk(function):
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.Subscript(value=ast.Name(id=str(row)), slice=ast.Constant(value=str(key))) if row in rows:
                    keys[key] = None
                    if isinstance(node, (ast.BinOp, ast.AugAssign)):
                        numbers.add(key)
    if not keys:
        return None

    def of(numeric):
        def make(size, rng):
            return [
                {key: float(rng.uniform(0.1, 4)) if key in numeric else 'abcdef'[int(rng.integers(6))] for key in keys} for _ in range(size['n'])
            ]

        return Guess('list of dicts', make)

    return [of(numbers), of(set(keys)), of(set())]


def combinations(guesses):
    """The calls worth trying, those of the likeliest guesses first: a dict of guesses by parameter each."""
    names = list(guesses)
    choices = itertools.product(*(range(len(guesses[name])) for name in names))
    ordered = sorted(itertools.islice(choices, 20_000), key=lambda each: (sum(each), each))
    for chosen in ordered[:_MOST_GUESSES]:
        yield {name: guesses[name][index] for name, index in zip(names, chosen)}


def examples_of(combination):
    """Two calls of a combination, of different sizes: their arguments."""
    named = re.findall(r'[A-Za-z_]\w*', ' '.join(guess.words.partition('(')[2] for guess in combination.values()))
    for seed, size in enumerate(_sizes(list(dict.fromkeys(named)))):
        rng = np.random.default_rng(seed)
        yield tuple(guess.make(size, rng) for guess in combination.values())


def _constant(node):
    try:
        return (ast.literal_eval(node),)
    except (ValueError, SyntaxError):
        return None


_ARRAYS = ['array', 'matrix', 'square matrix', 'other matrix', 'next matrix', 'array of ints', 'matrix of ints', 'volume']


def _of_hint(node):
    return None if node is None else _of_text(ast.unparse(node).strip('\'"'))


def _of_text(text):
    """Kinds for the words of a type: `list[float]`, `np.ndarray`, `array of shape (n, d)`."""
    plain = re.sub(r'\b(?:typing|np|numpy|npt|collections\.abc)\.', '', text).replace('Optional[', '[').lower()
    plain = re.sub(r'\|\s*none|none\s*\|', '', plain)
    if 'ndarray' in plain or 'array' in plain:
        return _of_shape(plain)
    for pattern, kinds in _TEXTS:
        if re.search(pattern, plain):
            return kinds
    return None


_SEQUENCE = r'(?:list|sequence|iterable|collection|tuple)s?\b\W*(?:of\b\W*)?'
_TEXTS = [
    (rf'dict\w*\W*(?:of\W*)?int\W+dict', ['weighted graph']),
    (rf'dict\w*\W*(?:of\W*)?int\W+{_SEQUENCE}', ['graph']),
    (r'dict|mapping', ['dict of floats', 'graph', 'weighted graph']),
    (rf'{_SEQUENCE}tuples?\W+int\W+int\W+float', ['list of weighted pairs']),
    (rf'{_SEQUENCE}tuples?\W+int\W+int', ['list of pairs of ints']),
    (rf'{_SEQUENCE}tuples?', ['list of pairs of floats', 'list of pairs of ints', 'list of weighted pairs']),
    (rf'{_SEQUENCE}{_SEQUENCE}int', ['list of lists of ints']),
    (rf'{_SEQUENCE}{_SEQUENCE}', ['list of lists of floats', 'square list of lists of floats', 'list of lists of ints']),
    (rf'{_SEQUENCE}int', ['list of ints']),
    (rf'{_SEQUENCE}float', ['list of floats']),
    (rf'{_SEQUENCE}str', ['list of strs']),
    (r'\blist|sequence|iterable', ['list of floats', 'list of ints', 'list of lists of floats', 'list of strs']),
    (r'\bbool', ['bool']),
    (r'\bint', ['int', 'small int']),
    (r'\bfloat|\bscalar|\bnumber|\breal\b', ['float']),
    (r'\bstr|\btext', ['str', 'other str']),
]


def _of_shape(text):
    whole = re.search(r'\bint', text) is not None
    shape = re.search(r'\(([^()]*)\)', text)
    if shape is not None and ',' in shape.group(1):
        axes = tuple(each.strip() for each in shape.group(1).split(',') if each.strip())
        if all(re.fullmatch(r'\w+', axis) for axis in axes):
            return [_Shaped(axes, whole), _Shaped(axes, not whole)]
    if re.search(r'\b1-?d|vector', text):
        return ['array']
    if re.search(r'\b2-?d|matrix|image', text):
        return ['matrix', 'square matrix', 'other matrix', 'next matrix']
    if re.search(r'\b3-?d|volume', text):
        return ['volume']
    return ['array of ints', *_ARRAYS] if whole else _ARRAYS


def _of_docstring(document, name):
    """What NumPy's style (`x : array of shape (n,)`) or Google's (`x (list of float): …`) says of a parameter."""
    numpy_style = re.search(rf'^\s*(?:\w+\s*,\s*)*{name}\s*:\s*(.+)$', document, re.MULTILINE)
    google_style = re.search(rf'^\s*{name}\s*\(([^\n]*?)\)\s*:', document, re.MULTILINE)
    said = google_style or numpy_style
    return None if said is None else _of_text(said.group(1))


def _of_use(function, name):
    """Kinds that go with how the body uses a parameter."""
    depth, calls, kinds = 0, set(), []
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=str(used)), slice=ast.Tuple(elts=axes)) if used == name:
                return ['volume'] if len(axes) == 3 else ['matrix', 'square matrix', 'other matrix', 'next matrix']
            case ast.Assign(targets=[ast.Tuple(elts=axes)], value=ast.Attribute(value=ast.Name(id=str(used)), attr='shape')) if used == name:
                return {1: ['array'], 3: ['volume']}.get(len(axes), ['matrix', 'square matrix', 'other matrix', 'next matrix'])
            case ast.Subscript(value=ast.Subscript(value=ast.Name(id=str(used)))) if used == name:
                depth = max(depth, 2)
            case ast.Subscript(value=ast.Name(id=str(used))) if used == name:
                depth = max(depth, 1)
            case ast.Attribute(value=ast.Name(id=str(used)), attr=attribute) if used == name:
                calls.add(attribute)
            case ast.For(target=ast.Tuple(elts=parts), iter=ast.Name(id=str(used))) if used == name:
                kinds += {2: ['list of pairs of ints', 'list of pairs of floats'], 3: ['list of weighted pairs']}.get(len(parts), [])
            case ast.For(iter=ast.Name(id=str(used))) if used == name:
                depth = max(depth, 1)
            case ast.Call(func=ast.Name(id='ord'), args=[ast.Subscript(value=ast.Name(id=str(used)))]) if used == name:
                return ['str', 'other str']
            case ast.Call(func=ast.Name(id='range'), args=arguments) if any(_is(each, name) for each in arguments):
                kinds += ['int', 'small int']
            case ast.Call(func=ast.Name(id='len'), args=[ast.Name(id=str(used))]) if used == name:
                depth = max(depth, 1)
    return kinds + _of_attributes(calls) + _of_depth(depth)


def _is(node, name):
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _of_attributes(names):
    if names & {'shape', 'dtype', 'astype', 'reshape', 'T', 'sum', 'ndim', 'mean'}:
        return _ARRAYS
    if names & {'split', 'lower', 'upper', 'strip', 'encode', 'startswith'}:
        return ['words']
    if names & {'items', 'keys', 'values', 'get'}:
        return ['dict of floats', 'graph', 'weighted graph']
    return []


def _of_depth(depth):
    if depth == 2:
        return ['list of lists of floats', 'square list of lists of floats', 'list of lists of ints', 'matrix', 'list of strs', 'list of pairs of floats']
    return ['list of floats', 'list of ints', 'array', 'str', 'other str', 'list of strs', 'matrix', 'list of lists of floats', 'graph'] if depth else []
