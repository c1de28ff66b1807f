"""Splits a table: a test share for the grader, folds for every candidate alike, and labels that are apart from the features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import step
from metrics import score
from step import OUT, Folder, Problem

KEPT = ('number', 'flag', 'category', 'ordered', 'date', 'text')
MORE_FOLDS = {300: 10, 1000: 8}
"""Below so many rows, more folds: each model then learns from more of them."""


def split(folder: Folder) -> None:
    task, look = step.task_of(folder), folder.json('look.json')
    if task['target'] is None:
        raise Problem(f'expected a target: name one with --target, or confirm {look["target"]["name"]}')
    table = arrow(folder, 'table.arrow')
    test = arrow(folder, 'test-table.arrow') if folder.has('test-table.arrow') else None
    target, roles = look['target']['name'], look['roles']
    labels = floats(table[target])
    random = np.random.default_rng(task['seed'])
    features = [column['name'] for column in look['columns'] if column['kind'] in KEPT and column['name'] not in (target, roles.get('groups'), roles.get('weights'))]
    groups = groups_of(table, look, features, roles)
    if test is None:
        chosen, how = test_rows(table, labels, groups, look, task, random)
        train_rows, held = np.flatnonzero(~chosen), np.flatnonzero(chosen)
        test, table = table.take(pa.array(held)), table.take(pa.array(train_rows))
        labels = labels[train_rows]
        groups = None if groups is None else groups[train_rows]
    else:
        how = 'as given'
    if 'time' not in roles:
        order = random.permutation(len(labels))
        table, labels = table.take(pa.array(order)), labels[order]
        groups = None if groups is None else groups[order]
    folds = folds_of(table, labels, groups, look, task, random)
    write(look, task, table, test, features, labels, folds, how)


def arrow(folder: Folder, name: str) -> pa.Table:
    with pa.memory_map(str(folder.path(name))) as source:
        return pa.ipc.open_file(source).read_all()


def floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False), float)


def groups_of(table: pa.Table, look: dict[str, Any], features: list[str], roles: dict[str, str]) -> np.ndarray | None:
    """Returns what must stay together: the groups asked for, else rows that are equal where there are such."""
    if 'groups' in roles:
        return factorized(table[roles['groups']])
    if not any(warning['kind'] == 'duplicates' for warning in look['warnings']):
        return None
    frame = pd.DataFrame({str(place): factorized(table[name]) for place, name in enumerate(features)})
    return pd.factorize(pd.util.hash_pandas_object(frame, index=False))[0]


def factorized(column: pa.ChunkedArray) -> np.ndarray:
    array = column.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return pd.factorize(array.to_pandas())[0]


def test_rows(table: pa.Table, labels: np.ndarray, groups: np.ndarray | None, look: dict[str, Any], task: dict[str, Any], random: np.random.Generator) -> tuple[np.ndarray, str]:
    share = task['testShare']
    if 'time' in look['roles']:
        order = np.argsort(sortable(table[look['roles']['time']]), kind='stable')
        chosen = np.zeros(len(labels), bool)
        chosen[order[int(len(order) * (1 - share)) :]] = True
        return chosen, f'the latest {share:.0%} by {look["roles"]["time"]}'
    parts = max(2, round(1 / share))
    chosen = dealt(strata(labels, look['classes']), groups, parts, random) == 0
    kind = 'by group' if 'groups' in look['roles'] else 'random, stratified' + (', equal rows together' if groups is not None else '')
    return chosen, f'{kind}, {chosen.mean():.0%} of the rows'


def sortable(column: pa.ChunkedArray) -> np.ndarray:
    array = column.combine_chunks()
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return array.to_numpy(zero_copy_only=False)


def strata(labels: np.ndarray, classes: list[str] | None) -> np.ndarray:
    if classes is not None:
        return labels.astype(int)
    return (np.argsort(np.argsort(labels, kind='stable'), kind='stable') * min(10, max(1, len(labels) // 20))) // len(labels)


def dealt(strata: np.ndarray, groups: np.ndarray | None, parts: int, random: np.random.Generator) -> np.ndarray:
    """Deals rows, or whole groups, to parts like cards, one stratum after the other, so that every part gets its share of each."""
    if groups is None:
        order = np.lexsort((random.random(len(strata)), strata))
        part = np.empty(len(strata), np.int64)
        part[order] = (np.arange(len(strata)) + random.integers(parts)) % parts
        return part
    sizes = np.bincount(groups)
    if len(sizes) < parts:
        raise Problem(f'expected at least {parts} groups to split by, found {len(sizes)}')
    mean = np.bincount(groups, strata) / np.maximum(sizes, 1)
    filled, of_group = np.zeros(parts), np.zeros(len(sizes), np.int64)
    order = np.lexsort((random.random(len(sizes)), np.round(mean), -sizes))
    large = [group for group in order if sizes[group] > len(strata) / parts / 20]
    for group in large:
        of_group[group] = int(filled.argmin())
        filled[of_group[group]] += sizes[group]
    small = np.array([group for group in order if sizes[group] <= len(strata) / parts / 20], int)
    small = small[np.lexsort((random.random(len(small)), np.round(mean[small])))]
    for place, group in enumerate(small):
        candidate = place % parts
        if filled[candidate] > filled.min() + len(strata) / parts / 10:
            candidate = int(filled.argmin())
        of_group[group] = candidate
        filled[candidate] += sizes[group]
    return of_group[groups]


def folds_of(table: pa.Table, labels: np.ndarray, groups: np.ndarray | None, look: dict[str, Any], task: dict[str, Any], random: np.random.Generator) -> np.ndarray:
    more = next((folds for rows, folds in MORE_FOLDS.items() if len(labels) < rows), task['folds'])
    count = task['folds'] if task['folds'] != step.DEFAULTS['folds'] else min(more, max(2, len(labels) // 5))
    if groups is not None:
        count = min(count, len(np.unique(groups)))
    if 'time' in look['roles']:  # blocks of time: neighbours in time stay together
        rank = np.argsort(np.argsort(sortable(table[look['roles']['time']]), kind='stable'), kind='stable')
        return rank * count // len(labels)
    return dealt(strata(labels, look['classes']), groups, count, random)


def write(look: dict[str, Any], task: dict[str, Any], table: pa.Table, test: pa.Table, features: list[str], labels: np.ndarray, folds: np.ndarray, how: str) -> None:
    target, weights = look['target']['name'], look['roles'].get('weights')
    kinds = {column['name']: column['kind'] for column in look['columns']}
    trimmed = {name: own_categories(table[name]) for name in features}
    step.write_arrow(pa.table(trimmed), 'features.arrow')
    step.write_arrow(test.select(features), 'test.arrow')
    test_labels = floats(test[target])
    for name, array in {'labels': labels, 'folds': folds.astype(np.int16), 'test-labels': test_labels}.items():
        np.save(OUT / f'{name}.npy', array)
    if weights is not None:
        np.save(OUT / 'weights.npy', floats(table[weights]))
        np.save(OUT / 'test-weights.npy', floats(test[weights]))
    for fold in range(int(folds.max()) + 1):
        np.save(OUT / f'fold-{fold}-labels.npy', np.where(folds == fold, np.nan, labels))
    schema = {
        'task': look['task'],
        'classes': look['classes'],
        'metric': look['metric'],
        'direction': look['direction'],
        'target': target,
        'rows': len(labels),
        'folds': int(folds.max()) + 1,
        'seed': task['seed'],
        'threads': task['threads'],
        'columns': [{'name': name, 'kind': kinds[name], **({'categories': categories(trimmed[name])} if kinds[name] in ('category', 'ordered') else {})} for name in features],
    }
    step.write_json('schema.json', schema)
    step.write_json('meta.json', meta_of(schema, look, pa.table(trimmed), test, labels, test_labels, how))


def own_categories(column: pa.ChunkedArray) -> pa.Array:
    """The column with the categories that these rows have: what only the test has is nobody's business."""
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        return array
    used = np.unique(array.indices.drop_null().to_numpy())
    place = np.full(len(array.dictionary), -1, np.int32)
    place[used] = np.arange(len(used))
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    fresh = np.where(codes < 0, -1, place[codes]).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(fresh, mask=fresh < 0), array.dictionary.take(pa.array(used)), ordered=array.type.ordered)


def categories(array: pa.Array) -> list[str]:
    return array.dictionary.to_pylist()


def meta_of(schema: dict[str, Any], look: dict[str, Any], table: pa.Table, test: pa.Table, labels: np.ndarray, test_labels: np.ndarray, how: str) -> dict[str, Any]:
    kinds = [column['kind'] for column in schema['columns']]
    missing = sum(column.null_count for column in table.columns) / max(table.num_rows * table.num_columns, 1)
    sizes = [len(column.get('categories', [])) for column in schema['columns']]
    return {
        'rows': len(labels),
        'testRows': len(test_labels),
        'features': len(kinds),
        'numbers': kinds.count('number') + kinds.count('flag'),
        'categories': kinds.count('category') + kinds.count('ordered'),
        'dates': kinds.count('date'),
        'texts': kinds.count('text'),
        'missingShare': missing,
        'classes': len(schema['classes'] or []),
        'imbalance': None if schema['classes'] is None else float(np.bincount(labels.astype(int)).max() / len(labels)),
        'targetSkew': skew(labels) if schema['classes'] is None else None,
        'targetPositive': bool(labels.min() > 0),
        'maxCardinality': max(sizes, default=0),
        'task': schema['task'],
        'metric': schema['metric'],
        'naive': naive(schema, labels),
        'split': how,
        'warnings': drift(schema, table, test),
    }


def skew(values: np.ndarray) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def naive(schema: dict[str, Any], labels: np.ndarray) -> dict[str, Any]:
    """What always guessing the same scores, on the training rows."""
    guess, what = constant_guess(schema, labels)
    return {'score': score(schema['metric'], labels, np.repeat(guess, len(labels), axis=0)), 'what': what}


def constant_guess(schema: dict[str, Any], labels: np.ndarray) -> tuple[np.ndarray, str]:
    if schema['classes'] is not None:
        return np.bincount(labels.astype(int), minlength=len(schema['classes']))[None] / len(labels), 'the share of every class'
    if schema['metric'] in ('mae', 'mape'):
        return np.array([np.median(labels)]), 'the median'
    if schema['metric'] == 'rmsle':
        return np.array([np.expm1(np.log1p(np.maximum(labels, 0)).mean())]), 'the mean of the logarithms'
    return np.array([labels.mean()]), 'the mean'


def drift(schema: dict[str, Any], table: pa.Table, test: pa.Table) -> list[dict[str, Any]]:
    """Columns whose values in the test lie elsewhere: the largest gap between the two distributions, beyond chance."""
    warnings = []
    chance = 1.63 * np.sqrt(1 / max(table.num_rows, 1) + 1 / max(test.num_rows, 1))
    for column in schema['columns']:
        name = column['name']
        gap = gap_of(table[name].combine_chunks(), test[name].combine_chunks(), column['kind'])
        if gap > max(0.15, 1.5 * chance):
            warnings.append({'kind': 'drift', 'column': name, 'number': round(gap, 3), 'message': f'{name}: its values in the test lie elsewhere ({gap:.0%} apart): a score on it may not hold for long'})
    return warnings


def gap_of(one: pa.Array, other: pa.Array, kind: str) -> float:
    if kind == 'text':
        return 0.0
    if pa.types.is_dictionary(one.type):
        shares = [pd.Series(array.to_pandas().astype(object)).value_counts(normalize=True) for array in (one, other)]
        return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2) if max(map(len, shares)) <= 100 else 0.0
    first, second = (np.sort(np.asarray(array.drop_null().cast(pa.int64() if pa.types.is_timestamp(array.type) else array.type).to_numpy(zero_copy_only=False), float)) for array in (one, other))
    if len(first) == 0 or len(second) == 0:
        return 0.0
    points = np.concatenate([first, second])
    return float(np.abs(np.searchsorted(first, points, 'right') / len(first) - np.searchsorted(second, points, 'right') / len(second)).max())


if __name__ == '__main__':
    step.run(split)
