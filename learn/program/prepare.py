"""Prepares a table: what is learnt here is learnt from training rows alone, and kept as JSON and arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MISSING = '(missing)'


class Prepare:
    """`fit_transform` learns from training rows and returns their matrix; `transform` returns that of any rows."""

    def __init__(self, columns: dict[str, list[str]], options: dict[str, Any], task: str, classes: int) -> None:
        self.columns = columns
        self.options = options
        self.task = task
        self.classes = classes
        self.state: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}

    def fit_transform(self, table: pd.DataFrame, labels: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        numbers = self.raw_numbers(table)
        self.fit_numbers(numbers)
        parts = [self.numbers(numbers)]
        # [if categories]
        texts = self.texts_of(table, self.columns['category'])
        self.fit_categories(texts)
        # [if codes]
        first = parts[0].shape[1]
        self.state['category_columns'] = list(range(first, first + len(texts)))
        # [end]
        parts.append(self.categories(texts))
        # [end]
        # [if target_encoding]
        parts.append(self.fit_target_encoding(texts, labels, random))
        # [end]
        # [if text]
        parts.append(self.fit_text(table, labels, seed))
        # [end]
        return np.concatenate(parts, axis=1)

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        numbers = self.raw_numbers(table)
        parts = [self.numbers(numbers)]
        # [if categories]
        texts = self.texts_of(table, self.columns['category'])
        parts.append(self.categories(texts))
        # [end]
        # [if target_encoding]
        parts.append(self.target_encoding(texts, self.state['target_encoding']))
        # [end]
        # [if text]
        parts.append(self.text(table))
        # [end]
        return np.concatenate(parts, axis=1)

    # ---- numbers, scales and dates

    def raw_numbers(self, table: pd.DataFrame) -> np.ndarray:
        """Numbers as they are, steps of a scale as their place, dates as their parts; NaN where missing."""
        parts = [table[self.columns['number']].to_numpy(np.float64)] if self.columns['number'] else []
        # [if ordered]
        for name, steps in self.options['scales'].items():
            place = {text: float(index) for index, text in enumerate(steps)}
            parts.append(table[name].astype(object).map(place).to_numpy(np.float64)[:, None])
        # [end]
        # [if dates]
        for name in self.columns['date']:
            parts.append(date_parts(pd.to_datetime(table[name])))
        # [end]
        if not parts:
            return np.empty((len(table), 0))
        numbers = np.concatenate(parts, axis=1)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def fit_numbers(self, numbers: np.ndarray) -> None:
        # [if scaled]
        present = ~np.isnan(numbers)
        safe = np.where(present.any(axis=0), numbers, 0.0) if numbers.size else numbers
        median = np.nanmedian(safe, axis=0) if numbers.size else np.empty(0)
        filled = np.where(np.isnan(safe), median, safe)
        self.arrays['median'] = median
        self.state['missing'] = np.flatnonzero(~present.all(axis=0) & present.any(axis=0)).tolist()
        # [if quantile]
        grid = np.linspace(0, 1, min(200, len(numbers)))
        self.arrays['quantiles'] = np.quantile(filled, grid, axis=0) if numbers.size else np.empty((len(grid), 0))
        # [end]
        # [if standard]
        low, high = np.quantile(filled, [0.01, 0.99], axis=0) if numbers.size else (np.empty(0), np.empty(0))
        wide = high > low
        low, high = np.where(wide, low, filled.min(axis=0, initial=0)), np.where(wide, high, filled.max(axis=0, initial=0))
        margin = high - low
        self.arrays['low'], self.arrays['high'] = low - margin, high + margin
        clipped = np.clip(filled, self.arrays['low'], self.arrays['high'])
        self.arrays['mean'] = clipped.mean(axis=0)
        self.arrays['spread'] = np.where(clipped.std(axis=0) > 0, clipped.std(axis=0), 1.0)
        # [end]
        # [if splines]
        # [if standard]
        scaled = (clipped - self.arrays['mean']) / self.arrays['spread']
        self.arrays['knots'] = np.quantile(scaled, np.linspace(0, 1, self.options['splines'] + 2)[1:-1], axis=0)
        # [end]
        # [end]
        # [end]
        return

    def numbers(self, numbers: np.ndarray) -> np.ndarray:
        # [if not scaled]
        return numbers
        # [end]
        # [if scaled]
        absent = np.isnan(numbers)
        filled = np.where(absent, self.arrays['median'], numbers)
        # [if quantile]
        from scipy.special import ndtri

        grid = np.linspace(0, 1, len(self.arrays['quantiles']))
        shares = [(np.interp(column, knots, grid) + 1 - np.interp(-column, -knots[::-1], grid)) / 2 for column, knots in zip(filled.T, self.arrays['quantiles'].T, strict=True)]
        scaled = ndtri(np.clip(np.stack(shares, axis=1), 1e-3, 1 - 1e-3)) if shares else filled
        # [end]
        # [if standard]
        scaled = (np.clip(filled, self.arrays['low'], self.arrays['high']) - self.arrays['mean']) / self.arrays['spread']
        # [end]
        parts = [scaled, absent[:, self.state['missing']].astype(np.float64)]
        # [if splines]
        # [if standard]
        parts += [np.maximum(scaled - knot, 0) for knot in self.arrays['knots']]
        # [end]
        # [end]
        return np.concatenate(parts, axis=1)
        # [end]

    # [if categories]
    # ---- categories

    def texts_of(self, table: pd.DataFrame, names: list[str]) -> list[np.ndarray]:
        return [table[name].astype(object).where(table[name].notna(), MISSING).to_numpy(object) for name in names]

    def fit_categories(self, texts: list[np.ndarray]) -> None:
        """Every category with enough training rows gets a place, the frequent ones first; the others are one."""
        self.state['places'] = []
        for column in texts:
            counts = pd.Series(column).value_counts()
            self.state['places'].append([str(text) for text in counts.index[counts >= self.options['least_rows']]][: self.options['most_categories']])

    def codes(self, texts: list[np.ndarray]) -> list[np.ndarray]:
        """Places of the categories; one past the last for what is rare or new."""
        found = []
        for column, places in zip(texts, self.state['places'], strict=True):
            place = {text: index for index, text in enumerate(places)}
            found.append(pd.Series(column).map(place).fillna(len(places)).to_numpy(np.int64))
        return found

    def categories(self, texts: list[np.ndarray]) -> np.ndarray:
        rows = len(texts[0])
        # [if codes]
        return np.stack([column.astype(np.float64) for column in self.codes(texts)], axis=1).reshape(rows, -1)
        # [end]
        # [if onehot]
        parts = [np.eye(len(places) + 1)[column][:, : len(places) if len(places) > 2 else max(len(places) - 1, 1)] for column, places in zip(self.codes(texts), self.state['places'], strict=True) if len(places) <= self.options['most_onehot']]
        return np.concatenate([np.empty((rows, 0)), *parts], axis=1)
        # [end]

    # [end]
    # [if goals]
    def goals(self, labels: np.ndarray) -> np.ndarray:
        """What is learnt of words and categories: the labels, or a column for every class but the first."""
        if self.task == 'regression':
            return labels[:, None]
        return (labels[:, None] == np.arange(1, self.classes)).astype(np.float64)

    # [end]
    # [if target_encoding]
    # ---- what the target is like in a category

    def encoded(self) -> list[int]:
        return [place for place, places in enumerate(self.state['places']) if len(places) > self.options['most_onehot']]

    def table_of(self, codes: list[np.ndarray], goals: np.ndarray) -> dict[str, Any]:
        mean = goals.mean(axis=0)
        tables = []
        for column in self.encoded():
            size = len(self.state['places'][column]) + 1
            counts = np.bincount(codes[column], minlength=size)[:, None]
            sums = np.stack([np.bincount(codes[column], goal, size) for goal in goals.T], axis=1)
            tables.append(((sums + 10 * mean) / (counts + 10)).tolist())
        return {'mean': mean.tolist(), 'tables': tables}

    def fit_target_encoding(self, texts: list[np.ndarray], labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Training rows are encoded by tables of the other parts of the training rows, so that no row sees its own label."""
        codes, goals = self.codes(texts), self.goals(labels)
        self.state['target_encoding'] = self.table_of(codes, goals)
        part = random.permutation(len(labels)) % 5
        width = len(self.encoded()) * goals.shape[1]
        encoded = np.empty((len(labels), width))
        for each in range(5):
            other = part != each
            table = self.table_of([column[other] for column in codes], goals[other])
            encoded[~other] = self.target_encoding([column[~other] for column in texts], table)
        return encoded

    def target_encoding(self, texts: list[np.ndarray], table: dict[str, Any]) -> np.ndarray:
        codes = self.codes(texts)
        parts = [np.asarray(means)[codes[column]] for column, means in zip(self.encoded(), table['tables'], strict=True)]
        return np.concatenate([np.empty((len(texts[0]), 0)), *parts], axis=1)

    # [end]
    # [if text]
    # ---- text, by the weights of its words, and by what these say of the target

    def fit_text(self, table: pd.DataFrame, labels: np.ndarray, seed: int) -> np.ndarray:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        parts, goals = [np.empty((len(table), 0))], self.goals(labels)
        self.state['words'] = []
        for place, name in enumerate(self.columns['text']):
            words = TfidfVectorizer(max_features=5000, min_df=2 if len(table) > 50 else 1, ngram_range=(1, 2), sublinear_tf=True)
            texts = plain_text(table[name])
            try:
                weights = words.fit_transform(texts)
            except ValueError:  # not one word
                self.state['words'].append(None)
                continue
            svd = TruncatedSVD(min(self.options['text_parts'], max(weights.shape[1] - 1, 1)), random_state=seed).fit(weights)
            self.state['words'].append({word: int(index) for word, index in words.vocabulary_.items()})
            self.arrays[f'rarity_{place}'], self.arrays[f'parts_{place}'] = words.idf_, svd.components_
            said = self.fit_words(weights, goals, place, seed)
            parts.append(self.of_words(weights, texts, place, said))
        return np.concatenate(parts, axis=1)

    def fit_words(self, weights: Any, goals: np.ndarray, place: int, seed: int) -> np.ndarray:
        """Learns what each word says of the target. Returns what was learnt from the other parts of the training rows, so that no row sees its own label."""
        from sklearn.linear_model import Ridge

        goals = goals[:, : self.options['most_goals']]
        part = np.random.default_rng(seed).permutation(len(goals)) % 5
        tried = {}
        for strictness in (0.5, 2.0, 8.0):
            model = Ridge(strictness, solver='sparse_cg', tol=1e-3)
            found = np.empty_like(goals)
            for each in np.unique(part):
                found[part == each] = model.fit(weights[part != each], goals[part != each]).predict(weights[part == each]).reshape(-1, goals.shape[1])
            tried[strictness] = found
        best = min(tried, key=lambda each: float(((tried[each] - goals) ** 2).sum()))
        model = Ridge(best, solver='sparse_cg', tol=1e-3).fit(weights, goals)
        self.arrays[f'said_{place}'] = np.asarray(model.coef_).reshape(goals.shape[1], -1)
        self.arrays[f'usual_{place}'] = np.asarray(model.intercept_).reshape(-1)
        return tried[best]

    def text_of(self, column: pd.Series, place: int) -> np.ndarray:
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(vocabulary=self.state['words'][place], ngram_range=(1, 2), sublinear_tf=True)
        words.idf_ = self.arrays[f'rarity_{place}']
        texts = plain_text(column)
        weights = words.transform(texts)
        return self.of_words(weights, texts, place, weights @ self.arrays[f'said_{place}'].T + self.arrays[f'usual_{place}'])

    def of_words(self, weights: Any, texts: list[str], place: int, said: np.ndarray) -> np.ndarray:
        lengths = np.array([len(text) for text in texts], np.float64)[:, None]
        return np.concatenate([weights @ self.arrays[f'parts_{place}'].T, np.log1p(lengths), said], axis=1)

    def text(self, table: pd.DataFrame) -> np.ndarray:
        parts = [self.text_of(table[name], place) for place, name in enumerate(self.columns['text']) if self.state['words'][place] is not None]
        return np.concatenate([np.empty((len(table), 0)), *parts], axis=1)

    # [end]
    # ---- keeping

    def save(self, folder: Path) -> None:
        (folder / 'prepare.json').write_text(json.dumps(self.state), 'utf-8')
        np.savez(folder / 'prepare.npz', **self.arrays)

    def load(self, folder: Path) -> Prepare:
        self.state = json.loads((folder / 'prepare.json').read_text('utf-8'))
        with np.load(folder / 'prepare.npz', allow_pickle=False) as kept:
            self.arrays = {name: kept[name] for name in kept.files}
        return self


# [if dates]
def date_parts(times: pd.Series) -> np.ndarray:
    """Days since 2000, year, month, day, weekday, hour, and the year as an angle."""
    days = (times - pd.Timestamp('2000-01-01')).dt.total_seconds() / 86_400
    angle = times.dt.day_of_year * (2 * np.pi / 365.25)
    parts = [days, times.dt.year, times.dt.month, times.dt.day, times.dt.day_of_week, times.dt.hour, np.sin(angle), np.cos(angle)]
    return np.stack([part.to_numpy(np.float64) for part in parts], axis=1)


# [end]
# [if text]
def plain_text(column: pd.Series) -> list[str]:
    return ['' if text is None or text != text else str(text) for text in column]


# [end]
