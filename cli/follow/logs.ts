import { setTimeout as wait } from 'node:timers/promises';
import type { EventBelow } from '../../store/ledger/events.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { type CommandContext, oneLine, paint, timeText, wrap } from '../terminal.ts';
import { findJob } from './find-job.ts';

/** How often the ledger is looked at: seldom enough not to disturb what is being measured on the same machine. */
export const pollMs = 500;

/** Gives the events of a job and its stages that it has not given before, in order of time. */
export function newEvents({ ledger }: Store, jobId: string): () => Promise<EventBelow[]> {
  let after = 0;
  return async () => {
    const said = await ledger.eventsBelow(jobId, after);
    after = said.at(-1)?.number ?? after;
    return said.sort((a, b) => a.at - b.at);
  };
}

/** Writes events: their time, the stage where it is one of a pipeline, and the text. */
export function eventWriter(context: CommandContext): (said: EventBelow) => void {
  let day = '';
  return (said) => {
    if (context.json) return context.out(JSON.stringify({ event: said }));
    const [date = '', time = ''] = timeText(said.at).split(' ');
    if (date !== day) context.out(paint(context, 'dim', date));
    day = date;
    const stage = said.stage === null ? '' : `${said.stage}  `;
    const text = `${stage}${oneLine(said.text)}`;
    const [first = '', ...rest] = context.terminal ? wrap(text, Math.max(20, context.columns - 10)) : [text];
    context.out(`${paint(context, 'dim', time)}  ${first}`);
    for (const line of rest) context.out(`          ${line}`);
  };
}

/** `crucible logs JOB`: what was done and why; with `follow` until the job is closed or `signal` fires. */
export async function logs(
  context: CommandContext,
  { job: text, follow, signal }: { job: string; follow: boolean; signal?: AbortSignal },
): Promise<void> {
  const { store } = context;
  const { id } = await findJob(store, text);
  const write = eventWriter(context);
  if (follow) {
    await followEvents(store, id, write, signal);
    return;
  }
  const events = await newEvents(store, id)();
  if (events.length === 0 && !context.json) context.out(`${id} has said nothing yet. Wait with --follow.`);
  for (const said of events) write(said);
}

/**
 * Hands every event to `write` until the job is closed, and returns the job. Where `signal` fires, it returns
 * the job as it stands. A job that is not in the ledger yet is waited for; its submission is on its way. Throws
 * the signal's reason where it never came.
 */
export async function followEvents(
  store: Store,
  jobId: string,
  write: (said: EventBelow) => void,
  signal?: AbortSignal,
  atEachLook?: () => Promise<void>,
): Promise<JobRecord> {
  const next = newEvents(store, jobId);
  let closedBefore = false;
  for (;;) {
    await atEachLook?.();
    const record = await store.ledger.job(jobId);
    for (const said of record === undefined ? [] : await next()) write(said);
    if (signal?.aborted && record === undefined) throw signal.reason;
    // How a job ended is said right after it is closed: one more look finds it.
    if (record !== undefined && (closedBefore || signal?.aborted)) return record;
    closedBefore = record !== undefined && record.status !== 'running';
    await wait(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
