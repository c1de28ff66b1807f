"""The models that can be chosen: where each serves, where not, and how long a fold takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLASSIFIERS = ['catboost', 'lightgbm', 'xgboost', 'extra_trees', 'logistic', 'random_forest', 'mlp', 'svm', 'lda', 'knn', 'naive_bayes']
REGRESSORS = ['catboost', 'lightgbm', 'xgboost', 'extra_trees', 'ridge', 'random_forest', 'mlp', 'svm', 'elastic_net', 'lasso', 'linear', 'knn']
READABLE = ['logistic', 'linear', 'ridge', 'lasso', 'elastic_net', 'naive_bayes', 'lda']
BOOSTED = ('catboost', 'lightgbm', 'xgboost')
STRENGTH = {'catboost': 9.0, 'lightgbm': 8.0, 'xgboost': 7.0, 'extra_trees': 6.0, 'mlp': 5.0, 'logistic': 5.2, 'ridge': 5.2, 'svm': 4.0, 'random_forest': 4.8, 'lda': 2.0, 'elastic_net': 3.0, 'lasso': 2.8, 'linear': 2.0, 'knn': 2.2, 'naive_bayes': 1.0}
"""How well a model does on tables in general, before anything is known of this one."""
EXPONENT = {'svm': 1.4, 'knn': 1.1, 'random_forest': 1.0, 'extra_trees': 1.0}
"""How the time of a fold grows with the rows; of other models, less than they do."""
WIDENING = {'catboost': 0.6, 'lightgbm': 0.6, 'xgboost': 0.6, 'random_forest': 0.7, 'extra_trees': 0.7}
"""How it grows with the columns."""
CLASSES = {'catboost': 0.8, 'lightgbm': 0.8, 'xgboost': 0.8, 'logistic': 0.4, 'extra_trees': 0.45, 'random_forest': 0.45, 'mlp': 0.2, 'svm': 0.3}
"""How it grows with the classes beyond the first."""
FIXED = {'random_forest': 0.33, 'extra_trees': 0.43}
"""Seconds that many trees take to be kept and read, however few rows they are of."""
TEXT = 0.00015
"""Seconds that the words of one text take to be weighed."""
MANY_ROWS, MANY_COLUMNS = 20_000, 150
"""From so many on the time grows as they do."""
MOST = {'svm': 6_000, 'knn': 50_000, 'lda': 100_000}
"""The most rows that a model is tried on."""
ROWS, WIDTH = 2400, 15
"""What the costs of the portfolio were measured at."""

PORTFOLIO: list[dict[str, Any]] = json.loads((Path(__file__).resolve().parent / 'portfolio.json').read_text('utf-8'))['configs']


def names(task: str) -> list[str]:
    return REGRESSORS if task == 'regression' else CLASSIFIERS


def width_of(meta: dict[str, Any], model: str) -> float:
    """Columns as the model sees them."""
    width = meta['numbers'] + 8 * meta['dates'] + 24 * meta['texts']
    return width + meta['categories'] * (1 if model in BOOSTED else 5)


def grown(size: float, usual: float, many: float, exponent: float) -> float:
    return (size / usual) ** exponent * max(size / many, 1) ** max(1 - exponent, 0)


def scale_of(model: str, meta: dict[str, Any], rows: float) -> float:
    """How many times longer a fold takes than on the tables by which the costs were measured."""
    by_rows = grown(rows, ROWS, MANY_ROWS, EXPONENT.get(model, 0.8))
    by_width = grown(max(width_of(meta, model), WIDTH / 3), WIDTH, MANY_COLUMNS, WIDENING.get(model, 0.4))
    many = max(meta['classes'] - 1, 1) ** CLASSES.get(model, 0)
    return by_rows * by_width * many


def seconds_of(config: dict[str, Any], meta: dict[str, Any], folds: int) -> float:
    """How long a fold is expected to take, before any was run."""
    model = config['model']
    rows = meta['rows'] * (1 - 1 / max(folds, 2))
    return 0.03 + FIXED.get(model, 0) + TEXT * rows * meta['texts'] + config.get('cost', 1.0) * scale_of(model, meta, rows)


def why_not(model: str, meta: dict[str, Any], asked: dict[str, Any]) -> str | None:
    if asked['interpretable'] and model not in READABLE:
        return 'no model that a person can read, and --interpretable asks for one'
    if meta['rows'] > MOST.get(model, 10**12):
        return f'takes too long on {meta["rows"]:,} rows'
    if model == 'knn' and asked['maxLatencyMs'] is not None and meta['rows'] > 5000:
        return 'looks at every row to predict one, and --max-latency-ms bounds that'
    return None


def strength(model: str, meta: dict[str, Any]) -> tuple[float, str]:
    """How promising a model is on such a table, and why."""
    value, why = STRENGTH[model], GENERAL[model]
    rows, many_categories = meta['rows'], meta['categories'] > meta['numbers']
    if model == 'catboost' and meta['categories']:
        value, why = value + 1, f'{meta["categories"]} categorical columns, which it encodes in an order that leaks nothing'
    if model in ('logistic', 'ridge') and (rows < 3000 or meta['features'] > rows / 20):
        value, why = value + 1.5, f'{meta["features"]} columns for {rows:,} rows: few parameters overfit little'
    if model == 'mlp' and 1000 < rows < 100_000 and not many_categories:
        value, why = value + 1, f'{meta["numbers"]} numbers, {rows:,} rows: smooth effects of several columns at once'
    if model == 'svm' and rows < 3000 and not many_categories:
        value, why = value + 1.5, f'{rows:,} rows of numbers: a smooth surface where trees have steps'
    if model in ('elastic_net', 'lasso') and meta['features'] > rows / 3:
        value, why = value + (6 if model == 'elastic_net' else 5), f'{meta["features"]:,} columns for {rows:,} rows: leaves most of them out'
    if model in BOOSTED and rows < 200:
        value -= 2
    if model == 'lightgbm' and rows > 50_000:
        value, why = value + 1.5, f'{rows:,} rows: the quickest of the boosted trees'
    return value, why


GENERAL = {
    'catboost': 'boosted symmetric trees: the best single model on most tables, as it comes',
    'lightgbm': 'boosted trees, quick: many settings can be tried',
    'xgboost': 'boosted trees, grown by level: errs elsewhere than the other two',
    'extra_trees': 'many random trees: no settings to speak of, errs elsewhere than boosted trees',
    'random_forest': 'many trees on resampled rows: robust',
    'logistic': 'linear, with scaled numbers and encoded categories: what adds up it finds with few rows',
    'ridge': 'linear, with scaled numbers and encoded categories: what adds up it finds with few rows',
    'linear': 'ordinary least squares',
    'lasso': 'linear, few columns',
    'elastic_net': 'linear, few columns, correlated ones together',
    'mlp': 'a small neural network: smooth, errs elsewhere than trees',
    'svm': 'kernels: smooth, for few rows',
    'knn': 'what the nearest rows were',
    'naive_bayes': 'every column by itself',
    'lda': 'linear, one covariance for all classes',
}
