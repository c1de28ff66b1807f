"""Programs that learn, the grader that scores them, and the folder that is left: on small tables, by the loop itself."""

from __future__ import annotations

import ast
import csv
import json
import os
import runpy
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / 'learn'), str(ROOT / 'test' / 'bench' / 'fit')]

import numpy as np
import pandas as pd
from blend import Limits
from calibrate import calibrated, temperature_of
from grade import read_predictions
from metrics import METRICS, MOST_RESAMPLED, auc, best_threshold, interval, score
from models import names, seconds_of, why_not
from plan import configs_of
from propose import Search
from render import completed, parts_of, rendered, write_program
from second import second_set
from step import Folder

SCHEMA = {
    'task': 'binary', 'classes': ['no', 'yes'], 'metric': 'auc', 'direction': 'maximize', 'target': 'y', 'rows': 200, 'folds': 5, 'seed': 0, 'threads': 1,
    'columns': [
        {'name': 'n', 'kind': 'number'}, {'name': 'gone', 'kind': 'number'}, {'name': 'f', 'kind': 'flag'}, {'name': 'c', 'kind': 'category', 'categories': ['a', 'b']},
        {'name': 'many', 'kind': 'category', 'categories': [f'k{place}' for place in range(40)]}, {'name': 'o', 'kind': 'ordered', 'categories': ['low', 'high']}, {'name': 'd', 'kind': 'date'}, {'name': 't', 'kind': 'text'},
    ],
}
META = {'rows': 200, 'testRows': 50, 'features': 8, 'numbers': 3, 'categories': 3, 'dates': 1, 'texts': 1, 'missingShare': 0.05, 'classes': 2, 'targetSkew': 2.0, 'targetPositive': True, 'metric': 'auc', 'naive': {'score': 0.5}}


def table(rows: int, seed: int = 0, new: bool = False) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    numbers = random.normal(size=rows)
    numbers[random.random(rows) < 0.1] = np.nan
    if new:
        numbers[0] = np.inf
    return pd.DataFrame({
        'n': numbers, 'gone': np.where(random.random(rows) < 0.95, np.nan, 1.0), 'f': (random.random(rows) < 0.5).astype(float),
        'c': pd.Categorical(random.choice(['a', 'b', 'unseen'] if new else ['a', 'b'], rows)), 'many': pd.Categorical(random.choice([f'k{place}' for place in range(40)], rows)),
        'o': pd.Categorical(random.choice(['low', 'high'], rows)), 'd': pd.to_datetime('2020-01-01') + pd.to_timedelta(random.integers(0, 900, rows), 'D'),
        't': pd.Series([' '.join(random.choice(['red', 'green', 'blue', 'big'], 4)) if random.random() < 0.9 else None for _ in range(rows)], dtype=object),
    })


def schema_of(task: str) -> dict[str, Any]:
    return {**SCHEMA, 'task': task, 'classes': {'binary': ['no', 'yes'], 'multiclass': ['a', 'b', 'c'], 'regression': None}[task], 'metric': METRICS[task][0]}


def labels_of(task: str, rows: pd.DataFrame) -> np.ndarray:
    numbers = np.nan_to_num(rows['n'].to_numpy(), posinf=0) + 0.5 * (rows['c'].astype(object) == 'a').to_numpy()
    if task == 'regression':
        return np.exp(numbers / 2) + 1
    return (numbers > 0.2).astype(float) + (numbers > 1.0 if task == 'multiclass' else 0)


class Experience(unittest.TestCase):
    """What worked on other tables comes first."""

    def earlier(self, config: dict[str, Any], task: str) -> dict[str, Any]:
        whole = completed(config, schema_of(task))
        return {'job': 'fit/houses/1.1', 'meta': {**META, 'task': task}, 'rows': [{'config': whole, 'score': 0.9, 'seconds': 1.0}], 'blend': [{'id': whole['id'], 'weight': 1.0}]}

    def test_few_rows(self) -> None:
        """of a handful of rows a linear model is fitted first, of more a tree"""
        for rows, model in ((40, 'logistic'), (400, 'lightgbm')):
            configs, first = configs_of(schema_of('binary'), {**META, 'rows': rows, 'task': 'binary'}, names('binary'), [])
            self.assertEqual(next(config['model'] for config in configs if config['id'] == first[0]), model)

    def test_first(self) -> None:
        """a configuration that was tuned on another table is tried early, under a name of its own, with nothing of that table in it"""
        tuned = {'id': 'catboost-t7', 'model': 'catboost', 'prepare': {'categories': 'codes'}, 'parameters': {'depth': 4}, 'like': 'catboost-1', 'cost': 1.0}
        found, _ = configs_of({**schema_of('binary'), 'columns': [{'name': 'other', 'kind': 'number'}]}, {**META, 'task': 'binary'}, names('binary'), [self.earlier(tuned, 'binary')])
        first = found[1]
        self.assertEqual((first['from'], first['parameters'], first['model']), ('fit/houses/1.1', {'depth': 4}, 'catboost'))
        self.assertNotIn(first['id'], ('catboost-t7', 'catboost-t1'))
        self.assertFalse({'columns', 'metric', 'classes', 'threads', 'like'} & set(first))
        self.assertNotIn('scales', first['prepare'])

    def test_logarithm(self) -> None:
        """a logarithm of the target is taken over only where the target is positive"""
        logged = {'id': 'ridge-log', 'model': 'ridge', 'prepare': {}, 'parameters': {}, 'target': 'log'}
        for positive in (True, False):
            found, _ = configs_of(schema_of('regression'), {**META, 'task': 'regression', 'targetSkew': 0.0, 'targetPositive': positive}, names('regression'), [self.earlier(logged, 'regression')])
            self.assertEqual(any('from' in config for config in found), positive)


class Planned(unittest.TestCase):
    """What a model plans is a second set of configurations."""

    def plan(self, *models: str) -> dict[str, Any]:
        steps = [{'step': 'encode', 'method': 'Target encoding inside folds'}, {'step': 'scale', 'method': 'rm -rf /'}]
        return {'models': [{'model': model, 'share': 1 / (place + 1)} for place, model in enumerate(models)], 'preprocessing': steps}

    def second(self, *models: str) -> list[dict[str, Any]]:
        task = {'interpretable': False, 'maxLatencyMs': None}
        known = configs_of(SCHEMA, {**META, 'task': 'binary'}, names('binary'), [])[0]
        return second_set(self.plan(*models), SCHEMA, {**META, 'task': 'binary'}, task, known)

    def test_names(self) -> None:
        """models that there are get a configuration each, prepared as the plan says where there is a word for it; others none"""
        found = self.second('logistic-regression', 'ridge', 'no such model', 'catboost')
        self.assertEqual([config['id'] for config in found], ['plan-logistic', 'plan-catboost'])
        self.assertTrue(all(config['by'] == 'model' and config['prepare']['target_encoding'] for config in found))
        for config in found:
            completed(config, SCHEMA)
        self.assertEqual(self.second('no such model'), [])

    def test_share(self) -> None:
        """a plan gets its share of the time and no more"""
        configs = [{'id': 'lightgbm-1', 'model': 'lightgbm', 'parameters': {}}, *({'id': f'plan-{place}', 'model': 'logistic', 'parameters': {}, 'by': 'model', 'cost': 0.5} for place in range(9))]
        plan = {'configs': configs, 'folds': 5, 'models': [{'name': 'lightgbm'}], 'first': [config['id'] for config in configs[1:]]}
        rows: list[dict[str, Any]] = []
        taken = 0.0
        for _ in range(9):
            decided = Search(SCHEMA, {**META, 'task': 'binary'}, plan, {'secondsLeft': 20.0 - taken, 'workers': 1, 'rows': rows}).start()
            if decided is None or not decided['id'].startswith('plan-'):
                break
            rows.append({'id': decided['id'], 'config': decided['config'], 'fold': 0, 'state': 'scored', 'score': 0.4, 'seconds': 1.5, 'timing': None})
            taken += 1.5
        self.assertTrue(1 <= len(rows) <= 4, len(rows))


class Quick(unittest.TestCase):
    """A blend keeps to what a row may take to be predicted."""

    def setUp(self) -> None:
        random = np.random.default_rng(0)
        self.labels = (random.random(400) < 0.5).astype(float)
        chance = [np.clip(self.labels * 0.3 + random.random(400) * 0.7, 0.01, 0.99) for _ in range(3)]
        self.stack = np.stack([np.stack([1 - each, each], axis=1) for each in chance])
        self.entries = [{'id': name, 'rowMs': took} for name, took in (('a', 1.0), ('b', 2.0), ('c', 9.0))]

    def members(self, limits: Limits) -> list[int]:
        return np.flatnonzero(limits.weights(schema_of('binary'), self.labels, self.stack, None, self.entries)).tolist()

    def test_limits(self) -> None:
        """who alone takes too long is left out, then who says least until the rest is quick enough; each predicts with as many models as fit"""
        self.assertEqual(Limits(5.0, None).parted([*self.entries, {'id': 'd', 'rowMs': None}])[1], ['c', 'd'])
        self.assertEqual(self.members(Limits(None, None)), [0, 1, 2])
        for most in (11.0, 3.0, 2.5):
            chosen = self.members(Limits(most, None))
            self.assertTrue(1 <= len(chosen) < 3)
            self.assertTrue(len(chosen) == 1 or sum(self.entries[place]['rowMs'] for place in chosen) <= most)
        self.assertEqual(len(self.members(Limits(None, 1))), 1)
        self.assertEqual(Limits(7.0, None).models(self.entries[:2], 5), 2)
        self.assertEqual(Limits(100.0, None).models(self.entries[:2], 5), 5)
        self.assertEqual(Limits(None, None).models(self.entries[:2], 5), 5)


class Programs(unittest.TestCase):
    def test_every_configuration(self) -> None:
        """every configuration of the portfolio learns, for each task, from each kind of column, and predicts what it has not seen"""
        rows, new = table(160), table(40, 1, new=True)
        for task in METRICS:
            schema = schema_of(task)
            labels = labels_of(task, rows)
            for config in configs_of(schema, {**META, 'task': task}, names(task), [])[0]:
                with self.subTest(f'{task} {config["id"]}'), tempfile.TemporaryDirectory() as place:
                    found = self.trained(config, schema, rows, labels, new, Path(place))
                    self.assertEqual(found.shape, (40,) if task == 'regression' else (40, len(schema['classes'])))
                    self.assertTrue(np.isfinite(found).all())
                    if task != 'regression':
                        np.testing.assert_allclose(found.sum(axis=1), 1)

    def trained(self, config: dict[str, Any], schema: dict[str, Any], rows: pd.DataFrame, labels: np.ndarray, new: pd.DataFrame, place: Path) -> np.ndarray:
        write_program(config, schema, place)
        (place / 'model').mkdir()
        sys.path.insert(0, str(place))
        try:
            import predict
            import train

            whole = json.loads((place / 'config.json').read_text())
            train.train(rows, labels, np.ones(len(rows)), whole, place / 'model', seconds=1)
            kept = [file.name for file in (place / 'model').iterdir()]
            self.assertFalse([name for name in kept if name.endswith(('.pkl', '.pickle', '.joblib'))])
            return predict.Model(place / 'model', whole).predict(new)
        finally:
            sys.path.remove(str(place))
            for name in ('prepare', 'train', 'predict'):
                sys.modules.pop(name, None)

    def test_standalone(self) -> None:
        """a program has the parts that it uses and no marks, and imports nothing of ours"""
        for task in METRICS:
            schema = schema_of(task)
            for config in configs_of(schema, {**META, 'task': task}, names(task), [])[0]:
                whole = completed(config, schema)
                for name in ('prepare.py', 'train.py', 'predict.py'):
                    text = rendered((ROOT / 'learn' / 'program' / name).read_text(), parts_of(whole), whole)
                    self.assertNotIn('# [', text)
                    imported = {(node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split('.')[0] for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))}
                    self.assertLessEqual(imported, {'__future__', 'json', 'time', 'zipfile', 'pathlib', 'typing', 'numpy', 'pandas', 'scipy', 'sklearn', 'skops', 'lightgbm', 'xgboost', 'catboost', 'prepare'})

    def test_target_encoding(self) -> None:
        """a row's encoding is not of its own label: where categories say nothing, they explain nothing"""
        random = np.random.default_rng(0)
        rows = pd.DataFrame({'many': pd.Categorical([f'k{place}' for place in random.integers(0, 300, 900)])})
        schema = {**SCHEMA, 'columns': [{'name': 'many', 'kind': 'category', 'categories': []}]}
        labels = (random.random(900) < 0.5).astype(float)
        with tempfile.TemporaryDirectory() as place:
            write_program({'id': 'x', 'model': 'logistic', 'prepare': {'categories': 'onehot', 'target_encoding': True, 'numbers': 'standard', 'most_onehot': 1}, 'parameters': {}}, schema, Path(place))
            sys.path.insert(0, place)
            try:
                import prepare

                config = json.loads(Path(place, 'config.json').read_text())
                encoded = prepare.Prepare(config['columns'], config['prepare'], 'binary', 2).fit_transform(rows, labels, 0)[:, -1]
            finally:
                sys.path.remove(place)
                sys.modules.pop('prepare', None)
        self.assertLess(abs(auc(labels, encoded, np.ones(900)) - 0.5), 0.06)


class Grading(unittest.TestCase):
    def refusal(self, found: Any, schema: dict[str, Any], rows: int = 4) -> str | None:
        with tempfile.TemporaryDirectory() as place:
            if isinstance(found, bytes):
                Path(place, 'p.npy').write_bytes(found)
            else:
                np.save(Path(place, 'p.npy'), found, allow_pickle=True)
            return read_predictions(Folder(Path(place), None), 'p.npy', rows, schema)[1]

    def test_refused(self) -> None:
        """NaN, infinity, other shapes and types, what is no probability, objects and other bytes are refused with the reason"""
        binary, numbers = schema_of('binary'), schema_of('regression')
        good = np.tile([0.25, 0.75], (4, 1))
        self.assertIsNone(self.refusal(good, binary))
        bad = good.copy()
        bad[2, 1] = np.nan
        self.assertIn('row 3', self.refusal(bad, binary) or '')
        self.assertIn('found float32', self.refusal(good.astype(np.float32), binary) or '')
        self.assertIn('[3, 2]', self.refusal(good[:3], binary) or '')
        self.assertIn('sum to 1', self.refusal(good * 2, binary) or '')
        self.assertIn('sum to 1', self.refusal(np.tile([-0.5, 1.5], (4, 1)), binary) or '')
        self.assertIn('something else', self.refusal(b'nothing', binary) or '')
        self.assertIn('something else', self.refusal(np.array([{}, [], 1, 2], object), numbers) or '')
        self.assertIn('finite', self.refusal(np.array([1, 2, np.inf, 3.0]), numbers) or '')
        self.assertIn('larger file', self.refusal(np.zeros(10_000), numbers) or '')

    def test_metrics(self) -> None:
        """the metrics are scikit-learn's, ties and weights included"""
        from sklearn import metrics as theirs

        random = np.random.default_rng(0)
        labels, weights = (random.random(300) < 0.4).astype(float), random.random(300)
        chance = np.round(np.clip(labels * 0.3 + random.random(300) * 0.7, 0.01, 0.99), 2)
        both = np.stack([1 - chance, chance], axis=1)
        found = (chance >= 0.5).astype(int)
        expected = {
            'auc': theirs.roc_auc_score(labels, chance, sample_weight=weights), 'log_loss': theirs.log_loss(labels, chance, sample_weight=weights),
            'brier': theirs.brier_score_loss(labels, chance, sample_weight=weights), 'accuracy': theirs.accuracy_score(labels, found, sample_weight=weights),
            'balanced_accuracy': theirs.balanced_accuracy_score(labels, found, sample_weight=weights), 'f1': theirs.f1_score(labels, found, sample_weight=weights), 'mcc': theirs.matthews_corrcoef(labels, found, sample_weight=weights),
        }
        for name, value in expected.items():
            self.assertAlmostEqual(score(name, labels, both, weights, 0.5), value, places=9, msg=name)
        truth, guess = random.random(300) + 1, random.random(300) + 1
        for name, value in {'mae': theirs.mean_absolute_error(truth, guess), 'r2': theirs.r2_score(truth, guess), 'rmse': theirs.root_mean_squared_error(truth, guess), 'mape': theirs.mean_absolute_percentage_error(truth, guess), 'rmsle': theirs.root_mean_squared_log_error(truth, guess)}.items():
            self.assertAlmostEqual(score(name, truth, guess), value, places=9, msg=name)

    def test_interval(self) -> None:
        """the interval of a large table is as narrow as its rows make it, and holds the score"""
        random = np.random.default_rng(0)
        labels = random.normal(size=4 * MOST_RESAMPLED)
        found = labels + random.normal(size=len(labels))
        low, high = interval('mae', labels, found)
        self.assertTrue(low < score('mae', labels, found) < high)
        expected = 2 * 1.96 * np.abs(labels - found).std() / np.sqrt(len(labels))
        self.assertAlmostEqual((high - low) / expected, 1, delta=0.35)

    def test_threshold(self) -> None:
        """a threshold is chosen where it helps the metric, and probabilities that are too sure are cooled"""
        random = np.random.default_rng(0)
        truth = random.random(3000)
        labels = (random.random(3000) < truth * 0.3).astype(float)
        both = np.stack([1 - truth * 0.3, truth * 0.3], axis=1)
        threshold = best_threshold('f1', labels, both)
        self.assertGreater(score('f1', labels, both, None, threshold), score('f1', labels, both, None, 0.5) + 0.2)
        sure = calibrated(both, 0.6)
        self.assertAlmostEqual(temperature_of(SCHEMA, labels, sure, None), 1 / 0.6, delta=0.25)


class Words(unittest.TestCase):
    def test_said(self) -> None:
        """a model learns what rare words say of the target, and of training rows only what the others say"""
        random = np.random.default_rng(2)
        words = [f'w{place}' for place in range(300)]
        texts = [' '.join(random.choice(words, 12)) for _ in range(900)]
        sums = np.array([sum((int(word[1:]) < 60) - (int(word[1:]) >= 240) for word in text.split()) for text in texts])
        labels = (random.random(900) < 1 / (1 + np.exp(-1.5 * sums))).astype(float)
        schema = {**SCHEMA, 'columns': [{'name': 't', 'kind': 'text'}]}
        with tempfile.TemporaryDirectory() as place:
            write_program({'id': 'x', 'model': 'naive_bayes', 'prepare': {'numbers': 'standard'}, 'parameters': {}}, schema, Path(place))
            config = json.loads(Path(place, 'config.json').read_text())
            names = runpy.run_path(str(Path(place, 'prepare.py')))
        prepare = names['Prepare'](config['columns'], config['prepare'], 'binary', 2)
        rows = pd.DataFrame({'t': texts})
        learnt = prepare.fit_transform(rows.iloc[:600], labels[:600], 0)[:, -1]
        new = prepare.transform(rows.iloc[600:])[:, -1]

        def both(said: np.ndarray) -> np.ndarray:
            return np.stack([1 - said, said], axis=1)

        self.assertGreater(auc(labels[600:], both(new), np.ones(300)), 0.75)
        self.assertLess(auc(labels[:600], both(learnt), np.ones(600)), 0.9)
        shuffled = random.permutation(labels[:600])
        self.assertLess(abs(auc(shuffled, both(names['Prepare'](config['columns'], config['prepare'], 'binary', 2).fit_transform(rows.iloc[:600], shuffled, 0)[:, -1]), np.ones(600)) - 0.5), 0.1)


class Proposing(unittest.TestCase):
    def search(self, rows: list[dict[str, Any]], left: float = 40.0) -> dict[str, Any] | None:
        configs = configs_of(SCHEMA, {**META, 'task': 'binary'}, ['lightgbm', 'catboost', 'logistic'], [])[0]
        plan = {'configs': configs, 'folds': 5, 'models': [{'name': name} for name in ('lightgbm', 'catboost', 'logistic')]}
        return Search(SCHEMA, {**META, 'task': 'binary'}, plan, {'secondsLeft': left, 'workers': 1, 'rows': rows}).next()

    def row(self, identity: str, fold: int, value: float | None, state: str = 'scored') -> dict[str, Any]:
        model = identity.split('-')[0]
        return {'id': identity, 'config': {'id': identity, 'model': model, 'parameters': {}}, 'fold': fold, 'state': state, 'score': value, 'seconds': 0.5, 'timing': {'rounds': 70}}

    def test_first(self) -> None:
        """one fold comes first; the others follow with the rounds that it found"""
        first = self.search([])
        self.assertEqual((first or {})['folds'], [0])
        then = self.search([self.row('lightgbm-1', 0, 0.8)])
        self.assertEqual(((then or {})['id'], (then or {})['folds'], (then or {})['fold']['rounds']), ('lightgbm-1', [1, 2, 3, 4], 70))

    def test_poor(self) -> None:
        """what was poor on its first fold, crashed or ran out of time is not continued"""
        good = [self.row('lightgbm-1', fold, 0.9) for fold in range(5)]
        for bad in (self.row('catboost-1', 0, 0.6), self.row('catboost-1', 0, None, 'crashed'), self.row('catboost-1', 0, None, 'timed_out')):
            self.assertNotEqual((self.search([*good, bad]) or {})['id'], 'catboost-1')

    def test_large_test(self) -> None:
        """a few rows with a large test leave time to search; so does a first model that ran out of time: the quickest comes next"""
        configs = configs_of(SCHEMA, {**META, 'task': 'binary'}, ['lightgbm', 'catboost', 'logistic'], [])
        plan = {'configs': configs[0], 'first': configs[1], 'folds': 5, 'models': [{'name': name} for name in ('lightgbm', 'catboost', 'logistic')]}
        rows = [{**self.row('lightgbm-1', fold, 0.9), 'timing': {'rounds': 1, 'predictSeconds': 0.02}} for fold in range(5)]
        meta = {**META, 'task': 'binary', 'rows': 40, 'testRows': 1000}
        self.assertIsNotNone(Search(SCHEMA, meta, plan, {'secondsLeft': 12.0, 'workers': 1, 'rows': rows}).next())
        late = [self.row('lightgbm-1', 0, None, 'timed_out')]
        following = Search(SCHEMA, meta, plan, {'secondsLeft': 12.0, 'workers': 1, 'rows': late}).next() or {}
        self.assertEqual(following['config']['model'], 'logistic')

    def test_explores(self) -> None:
        """once something is finished, models that nothing is known of get a first fold before another is finished; then the best is"""
        rows = [*(self.row('lightgbm-1', fold, 0.9) for fold in range(5)), self.row('logistic-2', 0, 0.91)]
        following = self.search(rows) or {}
        self.assertEqual((following['config']['model'], following['folds']), ('catboost', [0]))
        then = self.search([*rows, {**self.row(following['id'], 0, 0.89), 'config': following['config']}]) or {}
        self.assertEqual((then['id'], then['folds']), ('logistic-2', [1, 2, 3, 4]))

    def test_second_best(self) -> None:
        """what is nearly as good as the best is finished before settings are tuned"""
        near = [self.row('lightgbm-1', fold, 0.9) for fold in range(5)] + [self.row(identity, 0, 0.89) for identity in self.identities() if identity != 'lightgbm-1']
        following = self.search(near, left=500.0) or {}
        self.assertEqual(following['folds'], [1, 2, 3, 4])

    def test_far_behind(self) -> None:
        """what is far behind but cheap is finished where everything was begun; what errs elsewhere helps a blend"""
        begun = [self.row('lightgbm-1', fold, 0.99) for fold in range(5)] + [self.row(identity, 0, 0.982) for identity in self.identities() if identity != 'lightgbm-1']
        following = self.search(begun, left=500.0) or {}
        self.assertEqual(following['folds'], [1, 2, 3, 4])

    def identities(self) -> list[str]:
        return [config['id'] for config in configs_of(SCHEMA, {**META, 'task': 'binary'}, ['lightgbm', 'catboost', 'logistic'], [])[0]]

    def test_each_model_once(self) -> None:
        """each model is begun once before any is begun again"""
        rows = [self.row('lightgbm-1', fold, 0.9) for fold in range(5)]
        begun = ['lightgbm']
        for _ in range(2):
            following = self.search(rows) or {}
            begun.append(following['config']['model'])
            rows.append({**self.row(following['id'], 0, 0.5), 'config': following['config']})
        self.assertEqual(set(begun), {'lightgbm', 'catboost', 'logistic'})

    def test_no_time(self) -> None:
        """nothing is begun that cannot be finished"""
        self.assertIsNone(self.search([self.row('lightgbm-1', fold, 0.9) for fold in range(5)], left=1.0))


    def test_busy_machine(self) -> None:
        """where others compute on the machine, more is left for the end"""
        def left(cpu: float) -> float:
            rows = [{**self.row('lightgbm-1', fold, 0.9), 'timing': {'fitSeconds': 0.9, 'predictSeconds': 0.1, 'cpuSeconds': cpu}} for fold in range(5)]
            plan = {'configs': [], 'folds': 5, 'models': [], 'reserveSeconds': 12.0}
            return Search(SCHEMA, {**META, 'task': 'binary'}, plan, {'secondsLeft': 40.0, 'workers': 1, 'rows': rows}).left

        self.assertEqual(left(1.0), left(0.7))
        self.assertAlmostEqual(left(1.0) - left(0.5), 0.4 * 6.0, places=3)

    def test_best_fails(self) -> None:
        """where the best cannot be finished, the best of the others is, however far behind"""
        rows = [self.row('lightgbm-1', 0, 0.99), self.row('lightgbm-1', 1, None, 'timed_out'), self.row('catboost-1', 0, 0.9), self.row('logistic-2', 0, 0.88)]
        following = self.search(rows) or {}
        self.assertEqual((following['id'], following['folds']), ('catboost-1', [1, 2, 3, 4]))

    def test_many_classes(self) -> None:
        """with many classes what is quick on them comes first; trees of them take longer than of two"""
        meta = {**META, 'task': 'multiclass', 'classes': 60, 'rows': 8000}
        allowed = [name for name in names('multiclass') if why_not(name, meta, {'interpretable': False, 'maxLatencyMs': None}) is None]
        self.assertIn('lda', allowed)
        configs, first = configs_of({**SCHEMA, 'task': 'multiclass'}, meta, allowed, [])
        plan = {'configs': configs, 'first': first, 'folds': 5, 'models': [{'name': 'lightgbm'}]}
        begun = Search({**SCHEMA, 'task': 'multiclass'}, meta, plan, {'secondsLeft': 19.0, 'workers': 1, 'rows': []}).next() or {}
        self.assertLess(begun['expectedSeconds'], 1.5)
        trees = next(config for config in configs if config['model'] == 'extra_trees')
        self.assertGreater(seconds_of(trees, meta, 5), 3 * seconds_of(trees, {**meta, 'classes': 2}, 5))


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        from drive import Loop

        cls.place = tempfile.TemporaryDirectory()
        source = Path(cls.place.name, 'source')
        source.mkdir()
        rows = table(400)
        rows['y'] = np.where(labels_of('binary', rows) > 0, 'yes', 'no')
        rows.to_csv(source / 'data.csv', index=False)
        (source / 'task.json').write_text(json.dumps({'table': ['data.csv'], 'target': 'y', 'seconds': 9}))
        loop = Loop(source, Path(cls.place.name, 'work'), None)
        cls.before = os.getcwd()
        cls.result = loop.run()
        cls.folder = loop.deliver()
        cls.csv = source / 'data.csv'

    @classmethod
    def tearDownClass(cls) -> None:
        os.chdir(cls.before)
        cls.place.cleanup()

    def predict(self, rows: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
        file = Path(self.place.name, 'new.csv')
        with file.open('w', newline='') as opened:
            writer = csv.DictWriter(opened, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        return subprocess.run([sys.executable, 'predict.py', str(file), *options], cwd=self.folder, capture_output=True, text=True, check=False)

    def rows(self, count: int = 3) -> list[dict[str, Any]]:
        with self.csv.open() as opened:
            return [{name: value for name, value in row.items() if name != 'y'} for row, _ in zip(csv.DictReader(opened), range(count), strict=False)]

    def test_learnt(self) -> None:
        """the loop ends in time, with a blend that learnt something, and probabilities"""
        self.assertLess(self.result['seconds'], 12)
        self.assertTrue(self.result['judged']['learnt'])
        self.assertGreater(self.result['judged']['score'], 0.85)

    def test_score_again(self) -> None:
        """the folder reproduces the score of the test"""
        ran = subprocess.run([sys.executable, 'test_score.py'], cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_columns_refused(self) -> None:
        """missing, extra and mistyped columns are refused by name in one line"""
        rows = self.rows()
        for changed, name in ((({key: value for key, value in row.items() if key != 'c'} for row in rows), "'c'"), (({**row, 'surplus': 1} for row in rows), "'surplus'"), (({**row, 'n': 'many'} for row in rows), "'n'")):
            ran = self.predict(list(changed))
            self.assertEqual((ran.returncode, ran.stderr.count('\n')), (3, 1), ran.stderr)
            self.assertIn(name, ran.stderr)

    def test_dirt(self) -> None:
        """new missing values, infinity, unseen categories, other column orders and types are predicted, and what was odd is said"""
        plain = pd.read_csv(__import__('io').StringIO(self.predict(self.rows()).stdout))
        turned = pd.read_csv(__import__('io').StringIO(self.predict([dict(reversed(row.items())) for row in self.rows()]).stdout))
        pd.testing.assert_frame_equal(plain, turned)
        dirty = [{**row, 'n': 'inf', 'c': 'unseen', 'd': '', 'many': '', 'f': '1' if row['f'] == '1.0' else '0'} for row in self.rows()]
        ran = self.predict(dirty)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn('infinite', ran.stderr)
        self.assertIn('unseen', ran.stderr)

    def test_interval_and_reasons(self) -> None:
        """sets that hold the truth as often as asked for, and reasons, are given for single rows"""
        ran = self.predict(self.rows(1), '--interval', '0.9', '--explain')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        found = pd.read_csv(__import__('io').StringIO(ran.stdout))
        self.assertIn(found['one of'][0], ('no', 'yes', 'no | yes'))
        self.assertEqual(found['because'][0].count(';'), 2)
        self.assertEqual(self.predict(self.rows(1), '--interval', '9').returncode, 3)


if __name__ == '__main__':
    unittest.main()
