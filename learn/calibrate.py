"""One temperature for all probabilities: found where it lowers the log loss of predictions that no label was seen for."""

from __future__ import annotations

from typing import Any

import numpy as np
from metrics import log_loss

WORTH = 0.0005
"""The share of the log loss that a temperature has to save."""


def temperature_of(schema: dict[str, Any], labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None) -> float:
    if not schema['classes'] or len(labels) < 200:
        return 1.0
    if len(labels) > 50_000:
        rows = np.random.default_rng(0).choice(len(labels), 50_000, replace=False)
        labels, probabilities, weights = labels[rows], probabilities[rows], None if weights is None else weights[rows]
    ones = np.ones(len(labels)) if weights is None else weights
    candidates = np.exp(np.linspace(np.log(0.6), np.log(1.7), 45))
    losses = [log_loss(labels, calibrated(probabilities, each), ones) for each in candidates]
    best = int(np.argmin(losses))
    plain = log_loss(labels, probabilities, ones)
    return float(candidates[best]) if losses[best] < plain * (1 - WORTH) else 1.0


def calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    if temperature == 1:
        return probabilities
    logs = np.log(np.clip(probabilities, 1e-12, 1)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
