import { setTimeout as wait } from 'node:timers/promises';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import type { Config } from '../workers/config.ts';
import type { Role } from '../workers/run.ts';
import { connect, type JobClient } from './client.ts';
import { printNext, statusOfJob } from './ending.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { exportJob } from './export.ts';
import type { JobFile } from './job-file.ts';
import { resultOf } from './kept-job.ts';
import { findJob } from './list.ts';
import { readExtension, resume } from './resume.ts';
import { running, type UpOptions, up } from './server.ts';
import type { Session } from './session.ts';
import { isNewcomer, submit, withoutModels } from './submit.ts';
import { type CommandContext, oneLine, sayOf, UserMistake, wrap } from './terminal.ts';
import { startVerification } from './verify.ts';
import { watchJob } from './watch.ts';

export interface StartOptions {
  fresh?: boolean;
  detached?: boolean;
  /** The folder that the program found is exported to. */
  out?: string;
}

/** Submits a job, and unless `detached` watches it. Returns the exit status. */
export async function startJob(
  { config, context, signal }: Session,
  file: JobFile,
  { fresh = false, detached = false, out: folder }: StartOptions,
): Promise<ExitStatus> {
  const { store, out, json } = context;
  const say = sayOf(context);
  return withServer(config, { store, say, signal }, async (client) => {
    const noModels = withoutModels(file, config.models, { newcomer: await isNewcomer(store) });
    const submitted = await submit(file, { store, client, models: config.models, fresh });
    if (submitted.kind === 'finished') {
      const { record } = submitted;
      if (json) out(JSON.stringify(record.summary));
      else {
        out(`${record.id} is finished: ${oneLine(resultOf(record)?.summary ?? '')}`);
        await printNext(context, record);
        out('To do it all again: --fresh');
      }
      return endWith(context, record, folder);
    }
    for (const line of noModels === null ? [] : wrap(noModels, context.columns)) say(line);
    const { jobId } = submitted;
    if (detached) {
      out(
        json ? JSON.stringify({ jobId }) : `${submitted.kind} ${jobId}\nFollow it: crucible watch ${jobId}`,
      );
      return exitStatus.found;
    }
    say(`${submitted.kind} ${jobId}`);
    const record = await watchJob(context, jobId, { signal }).catch((error: unknown) => {
      // Interrupted before a worker took it: it is submitted all the same.
      if (error === signal.reason) return null;
      throw error;
    });
    if (record === null) {
      say(`\n${jobId} goes on.\nFollow    crucible watch ${jobId}\nEnd it    crucible cancel ${jobId}`);
      return exitStatus.interrupted;
    }
    return endWith(context, record, folder);
  });
}

/** Writes the program of a job that has one to `folder`, if one is given. Returns the job's exit status. */
async function endWith(
  context: CommandContext,
  record: JobRecord,
  folder: string | undefined,
): Promise<ExitStatus> {
  if (folder !== undefined && record.status !== 'running' && resultOf(record)?.product != null) {
    if (!context.json) context.out('');
    await exportJob(context, { job: record.id, out: folder, force: false });
  }
  return statusOfJob(record);
}

/** Verifies a finished job's best again and watches that. */
export async function verifyJob({ config, context, signal }: Session, text: string): Promise<ExitStatus> {
  const record = await findJob(context.store, text);
  return withServer(config, { store: context.store, say: sayOf(context), signal }, async (client) => {
    const id = await startVerification(context.store, client, record);
    return statusOfJob(await watchJob(context, id, { signal }));
  });
}

/** Takes up a job that has ended, or extends one that runs, and unless `detached` watches it. */
export async function resumeJob(
  { config, context, signal }: Session,
  text: string,
  { budget = [], detached = false }: { budget?: string[]; detached?: boolean },
): Promise<ExitStatus> {
  const extension = readExtension(budget);
  const record = await findJob(context.store, text);
  return withServer(config, { store: context.store, say: sayOf(context), signal }, async (client) => {
    const id = await resume(context.store, client, record, extension, {
      models: config.models,
      signal,
    });
    if (detached) {
      context.out(
        context.json ? JSON.stringify({ jobId: id }) : `${id} goes on\nFollow it: crucible watch ${id}`,
      );
      return exitStatus.found;
    }
    return statusOfJob(await watchJob(context, id, { signal }));
  });
}

/** A job that is asked to end closes itself within seconds: its sandboxes are stopped and its report is written. */
const cancelMs = 20_000;

/**
 * Asks a job to end, and says what came of it: cancelled, with its best so far; ended already; or told, where it takes longer. Throws
 * `UserMistake` where it had ended before, or nothing can be asked.
 */
export async function cancelJob(
  config: Config,
  { store, out, json }: CommandContext,
  text: string,
): Promise<void> {
  const found = await findJob(store, text);
  if (found.status !== 'running') throw new UserMistake(`${found.id} is not running: it is ${found.status}`);
  const now = await running(config.home);
  const address = config.temporalAddress ?? now?.address;
  if (address === undefined)
    throw new UserMistake(`no server runs, so ${found.id} rests. Start it: crucible up, then cancel again`, {
      status: exitStatus.failed,
    });
  const record = await askToEnd(config, store, found, address);
  if (json) return out(JSON.stringify({ jobId: record.id, status: record.status }));
  if (record.status !== 'running') return out(`${record.id} ${endedWords[record.status]}`);
  const idle = now?.worker == null && config.temporalAddress === undefined;
  out(
    `${record.id}: the server was told to cancel it, and it has not ended yet${idle ? ': no worker runs, start one with crucible up' : ''}. See: crucible watch ${record.id}`,
  );
}

const endedWords = {
  cancelled: 'is cancelled; its best so far is kept',
  finished: 'had finished by then',
  failed: 'failed before it could be cancelled',
};

/** Cancels at the server; returns the record as it is then, after `cancelMs` at the latest. */
async function askToEnd(config: Config, store: Store, found: JobRecord, address: string): Promise<JobRecord> {
  const client = await connect(address, config.namespace, store);
  const look = async (): Promise<JobRecord> => (await store.ledger.job(found.id)) ?? found;
  try {
    await client.closeEnded(store);
    const before = await look();
    if (before.status !== 'running')
      throw new UserMistake(`${before.id} is not running: it is ${before.status}`);
    if (!(await client.cancel(before.id))) {
      await client.closeEnded(store);
      const after = await look();
      if (after.status !== 'running') return after;
      throw new UserMistake(
        `${before.id} is open in the ledger, and the server at ${address} does not know it: another server has it, or this one has lost it. Submit the same job again, which takes it up where it was; then cancel that`,
      );
    }
    const until = Date.now() + cancelMs;
    let record = before;
    while (record.status === 'running' && Date.now() < until) {
      await wait(200);
      record = await look();
    }
    return record;
  } finally {
    await client.close();
  }
}

/** Where a server answers, closes jobs that stand open in the ledger though their workflow has ended there. */
export async function closeEndedJobs(config: Config, store: Store): Promise<void> {
  const address = config.temporalAddress ?? (await running(config.home))?.address;
  if (address === undefined) return;
  const client = await connect(address, config.namespace, store).catch(() => null);
  try {
    await client?.closeEnded(store);
  } finally {
    await client?.close();
  }
}

/** `crucible up`. */
export async function bringUp(
  config: Config,
  { store, out, json }: CommandContext,
  options: Omit<UpOptions, 'say'>,
): Promise<void> {
  const now = await up(config, { say: (line) => json || out(line), ...options });
  const client = await connect(now.address, config.namespace, store);
  await client.close();
  if (json) out(JSON.stringify(now));
  else {
    out(`server  ${now.address}${now.server === null ? ' (yours)' : ''}`);
    if (now.ui !== null) out(`UI      ${now.ui}`);
    out(`worker  process ${now.worker?.pid}`);
  }
}

const roles = ['orchestrate', 'model', 'sandbox', 'bench'] as const satisfies readonly Role[];

/** `crucible worker`: in the foreground, until it is told to stop. */
export async function runWorker(role: string): Promise<void> {
  const { readConfig } = await import('../workers/config.ts');
  const { runWorkers } = await import('../workers/run.ts');
  const chosen = role === 'all' ? roles : roles.filter((each) => each === role);
  if (chosen.length === 0) throw new UserMistake(`--role: expected all, ${roles.join(', ')}; got ${role}`);
  const config = readConfig(process.env);
  const address = config.temporalAddress ?? (await running(config.home))?.address;
  if (address === undefined)
    throw new UserMistake('no server runs here: set TEMPORAL_ADDRESS, or start one with crucible up');
  await runWorkers(chosen, { ...config, temporalAddress: address });
}

/** Removes every sandbox of this store that a job left behind. */
export async function sweepSandboxes(config: Config, { store, out }: CommandContext): Promise<void> {
  const { openSandbox } = await import('../workers/sandbox-of.ts');
  const { sandbox } = await openSandbox(config, store);
  out(`${await sandbox.sweep({ all: true })} sandboxes removed`);
}

async function withServer<T>(
  config: Config,
  { store, say, signal }: Pick<UpOptions, 'say' | 'signal'> & { store: Store },
  act: (client: JobClient) => Promise<T>,
): Promise<T> {
  const { address } = await up(config, { say, ...(signal === undefined ? {} : { signal }) });
  const client = await connect(address, config.namespace, store);
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}
