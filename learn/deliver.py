"""Writes the folder that predicts without Crucible."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import step
from step import OUT, Folder

HERE = Path(__file__).resolve().parent
READING = ('step.py', 'reading.py', 'infer.py', 'dates.py', 'metrics.py', 'calibrate.py', 'explaining.py')
SEARCH_ALONE = {'optuna', 'alembic', 'colorlog', 'mako', 'markupsafe', 'sqlalchemy'}
LIBRARIES = {'lightgbm': {'lightgbm'}, 'xgboost': {'xgboost-cpu'}, 'catboost': {'catboost'}}
BACKGROUND = 16


def deliver(folder: Folder) -> None:
    look, schema, blend, judged = (folder.json(f'{name}.json') for name in ('look', 'schema', 'blend', 'judged'))
    into = OUT / 'folder'
    (into / 'reading').mkdir(parents=True, exist_ok=True)
    for file in sorted((HERE / 'delivered').iterdir()):
        if file.is_file():
            shutil.copyfile(file, into / ('reading/conformal.py' if file.name == 'conformal.py' else file.name))
    for name in READING:
        shutil.copyfile(HERE / name, into / 'reading' / name)
    models = set()
    for member in blend['members']:
        source, target = folder.path(f'members/{member["id"]}'), into / 'model' / member['id']
        shutil.copytree(source / 'program', target, ignore=shutil.ignore_patterns('__pycache__', 'train.py'))
        shutil.copytree(source / 'models', target / 'folds')
        (into / 'training' / member['id']).mkdir(parents=True)
        shutil.copyfile(source / 'program/train.py', into / 'training' / member['id'] / 'train.py')
        models.add(folder.json(f'members/{member["id"]}/program/config.json')['model'])
    write_schema(look, schema, blend)
    write_data(folder, schema)
    step.write_json('folder/recorded.json', {name: judged[name] for name in ('metric', 'score', 'interval', 'rows', 'naive')})
    (into / 'requirements.lock').write_text(lock_without(SEARCH_ALONE | set().union(*(names for model, names in LIBRARIES.items() if model not in models))), 'utf-8')
    explained = folder.json('explain.json') if folder.has('explain.json') else None
    (into / 'MODEL_CARD.md').write_text(card(look, schema, blend, judged, explained), 'utf-8')
    (into / 'README.md').write_text(README, 'utf-8')


def write_schema(look: dict[str, Any], schema: dict[str, Any], blend: dict[str, Any]) -> None:
    seen = {column['name']: column for column in look['columns']}
    columns = [{**column, 'original': seen[column['name']]['original'], 'written': seen[column['name']]['written']} for column in schema['columns']]
    used = {column['name'] for column in columns}
    unused = sorted({each for column in look['columns'] if column['name'] not in used for each in (column['name'], column['original'])})
    step.write_json(
        'folder/schema.json',
        {
            **{name: schema[name] for name in ('task', 'classes', 'metric', 'target')},
            'columns': columns,
            'unused': unused,
            'members': blend['members'],
            'threshold': blend['threshold'],
            'calibration': blend['calibration'],
        },
    )


def write_data(folder: Folder, schema: dict[str, Any]) -> None:
    shutil.copyfile(folder.path('test.arrow'), OUT / 'folder/test_rows.arrow')
    weights = folder.array_if('test-weights.npy')
    np.savez(OUT / 'folder/test_labels.npz', labels=folder.array('test-labels.npy'), **({} if weights is None else {'weights': weights}))
    rows = folder.array('oof-rows.npy')
    np.savez_compressed(OUT / 'folder/conformal.npz', predictions=folder.array('oof.npy'), labels=folder.array('labels.npy')[rows])
    with pa.memory_map(str(folder.path('test.arrow'))) as source:
        table = pa.ipc.open_file(source).read_all()
    usual = np.sort(np.random.default_rng(0).permutation(table.num_rows)[:BACKGROUND])
    step.write_arrow(table.take(pa.array(usual)), 'folder/background.arrow')


def lock_without(names: set[str]) -> str:
    blocks = re.split(r'\n(?=\S)', '\n'.join(line for line in (HERE / 'lock.txt').read_text('utf-8').splitlines() if not line.startswith('#')))
    kept = [block for block in blocks if block.strip() and block.split('==', 1)[0].strip() not in names]
    return '# pip install --no-deps --require-hashes -r requirements.lock, with Python 3.11\n' + '\n'.join(kept) + '\n'


def card(look: dict[str, Any], schema: dict[str, Any], blend: dict[str, Any], judged: dict[str, Any], explained: dict[str, Any] | None) -> str:
    kinds = pd.Series([column['kind'] for column in schema['columns']]).value_counts()
    lines = [
        f'# Model card: {schema["target"]}',
        '',
        f'Predicts **{schema["target"]}** ({schema["task"]}) from {len(schema["columns"])} columns ({", ".join(f"{count} {kind}" for kind, count in kinds.items())}), learnt from {schema["rows"]:,} rows.',
        '',
        f'- Score: {judged["says"]}.',
        f'- Out of fold: {blend["score"]:.4g} ({blend["interval"][0]:.4g} to {blend["interval"][1]:.4g}).',
        f'- Probabilities: {"calibrated by a temperature" if blend["calibration"]["kind"] == "temperature" else "as the models give them"}.' if schema['classes'] else '- Intervals: conformal, from out-of-fold predictions.',
        '',
        '## Members',
        '',
        '| model | weight | test score |',
        '|---|---|---|',
        *(f'| {member["id"]} | {member["weight"]:.2f} | {member["score"]:.4g} |' for member in judged['members']),
        '',
        '## Left out',
        '',
        *([f'- {entry["what"]}: {entry["count"]:,}' + (f' ({", ".join(entry["columns"][:5])})' if entry.get('columns') else '') for entry in look['leftOut']] or ['- nothing']),
        '',
        '## Warnings',
        '',
        *([f'- {warning["message"]}' for warning in look['warnings']] or ['- none']),
    ]
    if explained:
        lines += ['', '## What it goes by', '', '| column | loss when shuffled | 95 % |', '|---|---|---|']
        lines += [f'| {each["column"]} | {each["permutation"]:.4g} | {each["interval"][0]:.3g} to {each["interval"][1]:.3g} |' for each in explained['importance'][:10]]
        lines += ['', '## Recommendations', '', *(f'- {text}' for text in explained['recommendations']), '', '## In use', '', *(f'- {text}' for text in explained['deployment'])]
    return '\n'.join(lines) + '\n'


README = """# A model that predicts by itself

    python3.11 -m venv venv && venv/bin/pip install --no-deps --require-hashes -r requirements.lock
    venv/bin/python predict.py new.csv -o out.csv --interval 0.9 --explain
    venv/bin/python test_score.py      # the recorded test score, to 1e-9

`service.py` predicts over HTTP: `docker build -t model . && docker run -p 8000:8000 model`. MODEL_CARD.md says what it is and is not.
Linux needs libgomp1 for LightGBM, XGBoost and scikit-learn.
"""


if __name__ == '__main__':
    step.run(deliver)
