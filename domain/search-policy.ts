import type { ModelDecision, NextDecision } from './decision.schema.ts';
import { defaults } from './defaults.ts';
import {
  candidatesIn,
  debugDepth,
  failedLeaves,
  fixDepth,
  isRight,
  isStuck,
  type Journal,
  type JournalRow,
} from './journal.ts';
import { best, closest, type Objective } from './objective.ts';
import { randomStream } from './random.ts';

/** What to do next. `wait`: begin nothing before something has changed. */
export type Decision = NextDecision | { kind: 'wait' } | { kind: 'stop'; why: string };

/** All that a policy may look at. Deciding is pure: the same state gives the same decision. */
export interface SearchState {
  /** The baseline and every finished trial. */
  journal: Journal;
  objective: Objective;
  /** Decisions whose trials are under way. */
  pending: readonly NextDecision[];
  /** Trials allowed, without the baseline. */
  trials: number;
  /** Strategies not taken yet, in the order worth trying. */
  strategies: readonly string[];
  /** Whether a model can be asked. */
  models: boolean;
  /** Drafts by models, before the best there is gets improved. */
  drafts: number;
  /** Decisions that led to no program. */
  inVain: readonly NextDecision[];
  /** The job's seed and the number of decisions made before. */
  seed: number;
  decisions: number;
}

export type SearchPolicy = (state: SearchState) => Decision;

const trialsDone = ({ journal, pending }: SearchState): number =>
  candidatesIn(journal).length + pending.length;

/**
 * Returns what every policy begins with. An objective that is met and the end of the budget come before the
 * strategies, which cost no money.
 */
function opening(state: SearchState): Decision | undefined {
  const { trials, strategies, models, journal, objective } = state;
  const top = best(journal, objective);
  if (top !== undefined && objective.kind === 'passes')
    return { kind: 'stop', why: `${top.id} passes every check` };
  if (trialsDone(state) >= trials)
    return {
      kind: 'stop',
      why:
        trials === 1 ? 'the one trial of the budget is used' : `all ${trials} trials of the budget are used`,
    };
  const strategy = strategies[0];
  if (strategy !== undefined) return { kind: 'strategy', strategy };
  const mended = fixOf(state);
  if (mended !== undefined) return mended;
  if (!models) {
    if (objective.kind === 'passes')
      return { kind: 'stop', why: 'no model is configured: set a key for one (crucible models)' };
    if (objective.kind === 'score')
      return {
        kind: 'stop',
        why: 'no model is configured: set a key for one (crucible models), or bring programs of your own (crucible try)',
      };
    const tried = journal.some((row) => row.operator === 'strategy');
    return {
      kind: 'stop',
      why: tried
        ? 'every strategy that applies was tried, and no model is configured'
        : 'no strategy applies, and no model is configured',
    };
  }
  return undefined;
}

/** Fixes in a row: each shows what the one before it hid, and one may be needed several times. */
const deepestFix = 6;

/**
 * Returns the fix of what was tried last, where only passing counts. That failed of something that needs no
 * model.
 */
function fixOf(state: SearchState): NextDecision | undefined {
  const { journal, objective, pending } = state;
  const last = journal.at(-1);
  if (objective.kind !== 'passes' || last?.mendable !== true || isRight(last)) return undefined;
  const decision: NextDecision = { kind: 'fix', parent: last.id };
  const isTaken = [...pending, ...state.inVain].some((each) => questionKey(each) === questionKey(decision));
  return isTaken || fixDepth(journal, last) >= deepestFix ? undefined : decision;
}

/** So often one question is put that gets no program: a third time it would be in the same words. */
const mostInVain = 2;

/** Returns whether models were asked for this, and gave no program, as often as is worth it. A draft is another one each time. */
function isInVain({ inVain }: SearchState, decision: NextDecision): boolean {
  const sought = questionKey(decision);
  return inVain.filter((each) => questionKey(each) === sought).length >= mostInVain;
}

/** Returns what two decisions have in common that ask models the same. */
export const questionKey = (decision: NextDecision): string =>
  decision.kind === 'debug' || decision.kind === 'fix'
    ? `${decision.kind} ${decision.parent}${'other' in decision && decision.other ? ` ${decision.other.index}` : ''}`
    : decision.kind === 'improve'
      ? `improve ${decision.parents.join(' ')}`
      : decision.kind;

/** Drafts that a budget of trials allows: where it is small, what was found first is better improved. */
export const draftsWithin = (trials: number): number => Math.min(3, Math.max(1, Math.floor(trials / 4)));

/** Returns what a program is made into: one that is right is improved, one that failed is debugged. */
export const onwards = (row: JournalRow): ModelDecision =>
  isRight(row) ? { kind: 'improve', parents: [row.id] } : { kind: 'debug', parent: row.id };

/** Where only passing counts: the candidate that passed most checks. */
const nearest = ({ journal, objective }: SearchState): JournalRow | undefined =>
  objective.kind === 'passes' ? closest(candidatesIn(journal), objective) : undefined;

/** Debugging steps in a row. */
const deepestDebug = 3;

/**
 * Linear: one candidate after another, each made from the last, or from the best. It ends at the first that
 * passes, where only that counts.
 */
export const refine: SearchPolicy = (state) => {
  const opened = opening(state);
  if (opened !== undefined) return opened;
  const { journal, objective } = state;
  const last = candidatesIn(journal).at(-1);
  // A score of the user's own program is one to begin with.
  const begun = objective.kind === 'score' ? best(journal, objective) : undefined;
  if (last === undefined) return begun === undefined ? { kind: 'draft' } : onwards(begun);
  // Where any score counts, the best there is is worth more than one that fails again and again.
  const isHopeless = objective.kind === 'score' && debugDepth(journal, last) >= deepestDebug;
  const stuck = isStuck(journal, last);
  const next: NextDecision[] = isRight(last) || isHopeless || stuck ? [] : [onwards(last)];
  const top = best(journal, objective) ?? (isRight(last) ? last : nearest(state));
  // What came nearest may be the very one that could not be mended.
  if (top !== undefined && !(stuck && !isRight(top))) next.push(onwards(top));
  return (
    next.find((decision) => !isInVain(state, decision)) ??
    (stuck ? { kind: 'draft', stuck: [last.parents[0] ?? '', last.id] } : { kind: 'draft' })
  );
};

const debugShare = 0.5;

/**
 * A greedy tree, which begins with some drafts. Then it debugs with even odds a failed leaf (at most three
 * deep), else it improves the best. Source: AIDE (Jiang et al., 2025, arXiv:2502.13138), with strategies as its
 * first drafts.
 */
export const tree: SearchPolicy = (state) => {
  const opened = opening(state);
  if (opened !== undefined) return opened;
  const { journal, objective, pending, seed, decisions } = state;
  const begun =
    journal.filter((row) => row.operator === 'draft').length +
    pending.filter((decision) => decision.kind === 'draft').length;
  if (begun < state.drafts) return { kind: 'draft' };

  const random = randomStream(seed * 1_000_003 + decisions);
  const beingDebugged = new Set(pending.flatMap((each) => (each.kind === 'debug' ? [each.parent] : [])));
  const broken = failedLeaves(journal).filter(
    (row) =>
      debugDepth(journal, row) < deepestDebug &&
      !isStuck(journal, row) &&
      !beingDebugged.has(row.id) &&
      !isInVain(state, { kind: 'debug', parent: row.id }),
  );
  const leaf = broken[Math.floor(random() * broken.length)];
  if (leaf !== undefined && random() < debugShare) return { kind: 'debug', parent: leaf.id };
  const top = best(journal, objective);
  const improve: NextDecision = { kind: 'improve', parents: [top?.id ?? ''] };
  if (top !== undefined && !isInVain(state, improve)) return improve;
  return leaf === undefined ? { kind: 'draft' } : { kind: 'debug', parent: leaf.id };
};

/**
 * Mends a program that failed by what needs no model first. Then come what models propose at once for what is
 * left, one after the other, and then no more.
 */
export const mend: SearchPolicy = (state) => {
  const opened = opening(state);
  if (opened !== undefined) return opened;
  const { journal, inVain, pending } = state;
  const asked = (decision: NextDecision): boolean => decision.kind === 'debug';
  const first = journal.find((row) => row.operator === 'debug');
  const parent = first?.parents[0] ?? journal.at(-1)?.id;
  if (pending.length > 0) return { kind: 'wait' };
  if (parent === undefined) return { kind: 'stop', why: 'there is nothing to mend' };
  if (first === undefined)
    return isInVain(state, { kind: 'debug', parent })
      ? { kind: 'stop', why: 'models gave no fix' }
      : { kind: 'debug', parent };
  const index = journal.filter((row) => row.operator === 'debug').length + inVain.filter(asked).length;
  return index >= defaults.fixes
    ? { kind: 'stop', why: `none of the fixes that a model proposed passes` }
    : { kind: 'debug', parent, other: { of: first.id, index } };
};

/** The policies a job can name. */
export const policies = { refine, tree } as const satisfies Record<string, SearchPolicy>;
