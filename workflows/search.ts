import type { Candidate } from '../domain/candidate.schema.ts';
import { best, isRight, type Journal, type JournalRow } from '../domain/journal.ts';
import type { Decision, NextDecision, SearchPolicy } from '../domain/search-policy.ts';
import type { Trial } from '../domain/trial.schema.ts';

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
  /** The user's own program, tried already. */
  baseline: JournalRow;
  trials: number;
  recipes: readonly string[];
  models: boolean;
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
  const journal: JournalRow[] = [setup.baseline];
  const pending = new Map<string, { decision: Decision; done: Promise<void> }>();
  const recipes = [...setup.recipes];
  let decisions = 0;
  // Verifications wait for each other, so that each is compared with the best there is by then.
  let considered: Promise<unknown> = Promise.resolve();

  const follow = async (decision: NextDecision, id: string): Promise<void> => {
    const candidate = await steps.propose(decision, id, journal);
    if (candidate === null) return;
    const trial = await steps.evaluate(candidate);
    const consider = considered.then(async () => {
      const row = wouldBeBest(trial, journal) ? confirmed(trial, await steps.verify(trial)) : rowOf(trial);
      journal.push(row);
      steps.finished(row, journal);
    });
    considered = consider.catch(() => undefined);
    await consider;
  };

  for (;;) {
    const enough = setup.enough(journal);
    const decision: Decision =
      enough !== null
        ? { kind: 'stop', why: enough }
        : setup.policy({
            journal,
            pending: [...pending.values()].map((each) => each.decision),
            trials: setup.trials,
            recipes,
            models: setup.models,
            seed: setup.seed,
            decisions,
          });
    if (decision.kind === 'stop') {
      if (pending.size === 0) return { journal, stopped: decision.why };
    } else {
      decisions += 1;
      const id = `c-${decisions}`;
      if (decision.kind === 'recipe') recipes.splice(recipes.indexOf(decision.recipe), 1);
      const done = follow(decision, id).finally(() => pending.delete(id));
      done.catch(() => undefined);
      pending.set(id, { decision, done });
      if (pending.size < setup.atOnce) continue;
    }
    await Promise.race([...pending.values()].map((each) => each.done));
  }
}

/** Whether a trial's measured gain is real and above that of the best so far. */
function wouldBeBest({ outcome }: Trial, journal: Journal): boolean {
  if (outcome.kind !== 'scored') return false;
  return outcome.metric.low > 1 && outcome.metric.value > (best(journal)?.value ?? 1);
}

/** The row of a finished trial. */
export function rowOf({ candidate, outcome }: Trial): JournalRow {
  const { id, parents, operator, title } = candidate;
  const metric = outcome.kind === 'scored' ? outcome.metric : null;
  return {
    id,
    parents,
    operator,
    title,
    outcome: outcome.kind,
    value: metric?.value ?? null,
    low: metric?.low ?? null,
    verified: false,
  };
}

/** The row of a trial that was tried again: what the second look found is what counts. */
function confirmed(trial: Trial, again: Trial): JournalRow {
  const row = rowOf({ ...again, candidate: trial.candidate });
  return { ...row, verified: isRight(row) && (row.low ?? 0) > 1 };
}
