"""Trains a program on the rows outside a fold and predicts the rows of the fold, whose labels are not here."""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

import numpy as np
import step
from step import OUT, Folder


def fold(folder: Folder) -> None:
    asked = folder.json('fold.json')
    schema, config = folder.json('schema.json'), folder.json('program/config.json')
    labels, folds = folder.array('labels.npy'), folder.array('folds.npy')
    weights = folder.array_if('weights.npy')
    table = folder.frame('features.arrow')
    inside = folds == asked['fold']
    learnt = np.flatnonzero(~inside & ~np.isnan(labels))
    learnt = fewer(learnt, asked.get('rows'), labels, schema)
    program = own_modules(folder)
    model_folder = OUT / 'model'
    model_folder.mkdir(exist_ok=True)
    began, began_cpu = time.monotonic(), time.process_time()
    found: dict[str, Any] = program['train'].train(
        table.iloc[learnt].reset_index(drop=True),
        labels[learnt],
        None if weights is None else weights[learnt],
        config,
        model_folder,
        rounds=asked.get('rounds'),
        seconds=asked.get('seconds', 1e9),
    )
    fitted = time.monotonic()
    model = program['predict'].Model(model_folder, config)
    rows = table.iloc[np.flatnonzero(inside)].reset_index(drop=True)
    predictions = model.predict(rows)
    ended, ended_cpu = time.monotonic(), time.process_time()
    np.save(OUT / 'predictions.npy', np.asarray(predictions, np.float64))
    size = sum(file.stat().st_size for file in model_folder.rglob('*') if file.is_file())
    alone = {'rowMs': step.row_ms(model.predict, rows, asked['timedRows'])} if asked.get('timedRows') else {}
    cpu = round(ended_cpu - began_cpu, 4)
    timing = {'fitSeconds': round(fitted - began, 4), 'predictSeconds': round(ended - fitted, 4), 'cpuSeconds': cpu, 'bytes': size, 'rows': len(learnt), **(found or {}), **alone}
    (OUT / 'timing.json').write_text(json.dumps(timing), 'utf-8')


def fewer(rows: np.ndarray, most: int | None, labels: np.ndarray, schema: dict[str, Any]) -> np.ndarray:
    """A share of the rows for a model that is slow on many, evenly over the labels."""
    if most is None or most >= len(rows):
        return rows
    random = np.random.default_rng(schema['seed'])
    order = np.lexsort((random.random(len(rows)), labels[rows]))
    return np.sort(rows[order[np.linspace(0, len(rows) - 1, most).astype(int)]])


def own_modules(folder: Folder) -> dict[str, Any]:
    sys.path.insert(0, str(folder.path('program')))
    return {name: importlib.import_module(name) for name in ('train', 'predict')}


if __name__ == '__main__':
    step.run(fold)
