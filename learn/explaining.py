"""Shapley values of a table's own columns, whatever the model makes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd


def shapley(predict: Callable[[pd.DataFrame], np.ndarray], table: pd.DataFrame, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Returns [rows, columns, outputs]. A cell is handed to shap as the number of the row that it is from, so that any type will do."""
    import shap

    width = table.shape[1]

    def outputs(cells: np.ndarray) -> np.ndarray:
        places = cells.astype(np.int64)
        frame = pd.DataFrame({name: table[name].take(places[:, column]).reset_index(drop=True) for column, name in enumerate(table.columns)})
        found = predict(frame)
        if found.ndim == 1:
            return found[:, None]
        return found[:, 1:] if found.shape[1] == 2 else found

    def cells(chosen: np.ndarray) -> np.ndarray:
        return np.repeat(chosen[:, None], width, axis=1).astype(np.float64)

    masker = shap.maskers.Independent(cells(background), max_samples=len(background))
    explainer = shap.PermutationExplainer(outputs, masker, seed=0)
    found = explainer(cells(rows), max_evals=2 * width + 1, silent=True).values
    return found if found.ndim == 3 else found[:, :, None]
