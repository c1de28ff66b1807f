"""Conformal intervals and sets by mapie, from predictions of rows that no model had learnt from."""

from __future__ import annotations

import warnings

import numpy as np
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Known(RegressorMixin, BaseEstimator):
    """A model whose rows are its predictions: mapie asks for a model, and the blend has predicted already."""

    def fit(self, *_: object) -> Known:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows)[:, 0]


class KnownClasses(ClassifierMixin, BaseEstimator):
    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.classes_ = np.arange(count)

    def fit(self, *_: object) -> KnownClasses:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows).argmax(axis=1)


def span_of(known: np.ndarray, labels: np.ndarray, found: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        conformal = SplitConformalRegressor(Known(), confidence_level=level, prefit=True).conformalize(known[:, None], labels)
        _, spans = conformal.predict_interval(found[:, None])
    return spans[:, 0, 0], spans[:, 1, 0]


def set_of(known: np.ndarray, labels: np.ndarray, found: np.ndarray, level: float) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        conformal = SplitConformalClassifier(KnownClasses(found.shape[1]), confidence_level=level, prefit=True).conformalize(known, labels.astype(int))
        _, sets = conformal.predict_set(found)
    chosen = sets[:, :, 0].astype(bool)
    chosen[np.arange(len(found)), found.argmax(axis=1)] = True
    return chosen
