import type { Candidate } from '../domain/candidate.schema.ts';
import { isBaseline } from '../domain/candidate.ts';
import type { StageJob } from '../domain/job.schema.ts';
import { searches } from '../domain/job.ts';
import { originOf } from '../domain/job-input.ts';
import { isPart } from '../domain/kinds/kinds.ts';
import { againKey, type StepKind, stepOfKey, subjectOf } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { behindText } from '../domain/turn.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { CallRecord } from '../store/ledger/model-calls.ts';
import type { UnfinishedReply } from '../store/ledger/partials.ts';
import type { StepRecord } from '../store/ledger/steps.ts';
import type { Store } from '../store/store.ts';
import { type KeptJob, readJob } from './kept-job.ts';

/** A step under way, in words. */
export interface Doing {
  what: string;
  /** Milliseconds since 1970. */
  since: number;
}

/** How far the search of a job or stage is. */
export interface SearchProgress {
  record: JobRecord;
  job: StageJob;
  /** In the order they were recorded. */
  trials: Trial[];
  /** What a person chose to be the job's product; null where that is its best. */
  chosen: KeptJob['chosen'];
  /** Candidates tried, without the baseline. */
  done: number;
  /** Those of them that were done by the job that this one was forked from. */
  takenOver: number;
  /** Candidates that will be tried at most: the budget, or fewer where no model is asked and strategies run out. */
  total: number;
  /** What strategies can do for the program; null before it was looked at. */
  strategies: StrategyList | null;
  /** When the first of them could begin; null before the baseline was measured. */
  searchingSince: number | null;
  /** When the last candidate was done with, or the baseline where none was. */
  lastDone: number | null;
  /** How long the baseline took to be measured, as a candidate does about; null where another job did it. */
  baselineMs: number | null;
}

/** What a screen shows of a running job. */
export interface Progress {
  kept: KeptJob;
  /** Of the job, or of its running stages. */
  searches: SearchProgress[];
  doing: Doing[];
  /** Replies of models that are coming in. */
  writing: UnfinishedReply[];
  /** Why steps under way are tried again, the newest last. */
  again: string[];
  /** When something was last begun, ended or said: long ago where no worker is running. */
  lastSign: number;
}

/** Reads from the ledger how far a job is. */
export const readProgress = async (store: Store, record: JobRecord): Promise<Progress> =>
  progressOf(await readJob(store, record));

/** Tells how far a job is, from what the ledger knows of it. */
export function progressOf(kept: KeptJob): Progress {
  const active = [kept, ...kept.stages.filter((stage) => stage.record.status === 'running')];
  return {
    kept,
    searches: active.flatMap(searchIn),
    doing: active.flatMap(stepsUnderWay),
    writing: active.flatMap(({ partials }) => partials),
    again: active.flatMap(reasonsToTryAgain),
    lastSign: Math.max(...active.map(lastSignOf)),
  };
}

const lastSignOf = ({ record, steps, recorded, partials }: KeptJob): number =>
  [
    ...steps.flatMap(({ startedAt, end }) => (end.kind === 'done' ? [startedAt, end.doneAt] : [startedAt])),
    ...recorded.map(({ createdAt }) => createdAt),
    ...partials.map(({ at }) => at),
  ].reduce((last, each) => Math.max(last, each), record.startedAt);

/** What the log says of the open steps of a job that are tried again. */
function reasonsToTryAgain({ steps, events }: KeptJob): string[] {
  const open = steps.filter(({ end }) => end.kind === 'none').map(({ key }) => againKey(key, ''));
  return events.filter(({ key }) => open.some((each) => key.startsWith(each))).map(({ text }) => text);
}

/** Returns the search of a job; none where it runs one program, or tries again what another found. */
function searchIn({
  record,
  input,
  job,
  recorded,
  trials,
  chosen,
  steps,
  strategies,
}: KeptJob): SearchProgress[] {
  if (!isPart(job) || record.role === 'verification') return [];
  if (!searches(job)) return [];
  const tried = new Set(trials.flatMap(({ candidate }) => (isBaseline(candidate) ? [] : [candidate.id])));
  // Later verifications are no part of the search.
  const own = recorded.filter(({ jobId }) => jobId === record.id);
  const baseline = own.find(({ trial }) => trial.purpose === 'baseline');
  // What a fork took over was done in another job's time.
  const inItsTime = (at: number): number => Math.max(at, record.startedAt);
  const asksModels = Object.values(input.routes).some((each) => each.length > 0);
  const inapplicable = resultOfKind(steps, 'propose').filter((candidate) => candidate === null).length;
  const { trials: budget } = job.budget;
  const progress = {
    done: tried.size,
    total:
      asksModels || strategies === null
        ? budget
        : Math.min(budget, strategies.applicable.length - inapplicable),
    takenOver: originOf(input)?.tried ?? 0,
    searchingSince: baseline === undefined ? null : inItsTime(baseline.createdAt),
    lastDone: own.reduce<number | null>(
      (last, { createdAt }) => Math.max(last ?? 0, inItsTime(createdAt)),
      null,
    ),
    baselineMs:
      baseline === undefined || baseline.createdAt < record.startedAt
        ? null
        : baseline.createdAt - record.startedAt,
  };
  return [{ record, job, trials, chosen, strategies, ...progress }];
}

const resultOfKind = (steps: readonly StepRecord[], kind: string): unknown[] =>
  steps.flatMap((step) => (step.kind === kind && step.end.kind === 'done' ? [step.end.result] : []));

/** Candidates whose last request to a model failed: their step stays open where no route gave a program. */
function failedProposals(calls: readonly CallRecord[]): Set<string> {
  const last = new Map(calls.map(({ key, status }) => [subjectOf(key), status]));
  return new Set([...last].flatMap(([subject, status]) => (status === 'failed' ? [subject] : [])));
}

const doingWords: Record<StepKind, string> = {
  environment: 'getting its packages',
  pack: 'packing its files',
  files: 'gathering files',
  strategies: 'looking for strategies that apply',
  recipe: 'being made from its recipe',
  propose: 'being written',
  build: 'building',
  sanitize: 'running under AddressSanitizer',
  cases: 'making secret inputs',
  run: 'running',
  grade: 'being judged',
  check: 'trying the check',
  measure: 'being measured',
  table: 'looking at the table, and splitting it',
  decide: 'being decided on',
  fit: 'being fitted',
  blend: 'blending what helps',
  test: 'scoring the test, once',
  explain: 'explaining',
  deliver: 'putting together what predicts',
  turn: 'keeping what it came to',
  report: 'writing the report',
};

const doingOf = (kind: string): string => (isStepKind(kind) ? doingWords[kind] : kind);
const isStepKind = (kind: string): kind is StepKind => Object.hasOwn(doingWords, kind);

/** Returns the open steps of a job: of each candidate the last, without those a recorded trial has made obsolete. */
function stepsUnderWay({ record, steps, recorded: trials, calls, turns }: KeptJob): Doing[] {
  const { stage } = record;
  const failed = failedProposals(calls);
  const candidates = (resultOfKind(steps, 'propose') as (Candidate | null)[]).filter((each) => each !== null);
  const titles = new Map(candidates.map((each) => [each.id, each.title]));
  const open = new Map<string, StepRecord>();
  for (const step of steps)
    if (step.end.kind === 'none' && !(step.kind === 'propose' && failed.has(subjectOf(step.key))))
      open.set(subjectOf(step.key), step);
  return [...open].flatMap(([subject, { key, kind, startedAt }]) => {
    const recorded = trials.some(
      ({ trial, createdAt }) => trial.candidate.id === subject && createdAt >= startedAt,
    );
    if (recorded) return [];
    const { candidate, verifies } = stepOfKey(key);
    const waits = turns.find((turn) => turn.until === null && turn.key.startsWith(key));
    const doing = waits === undefined ? doingOf(kind) : `waiting, ${behindText(waits.behind)}`;
    const again = waits === undefined && verifies ? ' again, to verify it' : '';
    const who =
      candidate === null
        ? ''
        : candidate === 'c-0'
          ? 'the program as it is: '
          : `${[candidate, titles.get(candidate)].filter(Boolean).join(' ')}: `;
    return [
      {
        what: `${stage === null ? '' : `${stage}: `}${who}${doing}${again}`,
        since: waits?.since ?? startedAt,
      },
    ];
  });
}
