import type { Candidate } from '../../domain/candidate.schema.ts';
import type { NextDecision, NumberedDecision } from '../../domain/decision.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { candidatesIn, type Journal, type JournalRow, rowOf, wouldBeBest } from '../../domain/journal.ts';
import type { Known } from '../../domain/known.ts';
import { foundIn, type Objective } from '../../domain/objective.ts';
import { type Decision, draftsWithin, type SearchState } from '../../domain/search-policy.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { Steering } from '../job/steering.ts';
import { together } from '../job/together.ts';

/** What a decision came to: a program, none, or none as long as nothing can be asked. */
export type Proposed = Candidate | 'none' | 'later';

/** What a search needs done; each is a few activities. */
export interface SearchSteps {
  /** Puts a decision on record, before anything is done for it. */
  record(decided: NumberedDecision): Promise<void>;
  /** Puts on record that it led to no program. */
  endInVain(number: number): Promise<void>;
  /** A program as decided. One that comes `later` is decided already when the job is taken up again. */
  propose(decision: NextDecision, id: string, journal: Journal): Promise<Proposed>;
  /** Builds, runs, grades and measures a candidate. */
  evaluate(candidate: Candidate): Promise<Trial>;
  /** Does it again in new sandboxes, with new secret inputs. */
  verify(trial: Trial): Promise<Trial>;
  /** Hears of every finished row. */
  finished(row: JournalRow, journal: Journal): void;
}

export interface SearchSetup {
  /** Where deciding takes an activity, what it comes to. */
  policy: (state: SearchState) => Decision | Promise<Decision>;
  objective: Objective;
  known: Known;
  /** What people tell the job. */
  steering: Pick<
    Steering,
    'budget' | 'paused' | 'idle' | 'told' | 'next' | 'begin' | 'waiting' | 'settled' | 'waitFor'
  >;
  strategies: readonly string[];
  models: boolean;
  seed: number;
  /** Trials under way at once. Measurements are one at a time whatever this is. */
  atOnce: number;
  /** Whether to go on as new as soon as nothing is under way, and how. */
  isLong(): boolean;
  goOn(): Promise<never>;
  /** Why to stop before the budget of trials is used; null to go on. */
  enough(journal: Journal): string | null;
  /** Why models are asked for nothing more; null where they are. */
  givenUp(): string | null;
  /** Whether to wait for a person instead of stopping there. */
  waits(journal: Journal): boolean;
}

/**
 * Runs the one loop until the policy or the budget says stop. A turn is: decide → record → propose → build, run, grade, measure →
 * verify what would be best → remember. "Best" changes only by a verified trial. Where its history is long, a search begins nothing, and goes on as
 * new once nothing is under way.
 */
export async function search(
  setup: SearchSetup,
  steps: SearchSteps,
): Promise<{ journal: Journal; stopped: string }> {
  const { known, atOnce, steering } = setup;
  const journal: JournalRow[] = [...known.journal];
  const open: NumberedDecision[] = [...known.open];
  const inVain: NextDecision[] = [...known.inVain];
  const pending = new Map<number, { decision: NextDecision; done: Promise<void> }>();
  const taken = new Set([...open.map((each) => each.decision), ...inVain].map(strategyOf));
  let strategies = setup.strategies.filter(
    (strategy) => !taken.has(strategy) && !journal.some((row) => row.title === strategy),
  );
  let { decided } = known;
  // Verifications wait for each other, so that each is compared with the best there is by then.
  let considered: Promise<unknown> = Promise.resolve();

  const decide = (): Decision | Promise<Decision> => {
    if (steering.paused) return { kind: 'wait' };
    const byHand = steering.next();
    if (byHand !== null) return byHand;
    if (steering.settled) return { kind: 'stop', why: 'somebody chose what it gives' };
    const why = setup.enough(journal);
    if (why !== null) return { kind: 'stop', why };
    const givenUp = setup.givenUp();
    const { policy, objective, seed } = setup;
    const models = setup.models && givenUp === null;
    const { trials = defaults.trials } = steering.budget;
    const under = [...pending.values()].map((each) => each.decision);
    const state = { journal, objective, pending: under, trials, strategies, models, inVain, seed };
    const asked = { ...state, drafts: draftsWithin(trials), decisions: decided };
    if (givenUp === null) return open[0]?.decision ?? policy(asked);
    // What asks no model costs nothing: it goes on.
    const unlessOver = (next: Decision): Decision =>
      next.kind === 'stop' ? { kind: 'stop', why: givenUp } : next;
    const next = policy(asked);
    return next instanceof Promise ? next.then(unlessOver) : unlessOver(next);
  };

  /** The decision under its number: the one it was given before, or the next. */
  const numbered = async (decision: NextDecision): Promise<NumberedDecision> => {
    const [first] = open;
    if (first?.decision === decision) {
      open.shift();
      return first;
    }
    decided += 1;
    if (decision.kind === 'human') steering.begin(decision.told);
    if (decision.kind === 'strategy') strategies = strategies.filter((each) => each !== decision.strategy);
    await steps.record({ number: decided, decision });
    return { number: decided, decision };
  };

  const remember = (trial: Trial): Promise<void> => {
    const consider = considered.then(async () => {
      const { objective } = setup;
      const last = wouldBeBest(foundIn(trial.outcome), journal, objective)
        ? await steps.verify(trial)
        : trial;
      const row = rowOf(last, objective);
      journal.push(row);
      steps.finished(row, journal);
    });
    considered = consider.catch(() => undefined);
    return consider;
  };

  const follow = async ({ number, decision }: NumberedDecision): Promise<void> => {
    const proposed = await steps.propose(decision, `c-${number}`, journal);
    if (proposed === 'later') {
      open.push({ number, decision });
    } else if (proposed === 'none') {
      inVain.push(decision);
      await steps.endInVain(number);
    } else {
      await remember(await steps.evaluate(proposed));
    }
  };

  const underWay = (): Promise<void>[] => [...pending.values()].map((each) => each.done);
  const untilStopped = async (): Promise<string> => {
    for (;;) {
      const isLong = setup.isLong();
      // What waits for a person hears a choice, which one that has only just gone on would not.
      if (isLong && pending.size === 0 && steering.idle && !steering.waiting) await setup.goOn();
      const asked = isLong || pending.size >= atOnce ? ({ kind: 'wait' } as const) : decide();
      // What is decided at once is acted on at once: histories know no moment between.
      const decision = asked instanceof Promise ? await asked : asked;
      if (decision.kind === 'stop' && pending.size === 0 && steering.idle) {
        if (steering.settled || !setup.waits(journal)) return decision.why;
        steering.waitFor(decision.why, candidatesIn(journal).length);
        continue;
      }
      if (decision.kind === 'stop' || decision.kind === 'wait') {
        await Promise.race([...underWay(), steering.told()]);
        continue;
      }
      const next = await numbered(decision);
      const done = follow(next).finally(() => pending.delete(next.number));
      done.catch(() => undefined);
      pending.set(next.number, { decision, done });
    }
  };
  return { stopped: await together(underWay, untilStopped), journal };
}

const strategyOf = (decision: NextDecision): string | null =>
  decision.kind === 'strategy' ? decision.strategy : null;
