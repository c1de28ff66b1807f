"""Runs the scripts of learn/ as the platform's loop does, without it: for measuring what they are worth. `drive.py TASK_FOLDER WORK_FOLDER`"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

LEARN = Path(__file__).resolve().parents[3] / 'learn'
GRADER = ('schema.json', 'folds.npy', 'labels.npy', 'weights.npy')


class Loop:
    def __init__(self, source: Path, work: Path, seconds: float | None) -> None:
        self.began = time.monotonic()
        self.work = work
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.source = source
        self.task = json.loads((source / 'task.json').read_text())
        self.seconds = self.task.get('seconds', 60) if seconds is None else seconds
        self.task['seconds'] = self.seconds
        self.journal: list[dict[str, Any]] = []
        self.entries: dict[str, dict[str, Any]] = {}
        self.overheads: list[float] = []

    def left(self) -> float:
        return self.seconds - (time.monotonic() - self.began)

    def step(self, name: str, files: dict[str, Path | Any], base: Path | None = None, limit: float = 600) -> tuple[Path, int, float]:
        """Runs a step in a fork of its own; returns where its output is, its exit code, and its seconds."""
        place = self.work / f'{name}-{time.monotonic_ns()}'
        (place / 'in').mkdir(parents=True)
        for file, content in files.items():
            target = place / 'in' / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                os.symlink(content.resolve(), target)
            else:
                target.write_text(json.dumps(content))
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            self.in_fork(name, place, base)
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            used = time.monotonic() - began
            if ended:
                return place / 'out', os.waitstatus_to_exitcode(status), used
            if used > limit:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return place / 'out', -9, used
            time.sleep(0.002)

    def in_fork(self, name: str, place: Path, base: Path | None) -> None:
        os.chdir(place)
        log = os.open(place / 'log', os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ['LEARN_BASE'] = str(base) if base is not None else ''
        sys.argv = [name, '--in', str(place / 'in')]
        code = 1
        try:
            import step

            module = importlib.import_module(name)
            step.run(getattr(module, {'judge_test': 'judge'}.get(name, name)))
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def must(self, name: str, files: dict[str, Path | Any], base: Path | None = None) -> Path:
        out, code, _ = self.step(name, files, base)
        if code != 0:
            said = out / 'problem.json'
            raise SystemExit(f'{name}: {said.read_text() if said.exists() else (out.parent / "log").read_text()}')
        return out

    def run(self) -> dict[str, Any]:
        task = {'task.json': self.task}
        tables = {file: self.source / file for file in [*self.task['table'], *([self.task['test']] if self.task.get('test') else [])]}
        looked = self.must('look', {**task, **tables})
        split = self.must('split', {**task, **{file.name: file for file in looked.iterdir()}})
        self.base = self.work / 'base'
        self.grader = self.work / 'grader'
        for place, names in ((self.base, ('schema.json', 'features.arrow', 'folds.npy', 'weights.npy')), (self.grader, GRADER)):
            place.mkdir()
            for name in names:
                if (split / name).exists():
                    shutil.copy(split / name, place / name)
        self.split, self.looked = split, looked
        self.planned = planned = self.must('plan', {**task, **{name: split / name for name in ('schema.json', 'meta.json')}})
        reserve = json.loads((planned / 'plan.json').read_text())['reserveSeconds']
        self.warm()
        while True:
            asked = {**task, 'schema.json': split / 'schema.json', 'meta.json': split / 'meta.json', 'plan.json': planned / 'plan.json'}
            asked['journal.json'] = {'secondsLeft': self.left() - reserve, 'workers': 1, 'rows': self.journal}
            proposed = self.must('propose', asked)
            following = json.loads((proposed / 'next.json').read_text())
            if following['done']:
                break
            for decision in following['decisions']:
                self.trial(decision, proposed / 'programs' / decision['id'])
        return self.result()

    def warm(self) -> None:
        os.environ['LEARN_BASE'] = str(self.base)
        importlib.import_module('warm')
        importlib.import_module('optuna')

    def trial(self, decision: dict[str, Any], program: Path) -> None:
        for fold in decision['folds']:
            files = {'program': program, 'labels.npy': self.split / f'fold-{fold}-labels.npy', 'fold.json': {'fold': fold, **decision['fold']}}
            out, code, seconds = self.step('fold', files, self.base, min(decision['limitSeconds'], max(self.left() - 1.0, 0.1)))
            row = {'id': decision['id'], 'config': decision['config'], 'fold': fold, 'seconds': seconds, 'score': None, 'state': 'crashed' if code > 0 else 'timed_out'}
            if code == 0:
                timing = json.loads((out / 'timing.json').read_text())
                self.overheads.append(seconds - timing['fitSeconds'] - timing['predictSeconds'])
                graded = self.must('grade', {'graded.json': {'predictions': [{'fold': fold, 'file': 'p.npy'}]}, 'p.npy': out / 'predictions.npy'}, self.grader)
                verdict = json.loads((graded / 'grade.json').read_text())
                row |= {'state': 'scored' if verdict['refused'] is None else 'refused', 'score': verdict['score'], 'problem': verdict['refused'], 'timing': timing}
            else:
                row['problem'] = (out.parent / 'log').read_text()[-2000:]
            self.journal.append(row)
            if row['state'] != 'scored':
                break
            entry = self.entries.setdefault(decision['id'], {'program': program, 'folds': {}, 'fitSeconds': 0.0, 'predictSeconds': 0.0, 'bytes': 0})
            entry['folds'][fold] = out
            entry['fitSeconds'] += timing['fitSeconds']
            entry['predictSeconds'] += timing['predictSeconds']
            entry['bytes'] += timing['bytes']

    def result(self) -> dict[str, Any]:
        searched = time.monotonic() - self.began
        entries, files = [], {}
        for identity, entry in self.entries.items():
            predictions = {}
            for fold, out in entry['folds'].items():
                predictions[str(fold)] = f'{identity}-{fold}.npy'
                files[f'{identity}-{fold}.npy'] = out / 'predictions.npy'
            entries.append({'id': identity, 'predictions': predictions, **{name: entry[name] for name in ('fitSeconds', 'predictSeconds', 'bytes')}})
        blended = self.must('blend', {'entries.json': {'entries': entries}, **files}, self.grader)
        blend = json.loads((blended / 'blend.json').read_text())
        predictions = {}
        for member in blend['members']:
            entry = self.entries[member['id']]
            models = {f'models/{fold}': out / 'model' for fold, out in entry['folds'].items()}
            out = self.must('apply', {'program': entry['program'], **models, 'schema.json': self.split / 'schema.json', 'test.arrow': self.split / 'test.arrow'})
            predictions[f'predictions/{member["id"]}.npy'] = out / 'predictions.npy'
        names = ('schema.json', 'labels.npy', 'test-labels.npy', 'test-weights.npy', 'test.arrow')
        judging = {name: self.split / name for name in names if (self.split / name).exists()}
        judged = self.must('judge_test', {'blend.json': blended / 'blend.json', **judging, **predictions})
        self.blended, self.judged = blended, judged
        self.members = blend['members']
        found = json.loads((judged / 'judged.json').read_text())
        overheads = sorted(self.overheads)
        return {'judged': found, 'blend': blend, 'journal': self.journal, 'searchSeconds': searched, 'seconds': time.monotonic() - self.began, 'overheadMs': 1000 * overheads[len(overheads) // 2] if overheads else None}


    def deliver(self) -> Path:
        """Explains, and writes the folder."""
        files, probes = {}, {}
        for member in self.members:
            entry = self.entries[member['id']]
            models = {f'models/{fold}': out / 'model' for fold, out in entry['folds'].items()}
            files |= {f'members/{member["id"]}/{name}': place for name, place in {'program': entry['program'], **models}.items()}
        for member in self.members[:3]:
            entry = self.entries[member['id']]
            models = {f'models/{fold}': out / 'model' for fold, out in entry['folds'].items()}
            out = self.must('probe', {'program': entry['program'], **models, 'schema.json': self.split / 'schema.json', 'test.arrow': self.split / 'test.arrow', 'probe.json': {'seconds': 3}})
            probes |= {f'probes/{member["id"]}/probes.json': out / 'probes.json', **{f'probes/{member["id"]}/{file.name}': file for file in (out / 'probes').iterdir()}}
        known = {name: self.split / name for name in ('schema.json', 'meta.json', 'labels.npy', 'test-labels.npy', 'test-weights.npy', 'test.arrow') if (self.split / name).exists()}
        known |= {'blend.json': self.blended / 'blend.json', 'judged.json': self.judged / 'judged.json'}
        explained = self.must('explain', {**known, **probes})
        oof = {name: self.blended / name for name in ('oof.npy', 'oof-rows.npy')}
        known |= {'look.json': self.looked / 'look.json', 'plan.json': self.planned / 'plan.json', 'explain.json': explained / 'explain.json'}
        return self.must('deliver', {'task.json': self.task, **known, **oof, **files}) / 'folder'


def main() -> None:
    sys.path.insert(0, str(LEARN))
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else None
    loop = Loop(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), seconds)
    result = loop.run()
    (loop.work / 'result.json').write_text(json.dumps(result))
    for row in result['blend']['leaderboard']:
        print(f'{row["id"]:24} {row["score"]:12.5g} folds {len(row["folds"])} weight {row["weight"]:.2f} fit {row["fitSeconds"]:.1f}s')
    for row in result['journal']:
        if row['state'] != 'scored':
            print(row['id'], row['fold'], row['state'], row['seconds'], (row.get('problem') or '')[-600:])
    judged = result['judged']
    print(judged['says'], '| oof', result['blend']['score'], '| members', [(member['id'], round(member['weight'], 2)) for member in judged['members']])
    print(f'search {result["searchSeconds"]:.1f} s, whole {result["seconds"]:.1f} s, overhead {result["overheadMs"]} ms')
    if '--deliver' in sys.argv:
        print(loop.deliver())


if __name__ == '__main__':
    main()
