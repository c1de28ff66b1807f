"""What each library calls a task and a metric: what is minimised, and what tells it when to stop."""

from __future__ import annotations

from typing import Any


def objective_of(model: str, schema: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(model)
    return kind(schema['task'], schema['metric'], len(schema['classes'] or [])) if kind else {}


def lightgbm(task: str, metric: str, classes: int) -> dict[str, Any]:
    if task == 'binary':
        return {'objective': 'binary', 'metric': 'binary_logloss'}
    if task == 'multiclass':
        return {'objective': 'multiclass', 'metric': 'multi_logloss', 'num_class': classes}
    return {'objective': 'l1', 'metric': 'l1'} if metric in ('mae', 'mape') else {'objective': 'l2', 'metric': 'l2'}


def xgboost(task: str, metric: str, classes: int) -> dict[str, Any]:
    if task == 'binary':
        return {'objective': 'binary:logistic', 'eval_metric': 'logloss'}
    if task == 'multiclass':
        return {'objective': 'multi:softprob', 'eval_metric': 'mlogloss', 'num_class': classes}
    return {'objective': 'reg:absoluteerror', 'eval_metric': 'mae'} if metric in ('mae', 'mape') else {'objective': 'reg:squarederror', 'eval_metric': 'rmse'}


def catboost(task: str, metric: str, _: int) -> dict[str, Any]:
    if task == 'binary':
        return {'loss_function': 'Logloss'}
    if task == 'multiclass':
        return {'loss_function': 'MultiClass'}
    return {'loss_function': 'MAE' if metric in ('mae', 'mape') else 'RMSE'}


KINDS = {'lightgbm': lightgbm, 'xgboost': xgboost, 'catboost': catboost}
