import { setTimeout as wait } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { objectiveOf, triesTwice } from '../../domain/objective.ts';
import { headline } from '../../domain/trial.ts';
import { readJob } from '../../record/kept-job.ts';
import { readProgress } from '../../record/progress.ts';
import type { EventBelow } from '../../store/ledger/events.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { ExitStatus } from '../exit-status.ts';
import { waitsForRoom } from '../server/home.ts';
import { type CommandContext, clean, harmless, oneLine, paint, widthOf, wrap } from '../terminal.ts';
import { board } from './board.ts';
import { printNext, statusOfJob } from './ending.ts';
import { findJob } from './find-job.ts';
import { eventWriter, followEvents, pollMs } from './logs.ts';
import { notUsedLines } from './show.ts';
import { progressBlock } from './watch-screen.ts';

/** `crucible watch JOB`: live until the job is closed, then its result line, or until `signal` fires. Returns the exit status. */
export async function watch(
  context: CommandContext,
  { job: text, signal }: { job: string; signal: AbortSignal },
): Promise<ExitStatus> {
  const { id } = await findJob(context.store, text);
  return statusOfJob(await watchJob(context, id, { signal }));
}

/**
 * Shows a job until it is closed and returns its record with its report. A terminal has a block that is redrawn in place, all else a line
 * for each event. Where `signal` fires first, the record is that of a job still running. A job that was only just submitted is waited for;
 * throws the signal's reason where no worker ever took it.
 */
export async function watchJob(
  context: CommandContext,
  jobId: string,
  { signal }: { signal: AbortSignal },
): Promise<JobRecord> {
  const say = context.quiet ? () => undefined : context.json ? eventWriter(context) : withoutEnding(context);
  const closed =
    context.terminal && !context.json && !context.quiet
      ? await watchOnScreen(context, jobId, signal)
      : await followEvents(context.store, jobId, say, signal, fullDiskTeller(context));
  if (closed.status === 'running') {
    if (!context.json) context.out(`\n${jobId} goes on.`);
    if (!context.json) await printNext(context, closed);
    return closed;
  }
  const record = await withReport(context.store, closed, signal);
  if (context.json) context.out(JSON.stringify({ closed: record }));
  else {
    for (const line of resultLines(context, record)) context.out(line);
    for (const line of await boardOf(context, record)) context.out(line);
    await printNext(context, record);
  }
  return record;
}

/** Writes events, but for the last where it is how the job ended: the line below them says the same. */
function withoutEnding(context: CommandContext): (said: EventBelow) => void {
  const write = eventWriter(context);
  let held: EventBelow | null = null;
  return (said) => {
    if (held !== null) write(held);
    held = said.stage === null && /^(finished|failed|cancelled): /.test(said.text) ? said : null;
    if (held === null) write(said);
  };
}

/** Says each time the disk has become full; a job says nothing then, for that would need room. */
function fullDiskTeller({ home, json, quiet, out }: CommandContext): () => Promise<void> {
  let before: string | null = null;
  return async () => {
    const now = await waitsForRoom(home);
    if (now !== null && before === null && !quiet) out(json ? JSON.stringify({ waiting: now }) : now);
    before = now;
  };
}

/** The rest is in `show` and in the report. */
const mostOnBoard = 8;

/** The candidates of a search that has ended, the best first. */
async function boardOf(context: CommandContext, record: JobRecord): Promise<string[]> {
  if (record.role === 'verification') return [];
  const { job, trials, chosen } = await readJob(context.store, record);
  const objective = objectiveOf(job);
  return trials.length === 0 || !triesTwice(objective)
    ? []
    : board(context, trials, objective, { most: mostOnBoard, chosen });
}

/**
 * On a terminal the summary is wrapped below how it ended. Elsewhere its first line stands beside that, which
 * says it all.
 */
function resultLines(context: CommandContext, record: JobRecord): string[] {
  const result = record.result;
  const summary = result?.summary ?? '';
  const [mark, format] = record.status === 'finished' ? (['✓', 'green'] as const) : (['✗', 'red'] as const);
  const ended = paint(context, format, `${mark} ${record.name} ${record.status}`);
  return [
    ...(context.terminal
      ? [ended, ...wrap(clean(summary), context.columns)]
      : [`${ended}: ${oneLine(headline(summary))}`, ...restOf(summary)]),
    ...notUsedLines(context, result?.notUsed ?? []),
  ];
}

/** The lines that explain, as they were written. */
const restOf = (summary: string): string[] =>
  clean(summary)
    .split('\n')
    .slice(1)
    .map((line) => `  ${line}`.trimEnd());

/**
 * The report is written right after a job was closed, from what it was closed with. It is waited for this long.
 */
const reportMs = 5_000;

async function withReport(store: Store, closed: JobRecord, signal: AbortSignal): Promise<JobRecord> {
  let record = closed;
  while (record.report === null && Date.now() - (record.endedAt ?? 0) < reportMs && !signal.aborted) {
    await wait(100, undefined, { signal }).catch(() => undefined);
    record = (await store.ledger.job(record.id)) ?? record;
  }
  return record;
}

/**
 * The stream for those who take its width as it is. One of 0 columns would have every character on a line of
 * its own.
 */
const withWidth = (stream: NodeJS.WriteStream): NodeJS.WriteStream =>
  new Proxy(stream, {
    get: (target, name) => {
      if (name === 'columns') return widthOf(target);
      if (name === 'rows') return target.rows || 24;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** Reading takes long for a job with thousands of trials. At most a twentieth of a core is spent on it. */
const restShare = 20;

async function watchOnScreen(
  context: CommandContext,
  jobId: string,
  signal: AbortSignal,
): Promise<JobRecord> {
  const { store } = context;
  const draw = createLogUpdate(withWidth(process.stdout));
  try {
    for (;;) {
      const began = performance.now();
      const record = await store.ledger.job(jobId);
      if (signal.aborted && record === undefined) throw signal.reason;
      if (record === undefined) {
        draw(`${jobId}\n${paint(context, 'dim', 'waiting for a worker to take it')}`);
      } else {
        const block = progressBlock(
          { ...context, columns: widthOf(process.stdout) },
          await readProgress(store, record),
          Date.now(),
        );
        const waits = await waitsForRoom(context.home);
        if (waits !== null) block.push(paint(context, 'yellow', waits));
        draw(block.map((line) => harmless(line, context)).join('\n'));
        if (record.status !== 'running' || signal.aborted) return record;
      }
      const restMs = Math.max(pollMs, restShare * (performance.now() - began));
      await wait(restMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    draw.done();
  }
}
