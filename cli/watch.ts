import { setTimeout as wait } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { resultOf } from './kept-job.ts';
import { findJob } from './list.ts';
import { eventWriter, followEvents, pollMs } from './logs.ts';
import { notUsedLines } from './show.ts';
import { type CommandContext, clean, oneLine, paint, wrap } from './terminal.ts';
import { readProgress } from './watch-progress.ts';
import { progressBlock } from './watch-screen.ts';

/** `crucible watch JOB`: live until the job is closed, then its result line, or until `signal` fires. */
export async function watch(
  context: CommandContext,
  { job: text, signal }: { job: string; signal: AbortSignal },
): Promise<void> {
  const { id } = await findJob(context.store, text);
  await watchJob(context, id, { signal });
}

/**
 * Shows a job until it is closed and returns its record, its report included; on a terminal as a block redrawn in place, else each
 * event as a line. Where `signal` fires first, the record is that of a job still running. A job that was only just submitted
 * is waited for; throws the signal's reason where no worker ever took it.
 */
export async function watchJob(
  context: CommandContext,
  jobId: string,
  { signal }: { signal: AbortSignal },
): Promise<JobRecord> {
  const closed =
    context.terminal && !context.json
      ? await watchOnScreen(context, jobId, signal)
      : await followEvents(context.store, jobId, eventWriter(context), signal);
  if (closed.status === 'running') return closed;
  const record = await withReport(context.store, closed, signal);
  if (context.json) context.out(JSON.stringify({ closed: record }));
  else for (const line of resultLines(context, record)) context.out(line);
  return record;
}

/** On a terminal the summary is wrapped below how it ended; elsewhere all is one line. */
function resultLines(context: CommandContext, record: JobRecord): string[] {
  const result = resultOf(record);
  const summary = result?.summary ?? '';
  const [mark, format] = record.status === 'finished' ? (['✓', 'green'] as const) : (['✗', 'red'] as const);
  const ended = paint(context, format, `${mark} ${record.name} ${record.status}`);
  return [
    ...(context.terminal
      ? [ended, ...wrap(clean(summary), context.columns)]
      : [`${ended}: ${oneLine(summary)}`]),
    ...notUsedLines(context, result?.notUsed ?? []),
  ];
}

/** The report is written right after a job was closed, from what it was closed with: it is waited for this long. */
const reportMs = 5_000;

async function withReport(store: Store, closed: JobRecord, signal: AbortSignal): Promise<JobRecord> {
  let record = closed;
  while (record.report === null && Date.now() - (record.endedAt ?? 0) < reportMs && !signal.aborted) {
    await wait(100, undefined, { signal }).catch(() => undefined);
    record = (await store.ledger.job(record.id)) ?? record;
  }
  return record;
}

/** Of a job with thousands of trials reading takes long: at most a twentieth of a core is spent on it. */
const restShare = 20;

async function watchOnScreen(
  context: CommandContext,
  jobId: string,
  signal: AbortSignal,
): Promise<JobRecord> {
  const { store } = context;
  const draw = createLogUpdate(process.stdout);
  try {
    for (;;) {
      const began = performance.now();
      const record = await store.ledger.job(jobId);
      if (signal.aborted && record === undefined) throw signal.reason;
      if (record === undefined) {
        draw(`${jobId}\n${paint(context, 'dim', 'waiting for a worker to take it')}`);
      } else {
        const columns = process.stdout.columns ?? context.columns;
        draw(
          progressBlock({ ...context, columns }, await readProgress(store, record), Date.now()).join('\n'),
        );
        if (record.status !== 'running' || signal.aborted) return record;
      }
      const restMs = Math.max(pollMs, restShare * (performance.now() - began));
      await wait(restMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    draw.done();
  }
}
