"""What the kernels expect of their arguments, in words for people."""

import numpy as np

EDGES = ('reflect', 'nearest', 'zero')


def require(name, array, dtypes, axes=(3,)):
    """Raises TypeError for a wrong dtype or memory layout, ValueError for a wrong number of axes."""
    dtypes = [np.dtype(dtype) for dtype in (dtypes if isinstance(dtypes, tuple) else (dtypes,))]
    wanted, shapes = ' or '.join(map(str, dtypes)), ' or '.join(str(count) for count in axes)
    if not isinstance(array, np.ndarray):
        raise TypeError(f'{name}: expected a NumPy array of {wanted}, got {type(array).__name__}')
    if array.dtype not in dtypes:
        raise TypeError(f'{name}: expected {wanted}, got {array.dtype}; convert it with .astype(np.{dtypes[-1]})')
    if array.ndim not in axes:
        raise ValueError(f'{name}: expected {shapes} axes, got the shape {array.shape}')
    if not array.flags.c_contiguous:
        raise TypeError(f'{name}: expected an array in C order, got other strides; use np.ascontiguousarray({name})')


def require_out(out, dtype, shape=None, beside=()):
    """Raises where `out` cannot be filled: also where it has another shape, or shares memory with one of `beside`."""
    require('out', out, dtype, (2, 3) if shape is None else (len(shape),))
    if not out.flags.writeable:
        raise TypeError('out: expected an array that can be written, got a read-only one')
    if shape is not None and out.shape != tuple(shape):
        raise ValueError(f'out: expected the shape {tuple(shape)}, got {out.shape}')
    for array in beside:
        if np.may_share_memory(out, array):
            raise ValueError('out: expected memory of its own, got an array that shares it with the input')


def filled(out, shape, beside, dtype=np.float32):
    """The array to fill: `out` where it is given, else a new one."""
    if out is None:
        return np.empty(shape, dtype)
    require_out(out, dtype, shape, beside)
    return out


def whole(name, value, least):
    """A whole number from `least` up."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f'{name}: expected a whole number from {least} up, got {value!r}')
    return int(value)


def number(name, value, least=None, above=None):
    """A finite number, at least `least` and above `above` where these are given."""
    wanted = 'a number' if least is None and above is None else f'a number from {least} up' if above is None else f'a number above {above}'
    right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and np.isfinite(value)
    if not right or (least is not None and value < least) or (above is not None and value <= above):
        raise ValueError(f'{name}: expected {wanted}, got {value!r}')
    return float(value)


def one_of(name, value, words):
    if value not in words:
        raise ValueError(f'{name}: expected {" or ".join(repr(word) for word in words)}, got {value!r}')
    return value


def per_axis(name, value, check):
    """Three values, or one for all axes, each checked by check(name, value)."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != 3:
            raise ValueError(f'{name}: expected one value or three, got {len(value)}')
        return tuple(check(f'{name}[{axis}]', each) for axis, each in enumerate(np.asarray(value).tolist()))
    return (check(name, value),) * 3


def numbers(name, value, shape):
    """A float64 array of this shape, all finite."""
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f'{name}: expected the shape {shape}, got {array.shape}')
    if not np.isfinite(array).all():
        raise ValueError(f'{name}: expected finite numbers, got {array.tolist()}')
    return array
