"""Decides what to run next, by what it should gain a second: a first fold, the other folds of what was good, or settings nobody has tried."""

from __future__ import annotations

import statistics
from typing import Any

import step
from metrics import DIRECTIONS
from models import BOOSTED, STRENGTH, names, seconds_of
from render import write_program
from second import SHARE, second_set
from step import OUT, Folder
from tune import suggestion

LENIENT, STRICT = 1.08, 1.1
"""How much worse than the best a first fold may be, of a model that nothing else stands for, and of another setting of one that is there."""
READING = 0.04
"""Seconds of a prediction that do not grow with the rows: reading the model."""
DEAREST = 0.15
"""What takes more than this share of the time that is left has to be as good as any."""
SECOND = 1.12
"""Once all were begun, those that are not much worse than the best are finished before settings are tuned: a blend gains by what errs elsewhere."""
CHEAPLY, LAST = 2.0, 4.0
"""What is cheap is finished where it is this much worse, before settings are tuned; anything this much worse, where no time is left to tune any."""
KEEP_SECONDS = 1.0
EASY, MOST_SLOWED = 1.6, 3.0
BLENDED = 6
"""So many are in a blend, more or less."""
CHEAP = 0.05
"""What takes less than this share of the time that is left is cheap."""
WORTHY, LITTLE, DEAR = 3.0, 0.08, 10.0
"""A model is begun early where it is this strong and a fold takes less than this share of the time that is left; all of the time weighs as
much as so much strength."""


def propose(folder: Folder) -> None:
    schema, meta, plan, journal = (folder.json(name) for name in ('schema.json', 'meta.json', 'plan.json', 'journal.json'))
    if folder.has('model-plan.json'):
        task = step.task_of(folder)
        more = second_set(folder.json('model-plan.json'), schema, meta, task, plan['configs'])
        plan['configs'] = [*plan['configs'], *more]
        plan['first'] = [*plan.get('first', []), *(config['id'] for config in more)]
    search = Search(schema, meta, plan, journal)
    decisions = []
    running = len({row['id'] for row in journal['rows'] if row['state'] == 'running'})
    while len(decisions) + running < journal.get('workers', 1):
        decision = search.next()
        if decision is None:
            break
        decisions.append(decision)
        write_program(decision['config'], schema, OUT / 'programs' / decision['id'])
    done = not decisions and running == 0
    step.write_json('next.json', {'decisions': decisions, 'done': done, 'why': 'nothing more fits into the time that is left' if done else ''})


class Search:
    """What was run so far, and what could be run."""

    def __init__(self, schema: dict[str, Any], meta: dict[str, Any], plan: dict[str, Any], journal: dict[str, Any]) -> None:
        self.schema, self.meta, self.plan, self.journal = schema, meta, plan, journal
        self.folds = list(range(plan['folds']))
        self.rows: dict[str, dict[int, dict[str, Any]]] = {}
        self.configs = {config['id']: config for config in plan['configs']}
        self.taken: set[str] = set()
        for row in journal['rows']:
            self.rows.setdefault(row['id'], {})[row['fold']] = row
            self.configs.setdefault(row['id'], row['config'])
            if row['state'] == 'running':
                self.taken.add(row['id'])
        self.left = journal['secondsLeft'] - KEEP_SECONDS - self.seconds_to_apply() - self.more_for_the_end()

    # ---- what is known

    def seconds_to_apply(self) -> float:
        """Predicting the test takes every kept model once: what that takes above what is set aside for it."""
        finished = sorted((sum(scored.values()), identity) for identity, rows in self.rows.items() if len(scored := self.scored(rows)) == len(self.folds))
        share = max(self.meta['testRows'] / max(self.meta['rows'] / self.schema['folds'], 1), 1)
        best = [row for _, identity in finished[:BLENDED] for row in self.rows[identity].values()]
        return max(sum(max((row.get('timing') or {}).get('predictSeconds', READING) - READING, 0) * share + READING for row in best) - self.plan.get('reserveSeconds', 0) / 3, 0)

    def more_for_the_end(self) -> float:
        """Half of what is set aside for the end is needed on a machine of our own; on a busy one all of it, and then more."""
        return float(self.plan.get('reserveSeconds', 0) / 2 * max(self.slowed() - EASY, 0))

    def slowed(self) -> float:
        """How many times longer things take than their own work, where others compute on the machine."""
        timings = [row['timing'] for rows in self.rows.values() for row in rows.values() if (row.get('timing') or {}).get('cpuSeconds', 0) > 0.2]
        if len(timings) < 2:
            return 1.0
        return min(max(statistics.median((timing['fitSeconds'] + timing['predictSeconds']) / timing['cpuSeconds'] for timing in timings), 1.0), MOST_SLOWED)

    def scored(self, rows: dict[int, dict[str, Any]]) -> dict[int, float]:
        return {fold: regret(self.schema['metric'], row['score']) for fold, row in rows.items() if row['state'] == 'scored'}

    def failed(self, identity: str) -> bool:
        most = self.journal.get('maxLatencyMs') or float('inf')
        return any(row['state'] in ('refused', 'crashed', 'timed_out') or (row.get('timing') or {}).get('rowMs', 0) > most for row in self.rows.get(identity, {}).values())

    def ratio(self, model: str) -> float:
        """How much slower this model, or all, were than expected."""
        for only in (True, False):
            seen = [
                row['seconds'] / seconds_of(self.configs[identity], self.meta, self.schema['folds'])
                for identity, rows in self.rows.items()
                for row in rows.values()
                if row['state'] in ('scored', 'timed_out') and row['seconds'] and (not only or self.configs[identity]['model'] == model)
            ]
            if seen:
                found = statistics.median(seen)
                return found if only else min(max(found, 0.6), 1.5)  # other models say little of this one
        return 1.0

    def seconds(self, identity: str) -> float:
        """Of one more fold."""
        config = self.configs[identity]
        seen = [row['seconds'] for row in self.rows.get(identity, {}).values() if row['state'] == 'scored']
        if not seen:
            return seconds_of(config, self.meta, self.schema['folds']) * self.ratio(config['model'])
        if len(seen) == 1 and config['model'] in BOOSTED:
            return seen[0] * 0.65  # the first fold looks for the rounds as well
        return seen[-1]

    # ---- what to do

    def next(self) -> dict[str, Any] | None:
        decision = self.explore() or self.finish() or self.start() or self.finish(SECOND) or self.finish(CHEAPLY, CHEAP) or self.tune() or self.finish(LAST)
        if decision is not None:
            self.taken.add(decision['id'])
            self.left -= decision['expectedSeconds']
        return decision

    def explore(self) -> dict[str, Any] | None:
        """The first fold of a model that nothing is known of, once something is finished: what is finished next is then the best of several."""
        if not any(len(self.scored(rows)) == len(self.folds) for rows in self.rows.values()):
            return None
        begun = {self.configs[identity]['model'] for identity in [*self.rows, *self.taken]}
        return self.start({model for model in names(self.schema['task']) if model not in begun}, LITTLE)

    def finish(self, least: float = 1.0, most: float = 1.0) -> dict[str, Any] | None:
        """The other folds of the best that has begun, if they take no more than a share of the time."""
        firsts = {identity: found[0] for identity, rows in self.rows.items() if 0 in (found := self.scored(rows)) and not self.failed(identity)}
        for identity in sorted(firsts, key=lambda each: firsts[each] * (1 + self.share(each) / 2)):
            rest = [fold for fold in self.folds if fold not in self.rows[identity]]
            if identity in self.taken or not rest or not self.promising(identity, firsts, least):
                continue
            if self.seconds(identity) * len(rest) > self.left * most:
                continue
            return self.decision(identity, rest, f'its first fold is {"the best" if firsts[identity] == min(firsts.values()) else "good enough"}')
        return None

    def promising(self, identity: str, firsts: dict[str, float], least: float) -> bool:
        """Whether a first fold is good enough: by the best, and by what of its model is finished; where the rest is cheap, less is asked."""
        model, best = self.configs[identity]['model'], min(firsts.values())
        peers = [firsts[each] for each in firsts if self.configs[each]['model'] == model and each != identity and len(self.scored(self.rows[each])) == len(self.folds)]
        lenient = LENIENT + 0.2 * max(0.0, 1 - self.share(identity) / DEAREST)
        if not peers or firsts[identity] < min(peers):
            worth = lenient
        elif self.share(identity) < CHEAP:
            worth = 1.15  # a single fold says little, and the others cost little
        else:
            worth = 1.03 if '-t' in identity else STRICT if len(peers) < 2 else 1.05
        naive = regret(self.schema['metric'], self.meta['naive']['score'])
        return firsts[identity] <= best * max(worth, least) and firsts[identity] < naive * 1.02 or len(firsts) == 1

    def start(self, models: set[str] | None = None, most: float = 1.0) -> dict[str, Any] | None:
        """The first fold of the next configuration that would have the time to be finished: of these models, if it takes no more than a share of the time."""
        top = {model['name'] for model in self.plan['models']}
        first = self.plan.get('first', [])
        waiting = [identity for identity in self.configs if identity not in self.rows and identity not in self.taken]
        begun = {self.configs[identity]['model'] for identity in self.rows}

        def order(identity: str) -> tuple[int, float]:
            """What was good before; each of the chosen models once, and others that are not dear, the strong and quick first; what is like the best."""
            model, share = self.configs[identity]['model'], self.share(identity)
            if not any(map(self.scored, self.rows.values())) and (identity not in first or share > 0.5):
                return 1, self.seconds(identity)  # something, before something good
            if identity in first:
                return 0, first.index(identity)
            if model not in begun and (model in top or STRENGTH[model] >= WORTHY and share < 2 * LITTLE):
                return 1, DEAR * share - STRENGTH[model]
            return 2, self.behind(identity) * (1 + share)

        for identity in sorted(waiting, key=order):
            config = self.configs[identity]
            if models is not None and (config['model'] not in models or order(identity)[0] == 2 or self.seconds(identity) > most * self.left):
                continue
            if config.get('by') == 'model' and self.over_share(self.seconds(identity)):
                continue
            whole = self.seconds(identity) * (len(self.folds) + (0.5 if config['model'] in BOOSTED else 0))
            if whole <= self.left or (not self.rows and self.seconds(identity) < self.left):
                earlier = config.get('from')
                why = f'it worked in {earlier}' if earlier else 'next in the order that was good on other tables'
                return self.decision(identity, [0], 'a model planned it' if config.get('by') == 'model' else why)
        return None

    def over_share(self, seconds: float) -> bool:
        """Whether what a model planned has had its share of the time, once this is added."""
        spent = {by: sum(row['seconds'] or 0 for identity, rows in self.rows.items() for row in rows.values() if (self.configs[identity].get('by') == 'model') == by) for by in (True, False)}
        return spent[True] + seconds > SHARE * (spent[True] + spent[False] + max(self.left, 0))

    def share(self, identity: str) -> float:
        """Of the time that is left, for all folds."""
        return self.seconds(identity) * len(self.folds) / max(self.left, 0.1)

    def behind(self, identity: str) -> float:
        """How far the best first fold of its kind is from the best of all, as a ratio; 1 where nothing is known."""
        config = self.configs[identity]
        firsts = {each: found[0] for each, rows in self.rows.items() if 0 in (found := self.scored(rows))}
        like = [each for each in firsts if self.configs[each]['model'] == config['model']]
        same = [each for each in like if self.configs[each].get('target') == config.get('target')] or like
        return min((firsts[each] for each in same), default=1.0) / max(min(firsts.values()), 1e-12) if same else 1.0

    def tune(self) -> dict[str, Any] | None:
        """Settings near the best so far, by a tree of Parzen estimators over all that were tried."""
        config = suggestion(self.schema, self.meta, list(self.configs.values()), {identity: self.scored(rows) for identity, rows in self.rows.items()}, self.folds, self.left, self.seconds)
        if config is None:
            return None
        self.configs[config['id']] = config
        if self.seconds(config['id']) * (len(self.folds) + 0.5) > self.left:
            return None
        return self.decision(config['id'], [0], f'settings that may improve on {config["like"]}')

    def decision(self, identity: str, folds: list[int], why: str) -> dict[str, Any]:
        config, each = self.configs[identity], self.seconds(identity)
        limit = min(max(3 * each, 2.0) if self.rows.get(identity) else max(4 * each, 4.0), max(self.left / len(folds), 0.5))
        timing = (self.rows.get(identity, {}).get(0) or {}).get('timing') or {}
        told = {'seconds': round(0.7 * limit, 3)}
        if timing.get('rounds'):
            told['rounds'] = timing['rounds']
        return {'id': identity, 'config': config, 'folds': folds, 'fold': told, 'limitSeconds': round(limit, 3), 'expectedSeconds': each * len(folds), 'why': why}


def regret(metric: str, value: float) -> float:
    """What is missing to the best possible: less is better, and ratios mean something."""
    return 1 - value if DIRECTIONS[metric] == 'maximize' else value


if __name__ == '__main__':
    step.run(propose)
