"""Chooses five models with a reason each, shares the time among them, and orders the configurations to try."""

from __future__ import annotations

import copy
from typing import Any

import step
from models import BOOSTED, PORTFOLIO, names, seconds_of, strength, why_not
from render import bare
from step import Folder

TOP = 5
NEAREST = 3
"""So many earlier jobs, the most alike, have a say."""


def plan(folder: Folder) -> None:
    task, schema, meta = step.task_of(folder), folder.json('schema.json'), folder.json('meta.json')
    earlier = nearest(folder.json('experience.json') if folder.has('experience.json') else [], meta)
    gained = bonus(earlier)
    ranked, refused = [], []
    for model in names(schema['task']):
        reason = why_not(model, meta, task)
        if reason is not None:
            refused.append({'name': model, 'whyNot': reason})
            continue
        value, why = strength(model, meta)
        if model in gained:
            why += f'; it carried {gained[model]:.0%} of the blends of earlier tables like this'
        ranked.append((value + 3 * gained.get(model, 0), model, why))
    ranked.sort(key=lambda each: -each[0])
    chosen = ranked[:TOP]
    total = sum(value for value, _, _ in chosen)
    others = [*({'name': model, 'whyNot': f'after the five, where time is left: {why}'} for _, model, why in ranked[TOP:]), *refused]
    allowed = [model for _, model, _ in ranked]
    configs, first = configs_of(schema, meta, allowed, earlier)
    # The end takes seconds however short the search is: what came of it is explained, too.
    seconds = task['seconds'] - min(12.0, max(task['seconds'] * 0.2, min(6.0, task['seconds'] * 0.3)))
    folds = folds_in_time(configs, schema, meta, seconds)
    step.write_json(
        'plan.json',
        {
            'models': [{'name': model, 'why': why, 'share': value / total} for value, model, why in chosen],
            'others': others,
            'folds': folds,
            'secondsForFits': seconds,
            'reserveSeconds': task['seconds'] - seconds,
            'configs': configs,
            'first': first,
            'from': [{'job': each['job'], 'what': f'{each["meta"]["rows"]:,} rows, {each["meta"]["features"]} columns'} for each in earlier],
        },
    )


def configs_of(schema: dict[str, Any], meta: dict[str, Any], allowed: list[str], earlier: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the portfolio for this task, and what of it comes first: one of a quick model, so that something is there early, and earlier blends."""
    task = schema['task']
    found = []
    for entry in PORTFOLIO:
        config = copy.deepcopy(entry)
        if config['model'] == 'linear-ish':
            config['model'] = 'ridge' if task == 'regression' else 'logistic'
            config['id'] = config['id'].replace('linear', config['model'])
        if config['model'] not in allowed or task not in config.get('tasks', [task]) or meta['rows'] > config.get('maxRows', 10**12):
            continue
        if task == 'regression':
            config['parameters'] = {**config['parameters'], **config.pop('regression', {})}
            found += with_log(config, meta)
        else:
            config.pop('target', None)
            config['parameters'] = {**config['parameters'], **config.pop('classification', {})}
            found.append(config)
    first: list[str] = []
    for job in reversed(earlier):
        for row in sorted(job.get('blend', []), key=lambda each: each['weight'])[-2:]:
            config = next((taken(entry['config'], job, len(found)) for entry in job['rows'] if entry['config']['id'] == row['id']), None)
            if config is None or config['model'] not in allowed or not serves(config, task, meta):
                continue
            found = [config, *(each for each in found if each['id'] != config['id'])]
            first = [config['id'], *(each for each in first if each != config['id'])]
    # Of a handful of rows a tree makes no leaf.
    swift = 'lightgbm' if meta['rows'] >= 100 else 'ridge' if task == 'regression' else 'logistic'
    quick = next((each for each in found if each['model'] == swift), None)
    if quick is not None:
        found = [quick, *(each for each in found if each is not quick)]
        first = [quick['id'], *(each for each in first if each != quick['id'])]
    return found, first


def taken(config: dict[str, Any], job: dict[str, Any], number: int) -> dict[str, Any]:
    """A configuration of an earlier job; one that was tuned there has a name of its own, which nothing tuned here gets."""
    own = bare(config)
    identity = own['id'] if own['id'] in {entry['id'] for entry in PORTFOLIO} else f'{own["model"]}-earlier-{number}'
    return {**own, 'id': identity, 'from': job['job']}


def serves(config: dict[str, Any], task: str, meta: dict[str, Any]) -> bool:
    """A logarithm is learnt of positive numbers alone."""
    target = config.get('target') or 'plain'
    return target == 'plain' or (task == 'regression' and bool(meta['targetPositive']))


def with_log(config: dict[str, Any], meta: dict[str, Any]) -> list[dict[str, Any]]:
    """A long-tailed positive target is learnt as its logarithm too: first by some models, and by all where the metric is relative."""
    if not (meta['targetPositive'] and (meta['targetSkew'] > 1.0 or meta['metric'] in ('rmsle', 'mape'))):
        return [config]
    logged = {**config, 'id': f'{config["id"]}-log', 'target': 'log'}
    if meta['metric'] in ('rmsle', 'mape') or config['model'] not in BOOSTED:
        return [logged]
    return [logged, config] if meta['targetSkew'] > 1.5 else [config, logged]


def folds_in_time(configs: list[dict[str, Any]], schema: dict[str, Any], meta: dict[str, Any], seconds: float) -> int:
    """All folds where a few models can be trained on each in the time; else fewer, down to one that holds out."""
    if not configs:
        return schema['folds']
    quickest = min(seconds_of(config, meta, schema['folds']) for config in configs if config['model'] in (*BOOSTED, 'logistic', 'ridge'))if any(config['model'] in (*BOOSTED, 'logistic', 'ridge') for config in configs) else seconds_of(configs[0], meta, schema['folds'])
    for folds in (schema['folds'], 3, 2):
        if folds <= schema['folds'] and 3.5 * folds * quickest < seconds:
            return folds
    return 1


def nearest(experience: list[dict[str, Any]], meta: dict[str, Any]) -> list[dict[str, Any]]:
    import math

    def apart(other: dict[str, Any]) -> float:
        if other.get('task') != meta['task']:
            return 1e9
        logs = sum(abs(math.log1p(other.get(name) or 0) - math.log1p(meta.get(name) or 0)) for name in ('rows', 'features', 'categories', 'classes', 'numbers'))
        return logs + abs((other.get('missingShare') or 0) - meta['missingShare']) * 3

    near = sorted((each for each in experience if apart(each['meta']) < 5), key=lambda each: apart(each['meta']))
    return near[:NEAREST]


def bonus(earlier: list[dict[str, Any]]) -> dict[str, float]:
    """What share of the blends of earlier jobs each model had."""
    shares: dict[str, float] = {}
    for job in earlier:
        models = {row['config']['id']: row['config']['model'] for row in job['rows']}
        for member in job.get('blend', []):
            model = models.get(member['id'])
            if model is not None:
                shares[model] = shares.get(model, 0) + member['weight'] / len(earlier)
    return shares


if __name__ == '__main__':
    step.run(plan)
