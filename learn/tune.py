"""Settings worth trying next to the best so far: Optuna's tree of Parzen estimators, told of all that was tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

SPACES: dict[str, dict[str, tuple[Any, ...]]] = {
    'lightgbm': {'num_leaves': ('int', 6, 128, True), 'min_data_in_leaf': ('int', 2, 60, True), 'feature_fraction': ('float', 0.3, 1.0, False), 'lambda_l2': ('float', 0.01, 30.0, True), 'learning_rate': ('float', 0.02, 0.08, True)},
    'xgboost': {'max_depth': ('int', 2, 9, False), 'min_child_weight': ('float', 0.5, 20.0, True), 'colsample_bytree': ('float', 0.3, 1.0, False), 'subsample': ('float', 0.5, 1.0, False), 'lambda': ('float', 0.1, 30.0, True), 'learning_rate': ('float', 0.02, 0.08, True)},
    'catboost': {'depth': ('int', 3, 8, False), 'l2_leaf_reg': ('float', 0.5, 20.0, True), 'random_strength': ('float', 0.2, 5.0, True), 'learning_rate': ('float', 0.03, 0.1, True)},
    'extra_trees': {'min_samples_leaf': ('int', 1, 12, True), 'max_features': ('float', 0.2, 1.0, False)},
    'random_forest': {'min_samples_leaf': ('int', 1, 12, True), 'max_features': ('float', 0.15, 1.0, False)},
    'logistic': {'C': ('float', 0.003, 30.0, True)},
    'svm': {'C': ('float', 0.1, 100.0, True)},
    'mlp': {'alpha': ('float', 1e-4, 5.0, True), 'learning_rate_init': ('float', 5e-4, 1e-2, True)},
    'knn': {'n_neighbors': ('int', 3, 60, True)},
}
TURNS = 3
"""Of the best models so many take turns."""


def suggestion(
    schema: dict[str, Any],
    meta: dict[str, Any],
    configs: list[dict[str, Any]],
    scored: dict[str, dict[int, float]],
    folds: list[int],
    left: float,
    seconds: Callable[[str], float],
) -> dict[str, Any] | None:
    """Returns a configuration nobody has tried; None where nothing that was tried can be tuned in the time."""
    whole = {config['id']: config for config in configs if len(scored.get(config['id'], {})) == len(folds) and config['model'] in SPACES}
    if not whole:
        return None
    mean = {identity: sum(scored[identity].values()) / len(folds) for identity in whole}
    best: dict[str, str] = {}
    for identity in sorted(mean, key=lambda each: mean[each]):
        best.setdefault(whole[identity]['model'], identity)
    models = [model for model in best if seconds(best[model]) * (len(folds) + 0.5) * 1.2 < left][:TURNS]
    if not models:
        return None
    tried = sum('-t' in config['id'] for config in configs)
    model = models[tried % len(models)]
    base = whole[best[model]]
    settings = ask(model, [(config, scored[config['id']][0]) for config in configs if config['model'] == model and 0 in scored.get(config['id'], {}) and config.get('target') == base.get('target')], base, schema['seed'] + tried)
    return {**base, 'id': f'{model}-t{tried + 1}', 'parameters': {**base['parameters'], **settings}, 'like': base['id']}


def ask(model: str, tried: list[tuple[dict[str, Any], float]], base: dict[str, Any], seed: int) -> dict[str, Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = SPACES[model]
    kinds = {name: optuna.distributions.IntDistribution(low, high, log=log) if kind == 'int' else optuna.distributions.FloatDistribution(low, high, log=log) for name, (kind, low, high, log) in space.items()}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4, multivariate=True, warn_independent_sampling=False))
    for config, value in tried:
        settings = {name: config['parameters'][name] for name in space if within(config['parameters'].get(name), space[name])}
        if settings:
            study.add_trial(optuna.trial.create_trial(params=settings, distributions={name: kinds[name] for name in settings}, value=value))
    if len(tried) < 4:
        return near(base, space, seed)
    return dict(study.ask(kinds).params)


def within(value: Any, space: tuple[Any, ...]) -> bool:
    return isinstance(value, (int, float)) and space[1] <= value <= space[2]


def near(base: dict[str, Any], space: dict[str, tuple[Any, ...]], seed: int) -> dict[str, Any]:
    """A step in some direction from the best, while too little is known to model."""
    import numpy as np

    random = np.random.default_rng(seed)
    settings: dict[str, Any] = {}
    for name, (kind, low, high, log) in space.items():
        value = base['parameters'].get(name, math.sqrt(low * high) if log else (low + high) / 2)
        if not isinstance(value, (int, float)):
            continue
        moved = value * math.exp(random.normal(0, 0.5)) if log else value + random.normal(0, 0.2) * (high - low)
        moved = min(max(moved, low), high)
        settings[name] = int(round(moved)) if kind == 'int' else float(moved)
    return settings
