"""Scores the model on the test rows again: `python test_score.py` ends with 0 where the recorded score is met to 1e-9."""

from __future__ import annotations

import json
import sys

from predict import HERE, SCHEMA, raw_predictions  # sets the path of what follows

import numpy as np  # noqa: E402
from metrics import score  # noqa: E402
from step import read_frame  # noqa: E402


def test_score() -> None:
    recorded = json.loads((HERE / 'recorded.json').read_text('utf-8'))
    with np.load(HERE / 'test_labels.npz', allow_pickle=False) as kept:
        labels, weights = kept['labels'], kept['weights'] if 'weights' in kept.files else None
    found = score(SCHEMA['metric'], labels, raw_predictions(read_frame(HERE / 'test_rows.arrow')), weights, SCHEMA['threshold'])
    apart = abs(found - recorded['score'])
    print(f'{SCHEMA["metric"]} {found!r}, recorded {recorded["score"]!r}: {apart:.1e} apart')
    assert apart <= 1e-9 * max(1.0, abs(recorded['score']))


if __name__ == '__main__':
    try:
        test_score()
    except AssertionError:
        sys.exit(1)
