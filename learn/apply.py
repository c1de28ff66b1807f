"""Predicts rows that no fold has seen: the mean of what the models of all folds say."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import numpy as np
import step
from step import OUT, Folder


def apply(folder: Folder) -> None:
    config = folder.json('program/config.json')
    table = folder.frame('test.arrow')
    sys.path.insert(0, str(folder.path('program')))
    predict = importlib.import_module('predict')
    began = time.monotonic()
    models = [predict.Model(place, config) for place in sorted(folder.path('models').iterdir())]

    def mean(rows: Any) -> np.ndarray:
        return np.asarray(np.mean([model.predict(rows) for model in models], axis=0))

    np.save(OUT / 'predictions.npy', mean(table))
    took = round(time.monotonic() - began, 4)
    timed = folder.json('apply.json')['timedRows'] if folder.has('apply.json') else 0
    alone = {'rowMs': step.row_ms(mean, table, timed)} if timed else {}
    step.write_json('timing.json', {'predictSeconds': took, 'models': len(models), **alone})


if __name__ == '__main__':
    step.run(apply)
