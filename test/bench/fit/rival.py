"""Learns a table by another library: `rival.py catboost|flaml|autogluon FOLDER SECONDS` prints {"score", "seconds"} of its test rows."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

Predicted = tuple[np.ndarray, list[Any]]
"""Numbers, or the probabilities of classes and their names."""


def catboost(train: pd.DataFrame, test: pd.DataFrame, target: str, metric: str, _: float) -> Predicted:
    from catboost import CatBoostClassifier, CatBoostRegressor

    names = [name for name in train if name != target and not pd.api.types.is_numeric_dtype(train[name])]
    for frame in (train, test):
        frame[names] = frame[names].astype(object).where(frame[names].notna(), 'missing').astype(str)
    model = (CatBoostRegressor if metric == 'rmse' else CatBoostClassifier)(thread_count=1, verbose=False, allow_writing_files=False, random_seed=0)
    model.fit(train.drop(columns=target), train[target], cat_features=names)
    rows = test.drop(columns=target)
    return (model.predict(rows), []) if metric == 'rmse' else (model.predict_proba(rows), list(model.classes_))


def flaml(train: pd.DataFrame, test: pd.DataFrame, target: str, metric: str, seconds: float) -> Predicted:
    from flaml import AutoML

    model = AutoML()
    theirs = {'auc': 'roc_auc', 'log_loss': 'log_loss', 'rmse': 'rmse'}[metric]
    model.fit(train.drop(columns=target), train[target], task='regression' if metric == 'rmse' else 'classification', metric=theirs, time_budget=seconds, n_jobs=1, seed=0, verbose=0)
    rows = test.drop(columns=target)
    return (model.predict(rows), []) if metric == 'rmse' else (model.predict_proba(rows), list(model.classes_))


def autogluon(train: pd.DataFrame, test: pd.DataFrame, target: str, metric: str, seconds: float) -> Predicted:
    from autogluon.tabular import TabularPredictor

    theirs = {'auc': 'roc_auc', 'log_loss': 'log_loss', 'rmse': 'root_mean_squared_error'}[metric]
    with tempfile.TemporaryDirectory() as place:
        model = TabularPredictor(target, eval_metric=theirs, path=place, verbosity=0)
        model.fit(train, time_limit=seconds, presets='medium_quality', num_cpus=1, num_gpus=0)
        rows = test.drop(columns=target)
        if metric == 'rmse':
            return model.predict(rows).to_numpy(), []
        found = model.predict_proba(rows)
        return found.to_numpy(), list(found.columns)


def score(metric: str, truth: pd.Series, found: np.ndarray, classes: list[Any]) -> float:
    if metric == 'rmse':
        return float(np.sqrt(np.mean((np.asarray(found, float) - truth.to_numpy(float)) ** 2)))
    place = {str(name): index for index, name in enumerate(classes)}
    codes = truth.astype(str).map(place).to_numpy()
    if metric == 'auc':
        return float(metrics.roc_auc_score(codes, found[:, 1]))
    return float(metrics.log_loss(codes, found, labels=range(len(classes))))


def main(name: str, folder: Path, seconds: float) -> None:
    table = json.loads((folder / 'table.json').read_text())
    train, test = pd.read_csv(folder / 'train.csv'), pd.read_csv(folder / 'test.csv')
    began = time.monotonic()
    found, classes = {'catboost': catboost, 'flaml': flaml, 'autogluon': autogluon}[name](train, test, table['target'], table['metric'], seconds)
    value = score(table['metric'], test[table['target']], found, classes)
    print(json.dumps({'score': value, 'seconds': time.monotonic() - began}))


if __name__ == '__main__':
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
