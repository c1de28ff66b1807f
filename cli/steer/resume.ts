import { setTimeout as wait } from 'node:timers/promises';
import type { Job } from '../../domain/job.schema.ts';
import { Budget } from '../../domain/job-fields.schema.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import { isPart, withParts } from '../../domain/kinds/kinds.ts';
import type { Extension, Message } from '../../domain/message.schema.ts';
import { refusalOf, waitingIn } from '../../domain/steered.ts';
import type { ModelConfig } from '../../llm/catalogue/routes.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { statusOfJob } from '../follow/ending.ts';
import { findJob } from '../follow/find-job.ts';
import { pollMs } from '../follow/logs.ts';
import { watchJob } from '../follow/watch.ts';
import { nothingLeft } from '../nothing-left.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { routesOf } from '../start/submit.ts';
import { sayOf, UserMistake } from '../terminal.ts';
import { tell, tellJob } from './tell.ts';

/**
 * What can be extended, by the name it is given on the command line. Each has the field of a budget and its
 * unit.
 */
const extensions = {
  usd: { field: 'usd', scale: 1 },
  tokens: { field: 'tokens', scale: 1 },
  trials: { field: 'trials', scale: 1 },
  minutes: { field: 'wallMs', scale: 60_000 },
} as const;

/** Reads `usd=5 tokens=2000000 trials=20 minutes=90`; a bare number is dollars. Throws `UserMistake` naming the part that is wrong. */
export function readExtension(parts: readonly string[]): Extension {
  const extension: Extension = {};
  for (const part of parts) {
    const [, name = 'usd', amount = ''] = /^(?:([a-z]+)=)?\$?([\d.]+)$/.exec(part) ?? [];
    const known = Object.hasOwn(extensions, name) ? extensions[name as keyof typeof extensions] : undefined;
    const value = Number(amount);
    const read =
      known === undefined || amount === ''
        ? undefined
        : Budget.shape[known.field].safeParse(value * known.scale);
    if (known === undefined || read === undefined || !read.success)
      throw new UserMistake(
        `${part}: expected ${Object.keys(extensions)
          .map((each) => `${each}=NUMBER`)
          .join(', ')}; a bare number is dollars`,
      );
    extension[known.field] = value * known.scale;
  }
  return extension;
}

/**
 * Takes up a job that has ended, with a larger budget if `extension` gives one. Returns the job's ID once it is open. What it finished,
 * tried and paid is found and not done again. Throws `UserMistake`, and changes nothing, where it runs, or there is nothing left that it
 * could do.
 */
export async function resume(
  store: Store,
  client: JobClient,
  record: JobRecord,
  extension: Extension,
  { models, signal, anew = [] }: { models: ModelConfig; signal: AbortSignal; anew?: readonly string[] },
): Promise<string> {
  if (record.role === 'verification')
    throw new UserMistake(`${record.id} is a verification: start another with crucible verify`);
  if (record.parent !== null)
    throw new UserMistake(
      record.role === 'cell'
        ? `${record.id} is a cell: run it again with crucible retry ${record.parent} ${record.stage}`
        : `${record.id} is a stage: resume its pipeline, crucible resume ${record.parent}`,
    );
  const before = await readInput(store.blobs, record);
  if (record.status === 'running') throw new UserMistake(`${record.id} is running already`);
  const less = refusalOf({ kind: 'extend', budget: extension }, { paused: false, budget: record.budget });
  if (less !== null) throw new UserMistake(`${record.id}: ${less}`);
  // What it was extended by while it ran stands, too.
  const job = extended(before.job, { ...record.budget, ...extension });
  // Models that could be asked when it was submitted stay; a key that was set since counts, too.
  const routes = hasRoutes(before) ? before : { ...before, ...routesOf(job, models) };
  const left = await nothingLeft(store, record, {
    job,
    routes: routes.routes,
    stageRoutes: routes.stageRoutes,
    moreMoney: extension.usd !== undefined || extension.tokens !== undefined,
    anew,
  });
  if (left !== null) throw new UserMistake(`${record.id} has nothing to go on with: ${left.reason}`);
  const { anew: _, ...started } = routes;
  const input: JobInput = {
    ...started,
    ...(anew.length === 0 ? {} : { anew: [...anew] }),
    job,
    searchable: client.searchable,
    resumed: before.resumed + 1,
  };
  await startAgain(store, client, record, { input, signal });
  return record.id;
}

/**
 * Starts the workflow of a job that has ended, and waits until it is open. Throws `UserMistake` where another command was faster: a
 * server attaches to the run that there is.
 */
async function startAgain(
  store: Store,
  client: JobClient,
  { id }: JobRecord,
  { input, signal }: { input: JobInput; signal: AbortSignal },
): Promise<void> {
  const artifact = await store.blobs.put(JSON.stringify(input));
  // Until a worker has opened it, the ledger shows the job as it ended before.
  const isOpened = async (): Promise<boolean> => {
    const now = await store.ledger.job(id);
    if (now?.input === artifact) return true;
    if (now?.status === 'running') throw new UserMistake(`${id} is running already: it was just taken up`);
    return false;
  };
  const other = new AbortController();
  const look = setInterval(() => void isOpened().catch((error) => other.abort(error)), pollMs);
  try {
    // A job is closed in the ledger a moment before its workflow is, and so are its stages.
    const parts = await store.ledger.children(id, { role: 'stage' });
    const until = AbortSignal.any([signal, other.signal]);
    for (const part of [id, ...parts.map((each) => each.id)]) await client.closed(part, until);
  } finally {
    clearInterval(look);
  }
  await client.start(input);
  while (!(await isOpened())) {
    await wait(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    if (!(await isOpened())) await client.start(input);
  }
}

export const hasRoutes = ({ routes, stageRoutes }: JobInput): boolean =>
  [routes, ...Object.values(stageRoutes)].some((each) => Object.values(each).some((list) => list.length > 0));

/** The job with its budget replaced where `extension` says so. A pipeline's trials and time are its stages'. */
function extended(job: Job, { usd, tokens, trials, wallMs }: Extension): Job {
  const money = { ...(usd === undefined ? {} : { usd }), ...(tokens === undefined ? {} : { tokens }) };
  const longer = <B extends Budget>(budget: B): B => ({
    ...budget,
    ...{ trials: trials ?? budget.trials, wallMs: wallMs ?? budget.wallMs },
  });
  if (isPart(job)) return { ...job, budget: { ...longer(job.budget), ...money } };
  // A part with a limit of its own would stand in the way of the whole's.
  const ofPart = <B extends Budget>(budget: B): B => ({
    ...longer(budget),
    ...(budget.usd === undefined ? {} : { usd: usd ?? budget.usd }),
    ...(budget.tokens === undefined ? {} : { tokens: tokens ?? budget.tokens }),
  });
  const parts = withParts(job, (part) => ({ ...part, budget: ofPart(part.budget) }));
  return isPart(parts) ? parts : { ...parts, budget: { ...job.budget, ...money } };
}

/**
 * Ends the pause of a running job, and extends it. That is enough for one that is `waiting` for a person.
 * Throws `UserMistake` where there is neither to do.
 */
export async function goOn(
  client: JobClient,
  record: JobRecord,
  extension: Extension,
  waiting = false,
): Promise<string> {
  const isExtended = Object.keys(extension).length > 0;
  const messages: Message[] = [
    ...(isExtended ? [{ kind: 'extend' as const, budget: extension }] : []),
    ...(record.pausedAt === null || (waiting && isExtended) ? [] : [{ kind: 'resume' as const }]),
  ];
  if (messages.length === 0) throw new UserMistake(`${record.id} is running already`);
  for (const message of messages) await tell(client, record.id, message);
  return record.id;
}

/** Takes up a job that has ended or is paused, extends one that runs, and unless `detached` watches it. */
export async function resumeJob(
  { config, context, signal }: Session,
  text: string,
  {
    budget = [],
    detached = false,
    anew = [],
  }: { budget?: string[]; detached?: boolean; anew?: readonly string[] },
): Promise<ExitStatus> {
  const extension = readExtension(budget);
  const record = await findJob(context.store, text);
  return withServer(config, { store: context.store, say: sayOf(context), signal }, async (client) => {
    const id =
      record.status === 'running'
        ? await goOn(client, record, extension, await isWaiting(context.store, record))
        : await resume(context.store, client, record, extension, { models: config.models, signal, anew });
    if (detached) {
      context.out(
        context.json ? JSON.stringify({ jobId: id }) : `${id} goes on\nFollow it: crucible watch ${id}`,
      );
      return exitStatus.found;
    }
    return statusOfJob(await watchJob(context, id, { signal }));
  });
}

const isWaiting = async ({ ledger }: Store, record: JobRecord): Promise<boolean> =>
  waitingIn(await ledger.messages(record.id), record) !== null;

/** Raises the budget of a job that runs, or takes up one that has ended with a larger one. */
export async function extendJob(session: Session, text: string, amounts: string[]): Promise<unknown> {
  const budget = readExtension(amounts);
  const { status } = await findJob(session.context.store, text);
  return status === 'running'
    ? tellJob(session, text, { kind: 'extend', budget })
    : resumeJob(session, text, { budget: amounts, detached: true });
}
