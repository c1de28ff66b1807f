import type { Candidate } from '../../domain/candidate.schema.ts';
import { confirmedRow, type Journal, type JournalRow, rowOf, wouldBeBest } from '../../domain/journal.ts';
import type { Decision, NextDecision, SearchPolicy } from '../../domain/search-policy.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { together } from '../job/together.ts';

/** The three things a search needs done; each is a few activities. */
export interface SearchSteps {
  /** A program as decided, or null where the decision leads to none. */
  propose(decision: NextDecision, id: string, journal: Journal): Promise<Candidate | null>;
  /** Builds, runs, grades and measures a candidate. */
  evaluate(candidate: Candidate): Promise<Trial>;
  /** Does it again in new sandboxes, with new secret inputs. */
  verify(trial: Trial): Promise<Trial>;
  /** Hears of every finished row. */
  finished(row: JournalRow, journal: Journal): void;
}

export interface SearchSetup {
  policy: SearchPolicy;
  /** What was tried already: the user's own program, and what a resumed job had finished. */
  journal: Journal;
  trials: number;
  strategies: readonly string[];
  models: boolean;
  /** Drafts by models, before the best there is gets improved. */
  drafts: number;
  seed: number;
  /** Trials under way at once. Measurements are one at a time whatever this is. */
  atOnce: number;
  /** Why to stop before the budget of trials is used; null to go on. */
  enough(journal: Journal): string | null;
}

/**
 * The one loop: decide → propose → build, run, grade, measure → verify what would be best → remember, until the policy or
 * the budget says stop. "Best" changes only by a verified trial.
 */
export async function search(
  setup: SearchSetup,
  steps: SearchSteps,
): Promise<{ journal: Journal; stopped: string }> {
  const journal: JournalRow[] = [...setup.journal];
  const pending = new Map<string, { decision: Decision; done: Promise<void> }>();
  const strategies = setup.strategies.filter((strategy) => !journal.some((row) => row.title === strategy));
  const inVain: NextDecision[] = [];
  let decisions = 0;
  // Verifications wait for each other, so that each is compared with the best there is by then.
  let considered: Promise<unknown> = Promise.resolve();

  const follow = async (decision: NextDecision, id: string): Promise<void> => {
    const candidate = await steps.propose(decision, id, journal);
    if (candidate === null) {
      inVain.push(decision);
      return;
    }
    if (decision.kind === 'strategy') exchange(strategies, decision.strategy, candidate.title);
    const trial = await steps.evaluate(candidate);
    const consider = considered.then(async () => {
      const row = wouldBeBest(rowOf(trial), journal)
        ? confirmedRow(trial, await steps.verify(trial))
        : rowOf(trial);
      journal.push(row);
      steps.finished(row, journal);
    });
    considered = consider.catch(() => undefined);
    await consider;
  };

  const decideAndFollow = async (): Promise<string> => {
  for (;;) {
    const enough = setup.enough(journal);
    const decision: Decision =
      enough !== null
        ? { kind: 'stop', why: enough }
        : setup.policy({
            journal,
            pending: [...pending.values()].map((each) => each.decision),
            trials: setup.trials,
            strategies,
            models: setup.models,
            drafts: setup.drafts,
            inVain,
            seed: setup.seed,
            decisions,
          });
    if (decision.kind === 'stop') {
      if (pending.size === 0) return decision.why;
    } else {
      // A resumed job decides again on what was under way when it ended, and finds what was proposed for it.
      do decisions += 1;
      while (journal.some((row) => row.id === `c-${decisions}`));
      const id = `c-${decisions}`;
      if (decision.kind === 'strategy') strategies.splice(strategies.indexOf(decision.strategy), 1);
      const done = follow(decision, id).finally(() => pending.delete(id));
      done.catch(() => undefined);
      pending.set(id, { decision, done });
      if (pending.size < setup.atOnce) continue;
    }
    await Promise.race([...pending.values()].map((each) => each.done));
  }
  };

  const underWay = () => [...pending.values()].map((each) => each.done);
  return { stopped: await together(underWay, decideAndFollow), journal };
}

/** A resumed job may find another strategy's candidate under an ID than the one it decided on: that one is still to be taken. */
function exchange(strategies: string[], decided: string, found: string): void {
  const place = strategies.indexOf(found);
  if (place >= 0) strategies[place] = decided;
}
