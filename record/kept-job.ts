import { z } from 'zod';
import { chosenIn } from '../domain/choosing.ts';
import type { Job } from '../domain/job.schema.ts';
import { type BestFound, type JobInput, JobResult } from '../domain/job-input.schema.ts';
import { gridIn, isPart, stagesOf } from '../domain/kinds/kinds.ts';
import type { Rest, Waiting } from '../domain/message.schema.ts';
import { objectiveOf } from '../domain/objective.ts';
import { restIn, waitingIn } from '../domain/steered.ts';
import { stepOfKey, trialStep } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import { strategiesIn } from '../domain/strategies.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { chosenFound } from '../domain/trial.ts';
import { workTimes } from '../domain/turn.ts';
import { readInput } from '../store/documents.ts';
import type { AccountRecord } from '../store/ledger/accounts.ts';
import type { EventRecord } from '../store/ledger/events.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { CallRecord } from '../store/ledger/model-calls.ts';
import type { UnfinishedReply } from '../store/ledger/partials.ts';
import type { StepRecord } from '../store/ledger/steps.ts';
import type { TrialRecord } from '../store/ledger/trials.ts';
import type { TurnRecord } from '../store/ledger/turns.ts';
import type { Store } from '../store/store.ts';
import { withLater } from '../store/trials-of.ts';
import { type CellCounts, countCells } from './cells.ts';

/** All that the ledger knows of a job: read once, for every command and for the report. */
export interface KeptJob {
  record: JobRecord;
  input: JobInput;
  job: Job;
  /** Its trials in the order they were recorded, and behind them what later verifications found of its candidates. */
  recorded: TrialRecord[];
  /** The same, without when and where. */
  trials: Trial[];
  /** In the order they were last started. */
  steps: StepRecord[];
  /** Its requests to models, in the order they were sent. */
  calls: CallRecord[];
  /** What its sandboxes, and those of its verifications, waited for. */
  turns: TurnRecord[];
  /** Replies of models that are coming in. */
  partials: UnfinishedReply[];
  /** What a person chose in place of the best; null where nothing was chosen, or it does not stand. */
  chosen: BestFound | null;
  /** What it rests for; null where it does not stand still, or people paused it. */
  rest: Rest | null;
  /** What it may spend on models with all that is below it, and has; null where it was not opened. */
  account: AccountRecord | null;
  /** That it waits for a person, and why; null where it does not. */
  waiting: Waiting | null;
  /** What was done and why, in order. */
  events: EventRecord[];
  /** What strategies can do for its program; null where they were not looked for. */
  strategies: StrategyList | null;
  /** In the order of the pipeline; those that have not started are missing. */
  stages: KeptJob[];
  /** How the cells of an experiment stand; null for any other job. */
  cells: CellCounts | null;
  /** Stages whose job and files were done before, by an earlier job, with what came out then. */
  takenOver: Record<string, JobResult>;
  /** Later verifications of its best. */
  verifications: JobRecord[];
}

/** Reads a job, its stages and theirs. */
export async function readJob(store: Store, record: JobRecord): Promise<KeptJob> {
  const { ledger } = store;
  const { id } = record;
  const [input, own, steps, calls, partials, events, told, account, children] = await Promise.all([
    readInput(store.blobs, record),
    ledger.trials(id),
    ledger.steps(id),
    ledger.calls(id),
    ledger.partials(id),
    ledger.events(id),
    ledger.messages(id),
    ledger.account(id),
    ledger.children(id, { role: ['stage', 'verification'] }),
  ]);
  const { job } = input;
  const grid = gridIn(job);
  const verifications = children.filter(({ role }) => role === 'verification');
  const later = await Promise.all(verifications.map((each) => ledger.trials(each.id)));
  const recorded = withLater(own, later.flat());
  const trials = recorded.map(({ trial }) => trial);
  const turns = await Promise.all([record, ...verifications].map((each) => ledger.turns(each.id)));
  const order = stagesOf(job).map(({ name }) => name);
  const stages = children
    .filter(({ role }) => role === 'stage')
    .sort((a, b) => order.indexOf(a.stage ?? '') - order.indexOf(b.stage ?? ''));
  return {
    ...{ record, input, job, recorded, steps, calls, partials, events },
    trials,
    chosen: isPart(job) ? chosenFound(trials, objectiveOf(job), chosenIn(told)) : null,
    rest: record.status === 'running' && record.pausedAt !== null ? restIn(told) : null,
    account: account ?? null,
    waiting: waitingIn(told, record),
    turns: turns.flat(),
    strategies: strategiesIn(steps),
    stages: await Promise.all(stages.map((stage) => readJob(store, stage))),
    cells: grid === null ? null : countCells(grid, await ledger.endsBelow(id)),
    takenOver: takenOverIn(steps),
    verifications,
  };
}

/** Returns the milliseconds that the steps of a trial worked, and what they waited for other sandboxes. */
export const timesOf = ({ turns }: KeptJob, { jobId, trial }: TrialRecord): Record<string, number> =>
  workTimes(trial.timings, { jobId, step: trialStep(trial.candidate.id, trial.purpose) }, turns);

/** Reads the earlier job whose result a stage took over; null where the ledger has it no longer. */
export async function readEarlier(store: Store, { jobId }: JobResult): Promise<KeptJob | null> {
  const record = await store.ledger.job(jobId);
  return record === undefined ? null : readJob(store, record);
}

const Merged = z.object({ known: JobResult.nullable() });

/** Returns what `mergeFiles` found known before it would have started a stage, by the stage's name. */
function takenOverIn(steps: readonly StepRecord[]): Record<string, JobResult> {
  const taken: Record<string, JobResult> = {};
  for (const { key, kind, end } of steps) {
    const { stage } = stepOfKey(key);
    if (kind !== 'files' || end.kind !== 'done' || stage === null) continue;
    const known = Merged.safeParse(end.result).data?.known ?? null;
    if (known !== null) taken[stage] = known;
  }
  return taken;
}
