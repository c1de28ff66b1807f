"""Scores the predictions of folds against labels that no program sees. What cannot be scored is refused, with the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import step
from metrics import interval, score
from step import Folder


def grade(folder: Folder) -> None:
    schema, asked = folder.json('schema.json'), folder.json('graded.json')
    labels, folds, weights = folder.array('labels.npy'), folder.array('folds.npy'), folder.array_if('weights.npy')
    rows, parts, results = [], [], []
    for entry in asked['predictions']:
        chosen = np.flatnonzero(folds == entry['fold'])
        predictions, refused = read_predictions(folder, entry['file'], len(chosen), schema)
        value = None
        if predictions is not None:
            value = score(schema['metric'], labels[chosen], predictions, None if weights is None else weights[chosen])
            rows.append(chosen)
            parts.append(predictions)
        results.append({'fold': entry['fold'], 'score': value, 'refused': refused})
    refused = next((f'fold {result["fold"]}: {result["refused"]}' for result in results if result['refused']), None)
    whole: dict[str, Any] = {'folds': results, 'score': None, 'interval': None, 'refused': refused}
    if refused is None and parts:
        all_rows, all_parts = np.concatenate(rows), np.concatenate(parts)
        their = None if weights is None else weights[all_rows]
        whole['score'] = score(schema['metric'], labels[all_rows], all_parts, their)
        whole['interval'] = interval(schema['metric'], labels[all_rows], all_parts, their, times=100)
    step.write_json('grade.json', whole)


def read_predictions(folder: Folder, name: str, rows: int, schema: dict[str, Any]) -> tuple[np.ndarray | None, str | None]:
    """Returns the predictions, or why they are none. The bytes are a program's: anything may be in them."""
    classes = len(schema['classes'] or [])
    shape = (rows, classes) if classes else (rows,)
    if not folder.has(name):
        return None, 'expected predictions.npy, found none'
    if folder.path(name).stat().st_size > 8 * rows * max(classes, 1) + 4096:
        return None, f'expected float64 {list(shape)}, found a larger file'
    try:
        found = np.load(folder.path(name), allow_pickle=False)
    except Exception:
        return None, 'expected a .npy file of float64, found something else'
    if not isinstance(found, np.ndarray) or found.dtype != np.float64 or found.shape != shape:
        what = f'{found.dtype} {list(found.shape)}' if isinstance(found, np.ndarray) else type(found).__name__
        return None, f'expected float64 {list(shape)}, found {what}'
    finite = np.isfinite(found)
    if not finite.all():
        row = int(np.flatnonzero(~finite.reshape(rows, -1).all(axis=1))[0])
        return None, f'expected finite numbers, row {row + 1} of the fold has {found.reshape(rows, -1)[row].tolist()[:5]}'
    if classes:
        low, sums = found.min(axis=1), found.sum(axis=1)
        bad = (low < 0) | (np.abs(sums - 1) > 1e-6)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            return None, f'expected probabilities that sum to 1, row {row + 1} of the fold has {found[row].tolist()[:5]}'
    elif np.abs(found).max(initial=0) > 1e150:
        return None, 'expected numbers whose squares can be added up'
    return found, None


if __name__ == '__main__':
    step.run(grade)
