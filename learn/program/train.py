"""Trains MODEL on the rows it is given, and keeps what it learnt in a folder, in the library's own format."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prepare import Prepare

# [if boosted]
INNER_SHARE = 0.12
"""The share of the training rows that tells when to stop. They are learnt from afterwards, where there is time."""


# [end]
def train(table: pd.DataFrame, labels: np.ndarray, weights: np.ndarray | None, config: dict[str, Any], folder: Path, *, rounds: int | None = None, seconds: float = 1e9) -> dict[str, Any]:
    """Returns what is worth knowing next time: the rounds that were best."""
    end = time.monotonic() + seconds
    prepare = Prepare(config['columns'], config['prepare'], config['task'], config['classes'])
    # [if classification]
    present = np.unique(labels).astype(int)
    codes = np.searchsorted(present, labels)
    np.save(folder / 'classes.npy', present)
    if len(present) == 1:
        return {'rounds': 0}
    # [end]
    # [if regression]
    codes = learnt_from(labels, folder)
    # [end]
    matrix = prepare.fit_transform(table, labels, config['seed'])
    prepare.save(folder)
    # [if boosted]
    if rounds is None:
        inner = inner_rows(labels, config)
        model, rounds = fit(matrix, codes, weights, prepare, config, end, inner=inner)
        used = seconds - (end - time.monotonic())
        if used > seconds / 3:
            keep(model, folder)
            return {'rounds': rounds}
        rounds = max(1, round(rounds * (1 + INNER_SHARE / 2)))
    model, _ = fit(matrix, codes, weights, prepare, config, end, rounds=rounds)
    keep(model, folder)
    return {'rounds': rounds}
    # [end]
    # [if not boosted]
    model = build(config, len(matrix), matrix.shape[1])
    # [if weighted]
    model.fit(matrix, codes, sample_weight=weights)
    # [end]
    # [if not weighted]
    model.fit(matrix, codes)
    # [end]
    keep(model, folder)
    return {'rounds': None}
    # [end]


# [if regression]
def learnt_from(labels: np.ndarray, folder: Path) -> np.ndarray:
    """Returns what the model learns in place of the labels, and keeps how to come back."""
    spread = float(np.ptp(labels))
    kept = {'low': float(labels.min()) - 0.1 * spread, 'high': float(labels.max()) + 0.1 * spread, 'centre': float(labels.mean()), 'scale': float(labels.std()) or 1.0}
    (folder / 'target.json').write_text(json.dumps(kept), 'utf-8')
    # [if log]
    return np.log(np.maximum(labels, 0) + SHIFT)
    # [end]
    # [if centred]
    return (labels - kept['centre']) / kept['scale']
    # [end]
    # [if plain]
    return labels
    # [end]


# [end]
# [if boosted]
def inner_rows(labels: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Every eighth or so of the rows, in the order of the labels, so that all kinds are among them."""
    random = np.random.default_rng(config['seed'])
    order = np.lexsort((random.random(len(labels)), labels))
    chosen = np.zeros(len(labels), bool)
    step = round(1 / INNER_SHARE)
    chosen[order[random.integers(step) :: step]] = True
    return chosen


# [end]
# [if lightgbm]
def fit(matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, prepare: Prepare, config: dict[str, Any], end: float, *, inner: np.ndarray | None = None, rounds: int = 4000) -> tuple[Any, int]:
    import lightgbm

    parameters = {**config['parameters'], 'num_threads': config['threads'], 'seed': config['seed'], 'verbosity': -1, 'deterministic': True, 'force_row_wise': True}

    def in_time(environment: Any) -> None:
        if time.monotonic() > end:
            raise lightgbm.callback.EarlyStopException(environment.iteration, environment.evaluation_result_list or [])

    learnt = np.ones(len(labels), bool) if inner is None else ~inner
    data = lightgbm.Dataset(matrix[learnt], labels[learnt], weight=None if weights is None else weights[learnt], categorical_feature=prepare.state.get('category_columns', []), params={'verbosity': -1, 'max_bin': parameters.get('max_bin', 255)}, free_raw_data=False)
    if inner is None:
        return lightgbm.train(parameters, data, rounds, callbacks=[in_time]), rounds
    check = data.create_valid(matrix[inner], labels[inner], weight=None if weights is None else weights[inner])
    model = lightgbm.train(parameters, data, rounds, valid_sets=[check], callbacks=[lightgbm.early_stopping(config['patience'], verbose=False), in_time])
    return model, max(model.best_iteration, 1)


def keep(model: Any, folder: Path) -> None:
    model.save_model(str(folder / 'model.txt'))


# [end]
# [if xgboost]
def fit(matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, prepare: Prepare, config: dict[str, Any], end: float, *, inner: np.ndarray | None = None, rounds: int = 4000) -> tuple[Any, int]:
    import xgboost

    class InTime(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return time.monotonic() > end

    parameters = {**config['parameters'], 'nthread': config['threads'], 'seed': config['seed'], 'verbosity': 0}
    learnt = np.ones(len(labels), bool) if inner is None else ~inner
    data = xgboost.DMatrix(matrix[learnt], labels[learnt], weight=None if weights is None else weights[learnt], nthread=config['threads'])
    if inner is None:
        return xgboost.train(parameters, data, rounds, callbacks=[InTime()]), rounds
    check = xgboost.DMatrix(matrix[inner], labels[inner], weight=None if weights is None else weights[inner], nthread=config['threads'])
    model = xgboost.train(parameters, data, rounds, evals=[(check, 'inner')], early_stopping_rounds=config['patience'], verbose_eval=False, callbacks=[InTime()])
    best = model.best_iteration + 1
    return model[:best], best


def keep(model: Any, folder: Path) -> None:
    model.save_model(str(folder / 'model.ubj'))


# [end]
# [if catboost]
def fit(matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, prepare: Prepare, config: dict[str, Any], end: float, *, inner: np.ndarray | None = None, rounds: int = 3000) -> tuple[Any, int]:
    import catboost

    class InTime:
        def after_iteration(self, info: Any) -> bool:
            return time.monotonic() < end

    parameters = {**config['parameters'], 'thread_count': config['threads'], 'random_seed': config['seed'], 'verbose': False, 'allow_writing_files': False, 'iterations': rounds}
    columns = prepare.state.get('category_columns', [])
    learnt = np.ones(len(labels), bool) if inner is None else ~inner
    data = catboost.Pool(framed(matrix[learnt], columns), labels[learnt], cat_features=columns, weight=None if weights is None else weights[learnt], thread_count=config['threads'])
    model = catboost.CatBoost(parameters)
    if inner is None:
        model.fit(data, callbacks=[InTime()])
        return model, rounds
    check = catboost.Pool(framed(matrix[inner], columns), labels[inner], cat_features=columns, weight=None if weights is None else weights[inner], thread_count=config['threads'])
    model.fit(data, eval_set=check, early_stopping_rounds=config['patience'], use_best_model=True, callbacks=[InTime()])
    return model, max(model.tree_count_, 1)


def framed(matrix: np.ndarray, columns: list[int]) -> pd.DataFrame:
    """CatBoost wants its categories as whole numbers."""
    frame = pd.DataFrame(matrix.astype(np.float32))
    return frame.astype(dict.fromkeys(columns, np.int32))


def keep(model: Any, folder: Path) -> None:
    model.save_model(str(folder / 'model.cbm'))


# [end]
# [if not boosted]
def build(config: dict[str, Any], rows: int, width: int) -> Any:
    """Returns the model, not yet trained."""
    parameters = dict(config['parameters'])
    # [if extra_trees]
    from sklearn.ensemble import ExtraTreesEstimator

    return ExtraTreesEstimator(**parameters, n_jobs=config['threads'], random_state=config['seed'])
    # [end]
    # [if random_forest]
    from sklearn.ensemble import RandomForestEstimator

    return RandomForestEstimator(**parameters, n_jobs=config['threads'], random_state=config['seed'])
    # [end]
    # [if logistic]
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**parameters, max_iter=300, random_state=config['seed'])
    # [end]
    # [if linear]
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**parameters)
    # [end]
    # [if ridge]
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.logspace(-2, 4, 13), **parameters)
    # [end]
    # [if lasso]
    from sklearn.linear_model import LassoCV

    return LassoCV(cv=4, **parameters, max_iter=2000, n_jobs=config['threads'], random_state=config['seed'])
    # [end]
    # [if elastic_net]
    from sklearn.linear_model import ElasticNetCV

    return ElasticNetCV(cv=4, **parameters, max_iter=2000, n_jobs=config['threads'], random_state=config['seed'])
    # [end]
    # [if knn]
    from sklearn.neighbors import KNeighborsEstimator

    parameters['n_neighbors'] = min(parameters['n_neighbors'], max(1, rows - 1))
    return KNeighborsEstimator(**parameters, n_jobs=config['threads'])
    # [end]
    # [if mlp]
    from sklearn.neural_network import MLPEstimator

    return MLPEstimator(**parameters, batch_size=int(np.clip(rows // 20, 16, 256)), early_stopping=rows > 500, n_iter_no_change=8, random_state=config['seed'])
    # [end]
    # [if svm]
    from sklearn.svm import SVC

    return SVC(**parameters, probability=True, cache_size=400, random_state=config['seed'])
    # [end]
    # [if svr]
    from sklearn.svm import SVR

    return SVR(**parameters, cache_size=400)
    # [end]
    # [if naive_bayes]
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**parameters)
    # [end]
    # [if lda]
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(**parameters)
    # [end]


def keep(model: Any, folder: Path) -> None:
    import zipfile

    import skops.io

    skops.io.dump(model, folder / 'model.skops', compression=zipfile.ZIP_DEFLATED, compresslevel=1)


# [end]
