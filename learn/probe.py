"""Asks a model what it says where a column is shuffled, held fixed or left out. No label is here; the grader makes something of it."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import step
from step import OUT, Folder

ROWS, SHAP_ROWS, BACKGROUND = 600, 60, 16
REPEATS = 2
MOST_COLUMNS = 100
GRID = 12
# Seconds.
LEAST_SHAP = 5.0


def probe(folder: Folder) -> None:
    config, asked = folder.json('program/config.json'), folder.json('probe.json')
    schema = folder.json('schema.json')
    table = folder.frame('test.arrow')
    sys.path.insert(0, str(folder.path('program')))
    place = sorted(folder.path('models').iterdir())[0]
    model = importlib.import_module('predict').Model(place, config)
    random = np.random.default_rng(schema['seed'])
    rows = np.sort(random.permutation(len(table))[:ROWS])
    sample = table.iloc[rows].reset_index(drop=True)
    end = time.monotonic() + asked['seconds']
    (OUT / 'probes').mkdir(exist_ok=True)
    np.save(OUT / 'probes/rows.npy', rows)
    np.save(OUT / 'probes/plain.npy', model.predict(sample))
    shuffled = permuted(model, sample, random, end - 0.4 * asked['seconds'])
    dependence = partial(model, sample.iloc[:200].reset_index(drop=True), schema, end - 0.25 * asked['seconds'])
    step.write_json('probes.json', {'columns': list(sample.columns[: len(shuffled)]), 'dependence': dependence, 'shap': shap_of(model, sample, end)})
    np.save(OUT / 'probes/permuted.npy', np.stack(shuffled))


def permuted(model: Any, sample: pd.DataFrame, random: np.random.Generator, end: float) -> list[np.ndarray]:
    """Predictions with one column shuffled, for as many columns as there is time; at least one."""
    found = []
    for name in sample.columns[:MOST_COLUMNS]:
        if found and time.monotonic() > end:
            break
        several = []
        for _ in range(REPEATS):
            changed = sample.copy(deep=False)
            changed[name] = sample[name].take(random.permutation(len(sample))).reset_index(drop=True)
            several.append(model.predict(changed))
        found.append(np.stack(several))
    return found


def partial(model: Any, sample: pd.DataFrame, schema: dict[str, Any], end: float) -> list[dict[str, Any]]:
    """What is predicted on average where a column has this value in every row."""
    found = []
    for column in schema['columns'][:MOST_COLUMNS]:
        if time.monotonic() > end or column['kind'] == 'text':
            continue
        values = grid_of(sample[column['name']], column)
        if len(values) < 2:
            continue
        means = []
        for value in values:
            changed = sample.copy(deep=False)
            changed[column['name']] = held(sample[column['name']], value)
            means.append(as_numbers(model.predict(changed)).mean(axis=0))
        found.append({'column': column['name'], 'values': [shown(value) for value in values], 'predicted': means})
    return found


def grid_of(values: pd.Series, column: dict[str, Any]) -> list[Any]:
    present = values.dropna()
    if column['kind'] in ('category', 'ordered'):
        return [text for text in present.astype(object).value_counts().index[:GRID]]
    if len(present) == 0:
        return []
    if column['kind'] == 'date':
        return list(pd.to_datetime(np.unique(np.quantile(present.astype('int64'), np.linspace(0.05, 0.95, GRID), method='nearest').astype('int64')).astype('datetime64[us]')))
    return [float(value) for value in np.unique(np.quantile(present, np.linspace(0.02, 0.98, GRID), method='nearest'))]


def shown(value: Any) -> str | float:
    """A number, or a text: of a moment at midnight its day."""
    if isinstance(value, float):
        return value
    return str(value).removesuffix(' 00:00:00')


def held(values: pd.Series, value: Any) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical([value] * len(values), categories=values.cat.categories))
    return pd.Series([value] * len(values), dtype=values.dtype)


def as_numbers(predictions: np.ndarray) -> np.ndarray:
    """Of two classes the chance of the second; of more, of each."""
    if predictions.ndim == 1:
        return predictions[:, None]
    return predictions[:, 1:] if predictions.shape[1] == 2 else predictions


def shap_of(model: Any, sample: pd.DataFrame, end: float) -> dict[str, Any] | None:
    """Shapley values of the table's own columns, by permutation, against some rows as background."""
    # What it stands on takes seconds to be loaded.
    if time.monotonic() > end - LEAST_SHAP or sample.shape[1] > MOST_COLUMNS or sample.shape[1] < 2 or len(sample) < 2 * BACKGROUND:
        return None
    from explaining import shapley

    began = time.monotonic()
    explained = np.arange(BACKGROUND, min(len(sample), BACKGROUND + SHAP_ROWS))
    values = [shapley(model.predict, sample, explained[:4], np.arange(BACKGROUND))]
    each = (time.monotonic() - began) / 4
    more = int(min(len(explained) - 4, max(0, (end - time.monotonic()) / max(each, 1e-6) * 0.8)))
    if more > 0:
        values.append(shapley(model.predict, sample, explained[4 : 4 + more], np.arange(BACKGROUND)))
    whole = np.concatenate(values)
    return {'rows': len(whole), 'columns': list(sample.columns), 'mean': np.abs(whole).mean(axis=(0, 2))}


if __name__ == '__main__':
    step.run(probe)
