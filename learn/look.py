"""Looks at a table: what every column holds, what to predict, what is odd. Nothing is dropped that look.json does not say."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import step
from infer import Column, column_of, file_comma
from oddities import oddities
from reading import Raw, read_table, short
from step import Folder, Problem
from summary import summary_of
from targets import Target, propose, target_of

LEAST_ROWS = 10
ROLES = ('target', 'groups', 'time', 'weights')
UNUSED = ('constant', 'identifier')
"""Columns of these kinds are no features."""


def look(folder: Folder) -> None:
    task = step.task_of(folder)
    raw = read(folder, files_of(task)[0], task)
    for further in files_of(task)[1:]:
        raw = with_rows(raw, read(folder, further, task), called(further, task))
    originals = dict(zip(raw.table.column_names, raw.originals, strict=True))
    named = {role: name_in(raw, task[role], f'--{role}') for role in ROLES}
    dropped = [name_in(raw, name, '--drop') for name in task['drop']]
    expect_apart(named, dropped)
    kinds = {name_in(raw, name, 'kinds'): kind for name, kind in task['kinds'].items()}
    test_rows = 0
    if task['test'] is not None:
        test = as_learnt(raw, read(folder, task['test'], task), dropped)
        test_rows = test.table.num_rows
    raw, beyond = sampled(raw, task, test_rows)
    left_out = [*raw.left_out, *beyond]
    if task['test'] is not None:
        raw = with_rows(raw, test, called(task['test'], task))
    if dropped:
        raw.table = raw.table.drop_columns([name for name in dropped if name is not None])
        left_out.append({'what': 'columns that were to be dropped', 'count': len(dropped), 'columns': dropped})
    comma = file_comma(raw.table, raw.read['delimiter'])
    columns = [column_of(name, values, kinds.get(name), comma) for name, values in zip(raw.table.column_names, raw.table.columns, strict=True)]
    rows = raw.table.num_rows - test_rows
    if named['target'] is None:
        named['target'] = propose(columns, rows)
        proposed = True
    else:
        proposed = False
    by_name = {column.name: column for column in columns}
    one_value(by_name[named['target'] or ''], rows)
    target = target_of(by_name[named['target'] or ''], raw.table[named['target'] or ''], task, rows)
    keep, said = rows_kept(target, by_name, named, rows, test_rows)
    left_out += said
    write(raw, originals, columns, target, named, keep, rows, left_out, proposed)


def read(folder: Folder, file: str, task: dict[str, Any]) -> Raw:
    """Reads a table; what is wrong with it is told by the name that the user knows it by."""
    try:
        return read_table(folder.path(file), task['sheet'])
    except Problem as problem:
        known = f'{file}: '
        if str(problem).startswith(known):
            message = f'{called(file, task)}: {str(problem).removeprefix(known)}'
            raise Problem(message, column=problem.said.get('column'), row=problem.said.get('row')) from None
        raise


def called(file: str, task: dict[str, Any]) -> str:
    return str(task['called'].get(file, file))


def files_of(task: dict[str, Any]) -> list[str]:
    return [task['table']] if isinstance(task['table'], str) else list(task['table'])


def name_in(raw: Raw, asked: str | None, option: str) -> str | None:
    """Returns our name of the column that the user named; by its name in the file or ours."""
    if asked is None:
        return None
    names = raw.table.column_names
    places = [place for place, original in enumerate(raw.originals) if original == asked]
    if len(places) > 1:
        raise Problem(f'{option} {short(asked)}: {len(places)} columns have that name: use {" or ".join(names[place] for place in places)}', column=asked)
    if places:
        return names[places[0]]
    if asked in names:
        return asked
    loose = [name for name in names if name.casefold() == asked.strip().casefold()]
    near = loose or difflib.get_close_matches(asked, names, 1, 0.4)
    meant = f'; did you mean {short(near[0])}?' if near else f'; the columns are {", ".join(names[:12])}{", …" if len(names) > 12 else ""}'
    raise Problem(f'{option} {short(asked)}: expected a column of the table, found none of that name{meant}{read_as(raw)}', column=asked)


def read_as(raw: Raw) -> str:
    """How a file with a single column was read, for who meant more."""
    delimiter = raw.read['delimiter']
    return f' (read with {delimiter!r} between cells)' if delimiter is not None and raw.table.num_columns == 1 else ''


def expect_apart(named: dict[str, str | None], dropped: list[str | None]) -> None:
    """A column has one role: who weighs rows by the target, or drops what it groups by, meant another column."""
    seen: dict[str, str] = {}
    for role, name in named.items():
        if name is None:
            continue
        if name in dropped:
            raise Problem(f'--drop {short(name)}: expected other columns than that of --{role}; leave one of the two options out', column=name)
        if name in seen:
            raise Problem(f'--{role} {short(name)}: expected another column than that of --{seen[name]}', column=name)
        seen[name] = role


def as_learnt(raw: Raw, test: Raw, dropped: list[str | None]) -> Raw:
    """A test without columns that nothing is learnt from is as good as one with them."""
    for name in dropped:
        if name is not None and name not in test.table.column_names:
            kind = raw.table.schema.field(name).type
            test.table = test.table.append_column(name, pa.chunked_array([pa.nulls(test.table.num_rows, kind)]))
    return test


def with_rows(raw: Raw, more: Raw, file: str) -> Raw:
    """Appends the rows of another file that has the same columns, in any order."""
    own, theirs = dict(zip(raw.table.column_names, raw.table.columns, strict=True)), dict(zip(more.table.column_names, more.table.columns, strict=True))
    missing = [name for name in own if name not in theirs]
    extra = [name for name in theirs if name not in own]
    if missing:
        raise Problem(f'{file}: expected the columns of the first table, {", ".join(map(short, missing[:5]))} {"is" if len(missing) == 1 else "are"} missing', column=missing[0])
    if extra:
        raw.warnings.append({'kind': 'extra', 'column': extra[0], 'number': len(extra), 'message': f'{file}: columns that the first table lacks are not used: {", ".join(map(short, extra[:5]))}'})
    columns = []
    for name, values in own.items():
        one, other = decoded(values), decoded(theirs[name])
        if one.type != other.type:
            one, other = as_text(one), as_text(other)
        columns.append(pa.chunked_array([*one.chunks, *other.chunks], type=one.type))
    return Raw(pa.table(columns, names=raw.table.column_names), raw.originals, raw.read, raw.warnings, [*raw.left_out, *more.left_out])


def decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.cast(values, pa.string()), '')


def sampled(raw: Raw, task: dict[str, Any], test_rows: int) -> tuple[Raw, list[dict[str, Any]]]:
    rows, most = raw.table.num_rows, task['maxRows']
    if rows <= most:
        return raw, []
    chosen = np.sort(np.random.default_rng(task['seed']).choice(rows, most, replace=False))
    raw.table = raw.table.take(pa.array(chosen))
    raw.warnings.append({'kind': 'sampled', 'column': None, 'number': most, 'message': f'{most:,} of {rows:,} rows are used, drawn at random (maxRows)'})
    return raw, [{'what': 'rows beyond the sample', 'count': rows - most}]


def one_value(column: Column, rows: int) -> None:
    """Told before the metric is looked at, which would be compared with those of some other task."""
    if column.distinct == 1 and rows >= LEAST_ROWS:
        raise Problem(f'column {column.name}: expected two classes or more, or numbers that differ: {column.why}', column=column.name)


def rows_kept(target: Target, columns: dict[str, Column], named: dict[str, str | None], rows: int, test_rows: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Returns which rows have a target and a usable weight, and what is said of the others."""
    said = []
    keep = ~target.missing
    if not keep[:rows].any():
        raise Problem(f'column {target.name}: expected values to learn from, every row is missing', column=target.name)
    if not keep[:rows].all():
        said.append(counted('rows without a target', ~keep[:rows]))
    if test_rows and not keep[rows:].all():
        said.append(counted('test rows without a target', ~keep[rows:]))
    if named['weights'] is not None:
        weights = columns[named['weights']].values
        if not pa.types.is_floating(weights.type):
            raise Problem(f'column {named["weights"]}: expected weights, numbers above 0, got {columns[named["weights"]].why}', column=named['weights'])
        floats = np.asarray(weights.to_numpy(zero_copy_only=False), float)
        bad = ~(floats >= 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0]) + 1
            raise Problem(f'column {named["weights"]}: row {row}: expected a weight of 0 or more', column=named['weights'], row=row)
    for role in ('groups', 'time'):
        name = named[role]
        if name is not None and columns[name].missing:
            lost = np.asarray(columns[name].values.is_null().to_numpy(zero_copy_only=False), bool) & keep
            if lost[:rows].any():
                said.append(counted(f'rows without a value of {name} (--{role})', lost[:rows]))
            if lost[rows:].any():
                said.append(counted(f'test rows without a value of {name} (--{role})', lost[rows:]))
            keep = keep & ~lost
    return keep, said


def counted(what: str, flags: np.ndarray) -> dict[str, Any]:
    places = np.flatnonzero(flags)
    what = what.replace('rows', 'row', 1) if len(places) == 1 else what
    return {'what': what, 'count': len(places), 'rows': (places[:20] + 1).tolist()}


def write(raw: Raw, originals: dict[str, str], columns: list[Column], target: Target, named: dict[str, str | None], keep: np.ndarray, rows: int, left_out: list[dict[str, Any]], proposed: bool) -> None:
    train = np.flatnonzero(keep[:rows])
    if len(train) < LEAST_ROWS:
        raise Problem(f'expected at least {LEAST_ROWS} rows with a target, found {len(train)}', column=target.name)
    target.check(train, named['weights'])
    features = [column for column in columns if column.name not in named.values()]
    if named['time'] is not None and columns[[column.name for column in columns].index(named['time'])].kind in ('date', 'number'):
        features.append(next(column for column in columns if column.name == named['time']))
    warnings = [*raw.warnings, *(warning for column in columns for warning in column.warnings), *target.warnings]
    odd, copies = oddities(features, target, train)
    warnings += odd
    for column in copies:
        column.kind, column.why = 'constant', f'a copy of the target {target.name}'
    if not features:
        raise Problem(f'expected columns beside the target {target.name}, the table has none{read_as(raw)}', column=target.name)
    if not any(column.kind not in UNUSED for column in features):
        raise Problem('expected a column that can be learnt from, every one is constant, an identifier or a copy of the target')
    left_out += [{'what': f'column: {column.why}', 'count': 1, 'columns': [column.name]} for column in features if column.kind in UNUSED]
    fields = {column.name: column.values for column in columns}
    fields[target.name] = target.values
    table = pa.table(fields)
    step.write_arrow(table.take(pa.array(train)), 'table.arrow')
    if len(keep) > rows:
        step.write_arrow(table.take(pa.array(np.flatnonzero(keep[rows:]) + rows)), 'test-table.arrow')
    step.write_json(
        'look.json',
        {
            'rows': len(train),
            'testRows': int(keep[rows:].sum()),
            'read': raw.read,
            'columns': [
                {
                    'name': column.name,
                    'original': originals[column.name],
                    'kind': 'target' if column.name == target.name else column.kind,
                    'why': column.why,
                    'missing': column.missing,
                    'distinct': column.distinct,
                    'written': column.written,
                    'summary': summary_of(column, column.values.take(pa.array(train))),
                }
                for column in columns
            ],
            'target': {'name': target.name, 'why': target.proposed if proposed else 'named', 'confirmed': not proposed, 'nearest': None},
            'roles': {role: name for role, name in named.items() if role != 'target' and name is not None},
            'task': target.task,
            'taskWhy': target.why,
            'classes': target.classes,
            'metric': target.metric,
            'direction': target.direction,
            'balance': target.balance(train),
            'warnings': warnings,
            'leftOut': left_out,
        },
    )


if __name__ == '__main__':
    step.run(look)
