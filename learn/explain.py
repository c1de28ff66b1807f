"""Says what the blend goes by, where it is weak, and what would help: from what the members said to the probes, and the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import step
from metrics import loss, score
from step import Folder


def explain(folder: Folder) -> None:
    schema, blend, judged = folder.json('schema.json'), folder.json('blend.json'), folder.json('judged.json')
    labels = folder.array('test-labels.npy')
    members = [member for member in blend['members'] if folder.has(f'probes/{member["id"]}/probes.json')]
    total = sum(member['weight'] for member in members) or 1.0
    probes = [(member['weight'] / total, folder.json(f'probes/{member["id"]}/probes.json'), arrays(folder, member['id'])) for member in members]
    importance = importance_of(schema, labels, probes, blend['threshold'])
    curve = folder.json('curve.json') if folder.has('curve.json') else []
    step.write_json(
        'explain.json',
        {
            'importance': importance,
            'dependence': dependence_of(probes, [each['column'] for each in importance[:8]]),
            'shap': shap_of(probes),
            'curve': curve,
            'slices': judged['slices'],
            'notHelping': blend['notHelping'],
            'recommendations': recommendations(schema, blend, judged, importance, curve, folder.json('meta.json') if folder.has('meta.json') else {}),
            'deployment': deployment(schema, blend, importance),
        },
    )


def arrays(folder: Folder, member: str) -> dict[str, np.ndarray]:
    return {name: folder.array(f'probes/{member}/{name}.npy') for name in ('rows', 'plain', 'permuted')}


def importance_of(schema: dict[str, Any], labels: np.ndarray, probes: list[Any], threshold: float | None) -> list[dict[str, Any]]:
    """How much the metric loses where a column is shuffled, with an interval over the rows."""
    if not probes:
        return []
    columns = [name for name in probes[0][1]['columns'] if all(name in found['columns'] for _, found, _ in probes)]
    rows = probes[0][2]['rows']
    truth = labels[rows]
    plain = sum(weight * kept['plain'] for weight, _, kept in probes)
    shap = {entry['column']: entry['mean'] for entry in shap_of(probes) or []}
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(rows), len(rows)) for _ in range(60)]
    metric = schema['metric']
    found = []
    for name in columns:
        mixed = sum(weight * kept['permuted'][found_in['columns'].index(name)] for weight, found_in, kept in probes)
        lost = [np.mean([loss(metric, score(metric, truth[draw], each[draw], None, threshold)) for each in mixed]) - loss(metric, score(metric, truth[draw], plain[draw], None, threshold)) for draw in draws]
        value = np.mean([loss(metric, score(metric, truth, each, None, threshold)) for each in mixed]) - loss(metric, score(metric, truth, plain, None, threshold))
        low, high = np.quantile(lost, [0.025, 0.975])
        found.append({'column': name, 'permutation': float(value), 'interval': [float(low), float(high)], 'shap': shap.get(name)})
    return sorted(found, key=lambda each: -each['permutation'])


def shap_of(probes: list[Any]) -> list[dict[str, Any]] | None:
    known = [(weight, found['shap']) for weight, found, _ in probes if found['shap'] is not None]
    if not known:
        return None
    total = sum(weight for weight, _ in known)
    mean = sum(weight / total * np.array(found['mean']) for weight, found in known)
    return sorted(({'column': name, 'mean': float(value)} for name, value in zip(known[0][1]['columns'], mean, strict=True)), key=lambda each: -each['mean'])


def dependence_of(probes: list[Any], columns: list[str]) -> list[dict[str, Any]]:
    found = []
    for name in columns:
        parts = [(weight, entry) for weight, probe, _ in probes for entry in probe['dependence'] if entry['column'] == name]
        if not parts:
            continue
        total = sum(weight for weight, _ in parts)
        found.append({'column': name, 'values': parts[0][1]['values'], 'predicted': sum(weight / total * np.array(entry['predicted']) for weight, entry in parts)})
    return found


def recommendations(schema: dict[str, Any], blend: dict[str, Any], judged: dict[str, Any], importance: list[dict[str, Any]], curve: list[dict[str, Any]], meta: dict[str, Any]) -> list[str]:
    said = []
    if not judged['learnt']:
        said.append('The score is no better than chance: look for other columns before using any prediction.')
    useless = [each['column'] for each in importance if each['interval'][1] <= 0 or abs(each['permutation']) < 1e-12]
    if useless and len(useless) < len(importance):
        said.append(f'{len(useless)} of {len(importance)} columns could be left out at no measured loss: {", ".join(useless[:6])}{"…" if len(useless) > 6 else ""}.')
    if len(curve) > 1 and schema['rows'] < 50_000:
        gain = loss(schema['metric'], curve[-2]['score']) - loss(schema['metric'], curve[-1]['score'])
        if gain > 0.01 * abs(curve[-1]['score']):
            said.append(f'More rows should help: the last step of the learning curve ({curve[-2]["rows"]:,} to {curve[-1]["rows"]:,} rows) still gained {gain:.3g}.')
    if judged['slices']:
        worst = judged['slices'][0]
        said.append(f'Weakest where {worst["column"]} is {worst["value"]} ({worst["rows"]} rows, {worst["metric"]} {worst["score"]:.4g}): check the data there.')
    outside = judged['interval'][1] < blend['interval'][0] or judged['interval'][0] > blend['interval'][1]
    if outside:
        said.append(f'The test score {judged["score"]:.4g} lies outside the interval of the folds ({blend["interval"][0]:.4g} to {blend["interval"][1]:.4g}): new rows may differ from those learnt from.')
    said += [warning['message'] for warning in meta.get('warnings', [])[:3]]
    return said


def deployment(schema: dict[str, Any], blend: dict[str, Any], importance: list[dict[str, Any]]) -> list[str]:
    board = {row['id']: row for row in blend['leaderboard']}
    members = [board[member['id']] for member in blend['members'] if member['id'] in board]
    size = sum(row['bytes'] or 0 for row in members) / 1e6
    rows = schema['rows'] * len(blend['folds']) / schema['folds'] or 1
    # Each member predicts new rows with the models of so many of its folds.
    models = blend.get('models') or len(blend['folds'])
    each = sum((row['predictSeconds'] or 0) for row in members) * models / rows * 1e6
    watch = ', '.join(entry['column'] for entry in importance[:3])
    what = f'{len(members)} {"model" if len(members) == 1 else "models"} of {models} {"fold" if models == 1 else "folds"}{"" if len(members) == 1 else " each"}'
    said = [f'{what}, {size:.2g} MB, about {each:.0f} µs a row in batches on one core.']
    if watch:
        said.append(f'Watch the distributions of {watch}, which the predictions go by most, and the share of missing and new values.')
    said.append('predict refuses missing, extra and mistyped columns by name; it counts values that it had to take as missing or as new categories.')
    return said


if __name__ == '__main__':
    step.run(explain)
