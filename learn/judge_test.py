"""Scores the frozen blend, once, on rows that nothing in the search could see; beside what always guessing the same scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import step
from calibrate import calibrated
from grade import read_predictions
from metrics import MOST_RESAMPLED, confusion, decided, interval, loss, score
from split import constant_guess
from step import OUT, Folder, Problem

SHOWN = 500


def judge(folder: Folder) -> None:
    schema, blend = folder.json('schema.json'), folder.json('blend.json')
    labels, known, weights = folder.array('test-labels.npy'), folder.array('labels.npy'), folder.array_if('test-weights.npy')
    members = {}
    for member in blend['members']:
        found, refused = read_predictions(folder, f'predictions/{member["id"]}.npy', len(labels), schema)
        if found is None:
            raise Problem(f'{member["id"]}: its predictions of the test cannot be scored: {refused}')
        members[member['id']] = found
    mixed = mixed_of(blend, members)
    np.save(OUT / 'test-predictions.npy', mixed)
    metric, threshold = schema['metric'], blend['threshold']
    guess, what = constant_guess(schema, known)
    naive = np.repeat(guess, len(labels), axis=0)
    value, naive_value = score(metric, labels, mixed, weights, threshold), score(metric, labels, naive, weights)
    low, high = interval(metric, labels, mixed, weights, threshold, times=1000)
    gain = gain_interval(metric, labels, mixed, naive, weights, threshold)
    learnt = gain[0] > 0
    step.write_json(
        'judged.json',
        {
            'metric': metric,
            'direction': schema['direction'],
            'score': value,
            'interval': [low, high],
            'rows': len(labels),
            'naive': {'score': naive_value, 'what': what},
            'gain': list(gain),
            'learnt': learnt,
            'says': said(metric, value, low, high, naive_value, what, learnt),
            'members': [{**member, 'score': score(metric, labels, members[member['id']], weights, threshold)} for member in blend['members']],
            'oof': {'score': blend['score'], 'interval': blend['interval']},
            **pictures(schema, labels, mixed, weights, threshold),
            'slices': slices(folder, schema, labels, mixed, weights, threshold),
        },
    )


def mixed_of(blend: dict[str, Any], members: dict[str, np.ndarray]) -> np.ndarray:
    mixed = sum(member['weight'] * members[member['id']] for member in blend['members'])
    return calibrated(np.asarray(mixed), blend['calibration'].get('value', 1))


def gain_interval(metric: str, labels: np.ndarray, mixed: np.ndarray, naive: np.ndarray, weights: np.ndarray | None, threshold: float | None) -> tuple[float, float]:
    """How much better than the constant guess, with 95 %, on the same resampled rows."""
    random = np.random.default_rng(0)
    if len(labels) > MOST_RESAMPLED:  # wider than of all: what is learnt beyond chance is still told
        some = random.choice(len(labels), MOST_RESAMPLED, replace=False)
        labels, mixed, naive, weights = labels[some], mixed[some], naive[some], None if weights is None else weights[some]
    gains = []
    for _ in range(int(np.clip(1_000_000 / len(labels), 60, 400))):
        rows = random.integers(0, len(labels), len(labels))
        part = None if weights is None else weights[rows]
        gains.append(loss(metric, score(metric, labels[rows], naive[rows], part)) - loss(metric, score(metric, labels[rows], mixed[rows], part, threshold)))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def said(metric: str, value: float, low: float, high: float, naive: float, what: str, learnt: bool) -> str:
    score_text = f'{metric} {value:.4g} on rows that nothing in the search saw (95 %: {low:.4g} to {high:.4g}); guessing {what} scores {naive:.4g}'
    return score_text if learnt else f'nothing was learnt beyond chance: {score_text}'


def pictures(schema: dict[str, Any], labels: np.ndarray, mixed: np.ndarray, weights: np.ndarray | None, threshold: float | None) -> dict[str, Any]:
    ones = np.ones(len(labels)) if weights is None else weights
    if not schema['classes']:
        rows = np.random.default_rng(0).permutation(len(labels))[:SHOWN]
        return {'confusion': None, 'calibration': None, 'residuals': {'predicted': mixed[rows], 'actual': labels[rows]}}
    codes, found = labels.astype(int), decided(mixed, threshold)
    table = confusion(codes, found, ones, len(schema['classes']))
    top = np.argsort(-table.sum(axis=1))[:20]
    pictured: dict[str, Any] = {'confusion': {'labels': [schema['classes'][place] for place in sorted(top)], 'counts': table[np.ix_(sorted(top), sorted(top))]}, 'calibration': calibration(codes, mixed), 'residuals': None}
    if len(schema['classes']) == 2:
        pictured['roc'] = roc(codes, mixed[:, 1])
    return pictured


def calibration(codes: np.ndarray, mixed: np.ndarray) -> list[dict[str, float]]:
    """Of two classes the second; of more, the one that is thought most probable."""
    chance, hit = (mixed[:, 1], codes == 1) if mixed.shape[1] == 2 else (mixed.max(axis=1), mixed.argmax(axis=1) == codes)
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, 11)))
    bins = np.clip(np.searchsorted(edges, chance, 'right') - 1, 0, max(len(edges) - 2, 0))
    return [{'predicted': float(chance[bins == each].mean()), 'observed': float(hit[bins == each].mean()), 'count': int((bins == each).sum())} for each in np.unique(bins)]


def roc(codes: np.ndarray, chance: np.ndarray) -> dict[str, list[float]]:
    order = np.argsort(-chance, kind='stable')
    hits = codes[order] == 1
    true, false = np.cumsum(hits) / max(hits.sum(), 1), np.cumsum(~hits) / max((~hits).sum(), 1)
    places = np.unique(np.linspace(0, len(codes) - 1, 100).astype(int))
    return {'fpr': [0.0, *false[places]], 'tpr': [0.0, *true[places]]}


def slices(folder: Folder, schema: dict[str, Any], labels: np.ndarray, mixed: np.ndarray, weights: np.ndarray | None, threshold: float | None) -> list[dict[str, Any]]:
    """The parts of the test, by one column's value or quarter, where the loss is highest; of 30 rows or more."""
    table = folder.frame('test.arrow')
    metric = 'log_loss' if schema['classes'] and schema['metric'] == 'auc' else schema['metric']
    found = []
    for column in schema['columns'][:200]:
        for value, rows in parts(table[column['name']], column['kind']):
            if 30 <= len(rows) < 0.8 * len(labels):
                part = None if weights is None else weights[rows]
                found.append((loss(metric, score(metric, labels[rows], mixed[rows], part, threshold)), column['name'], value, rows))
    found.sort(key=lambda each: -each[0])
    kept = []
    for _, name, value, rows in found[:8]:
        part = None if weights is None else weights[rows]
        low, high = interval(metric, labels[rows], mixed[rows], part, threshold, times=100)
        kept.append({'column': name, 'value': value, 'rows': len(rows), 'metric': metric, 'score': score(metric, labels[rows], mixed[rows], part, threshold), 'interval': [low, high]})
    return kept


def parts(column: pd.Series, kind: str) -> list[tuple[str, np.ndarray]]:
    if kind in ('text', 'date'):
        return []
    missing = column.isna().to_numpy()
    some = [('(missing)', np.flatnonzero(missing))] if missing.any() else []
    if kind in ('category', 'ordered', 'flag'):
        values = column.astype(object)
        return some + [(str(value), np.flatnonzero((values == value).to_numpy())) for value in values[~missing].value_counts().index[:20]]
    numbers = column.to_numpy(np.float64)
    edges = np.unique(np.quantile(numbers[~missing], [0, 0.25, 0.5, 0.75, 1])) if (~missing).any() else np.empty(0)
    return some + [(f'{low:.4g} to {high:.4g}', np.flatnonzero((numbers >= low) & ((numbers < high) | (high == edges[-1]) & (numbers <= high)))) for low, high in zip(edges[:-1], edges[1:], strict=True)]


if __name__ == '__main__':
    step.run(judge)
