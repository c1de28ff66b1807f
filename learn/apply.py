"""Predicts rows that no fold has seen: the mean of what the models of all folds say."""

from __future__ import annotations

import importlib
import sys
import time

import numpy as np
import step
from step import OUT, Folder


def apply(folder: Folder) -> None:
    config = folder.json('program/config.json')
    table = folder.frame('test.arrow')
    sys.path.insert(0, str(folder.path('program')))
    predict = importlib.import_module('predict')
    began = time.monotonic()
    found = [predict.Model(place, config).predict(table) for place in sorted(folder.path('models').iterdir())]
    np.save(OUT / 'predictions.npy', np.mean(found, axis=0))
    step.write_json('timing.json', {'predictSeconds': round(time.monotonic() - began, 4), 'models': len(found)})


if __name__ == '__main__':
    step.run(apply)
