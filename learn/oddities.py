"""What is odd about a table, with the column and the number: leaks, copies of the target, identifiers, constants, duplicates, dates."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from infer import Column
from targets import Target

MOST_ROWS = 20_000
"""Leaks are looked for in this many rows."""
LEAK = 0.985
BINNED = 50
"""Of more distinct numbers than this, those near each other are taken together."""
GROUP_NAME = re.compile(r'(^|[\W_])(group|patient|subject|customer|user|person|client|store|household|school|session|batch)s?([\W_]?(id|no|nr|number))?$', re.IGNORECASE)

Warning = dict[str, Any]


def oddities(features: list[Column], target: Target, rows: np.ndarray) -> tuple[list[Warning], list[Column]]:
    """Returns the warnings, and the columns that are copies of the target."""
    warnings: list[Warning] = []
    copies: list[Column] = []
    sample = rows if len(rows) <= MOST_ROWS else np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    labels = target.floats[sample]
    for column in features:
        if column.kind in ('constant', 'identifier'):
            what = 'the same value in every row' if column.kind == 'constant' else 'an identifier'
            warnings.append(said(column.kind, column, column.distinct, f'{what} ({column.why}): not used'))
            continue
        codes = None if of_many(column, target) else codes_of(column, sample)
        if is_copy(column, codes, labels, sample, target):
            copies.append(column)
            warnings.append(said('leak', column, 1.0, f'a copy of the target {target.name}: not used'))
            continue
        alone = alone_predicts(codes, column, labels, sample, target.classes is not None)
        if alone > LEAK:
            warnings.append(said('leak', column, round(alone, 4), f'predicts {target.name} alone ({alone:.1%} of what can be explained): would it be known beforehand? --drop leaves it out'))
        if GROUP_NAME.search(column.name) and 1 < column.distinct < 0.5 * len(rows):
            warnings.append(said('groups', column, column.distinct, f'seems to name groups of rows ({column.distinct:,}): if new rows come from new groups, use --groups'))
        if column.kind == 'category' and column.distinct > 1000:
            warnings.append(said('many_categories', column, column.distinct, f'{column.distinct:,} categories'))
        if column.missing > 0.5 * len(column.values):
            warnings.append(said('missing', column, round(column.missing / len(column.values), 3), f'missing in {column.missing / len(column.values):.0%} of the rows'))
        if column.kind == 'date':
            warnings.append(said('time', column, None, 'has dates: if rows to come are later than these, use --time, which tests on the latest'))
    return warnings + doubles(features, rows), copies


def said(kind: str, column: Column, number: float | None, message: str) -> Warning:
    return {'kind': kind, 'column': column.name, 'number': number, 'message': f'{column.name}: {message}'}


def of_many(column: Column, target: Target) -> bool:
    """Whether a column has so many values that it is looked at as numbers: it is no name for the classes."""
    return column.kind in ('number', 'date') and column.distinct > max(BINNED, len(target.classes or []))


def codes_of(column: Column, rows: np.ndarray) -> np.ndarray:
    """The column as whole numbers in which equal values are equal; -1 is missing."""
    values = column.values.take(pa.array(rows))
    if pa.types.is_dictionary(values.type):
        return values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return pd.factorize(values.to_pandas())[0].astype(np.int64)


def is_copy(column: Column, codes: np.ndarray | None, labels: np.ndarray, rows: np.ndarray, target: Target) -> bool:
    """Whether the column is the target under another name: the same classes, or the same numbers up to scale and offset."""
    if codes is not None and (codes < 0).any():
        return False
    if target.classes is not None:
        if codes is None or column.kind in ('text', 'date') or codes.max() + 1 != len(np.unique(labels)):
            return False
        pairs = pd.DataFrame({'code': codes, 'label': labels}).drop_duplicates()
        return len(pairs) == len(np.unique(labels)) and len(rows) >= 20
    if column.kind != 'number':
        return False
    values = numbers_of(column, rows)
    if np.isnan(values).any() or np.ptp(values) == 0 or np.ptp(labels) == 0:
        return False
    slope, offset = np.polyfit((values - values.mean()) / values.std(), labels, 1)
    fitted = slope * (values - values.mean()) / values.std() + offset
    return bool(np.abs(fitted - labels).max() < 1e-9 * np.ptp(labels))


def alone_predicts(codes: np.ndarray | None, column: Column, labels: np.ndarray, rows: np.ndarray, classes: bool) -> float:
    """Returns how much of the target this column explains alone, out of sample: of what always guessing the usual leaves unexplained."""
    if column.kind == 'text':
        return 0.0
    bins = codes
    if bins is None or (column.kind in ('number', 'date') and column.distinct > BINNED):
        numbers = numbers_of(column, rows)
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, 101)[1:-1]))
        bins = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
    bins = bins + 1
    half = np.random.default_rng(1).random(len(labels)) < 0.5
    if half.sum() < 5 or (~half).sum() < 5:
        return 0.0
    explained = [explains(bins[one], labels[one], bins[~one], labels[~one], classes) for one in (half, ~half)]
    return float(min(explained))


def numbers_of(column: Column, rows: np.ndarray) -> np.ndarray:
    values = column.values.take(pa.array(rows))
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(values.to_numpy(zero_copy_only=False), float)


def explains(bins: np.ndarray, labels: np.ndarray, new_bins: np.ndarray, new_labels: np.ndarray, classes: bool) -> float:
    size = max(int(bins.max()), int(new_bins.max())) + 1
    counts = np.bincount(bins, minlength=size)
    if classes:
        labels, new_labels = labels.astype(int), new_labels.astype(int)
        table = np.zeros((size, int(max(labels.max(), new_labels.max())) + 1))
        np.add.at(table, (bins, labels), 1)
        usual = np.bincount(labels).argmax()
        guess = np.where(counts[new_bins] > 0, table.argmax(axis=1)[new_bins], usual)
        wrong, base = (guess != new_labels).mean(), (new_labels != usual).mean()
    else:
        means = np.bincount(bins, labels, size) / np.maximum(counts, 1)
        guess = np.where(counts[new_bins] > 0, means[new_bins], labels.mean())
        wrong, base = ((guess - new_labels) ** 2).mean(), ((new_labels - labels.mean()) ** 2).mean()
    return float(1 - wrong / base) if base > 0 else 0.0


def numbers_as_codes(column: Column, rows: np.ndarray) -> np.ndarray:
    """Equal numbers have equal bits; what is missing is one number."""
    numbers = numbers_of(column, rows)
    return np.where(np.isnan(numbers), np.inf, numbers + 0.0).view(np.uint64)


def doubles(features: list[Column], rows: np.ndarray) -> list[Warning]:
    """Rows that are equal in every feature."""
    used = [column for column in features if column.kind not in ('constant', 'identifier')]
    if not used or len(rows) < 20:
        return []
    hashes = np.zeros(len(rows), np.uint64)
    for place, column in enumerate(used):
        codes = numbers_as_codes(column, rows) if column.kind == 'number' else codes_of(column, rows).astype(np.uint64)
        hashes = hashes * np.uint64(6364136223846793005) + codes * np.uint64(2 * place + 3) + np.uint64(1442695040888963407)
    count = len(hashes) - len(np.unique(hashes))
    if count < 0.01 * len(rows):
        return []
    return [{'kind': 'duplicates', 'column': None, 'number': count, 'message': f'{count:,} {"row is" if count == 1 else "rows are"} equal to an earlier one in every feature: equal rows are kept on one side of every split'}]
