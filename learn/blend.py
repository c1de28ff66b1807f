"""Weighs candidates by their out-of-fold predictions: greedy selection (Caruana et al. 2004) over several bags of candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import step
from calibrate import calibrated, temperature_of
from grade import read_predictions
from metrics import best_threshold, interval, loss, score
from step import OUT, Folder

BAGS = 6
PICKS = 40
MOST_CANDIDATES = 24
MOST_ROWS = 20_000
"""Weights are found on this many rows; the score is of all."""


def blend(folder: Folder) -> None:
    schema = folder.json('schema.json')
    labels, folds, weights = folder.array('labels.npy'), folder.array('folds.npy'), folder.array_if('weights.npy')
    asked = folder.json('entries.json')
    limits = Limits(asked.get('maxLatencyMs'), asked.get('most'))
    entries = [read for entry in asked['entries'] if (read := read_entry(folder, entry, folds, schema)) is not None]
    if not entries:
        write_none([], [])
        return
    quick, slow = limits.parted(entries)
    if not quick:
        write_none([on_board(schema, entry, labels, folds, weights, {}) for entry in entries], slow)
        return
    entries, others = quick, [entry for entry in entries if entry not in quick]
    covered = most_covered(entries)
    rows = np.flatnonzero(np.isin(folds, covered))
    whole = [entry for entry in entries if set(covered) <= set(entry['folds'])]
    stack = np.stack([entry['predictions'][rows] for entry in whole])
    part = None if weights is None else weights[rows]
    chosen = limits.weights(schema, labels[rows], stack, part, whole)
    mixed = np.tensordot(chosen, stack, axes=1)
    temperature = temperature_of(schema, labels[rows], mixed, part)
    mixed = calibrated(mixed, temperature)
    threshold = best_threshold(schema['metric'], labels[rows], mixed, part) if schema['classes'] else None
    np.save(OUT / 'oof.npy', mixed)
    np.save(OUT / 'oof-rows.npy', rows)
    members = sorted(({'id': entry['id'], 'weight': float(weight)} for entry, weight in zip(whole, chosen, strict=True) if weight > 0), key=lambda member: -member['weight'])
    of_member = {member['id']: member['weight'] for member in members}
    board = [on_board(schema, entry, labels, folds, weights, of_member) for entry in [*entries, *others]]
    board.sort(key=lambda row: (-len(row['folds']), loss(schema['metric'], row['score'])))
    step.write_json(
        'blend.json',
        {
            'members': members,
            'score': score(schema['metric'], labels[rows], mixed, part, threshold),
            'interval': interval(schema['metric'], labels[rows], mixed, part, threshold),
            'perFold': [score(schema['metric'], labels[rows][folds[rows] == fold], mixed[folds[rows] == fold], None if part is None else part[folds[rows] == fold], threshold) for fold in covered],
            'folds': covered,
            'best': next(row['id'] for row in board if row['id'] not in slow),
            'leaderboard': board,
            'threshold': threshold,
            'calibration': {'kind': 'none'} if temperature == 1 else {'kind': 'temperature', 'value': temperature},
            'notHelping': [row['id'] for row in board if row['weight'] == 0 and row['id'] not in slow],
            'tooSlow': slow,
            'models': limits.models([entry for entry in whole if entry['id'] in of_member], len(covered)),
        },
    )


def write_none(board: list[dict[str, Any]], slow: list[str]) -> None:
    step.write_json(
        'blend.json',
        {
            **{'members': [], 'score': None, 'interval': None, 'perFold': [], 'folds': [], 'best': None, 'leaderboard': board},
            **{'threshold': None, 'calibration': {'kind': 'none'}, 'notHelping': [], 'tooSlow': slow, 'models': 0},
        },
    )


class Limits:
    """What one row may take to be predicted, and how many candidates may have a say."""

    def __init__(self, row_ms: float | None, members: int | None) -> None:
        self.row_ms, self.members = row_ms, members

    def parted(self, entries: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Those of which a single model is quick enough, and the names of the others."""
        slow = [entry['id'] for entry in entries if self.row_ms is not None and (entry.get('rowMs') is None or entry['rowMs'] > self.row_ms)]
        return [entry for entry in entries if entry['id'] not in slow], slow

    def weights(self, schema: dict[str, Any], labels: np.ndarray, stack: np.ndarray, weights: np.ndarray | None, entries: list[dict[str, Any]]) -> np.ndarray:
        """The weights of a blend that keeps to the limits: who says least leaves, and the others are weighed anew."""
        kept = np.arange(len(stack))
        while True:
            found = np.zeros(len(stack))
            found[kept] = weights_of(schema, labels, stack[kept], weights, schema['seed'])
            members = np.flatnonzero(found)
            if len(members) == 1 or (self.took([entries[place] for place in members]) <= (self.row_ms or np.inf) and len(members) <= (self.members or np.inf)):
                return found
            kept = members[members != min(members, key=lambda place: found[place])]

    def took(self, members: list[dict[str, Any]]) -> float:
        """Of one model each."""
        return sum(member.get('rowMs') or 0 for member in members)

    def models(self, members: list[dict[str, Any]], folds: int) -> int:
        """How many of the models of its folds each member predicts with: fewer where one row would take too long."""
        if self.row_ms is None:
            return folds
        return int(np.clip(self.row_ms // max(self.took(members), 1e-9), 1, folds))


def read_entry(folder: Folder, entry: dict[str, Any], folds: np.ndarray, schema: dict[str, Any]) -> dict[str, Any] | None:
    """The entry with its predictions in place; None where any of them is none."""
    shape = (len(folds), len(schema['classes'])) if schema['classes'] else (len(folds),)
    whole = np.full(shape, np.nan)
    for fold, file in entry['predictions'].items():
        chosen = folds == int(fold)
        predictions, _ = read_predictions(folder, file, int(chosen.sum()), schema)
        if predictions is None:
            return None
        whole[chosen] = predictions
    return {**entry, 'folds': sorted(map(int, entry['predictions'])), 'predictions': whole} if entry['predictions'] else None


def most_covered(entries: list[dict[str, Any]]) -> list[int]:
    """The largest set of folds that some entry has; of equal ones that of most entries."""
    sets = [tuple(entry['folds']) for entry in entries]
    return list(max(set(sets), key=lambda folds: (len(folds), sets.count(folds), [-fold for fold in folds])))


def weights_of(schema: dict[str, Any], labels: np.ndarray, stack: np.ndarray, weights: np.ndarray | None, seed: int) -> np.ndarray:
    """Returns a weight for every candidate, summing to 1: the mean over bags, each of which sees other candidates."""
    random = np.random.default_rng(seed)
    metric, count = schema['metric'], len(stack)
    if len(labels) > MOST_ROWS:
        rows = random.choice(len(labels), MOST_ROWS, replace=False)
        labels, stack, weights = labels[rows], stack[:, rows], None if weights is None else weights[rows]
    alone = np.array([loss(metric, score(metric, labels, each, weights)) for each in stack])
    best = np.argsort(alone)[:MOST_CANDIDATES]
    total = np.zeros(count)
    for bag in range(BAGS):
        seen = best if bag == 0 or len(best) < 4 else np.sort(random.choice(best, max(3, int(0.7 * len(best))), replace=False))
        if best[0] not in seen and bag % 2:
            seen = np.append(seen, best[0])
        total[seen] += greedy(metric, labels, stack[seen], weights, alone[seen])
        if len(best) < 4:
            break
    total /= total.sum()
    total[total < 0.01] = 0
    return total / total.sum()


def greedy(metric: str, labels: np.ndarray, stack: np.ndarray, weights: np.ndarray | None, alone: np.ndarray) -> np.ndarray:
    """Adds, again and again, the candidate that helps the mean most; keeps the best mean on the way."""
    counts = np.zeros(len(stack))
    first = int(alone.argmin())
    counts[first] = 1
    total, best, best_counts = stack[first].copy(), alone[first], counts.copy()
    idle = 0
    for size in range(1, PICKS):
        losses = [loss(metric, score(metric, labels, (total + each) / (size + 1), weights)) for each in stack]
        pick = int(np.argmin(losses))
        counts[pick] += 1
        total += stack[pick]
        if losses[pick] < best - 1e-12:
            best, best_counts, idle = losses[pick], counts.copy(), 0
        else:
            idle += 1
            if idle >= 8:
                break
    return best_counts / best_counts.sum()


def on_board(schema: dict[str, Any], entry: dict[str, Any], labels: np.ndarray, folds: np.ndarray, weights: np.ndarray | None, of_member: dict[str, float]) -> dict[str, Any]:
    rows = np.flatnonzero(np.isin(folds, entry['folds']))
    part = None if weights is None else weights[rows]
    predictions = entry['predictions'][rows]
    return {
        'id': entry['id'],
        'score': score(schema['metric'], labels[rows], predictions, part),
        'interval': interval(schema['metric'], labels[rows], predictions, part, times=60),
        'perFold': [score(schema['metric'], labels[folds == fold], entry['predictions'][folds == fold], None if weights is None else weights[folds == fold]) for fold in entry['folds']],
        'folds': entry['folds'],
        'fitSeconds': entry.get('fitSeconds'),
        'predictSeconds': entry.get('predictSeconds'),
        'bytes': entry.get('bytes'),
        'weight': of_member.get(entry['id'], 0),
    }


if __name__ == '__main__':
    step.run(blend)
