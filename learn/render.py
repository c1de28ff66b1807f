"""Writes the program of a configuration: standalone, with the parts that it uses and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import step
from objectives import objective_of
from step import OUT, Folder

HERE = Path(__file__).resolve().parent / 'program'
BOOSTED = ('lightgbm', 'xgboost', 'catboost')
WEIGHTED = (*BOOSTED, 'extra_trees', 'random_forest', 'logistic', 'ridge', 'linear', 'svm', 'svr', 'naive_bayes', 'lasso', 'elastic_net')
MARK = re.compile(r'^ *# \[(if (?P<no>not )?(?P<name>\w+)|end)\]$')
PREPARE = {'categories': 'codes', 'target_encoding': False, 'numbers': 'raw', 'splines': 0, 'least_rows': 2, 'most_categories': 200, 'most_onehot': 20, 'text_parts': 24, 'most_goals': 12}
FILES = ('prepare.py', 'train.py', 'predict.py')


def render(folder: Folder) -> None:
    write_program(folder.json('config.json'), folder.json('schema.json'), OUT / 'program')


def write_program(config: dict[str, Any], schema: dict[str, Any], into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    whole = completed(config, schema)
    parts = parts_of(whole)
    for name in FILES:
        (into / name).write_text(rendered((HERE / name).read_text('utf-8'), parts, whole), 'utf-8')
    import json

    (into / 'config.json').write_text(json.dumps(whole, indent=1, ensure_ascii=False) + '\n', 'utf-8')


def completed(config: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The configuration with all that its program has to know of the table."""
    options = {**PREPARE, **config.get('prepare', {})}
    kinds: dict[str, list[str]] = {'number': [], 'category': [], 'ordered': [], 'date': [], 'text': []}
    for column in schema['columns']:
        kinds['number' if column['kind'] == 'flag' else column['kind']].append(column['name'])
    options['scales'] = {column['name']: column['categories'] for column in schema['columns'] if column['kind'] == 'ordered'}
    if not any('category' == column['kind'] for column in schema['columns']):
        options['categories'], options['target_encoding'] = 'none', False
    classes = len(schema['classes'] or [])
    return {
        **config,
        'columns': kinds,
        'prepare': options,
        'task': schema['task'],
        'classes': classes,
        'metric': schema['metric'],
        'parameters': {**objective_of(config['model'], schema), **config.get('parameters', {})},
        'target': config.get('target', 'plain') if schema['task'] == 'regression' else None,
        'patience': config.get('patience', 50),
        'seed': config.get('seed', schema['seed']),
        'threads': schema['threads'],
    }


def bare(config: dict[str, Any]) -> dict[str, Any]:
    """What is left of a completed configuration on another table: nothing that was known of the first."""
    known = {'columns', 'task', 'classes', 'metric', 'threads', 'seed', 'like'}
    options = {name: value for name, value in config['prepare'].items() if name != 'scales'}
    if not config['columns']['category']:
        options = {name: value for name, value in options.items() if name not in ('categories', 'target_encoding')}
    objective = objective_of(config['model'], {'task': config['task'], 'metric': config['metric'], 'classes': [''] * config['classes']})
    parameters = {name: value for name, value in config['parameters'].items() if name not in objective}
    return {**{name: value for name, value in config.items() if name not in known}, 'prepare': options, 'parameters': parameters}


def parts_of(config: dict[str, Any]) -> set[str]:
    options, model = config['prepare'], config['model']
    regression = config['task'] == 'regression'
    parts = {'regression' if regression else 'classification', model}
    if model == 'svm' and regression:
        parts = parts - {'svm'} | {'svr'}
    parts |= {'boosted'} if model in BOOSTED else set()
    parts |= {'weighted'} if model in WEIGHTED else set()
    parts |= {'categories', options['categories']} if options['categories'] != 'none' else set()
    parts |= {'target_encoding'} if options['target_encoding'] else set()
    parts |= {'text'} if config['columns']['text'] else set()
    parts |= {'goals'} if parts & {'text', 'target_encoding'} else set()
    parts |= {'dates'} if config['columns']['date'] else set()
    parts |= {'ordered'} if config['columns']['ordered'] else set()
    parts |= {'scaled', options['numbers']} if options['numbers'] != 'raw' else set()
    parts |= {'splines'} if options['splines'] else set()
    return parts | ({config['target']} if regression else set())


def rendered(template: str, parts: set[str], config: dict[str, Any]) -> str:
    lines, kept = [], [True]
    for line in template.splitlines():
        mark = MARK.match(line)
        if mark is None:
            if all(kept):
                lines.append(line)
        elif mark['name'] is None:
            kept.pop()
        else:
            kept.append((mark['name'] in parts) != bool(mark['no']))
    text = '\n'.join(lines).rstrip() + '\n'
    kind = 'Regressor' if config['task'] == 'regression' else 'Classifier'
    text = re.sub(r'\b(ExtraTrees|RandomForest|KNeighbors|MLP)Estimator', rf'\1{kind}', text)
    shift = '1.0' if config['metric'] == 'rmsle' else '0.0'
    text = re.sub(r'\bSHIFT\b', shift, text).replace('PREDICTION_KIND', "'RawFormulaVal'" if kind == 'Regressor' else "'Probability'")
    return re.sub(r'\n{3,}(?=\S)', '\n\n\n', text.replace('Trains MODEL', f'Trains {config["model"]}'))


if __name__ == '__main__':
    step.run(render)
