import type { SearchAttributeUpdatePair } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  defineQuery,
  isCancellation,
  rootCause,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Job } from '../../domain/job.schema.ts';
import { capOf } from '../../domain/job.ts';
import type { JobInput, JobResult } from '../../domain/job-input.schema.ts';
import type { Journal, JournalRow } from '../../domain/journal.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { type Known, nothingKnown } from '../../domain/known.ts';
import type { Told } from '../../domain/message.schema.ts';
import { budgetWarnings, type Spent } from '../../domain/spent.ts';
import { extensible, helps, saidOf, toldBelow } from '../../domain/steered.ts';
import type { Place } from '../../domain/step.ts';
import { bestAttribute, kindAttribute, spendAttribute, statusAttribute } from '../../domain/visibility.ts';
import { closeJob, openJob, readJournal, takeMessage, writeReport } from './proxies.ts';
import { listen, type Steering } from './steering.ts';

/** What a job says of itself while it runs. */
export interface Telling {
  /** What is being done now, in words. */
  now: string;
  /** The last of what was done. */
  done: string[];
  /** Lines before those; the job's log has them. */
  earlier: number;
}

/** Lines of what was done that a job tells of itself: it may try thousands of candidates. */
const mostTold = 50;

export const progressQuery = defineQuery<Telling>('progress');

/** In events: what is under way adds some hundred more. A server suggests to go on as new only much later. */
const longHistory = { events: 4_000, bytes: Number.POSITIVE_INFINITY };

/** A running job as its workflow code sees it. */
export interface RunningJob<J extends Job> {
  input: JobInput<J>;
  job: J;
  /** What earlier goes at this job had done; nothing in the first. */
  known: Known;
  /** What people tell the job. */
  steering: Steering;
  /** How to pass on to each job below what this one is told. */
  children: Set<(told: Told) => Promise<void>>;
  /** The place of a step inside this job. */
  placeOf(step: string): Place;
  /** Tells people what is being done. */
  tell(now: string): void;
  /** Adds a line to what was done, and the best metric where there is one. */
  note(line: string, bestValue?: number): void;
  /** Returns whether the history is so long, by the server or `long`, that the job should go on as new. */
  isLong(long?: { events: number; bytes: number }): boolean;
  /** Goes on as new, with a history of its own. What the job knows is in the ledger; nothing may be under way. */
  goOn(): Promise<never>;
  /** Tells what models have cost so far, and where that is much of the budget. */
  spent(spent: Spent): void;
}

/** What a job's own workflow hands back; the frame around it adds the rest. */
export type Conclusion = Pick<JobResult, 'summary' | 'best' | 'refused' | 'product'>;

/**
 * Runs a job in the frame that all share. It is opened in the ledger, told in words while it runs, and closed with a report however it
 * ends. A cancelled or failed job is closed too, then ends as what it is. A bug in workflow code is no failure of the job. It is
 * rethrown, so that a mended worker carries on.
 */
export async function runJob<J extends Job>(
  input: JobInput<J>,
  body: (running: RunningJob<J>) => Promise<Conclusion>,
): Promise<JobResult> {
  const { jobId, storeId, job, searchable } = input;
  const progress: Telling = { now: 'starting', done: [], earlier: 0 };
  const placeOf = (step: string): Place => ({ storeId, jobId, step });
  /** The same for what each go at a job does anew. */
  const placeOfThisRun = (step: string): Place =>
    placeOf(input.resumed ? `${step}-${input.resumed + 1}` : step);
  const show = (): void =>
    setCurrentDetails(
      [
        `**${progress.now}**`,
        ...(progress.earlier === 0 ? [] : [`- ${progress.earlier} more before: in the log`]),
        ...progress.done.map((line) => `- ${line}`),
      ].join('\n'),
    );

  const label = (...attributes: SearchAttributeUpdatePair[]): void => {
    if (searchable) upsertSearchAttributes(attributes);
  };
  const status = (value: string): void => label({ key: statusAttribute, value });
  setHandler(progressQuery, () => progress, { description: 'What the job is doing and has done, in words' });

  label({ key: kindAttribute, value: job.kind }, { key: statusAttribute, value: 'running' });

  const children: RunningJob<J>['children'] = new Set();
  const steering = listen({
    talks: kindOf(job).talks ?? false,
    budget: extensible(job),
    take: (told) => takeMessage({ ...placeOf(`message/${told.id}`), told }),
    async taken(told, helped) {
      if (told.message.kind === 'pause') status('paused');
      if (told.message.kind === 'wait') {
        status('waiting');
        running.tell(`waiting for ${helps}: ${told.message.why}`);
      } else if (told.message.kind === 'resume' || helped) status('running');
      running.note(saidOf(told.message));
      const below = toldBelow(told);
      if (below !== null) await Promise.all([...children].map((pass) => pass(below)));
    },
  });
  const warned = new Set<string>();
  const running: RunningJob<J> = {
    ...{ input, job, placeOf, steering, children },
    known: nothingKnown,
    tell: (now) => {
      progress.now = now;
      show();
    },
    note: (line, bestValue) => {
      progress.done.push(line);
      progress.earlier += progress.done.splice(0, progress.done.length - mostTold).length;
      show();
      if (bestValue !== undefined) label({ key: bestAttribute, value: bestValue });
    },
    isLong: ({ events, bytes } = longHistory) => {
      const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
      return continueAsNewSuggested || historyLength > events || historySize > bytes;
    },
    goOn: () => continueAsNew<(again: JobInput<J>) => Promise<JobResult>>(input),
    spent(spent) {
      label({ key: spendAttribute, value: spent.microUsd / 1e6 });
      for (const { key, text } of budgetWarnings(spent, capOf(steering))) {
        if (!warned.has(key)) running.note(text);
        warned.add(key);
      }
    },
  };

  let isOpen = false;
  try {
    // A job that is cancelled is opened first, so that it can be closed.
    const opened = await CancellationScope.nonCancellable(() => openJob({ ...placeOf('open'), input }));
    isOpen = true;
    running.known = { ...opened.known, journal: await journalOf(opened.known, placeOf('open')) };
    if (opened.steered.pausedAt !== null) status(opened.steered.waiting == null ? 'paused' : 'waiting');
    const attending = CancellationScope.nonCancellable(() => steering.attend(opened.steered));
    attending.catch(() => undefined);
    // One that was paused before, or at once, begins nothing either.
    const ended = await Promise.race([steering.going().then(() => body(running)), attending]);
    await steering.close('it is ending');
    running.tell('writing the report');
    const closed = await closeJob({ ...placeOfThisRun('close'), status: 'finished', ended });
    const result = { ...closed.result, report: await writeReport(placeOfThisRun('report')) };
    running.spent(closed);
    status('finished');
    running.tell(result.summary);
    return result;
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    // What fails because the job was to end is no failure of the job.
    const asked = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const end = asked ? 'cancelled' : 'failed';
    const summary = asked ? 'cancelled' : reasonOf(error);
    await CancellationScope.nonCancellable(async () => {
      await steering.close(`it is ${end}`);
      const ended: Conclusion = { summary, best: null, refused: 0, product: null };
      running.spent(await closeJob({ ...placeOfThisRun('close'), status: end, ended }));
      if (isOpen) await writeReport(placeOfThisRun('report'));
    });
    status(end);
    running.tell(summary);
    if (asked) throw isCancellation(error) ? error : new CancelledFailure(summary, undefined, error);
    throw ApplicationFailure.create({
      message: summary,
      type: 'JobFailed',
      nonRetryable: true,
      cause: error,
    });
  }
}

/** The journal that a job knows when it is opened; a long one comes in pages. */
async function journalOf({ journal, more }: Known, place: Place): Promise<Journal> {
  if (more === null) return journal;
  const rows: JournalRow[] = [];
  for (;;) {
    const page = await readJournal({ ...place, journal: more, from: rows.length });
    if (page.length === 0) return rows;
    rows.push(...page);
  }
}

/** The innermost message of a failure: what a person can act on. */
export const reasonOf = (error: unknown): string => rootCause(error) ?? String(error);
