import type { JobRecord } from '../../store/ledger/jobs.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { printNext, statusOfJob } from '../follow/ending.ts';
import { watchJob } from '../follow/watch.ts';
import { exportJob } from '../keep/export.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { type CommandContext, oneLine, sayOf, wrap } from '../terminal.ts';
import type { JobFile } from './job-file.ts';
import { isNewcomer, type Submitted, submit, withoutModels } from './submit.ts';

export interface StartOptions {
  fresh?: boolean;
  detached?: boolean;
  /** The folder that the program found is exported to. */
  out?: string;
}

/** Submits a job, and unless `detached` watches it. Returns the exit status. */
export async function startJob(session: Session, file: JobFile, options: StartOptions): Promise<ExitStatus> {
  const { config, context, signal } = session;
  const { store } = context;
  const say = sayOf(context);
  return withServer(config, { store, say, signal }, async (client) => {
    const noModels = withoutModels(file, config.models, { newcomer: await isNewcomer(store) });
    const { fresh = false } = options;
    const submitted = await submit(file, { store, client, models: config.models, fresh });
    if (submitted.kind !== 'finished')
      for (const line of noModels === null ? [] : wrap(noModels, context.columns)) say(line);
    return followSubmitted(session, submitted, options);
  });
}

/** Shows what a submitted job came to; unless `detached` watches it where it is to run. Returns the exit status. */
export async function followSubmitted(
  { context, signal }: Session,
  submitted: Submitted,
  { detached = false, out: folder }: StartOptions,
): Promise<ExitStatus> {
  const { out, json } = context;
  const say = sayOf(context);
  if (submitted.kind === 'finished') {
    const { record } = submitted;
    if (json) out(JSON.stringify(record.result));
    else {
      out(`${record.id} is finished: ${oneLine(record.result?.summary ?? '')}`);
      await printNext(context, record);
      out('To do it all again: --fresh');
    }
    return endWith(context, record, folder);
  }
  const { jobId } = submitted;
  if (detached) {
    out(json ? JSON.stringify({ jobId }) : `${submitted.kind} ${jobId}\nFollow it: crucible watch ${jobId}`);
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
}

/** Writes the program of a job that has one to `folder`, if one is given. Returns the job's exit status. */
async function endWith(
  context: CommandContext,
  record: JobRecord,
  folder: string | undefined,
): Promise<ExitStatus> {
  if (folder !== undefined && record.status !== 'running' && record.result?.product != null) {
    if (!context.json) context.out('');
    await exportJob(context, { job: record.id, out: folder, force: false });
  }
  return statusOfJob(record);
}
