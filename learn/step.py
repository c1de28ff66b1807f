"""What every step does: reads below its folder, writes below ./out, and tells a user's mistake as problem.json and exit code 3."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUT = Path('out')


class Problem(Exception):
    """What the user has to change, with the column and the row (from 1, the header not counted) where there is one."""

    def __init__(self, message: str, *, column: str | None = None, row: int | None = None) -> None:
        super().__init__(message)
        self.said = {'message': message, **({'column': column} if column is not None else {}), **({'row': row} if row is not None else {})}


class Folder:
    """The files of a step: its own folder first, then the base that its forks share."""

    def __init__(self, own: Path, base: Path | None) -> None:
        self.own = own
        self.base = base

    def path(self, name: str) -> Path:
        own = self.own / name
        if own.exists() or self.base is None:
            return own
        return self.base / name

    def has(self, name: str) -> bool:
        return self.path(name).exists()

    def json(self, name: str) -> Any:
        return json.loads(self.path(name).read_text('utf-8'))

    def array(self, name: str) -> Any:
        import numpy as np

        return np.load(self.path(name), allow_pickle=False)

    def array_if(self, name: str) -> Any:
        return self.array(name) if self.has(name) else None

    def frame(self, name: str) -> Any:
        """Returns a table as a pandas frame; of a warm fork, the one that was read before."""
        warm = sys.modules.get('warm')
        known = getattr(warm, 'TABLES', {}).get(str(self.path(name)))
        return read_frame(self.path(name)) if known is None else known


def read_frame(path: Path) -> Any:
    """Reads an Arrow file as pandas: dictionaries become categories, numbers float64, times datetime64, text objects."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        # Without threads: a fork of a process that has some may hang.
        return frame_of(pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all())


def frame_of(table: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            columns[name] = column.to_pandas()
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            columns[name] = pd.Series(column.to_pylist(), dtype=object)
        else:
            columns[name] = column.to_pandas()
    return pd.DataFrame(columns, copy=False)


def write_arrow(table: Any, name: str) -> None:
    import pyarrow as pa

    with pa.OSFile(str(OUT / name), 'wb') as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def plain(value: Any) -> Any:
    """The same as JSON can say it: no NaN or infinity, no numpy."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, 'tolist'):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(name: str, value: Any) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain(value), ensure_ascii=False, allow_nan=False) + '\n', 'utf-8')


def base_folder(own: Path) -> Path | None:
    for place in (os.environ.get('LEARN_BASE'), '/base'):
        if place and Path(place).is_dir() and Path(place) != own:
            return Path(place)
    return None


def run(step: Callable[[Folder], None]) -> None:
    """Runs a step as a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--in', dest='own', default='/in')
    own = Path(parser.parse_args().own)
    OUT.mkdir(exist_ok=True)
    try:
        step(Folder(own, base_folder(own)))
    except Problem as problem:
        write_json('problem.json', problem.said)
        print(problem, file=sys.stderr)
        sys.exit(3)


def row_ms(predict: Callable[[Any], Any], table: Any, times: int) -> float:
    """How long one row takes to be predicted, milliseconds: the median of so many, each by itself, after one that is not counted."""
    import statistics
    import time

    took = []
    for place in range(times + 1):
        row = table.iloc[[place % len(table)]].reset_index(drop=True)
        began = time.perf_counter()
        predict(row)
        took.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(took[1:]), 4)


def task_of(folder: Folder) -> dict[str, Any]:
    """task.json with its defaults."""
    return {**DEFAULTS, **{key: value for key, value in folder.json('task.json').items() if value is not None}}


DEFAULTS: dict[str, Any] = {
    'test': None,
    'target': None,
    'task': None,
    'metric': None,
    'groups': None,
    'time': None,
    'weights': None,
    'drop': [],
    'kinds': {},
    'seconds': 60,
    'threads': 1,
    'seed': 0,
    'folds': 5,
    'testShare': 0.2,
    'interpretable': False,
    'maxLatencyMs': None,
    'maxRows': 200_000,
    'sheet': None,
    'called': {},
}
