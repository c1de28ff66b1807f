"""The second set of configurations: what a model's plan makes of the portfolio. Nothing of it is believed but names that are known here."""

from __future__ import annotations

import copy
from typing import Any

from models import PORTFOLIO, names, why_not

OURS = {
    'logistic-regression': 'logistic',
    'linear-regression': 'linear',
    'random-forest': 'random_forest',
    'nearest-neighbours': 'knn',
    'naive-bayes': 'naive_bayes',
}
SHARE = 0.25
"""Of the time, what a plan may take of first folds: nonsense costs no more."""
MOST = 6


def second_set(plan: dict[str, Any], schema: dict[str, Any], meta: dict[str, Any], task: dict[str, Any], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A configuration for each model of the plan that is one here, the one with the largest share first, prepared as the plan says."""
    found: list[dict[str, Any]] = []
    prepare = prepared(plan)
    for each in sorted(plan['models'], key=lambda model: -model['share']):
        model = OURS.get(each['model'], each['model'])
        if model not in names(schema['task']) or why_not(model, meta, task) is not None or len(found) >= MOST:
            continue
        base = next((config for config in known if config['model'] == model), None) or of_portfolio(model)
        if base is None:
            continue
        config = copy.deepcopy({name: value for name, value in base.items() if name not in ('from', 'like')})
        found.append({**config, 'id': f'plan-{model}', 'prepare': {**config.get('prepare', {}), **prepare}, 'by': 'model'})
    return found


def of_portfolio(model: str) -> dict[str, Any] | None:
    return next((config for config in PORTFOLIO if config['model'] == model), None)


def prepared(plan: dict[str, Any]) -> dict[str, Any]:
    """What of its preprocessing the programs have a word for."""
    options: dict[str, Any] = {}
    for step in plan['preprocessing']:
        method = step['method'].lower()
        if step['step'] == 'encode' and 'target' in method:
            options['target_encoding'] = True
        elif step['step'] == 'encode' and ('one-hot' in method or 'one hot' in method or 'onehot' in method):
            options['categories'] = 'onehot'
        elif step['step'] == 'scale' and 'quantile' in method:
            options['numbers'] = 'quantile'
        elif step['step'] == 'scale' and 'standard' in method:
            options['numbers'] = 'standard'
    return options
