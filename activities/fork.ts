import { candidateNumber, isBaseline } from '../domain/candidate.ts';
import type { ModelDecision, NumberedDecision } from '../domain/decision.schema.ts';
import { forkText } from '../domain/job.ts';
import type { JobInput } from '../domain/job-input.schema.ts';
import { originOf } from '../domain/job-input.ts';
import { journalOf, rowOf } from '../domain/journal.ts';
import { type Objective, objectiveOf } from '../domain/objective.ts';
import { onwards } from '../domain/search-policy.ts';
import { extensible } from '../domain/steered.ts';
import { parseStep } from '../domain/step.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { lastLooks } from '../domain/trial.ts';
import type { TakenOver } from '../store/ledger/forks.ts';
import type { TrialRecord } from '../store/ledger/trials.ts';
import type { Store } from '../store/store.ts';
import { trialsOf } from '../store/trials-of.ts';

/**
 * Gives a fork, once, what its origin had finished by then, and decides what it begins with. What the origin had under way, what it was
 * told and what it paid are its own. Does nothing for another job.
 */
export async function beginFork({ ledger }: Store, input: JobInput): Promise<void> {
  const origin = originOf(input);
  if (origin === null) return;
  const { jobId, job, routes } = input;
  const { from, at, hint } = origin;
  const objective = objectiveOf(job);
  const recorded = lastFound(
    (await trialsOf(ledger, origin.jobId)).filter(({ createdAt }) => createdAt <= at),
  );
  const trials = recorded.map(({ trial }) => trial);
  const tried = new Set(trials.map(({ candidate }) => candidateNumber(candidate)));
  const closed = (await ledger.decisions(origin.jobId))
    .filter(({ number, inVainAt }) => tried.has(number) || inVainAt !== null)
    .map(({ number }) => number);
  const decisions = new Set(closed);
  const next = nextOf(trials, from, objective, Math.max(0, ...tried, ...decisions) + 1);
  const asks = next !== null && routes[next.decision.kind].length > 0;
  await ledger.takeOver(jobId, {
    ...{ origin: origin.jobId, trials: recorded, decisions, at: Date.now() },
    steps: stepsOf(trials, new Set([...tried, ...decisions]), objective),
    next: asks ? next : null,
    said: `${forkText(origin)}: ${origin.tried} tried there, ${(extensible(job).trials ?? 0) - origin.tried} more at most; ${
      asks
        ? `c-${next.number} is to ${next.decision.kind === 'draft' ? 'begin with' : next.decision.kind} ${from}`
        : `no model can be asked to go on from ${from}, so it goes on with what needs none`
    }`,
  });
  if (hint !== null)
    await ledger.takeMessage(jobId, {
      ...{ id: 'fork', message: { kind: 'hint' as const, text: hint }, at: Date.now() },
    });
}

/** A candidate that was verified again later stands with what was found last. */
const lastFound = (recorded: readonly TrialRecord[]): TrialRecord[] => [
  ...new Map(recorded.map((each) => [`${each.trial.candidate.id} ${each.trial.purpose}`, each])).values(),
];

function nextOf(
  trials: readonly Trial[],
  from: string,
  objective: Objective,
  number: number,
): (NumberedDecision & { decision: ModelDecision }) | null {
  const last = lastLooks(trials).find(({ candidate }) => candidate.id === from);
  if (last === undefined) return null;
  // Drafts are what begins with the user's own program.
  const decision: ModelDecision = isBaseline(last.candidate)
    ? { kind: 'draft' }
    : onwards(rowOf(last, objective));
  return { number, decision };
}

/**
 * Tells which steps a fork has. They are those of the job itself and of the program as it is. Of candidates
 * they are their programs and what they were asked. Of those that are still to be looked at a second time they
 * are all, so that nothing before that is done again.
 */
function stepsOf(
  trials: readonly Trial[],
  closed: ReadonlySet<number>,
  objective: Objective,
): TakenOver['steps'] {
  const known = new Set(journalOf(trials, objective).map(({ id }) => id));
  return (step, kind) => {
    const { candidate } = parseStep(step);
    if (candidate === null) return kind !== 'report';
    if (candidate === 'c-0') return true;
    if (!closed.has(candidateNumber({ id: candidate }))) return false;
    const isTried = trials.some((each) => each.candidate.id === candidate);
    return kind === 'propose' || kind === 'cases' || (isTried && !known.has(candidate));
  };
}
