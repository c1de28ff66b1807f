"""Predicts with what `train` kept in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prepare import Prepare


class Model:
    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.config = config
        # [if classification]
        self.present = np.load(folder / 'classes.npy', allow_pickle=False)
        if len(self.present) == 1:
            return
        # [end]
        # [if regression]
        self.target = json.loads((folder / 'target.json').read_text('utf-8'))
        # [end]
        self.prepare = Prepare(config['columns'], config['prepare'], config['task'], config['classes']).load(folder)
        self.model = loaded(folder)

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        """Returns a number a row, or the probability of every class."""
        # [if classification]
        probabilities = np.zeros((len(table), self.config['classes']))
        if len(self.present) == 1:
            probabilities[:, self.present[0]] = 1.0
            return probabilities
        found = raw_predictions(self.model, self.prepare.transform(table), self.prepare)
        if found.ndim == 1:
            found = np.stack([1 - found, found], axis=1)
        probabilities[:, self.present] = np.clip(found, 0, 1)
        return probabilities / probabilities.sum(axis=1, keepdims=True)
        # [end]
        # [if regression]
        found = np.asarray(raw_predictions(self.model, self.prepare.transform(table), self.prepare), np.float64).reshape(len(table))
        # [if log]
        found = np.exp(np.minimum(found, np.log(self.target['high'] + SHIFT))) - SHIFT
        # [end]
        # [if centred]
        found = found * self.target['scale'] + self.target['centre']
        # [end]
        found = np.clip(found, self.target['low'], self.target['high'])
        return found
        # [end]


# [if lightgbm]
def loaded(folder: Path) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=str(folder / 'model.txt'))


def raw_predictions(model: Any, matrix: np.ndarray, _: Prepare) -> np.ndarray:
    return model.predict(matrix, num_threads=1)


# [end]
# [if xgboost]
def loaded(folder: Path) -> Any:
    import xgboost

    return xgboost.Booster(model_file=str(folder / 'model.ubj'))


def raw_predictions(model: Any, matrix: np.ndarray, _: Prepare) -> np.ndarray:
    import xgboost

    return model.predict(xgboost.DMatrix(matrix, nthread=1)).astype(np.float64)


# [end]
# [if catboost]
def loaded(folder: Path) -> Any:
    import catboost

    return catboost.CatBoost().load_model(str(folder / 'model.cbm'))


def raw_predictions(model: Any, matrix: np.ndarray, prepare: Prepare) -> np.ndarray:
    columns = prepare.state.get('category_columns', [])
    frame = pd.DataFrame(matrix.astype(np.float32)).astype(dict.fromkeys(columns, np.int32))
    return model.predict(frame, prediction_type=PREDICTION_KIND, thread_count=1)


# [end]
# [if not boosted]
def loaded(folder: Path) -> Any:
    """Loads with skops, which builds no type but scikit-learn's and numpy's own."""
    import skops.io

    file = folder / 'model.skops'
    types = skops.io.get_untrusted_types(file=file)
    strange = [name for name in types if not name.startswith(('sklearn.', 'numpy.', 'scipy.'))]
    if strange:
        raise ValueError(f'{file}: expected a scikit-learn model, found {", ".join(strange)}')
    return skops.io.load(file, trusted=types)


def raw_predictions(model: Any, matrix: np.ndarray, _: Prepare) -> np.ndarray:
    # [if classification]
    return model.predict_proba(matrix)
    # [end]
    # [if regression]
    return model.predict(matrix)
    # [end]


# [end]
