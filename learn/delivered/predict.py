"""Predicts new rows: `python predict.py new.csv -o out.csv [--interval 0.9] [--explain]`, or `predict(frame)` from Python.

A missing, extra or mistyped column is refused by name. A missing value is predicted with; infinity counts as missing; a category
that was not learnt from counts as a new one; both are said. The order of the columns, and how the same values are typed, do not matter.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'reading'))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pyarrow as pa  # noqa: E402
from calibrate import calibrated  # noqa: E402
from infer import column_of, file_comma  # noqa: E402
from metrics import decided  # noqa: E402
from reading import read_table  # noqa: E402
from step import Problem, frame_of, read_frame  # noqa: E402

SCHEMA: dict[str, Any] = json.loads((HERE / 'schema.json').read_text('utf-8'))


def read(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Reads a file of new rows; returns what the models take, and what was noticed."""
    raw = read_table(Path(path))
    columns = dict(zip(raw.originals, raw.table.columns, strict=True)) | dict(zip(raw.table.column_names, raw.table.columns, strict=True))
    table, notes = checked(columns, raw.originals, file_comma(raw.table, raw.read['delimiter']))
    return table, [*(f'left out: {each["count"]} {each["what"]}' for each in raw.left_out), *notes]


def checked(columns: dict[str, pa.ChunkedArray], names: list[str], comma: bool = False) -> tuple[pd.DataFrame, list[str]]:
    """Refuses what is no table of these columns."""
    wanted = {column['original']: column for column in SCHEMA['columns']}
    known = set(wanted) | {column['name'] for column in SCHEMA['columns']} | set(SCHEMA['unused'])
    extra = [name for name in names if name not in known]
    missing = [original for original, column in wanted.items() if original not in columns and column['name'] not in columns]
    if missing:
        raise Problem(f'expected the column{"s" if len(missing) > 1 else ""} {", ".join(map(repr, missing[:10]))}, found none of that name', column=missing[0])
    if extra:
        raise Problem(f'expected no column {", ".join(map(repr, extra[:10]))}: it was not there when the model was made', column=extra[0])
    notes: list[str] = []
    found = {}
    for original, column in wanted.items():
        values = columns[original] if original in columns else columns[column['name']]
        found[column['name']] = one_column(column, values, comma, notes)
    return frame_of(pa.table(found)), notes


def one_column(column: dict[str, Any], values: pa.ChunkedArray, comma: bool, notes: list[str]) -> pa.Array:
    kind, name = column['kind'], column['original']
    asked = 'category' if kind == 'ordered' else kind
    read = column_of(name, values, asked if kind not in ('flag', 'number') or is_text(values) else None, comma, column['written'])
    array = read.values
    mistyped = next((warning for warning in read.warnings if warning['kind'] == 'mixed_types'), None)
    numeric = kind in ('flag', 'number')
    if numeric and array.null_count == len(array):
        array = pa.nulls(len(array), pa.float64())
    if mistyped is not None or (numeric and not pa.types.is_floating(array.type)) or (kind == 'date' and not pa.types.is_timestamp(array.type)):
        raise Problem(f'column {name!r}: expected {kind}, found other values: {mistyped["message"] if mistyped else read.why}', column=name)
    notes += [warning['message'] for warning in read.warnings if warning['kind'] == 'infinite']
    if kind in ('category', 'ordered') and pa.types.is_dictionary(array.type):
        used = set(np.asarray(array.dictionary)[np.unique(array.indices.drop_null().to_numpy())].tolist())
        new = sorted(used - set(column['categories']))
        if new:
            notes.append(f'{name}: {len(new)} new categor{"y" if len(new) == 1 else "ies"}: {", ".join(new[:5])}')
    return array


def is_text(values: pa.ChunkedArray) -> bool:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


class Blend:
    """The weighted mean of its members, each the mean of the models of its folds."""

    def __init__(self) -> None:
        self.members = [(member['weight'], [self.model(member['id'], place) for place in sorted((HERE / 'model' / member['id'] / 'folds').iterdir())]) for member in SCHEMA['members']]

    def model(self, identity: str, place: Path) -> Any:
        folder = HERE / 'model' / identity
        for name in ('prepare', 'predict'):
            sys.modules.pop(name, None)
        sys.path.insert(0, str(folder))
        try:
            return importlib.import_module('predict').Model(place, json.loads((folder / 'config.json').read_text('utf-8')))
        finally:
            sys.path.remove(str(folder))
            for name in ('prepare', 'predict'):
                sys.modules.pop(name, None)

    def __call__(self, table: pd.DataFrame) -> np.ndarray:
        mixed = sum(weight * np.mean([model.predict(table) for model in models], axis=0) for weight, models in self.members)
        return calibrated(np.asarray(mixed), SCHEMA['calibration'].get('value', 1))


_blend: list[Blend] = []


def raw_predictions(table: pd.DataFrame) -> np.ndarray:
    """A number a row, or the probability of every class, of rows as `read` returns them."""
    if not _blend:
        _blend.append(Blend())
    return _blend[0](table)


def predict(rows: pd.DataFrame | list[dict[str, Any]], interval: float | None = None, explain: bool = False) -> pd.DataFrame:
    """Predicts rows of Python's own; raises `Problem` where they are no such rows."""
    frame = pd.DataFrame(rows)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ready, _ = checked(dict(zip(table.column_names, table.columns, strict=True)), list(table.column_names))
    return answer(ready, interval, explain)


def answer(table: pd.DataFrame, interval: float | None = None, explain: bool = False) -> pd.DataFrame:
    found = raw_predictions(table)
    classes = SCHEMA['classes']
    if classes is None:
        out = pd.DataFrame({'prediction': found})
    else:
        out = pd.DataFrame({'prediction': np.array(classes, object)[decided(found, SCHEMA['threshold'])]})
        for place, name in enumerate(classes):
            out[f'probability {name}'] = found[:, place]
    if interval is not None:
        out = out.join(intervals(found, interval))
    if explain:
        out['because'] = reasons(table)
    return out


def intervals(found: np.ndarray, level: float) -> pd.DataFrame:
    """Where the truth lies in `level` of all cases: conformal, from predictions of rows that no model had learnt from."""
    if not 0.0 < level < 1.0:
        raise Problem(f'--interval {level}: expected a share between 0 and 1, as in 0.9')
    from conformal import set_of, span_of

    with np.load(HERE / 'conformal.npz', allow_pickle=False) as kept:
        if SCHEMA['classes'] is None:
            low, high = span_of(kept['predictions'], kept['labels'], found, level)
            return pd.DataFrame({'low': low, 'high': high})
        sets = set_of(kept['predictions'], kept['labels'], found, level)
    names = np.array(SCHEMA['classes'], object)
    return pd.DataFrame({'one of': [' | '.join(names[chosen]) for chosen in sets]})


def reasons(table: pd.DataFrame, most: int = 3) -> list[str]:
    """The columns that moved each prediction most, against usual rows."""
    from explaining import shapley

    usual = read_frame(HERE / 'background.arrow')
    both = pd.concat([usual.astype(object), table.astype(object)], ignore_index=True)
    for name in both.columns:
        both[name] = pd.Categorical(both[name]) if isinstance(table[name].dtype, pd.CategoricalDtype) else both[name].astype(table[name].dtype)
    values = shapley(raw_predictions, both, np.arange(len(usual), len(both)), np.arange(len(usual)))
    main = np.take_along_axis(values, np.abs(values).sum(axis=1).argmax(axis=1)[:, None, None], axis=2)[:, :, 0]
    return ['; '.join(f'{table.columns[place]} {row[place]:+.3g}' for place in np.argsort(-np.abs(row))[:most]) for row in main]


def main() -> int:
    parser = argparse.ArgumentParser(description='Predicts the rows of a table.')
    parser.add_argument('table')
    parser.add_argument('-o', '--output', default='-', help='a CSV file; standard output where none is given')
    parser.add_argument('--interval', type=float, help='add where the truth lies in this share of cases, as in 0.9')
    parser.add_argument('--explain', action='store_true', help='add the three columns that moved each prediction most')
    asked = parser.parse_args()
    try:
        table, notes = read(asked.table)
        out = answer(table, asked.interval, asked.explain)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 3
    for note in notes:
        print(note, file=sys.stderr)
    out.to_csv(sys.stdout if asked.output == '-' else asked.output, index=False)
    return 0


if __name__ == '__main__':
    sys.exit(main())
