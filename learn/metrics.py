"""The metrics, by numpy alone: a verdict is computed in a fork that has imported little."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

METRICS = {
    'binary': ['auc', 'log_loss', 'accuracy', 'balanced_accuracy', 'f1', 'mcc', 'brier'],
    'multiclass': ['log_loss', 'accuracy', 'balanced_accuracy', 'f1_macro'],
    'regression': ['rmse', 'mae', 'r2', 'mape', 'rmsle'],
}
"""The first is the default."""
DIRECTIONS = {name: 'minimize' if name in ('log_loss', 'brier', 'rmse', 'mae', 'mape', 'rmsle') else 'maximize' for names in METRICS.values() for name in names}
BY_LABEL = {'accuracy', 'balanced_accuracy', 'f1', 'mcc', 'f1_macro'}
"""Metrics of decided classes: a threshold changes them."""
TINY = 1e-15
MOST_RESAMPLED = 10_000


def score(metric: str, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None = None, threshold: float | None = None) -> float:
    """Returns the metric of probabilities [rows, classes], or of numbers [rows]."""
    weights = np.ones(len(labels)) if weights is None else weights
    if metric in BY_LABEL:
        return LABELLED[metric](labels.astype(int), decided(predictions, threshold), weights, predictions.shape[1])
    return SCORES[metric](labels, predictions, weights)


def decided(probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    if threshold is not None and probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(int)
    return probabilities.argmax(axis=1)


def loss(metric: str, value: float) -> float:
    """The same where less is better."""
    return -value if DIRECTIONS[metric] == 'maximize' else value


def auc(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    scores = probabilities[:, 1] if probabilities.ndim == 2 else probabilities
    order = np.argsort(scores, kind='mergesort')
    sorted_scores, positive = scores[order], (labels[order] == 1) * weights[order]
    negative = (labels[order] == 0) * weights[order]
    if positive.sum() == 0 or negative.sum() == 0:
        return 0.5
    ends = np.flatnonzero(np.append(np.diff(sorted_scores) != 0, True))
    above = np.diff(np.concatenate([[0], np.cumsum(positive)[ends]]))
    below = np.diff(np.concatenate([[0], np.cumsum(negative)[ends]]))
    under = np.cumsum(below) - below
    return float((above * (under + below / 2)).sum() / (positive.sum() * negative.sum()))


def log_loss(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    chosen = np.clip(probabilities[np.arange(len(labels)), labels.astype(int)], TINY, 1)
    return float(np.average(-np.log(chosen), weights=weights))


def brier(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average((probabilities[:, 1] - labels) ** 2, weights=weights))


def confusion(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels * classes + found, weights=weights, minlength=classes * classes).reshape(classes, classes)


def accuracy(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, _: int) -> float:
    return float(np.average(labels == found, weights=weights))


def balanced_accuracy(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, classes: int) -> float:
    table = confusion(labels, found, weights, classes)
    present = table.sum(axis=1) > 0
    return float((np.diag(table)[present] / table.sum(axis=1)[present]).mean())


def f1_of(table: np.ndarray) -> np.ndarray:
    whole = table.sum(axis=0) + table.sum(axis=1)
    return np.divide(2 * np.diag(table), whole, out=np.zeros(len(table)), where=whole > 0)


def f1(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, classes: int) -> float:
    return float(f1_of(confusion(labels, found, weights, classes))[1])


def f1_macro(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, classes: int) -> float:
    table = confusion(labels, found, weights, classes)
    return float(f1_of(table)[table.sum(axis=0) + table.sum(axis=1) > 0].mean())


def mcc(labels: np.ndarray, found: np.ndarray, weights: np.ndarray, classes: int) -> float:
    (tn, fp), (fn, tp) = confusion(labels, found, weights, classes)
    whole = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return float((tp * tn - fp * fn) / whole) if whole > 0 else 0.0


def rmse(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sqrt(np.average((labels - predictions) ** 2, weights=weights)))


def mae(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(np.abs(labels - predictions), weights=weights))


def r2(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    spread = np.average((labels - np.average(labels, weights=weights)) ** 2, weights=weights)
    return float(1 - np.average((labels - predictions) ** 2, weights=weights) / spread) if spread > 0 else 0.0


def mape(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(np.abs(labels - predictions) / np.maximum(np.abs(labels), 1e-9), weights=weights))


def rmsle(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    logs = np.log1p(np.maximum(predictions, 0)) - np.log1p(np.maximum(labels, 0))
    return float(np.sqrt(np.average(logs**2, weights=weights)))


Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
SCORES: dict[str, Metric] = {'auc': auc, 'log_loss': log_loss, 'brier': brier, 'rmse': rmse, 'mae': mae, 'r2': r2, 'mape': mape, 'rmsle': rmsle}
LABELLED: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, int], float]] = {
    'accuracy': accuracy,
    'balanced_accuracy': balanced_accuracy,
    'f1': f1,
    'f1_macro': f1_macro,
    'mcc': mcc,
}


def interval(metric: str, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None = None, threshold: float | None = None, seed: int = 0, times: int = 200) -> tuple[float, float]:
    """Returns where the metric lies with 95 % by resampled rows; of large tables, some rows are."""
    random = np.random.default_rng(seed)
    middle, shrink = score(metric, labels, predictions, weights, threshold), 1.0
    if len(labels) > MOST_RESAMPLED:  # an interval narrows with the root of the rows
        chosen = random.choice(len(labels), MOST_RESAMPLED, replace=False)
        shrink = float(np.sqrt(MOST_RESAMPLED / len(labels)))
        labels, predictions, weights = labels[chosen], predictions[chosen], None if weights is None else weights[chosen]
    centre = score(metric, labels, predictions, weights, threshold) if shrink < 1 else middle
    found = []
    for _ in range(int(np.clip(times * 4000 / len(labels), 40, times))):
        chosen = random.integers(0, len(labels), len(labels))
        found.append(score(metric, labels[chosen], predictions[chosen], None if weights is None else weights[chosen], threshold))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(middle + shrink * (low - centre)), float(middle + shrink * (high - centre))


def best_threshold(metric: str, labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    """Returns the threshold by which a metric of decided classes is best; None where there is none to choose."""
    if metric not in BY_LABEL or probabilities.shape[1] != 2:
        return None
    candidates = np.unique(np.quantile(probabilities[:, 1], np.linspace(0.01, 0.99, 99)))
    values = [score(metric, labels, probabilities, weights, threshold) for threshold in candidates]
    near = np.flatnonzero(np.array(values) >= max(values) - 1e-12)
    best = float(candidates[near[len(near) // 2]])
    plain_value = score(metric, labels, probabilities, weights, 0.5)
    return best if max(values) > plain_value + 1e-9 else 0.5
