"""What is to be predicted: which column, as classes or numbers, by which metric."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from infer import Coded, Column, coded, natural
from metrics import DIRECTIONS, METRICS
from step import Problem

MOST_CLASSES = 1000
FEW_NUMBERS = 10
"""Whole numbers with no more distinct values than this are classes, unless the task says otherwise."""
USUAL = re.compile(r'^(target|label|y|class|outcome|response|result|churn(ed)?|default(ed)?|status|survived|price|sale_?price|salary|income|medv|diagnosis|attrition|fraud|clicked|converted)$', re.IGNORECASE)


@dataclass
class Target:
    name: str
    task: str
    why: str
    metric: str
    values: pa.Array
    """Codes into `classes` as float64, or numbers; null where missing."""
    classes: list[str] | None
    proposed: str = ''
    warnings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def missing(self) -> np.ndarray:
        return np.isnan(self.floats)

    @property
    def floats(self) -> np.ndarray:
        return np.asarray(self.values.to_numpy(zero_copy_only=False), float)

    @property
    def direction(self) -> str:
        return DIRECTIONS[self.metric]

    def balance(self, rows: np.ndarray) -> list[tuple[str, int]] | None:
        if self.classes is None:
            return None
        counts = np.bincount(self.floats[rows].astype(int), minlength=len(self.classes))
        return [(name, int(count)) for name, count in zip(self.classes, counts, strict=True)]

    def check(self, rows: np.ndarray, _weights: str | None) -> None:
        """Refuses what cannot be learnt, and warns of what hardly can."""
        values = self.floats[rows]
        if self.classes is None:
            if np.ptp(values) == 0:
                raise Problem(f'column {self.name}: expected values that differ, every one is {values[0]:g}', column=self.name)
            return
        counts = dict(self.balance(rows) or [])
        present = [name for name, count in counts.items() if count]
        if len(present) < 2:
            raise Problem(f'column {self.name}: expected two classes or more, every row is {present[0]!r}', column=self.name)
        if sum(count > 1 for count in counts.values()) < 2:
            raise Problem(f'column {self.name}: expected classes of several rows each, or numbers, found {len(present):,} different values in {len(rows):,} rows', column=self.name)
        few = {name: count for name, count in counts.items() if count < 10}
        if few:
            shown = ', '.join(f'{name} ({count})' for name, count in list(few.items())[:5])
            self.warnings.append({'kind': 'few_rows', 'column': self.name, 'number': min(few.values()), 'message': f'{self.name}: {len(few)} {"class has" if len(few) == 1 else "classes have"} fewer than 10 rows: {shown}'})
        share = min(counts.values()) / len(rows)
        if share < 0.05 and not few:
            rarest = min(counts, key=lambda name: counts[name])
            self.warnings.append({'kind': 'imbalanced', 'column': self.name, 'number': share, 'message': f'{self.name}: {rarest} is {share:.1%} of the rows'})


def propose(columns: list[Column], rows: int) -> str:
    usable = [column for column in columns if column.kind not in ('constant', 'identifier', 'text', 'date') and (column.kind in ('number', 'flag') or column.distinct <= min(100, rows // 5))]
    if not usable:
        raise Problem('expected a column that could be a target, found none: name one with --target')
    usual = [column for column in usable if USUAL.match(column.name)]
    return (usual or usable)[-1].name


def target_of(column: Column, raw: pa.ChunkedArray, task: dict[str, Any], rows: int) -> Target:
    kind, why = kind_of_task(column, task['task'], rows)
    metric = metric_of(task['metric'], kind)
    reason = f'proposed: {"its name" if USUAL.match(column.name) else "the last column that can be predicted"}; {column.why}'
    if kind == 'regression':
        return Target(column.name, kind, why, metric, numbers_of(column, rows), None, reason)
    codes, classes = classes_of(column, raw)
    if len(classes) > MOST_CLASSES:
        raise Problem(f'column {column.name}: expected at most {MOST_CLASSES:,} classes, found {len(classes):,}', column=column.name)
    if kind == 'binary' and len(classes) > 2:
        raise Problem(f'column {column.name}: expected two classes for a binary task, found {len(classes)}: {", ".join(classes[:5])}', column=column.name)
    if kind == 'multiclass' and len(classes) == 2:
        kind, metric, why = 'binary', metric_of(task['metric'], 'binary'), 'two classes'
    target = Target(column.name, kind, why, metric, pa.array(codes, pa.float64(), from_pandas=True), classes, reason)
    for one, other in alike(classes)[:3]:
        target.warnings.append({'kind': 'mixed_types', 'column': column.name, 'number': None, 'message': f'{column.name}: {one!r} and {other!r} are learnt as two classes: write them alike if they are one'})
    return target


def kind_of_task(column: Column, asked: str | None, rows: int) -> tuple[str, str]:
    if asked is not None:
        return asked, 'asked for'
    if column.distinct == 2:
        return 'binary', 'two distinct values'
    if not pa.types.is_floating(column.values.type):
        return 'multiclass', f'{column.distinct} distinct values'
    floats = np.asarray(column.values.drop_null().to_numpy(zero_copy_only=False), float)
    whole = bool((floats == np.floor(floats)).all())
    if whole and column.distinct <= FEW_NUMBERS and rows >= 5 * column.distinct:
        return 'multiclass', f'{column.distinct} distinct whole numbers; --task regression predicts them as numbers'
    return 'regression', f'{column.distinct:,} distinct numbers'


def metric_of(asked: str | None, kind: str) -> str:
    known = METRICS[kind]
    if asked is None:
        return known[0]
    name = {'logloss': 'log_loss', 'roc_auc': 'auc', 'f1_score': 'f1', 'acc': 'accuracy'}.get(asked.lower(), asked.lower())
    if name not in known:
        raise Problem(f'--metric {asked}: expected one of {", ".join(known)} for a {kind} task')
    return name


def numbers_of(column: Column, rows: int) -> pa.Array:
    if not pa.types.is_floating(column.values.type):
        raise Problem(f'column {column.name}: expected numbers to predict, found {column.why}', column=column.name)
    floats = np.asarray(column.values.to_numpy(zero_copy_only=False), float)
    large = np.flatnonzero(np.abs(floats) > 1e150)
    if len(large):
        row = int(large[0]) + 1
        raise Problem(f'column {column.name}: row {row}: expected numbers whose squares can be added up, found {floats[row - 1]:g}', column=column.name, row=row)
    return column.values


def classes_of(column: Column, raw: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Codes by the sorted classes: numbers by value, text by its letters."""
    if pa.types.is_floating(raw.type) or pa.types.is_integer(raw.type) or (column.kind == 'number' and pa.types.is_floating(column.values.type)):
        floats = np.asarray(column.values.to_numpy(zero_copy_only=False), float)
        distinct = np.unique(floats[~np.isnan(floats)])
        codes = np.where(np.isnan(floats), np.nan, np.searchsorted(distinct, np.nan_to_num(floats)))
        return codes, [f'{value:.15g}' for value in distinct]
    if pa.types.is_timestamp(column.values.type):
        raise Problem(f'column {column.name}: expected classes or numbers to predict, found dates', column=column.name)
    cells = coded(raw)
    spelt = usual_spelling(cells) if column.kind == 'flag' else {text: text for text in cells.texts}
    classes = sorted(set(spelt.values()), key=natural)
    place = {text: float(index) for index, text in enumerate(classes)}
    codes = np.append(np.array([place[spelt[text]] for text in cells.texts]), np.nan)[cells.codes]
    return codes, classes


def usual_spelling(cells: Coded) -> dict[str, str]:
    """What each text is most often written as, capitals aside."""
    usual: dict[str, str] = {}
    for index in np.argsort(cells.counts, kind='stable'):
        usual[cells.texts[index].casefold()] = cells.texts[index]
    return {text: usual[text.casefold()] for text in cells.texts}


def alike(classes: list[str]) -> list[tuple[str, str]]:
    """Pairs of classes that differ in capitals or blanks alone."""
    seen: dict[str, str] = {}
    pairs = []
    for name in classes:
        plain = re.sub(r'[\W_]+', '', name).casefold()
        if plain and plain in seen and not re.search(r'\d', plain):
            pairs.append((seen[plain], name))
        seen.setdefault(plain, name)
    return pairs
