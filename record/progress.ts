import type { Candidate } from '../domain/candidate.schema.ts';
import { isBaseline } from '../domain/candidate.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { JobInput } from '../domain/job-input.ts';
import { againKey, type StepKind, stepOfKey, subjectOf } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import { strategiesIn } from '../domain/strategies.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { behindText } from '../domain/turn.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { UnfinishedReply } from '../store/ledger/partials.ts';
import type { StepRecord } from '../store/ledger/steps.ts';
import type { TrialRecord } from '../store/ledger/trials.ts';
import type { TurnRecord } from '../store/ledger/turns.ts';
import type { Store } from '../store/store.ts';
import { inputOf, type KeptJob, readJob } from './kept-job.ts';

/** A step under way, in words. */
export interface Doing {
  what: string;
  /** Milliseconds since 1970. */
  since: number;
}

/** How far the search of an `optimize` job or stage is. */
export interface SearchProgress {
  record: JobRecord;
  job: OptimizeJob;
  /** In the order they were recorded. */
  trials: Trial[];
  /** Candidates tried, without the baseline. */
  done: number;
  /** Candidates that will be tried at most: the budget, or fewer where no model is asked and strategies run out. */
  total: number;
  /** What strategies can do for the program; null before it was looked at. */
  strategies: StrategyList | null;
  /** When the first of them could begin; null before the baseline was measured. */
  searchingSince: number | null;
  /** When the last candidate was done with, or the baseline where none was. */
  lastDone: number | null;
  /** How long the baseline took to be measured, which is about what a candidate takes. */
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
export async function readProgress(store: Store, record: JobRecord): Promise<Progress> {
  const kept = await readJob(store, record);
  const active = [kept, ...kept.stages.filter((stage) => stage.record.status === 'running')];
  const searches: SearchProgress[] = [];
  const doing: Doing[] = [];
  const writing: UnfinishedReply[] = [];
  const again: string[] = [];
  let lastSign = record.startedAt;
  for (const each of active) {
    const steps = await store.ledger.steps(each.record.id);
    const trials = await store.ledger.trials(each.record.id);
    const failed = await failedProposals(store, each.record.id);
    const turns = await store.ledger.turns(each.record.id);
    const partials = await store.ledger.partials(each.record.id);
    writing.push(...partials);
    again.push(...(await reasonsToTryAgain(store, each.record.id, steps)));
    doing.push(...stepsUnderWay(each.record, steps, trials, failed, turns));
    const signs = [
      ...steps.flatMap(({ startedAt, end }) => (end.kind === 'done' ? [startedAt, end.doneAt] : [startedAt])),
      ...trials.map(({ createdAt }) => createdAt),
      ...partials.map(({ at }) => at),
    ];
    lastSign = Math.max(lastSign, each.record.startedAt, ...signs);
    if (each.job.kind === 'optimize' && each.record.role !== 'verification') {
      const input = await inputOf(store, each.record);
      searches.push(searchProgress(each, { ...input, job: each.job }, steps, trials));
    }
  }
  return { kept, searches, doing, writing, again, lastSign };
}

/** What the log says of the open steps of a job that are tried again. */
async function reasonsToTryAgain(
  store: Store,
  jobId: string,
  steps: readonly StepRecord[],
): Promise<string[]> {
  const open = steps.filter(({ end }) => end.kind === 'none').map(({ key }) => againKey(key, ''));
  if (open.length === 0) return [];
  const events = await store.ledger.events(jobId);
  return events.filter(({ key }) => open.some((each) => key.startsWith(each))).map(({ text }) => text);
}

function searchProgress(
  { record, trials }: KeptJob,
  input: JobInput<OptimizeJob>,
  steps: readonly StepRecord[],
  recorded: readonly TrialRecord[],
): SearchProgress {
  const { job, routes } = input;
  const tried = new Set(trials.flatMap(({ candidate }) => (isBaseline(candidate) ? [] : [candidate.id])));
  const baseline = recorded.find(({ trial }) => trial.purpose === 'baseline');
  const asksModels = Object.values(routes).some((each) => each.length > 0);
  const strategies = strategiesIn(steps);
  const inapplicable = resultOfKind(steps, 'propose').filter((candidate) => candidate === null).length;
  const { trials: budget } = job.budget;
  return {
    record,
    job,
    trials,
    done: tried.size,
    strategies,
    total:
      asksModels || strategies === null
        ? budget
        : Math.min(budget, strategies.applicable.length - inapplicable),
    searchingSince: baseline?.createdAt ?? null,
    lastDone: recorded.reduce<number | null>((last, { createdAt }) => Math.max(last ?? 0, createdAt), null),
    baselineMs: baseline === undefined ? null : baseline.createdAt - record.startedAt,
  };
}

const resultOfKind = (steps: readonly StepRecord[], kind: string): unknown[] =>
  steps.flatMap((step) => (step.kind === kind && step.end.kind === 'done' ? [step.end.result] : []));

/** Candidates whose last request to a model failed: their step stays open where no route gave a program. */
async function failedProposals(store: Store, jobId: string): Promise<Set<string>> {
  const last = new Map((await store.ledger.calls(jobId)).map(({ key, status }) => [subjectOf(key), status]));
  return new Set([...last].flatMap(([subject, status]) => (status === 'failed' ? [subject] : [])));
}

const doingWords: Record<StepKind, string> = {
  pack: 'packing its files',
  files: 'gathering files',
  strategies: 'looking for strategies that apply',
  propose: 'being written',
  build: 'building',
  cases: 'making secret inputs',
  run: 'running',
  grade: 'being judged',
  measure: 'being measured',
  report: 'writing the report',
};

const doingOf = (kind: string): string => (isStepKind(kind) ? doingWords[kind] : kind);
const isStepKind = (kind: string): kind is StepKind => Object.hasOwn(doingWords, kind);

/** The open steps of a job: of each candidate the last, without those a recorded trial has made obsolete. */
function stepsUnderWay(
  { stage }: JobRecord,
  steps: readonly StepRecord[],
  trials: readonly TrialRecord[],
  failed: ReadonlySet<string>,
  turns: readonly TurnRecord[],
): Doing[] {
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
