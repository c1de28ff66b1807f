import type { FoldRan } from '../../activities/fit/fold.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { NextDecision } from '../../domain/decision.schema.ts';
import { candidatesIn, type Journal } from '../../domain/journal.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { searchLeftMs } from '../../domain/learning-time.ts';
import { best, objectiveOf } from '../../domain/objective.ts';
import type { Decision } from '../../domain/search-policy.ts';
import { proposedStep } from '../../domain/step.ts';
import type { SplitTable } from '../../domain/table.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { foundText } from '../../domain/trial.ts';
import type { RunningJob } from '../job/frame.ts';
import { endInVain, learningActivities, proposeByHand, recordDecision, recordTrial } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { timedRows } from './give-blend.ts';
import { search } from './search.ts';
import { wordsMs } from './words-by-model.ts';

type FitDecision = Extract<NextDecision, { kind: 'fit' }>;

/** Below this no fold is begun: it would be ended before it could say anything. */
const leastMs = 300;

/**
 * Searches for what predicts best: each decision fits one configuration on more folds. It ends while `table.reserveMs` of the
 * job's time are left. What runs then is ended, and what is there is kept. `second` is a model's plan, as soon as there is one.
 */
export async function searchByFolds(
  running: RunningJob<FitJob>,
  table: SplitTable,
  second: () => Artifact | null,
): Promise<{ journal: Journal; stopped: string }> {
  const { job, known, placeOf, steering } = running;
  const objective = objectiveOf(job);
  const activities = learningActivities(job.limits);
  let scored = known.journal.some(({ metric }) => metric !== null);
  const endsIn = (has = scored): number => {
    const reserveMs = table.reserveMs + wordsMs(running);
    return searchLeftMs({ endsAt: steering.endsAt(), reserveMs, now: Date.now(), scored: has });
  };
  /** What is planned with: what comes late is not planned, but where nothing else is left. */
  const plannedMs = (): number => (late || endsIn(true) < leastMs ? endsIn() : endsIn(true));
  let late = false;
  const candidates = new Map<string, Candidate>();
  /** What each candidate is to do next, and the number of that decision. */
  const asked = new Map<string, { decision: FitDecision | null; number: number }>();
  const underWay = new Set<FitDecision>();
  const queue: FitDecision[] = [];
  let turns = 0;

  steering.refuse(({ kind }) =>
    kind === 'hint'
      ? 'it asks no model, so nobody would read a hint'
      : kind === 'choose'
        ? 'it gives the blend of all that helps'
        : null,
  );

  const outOfTime = (): string | null => (endsIn() < leastMs ? 'the time for the search is over' : null);

  /** Asks what to fit next; each answer is on record before anything is done for it. */
  async function decide(rows: Journal): Promise<Decision> {
    const queued = queue.shift();
    if (queued !== undefined) return queued;
    running.tell(`${rows.length} candidates tried; deciding what to fit next`);
    turns += 1;
    const plan = second();
    const decided = await activities.decideFit({
      ...placeOf(`decide-${running.input.resumed}-${known.decided}-${turns}`),
      ...{ table, secondsLeft: plannedMs() / 1000, workers: job.cores },
      running: [...underWay].map(({ config, folds }) => ({ config, folds })),
      ...(plan === null ? {} : { second: plan }),
      ...(job.maxLatencyMs === undefined ? {} : { maxLatencyMs: job.maxLatencyMs }),
    });
    if (decided.kind === 'done') {
      if (underWay.size > 0) return { kind: 'wait' };
      if (scored || late) return { kind: 'stop', why: decided.why };
      late = true;
      return decide(rows);
    }
    queue.push(...decided.decisions);
    // Who paused it meanwhile wants nothing begun.
    return steering.paused ? { kind: 'wait' } : (queue.shift() ?? { kind: 'wait' });
  }

  /** A configuration that was begun is the candidate that it became. */
  async function propose(decision: NextDecision, id: string, number: number): Promise<Candidate> {
    if (decision.kind === 'human') {
      const { kind: _, told: __, ...brought } = decision;
      const [first] = candidates.values();
      const original = first?.program ?? null;
      const candidate = await proposeByHand({ ...placeOf(proposedStep(id)), id, ...brought, original });
      asked.set(candidate.id, { decision: null, number });
      return candidate;
    }
    if (decision.kind !== 'fit') throw new Error(`expected a decision about a model, got ${decision.kind}`);
    const { config, of, program, why } = decision;
    const note = candidates.get(of ?? id)?.note ?? why;
    const title = config.slice(0, 80);
    const candidate: Candidate = {
      ...{ id: of ?? id, parents: [], operator: 'strategy', title, note, program },
    };
    candidates.set(candidate.id, candidate);
    asked.set(candidate.id, { decision, number });
    return candidate;
  }

  /** Fits what was decided, a fold after the other, until one fails; then has all that was predicted scored. */
  async function evaluate(candidate: Candidate): Promise<Trial> {
    const { id, title, program } = candidate;
    const { decision = null, number } = asked.get(id) ?? {};
    const { folds, told, limitMs } = decision ?? byHand(table.folds);
    running.tell(`fitting ${id} ${title}, fold ${folds.join(', ')}`);
    if (decision !== null) underWay.add(decision);
    const ran: FoldRan[] = [];
    const timings: Record<string, number> = {};
    try {
      for (const fold of folds) {
        const wallMs = Math.round(Math.min(limitMs, job.limits.wallMs, endsIn()));
        if (wallMs < leastMs && ran.length > 0) break;
        const from = Date.now();
        const fitted = await summarized(`fit ${id} ${title}, fold ${fold}`, activities.fitFold, {
          ...placeOf(`${id}/fold-${fold}`),
          ...{ table, program, fold, cores: 1 },
          told: job.maxLatencyMs === undefined ? told : { ...told, timedRows },
          limits: { ...job.limits, wallMs: Math.max(wallMs, leastMs) },
        });
        timings[`fold ${fold}`] = Date.now() - from;
        ran.push(fitted);
        if (fitted.kind === 'failed') break;
      }
      const trial = await activities.gradeFolds({
        ...placeOf(`${id}/grade-${folds.join('-')}`),
        ...{ table, candidate, ran, timings, limits: job.limits },
      });
      scored ||= trial.outcome.kind === 'scored';
      const place = placeOf(`${id}/record-${folds.join('-')}`);
      running.spent(await recordTrial({ ...place, trial, ...(number === undefined ? {} : { number }) }));
      return trial;
    } finally {
      if (decision !== null) underWay.delete(decision);
    }
  }

  return search(
    {
      ...{ objective, steering, seed: job.seed, known, atOnce: job.cores, strategies: [], models: false },
      ...{ isLong: running.isLong, goOn: running.goOn },
      policy: ({ journal, trials }) =>
        candidatesIn(journal).length >= trials
          ? { kind: 'stop', why: `all ${trials} trials of the budget are used` }
          : decide(journal),
      enough: outOfTime,
      waits: () => false,
      givenUp: () => null,
    },
    {
      record: (decided) => recordDecision({ ...placeOf(`c-${decided.number}/decision`), decided }),
      endInVain: (number) => endInVain({ ...placeOf(`c-${number}/in-vain`), number }),
      propose: (decision, id) => propose(decision, id, Number(id.slice(2))),
      evaluate,
      verify: async (trial) => trial,
      finished(row, rows) {
        const { id, title, metric, outcome, verified } = row;
        const found = metric === null ? outcome : foundText(metric, objective);
        running.note(
          `${id} ${title}: ${found}${verified ? ', all folds' : ''}`,
          best(rows, objective)?.metric?.value,
        );
      },
    },
  );
}

/** A program that somebody brought is tried on all folds, and gets as long as any. */
const byHand = (folds: number): Pick<FitDecision, 'folds' | 'told' | 'limitMs'> => ({
  ...{ folds: Array.from({ length: folds }, (_, fold) => fold), told: {}, limitMs: Number.POSITIVE_INFINITY },
});
