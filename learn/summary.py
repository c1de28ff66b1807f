"""What a column's values look like, in a few numbers that a screen can draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from infer import Column

BINS = 20
TOP = 10


def summary_of(column: Column, values: pa.Array) -> dict[str, Any]:
    if column.kind in ('number', 'flag', 'constant', 'identifier') and pa.types.is_floating(values.type):
        return of_numbers(np.asarray(values.drop_null().to_numpy(zero_copy_only=False), float))
    if pa.types.is_timestamp(values.type):
        present = values.drop_null()
        times = present.to_numpy(zero_copy_only=False)
        return {} if len(times) == 0 else {'min': str(times.min())[:19], 'max': str(times.max())[:19]}
    counts = values.value_counts()
    pairs = sorted(((entry['counts'].as_py(), entry['values'].as_py()) for entry in counts if entry['values'].as_py() is not None), key=lambda pair: -pair[0])
    return {'top': [[str(value)[:80], count] for count, value in pairs[:TOP]]}


def of_numbers(values: np.ndarray) -> dict[str, Any]:
    if len(values) == 0:
        return {}
    low, high = np.quantile(values, [0.005, 0.995])
    counts, edges = np.histogram(np.clip(values, low, high), BINS) if high - low > 1e-9 * max(abs(low), abs(high)) and np.isfinite(high - low) else (np.array([len(values)]), np.array([values.min(), values.max()]))
    with np.errstate(over='ignore', invalid='ignore'):
        return {
            'min': values.min(),
            'mean': values.mean(),
            'median': np.median(values),
            'max': values.max(),
            'std': values.std(),
            'bins': edges,
            'counts': counts,
        }
