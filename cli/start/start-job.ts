import { objectiveOf } from '../../domain/objective.ts';
import type { Program } from '../../domain/program.schema.ts';
import { bestTrial } from '../../domain/trial.ts';
import { type KeptJob, readEarlier, readJob } from '../../record/kept-job.ts';
import { readProgram } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { printNext, statusOfJob } from '../follow/ending.ts';
import { watchJob } from '../follow/watch.ts';
import { exportJob } from '../keep/export.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { type CommandContext, oneLine, sayOf, wrap } from '../terminal.ts';
import type { JobFile } from './job-file.ts';
import { isNewcomer, type Submitted, submit, withoutModels } from './submit.ts';
import { whyNotAScript, writeScript } from './templates.ts';

export interface StartOptions {
  fresh?: boolean;
  detached?: boolean;
  /** The folder that the program found is exported to. */
  out?: string;
  /** Stages that are done again. */
  anew?: readonly string[];
  /** What was spent on the job before, milliseconds: it counts in the job's time. */
  spentMs?: number;
  /** Hears of the job's record once it has ended. */
  ended?(record: JobRecord): Promise<void>;
}

/** Submits a job, and unless `detached` watches it. Returns the exit status. */
export async function startJob(session: Session, file: JobFile, options: StartOptions): Promise<ExitStatus> {
  const { config, context, signal } = session;
  const { store } = context;
  const say = sayOf(context);
  return withServer(config, { store, say, signal }, async (client) => {
    const noModels = withoutModels(file, config.models, { newcomer: await isNewcomer(store) });
    const { fresh = false, anew = [], spentMs } = options;
    const submitted = await submit(file, { store, client, models: config.models, fresh, anew, spentMs });
    if (submitted.kind !== 'finished')
      for (const line of noModels === null ? [] : wrap(noModels, context.columns)) say(line);
    const status = await followSubmitted(session, submitted, options);
    await putScripts(context, submitted, file);
    return status;
  });
}

/** Shows what a submitted job came to; unless `detached` watches it where it is to run. Returns the exit status. */
export async function followSubmitted(
  { context, signal }: Session,
  submitted: Submitted,
  { detached = false, out: folder, ended }: StartOptions,
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
    await ended?.(record);
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
  await ended?.(record);
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

/**
 * Puts the programs of a job that has ended, where they passed, in the place of scripts. These are the scripts
 * that its templates name.
 */
async function putScripts(
  { store, out, json }: CommandContext,
  submitted: Submitted,
  { folder, scripts }: JobFile,
): Promise<void> {
  if (scripts.length === 0) return;
  const id = submitted.kind === 'finished' ? submitted.record.id : submitted.jobId;
  const record = await store.ledger.job(id);
  if (record === undefined || record.status === 'running') return;
  const kept = await readJob(store, record);
  for (const script of scripts) {
    const program = await passedIn(store, kept, script.stage);
    if (program === null) continue;
    const why = whyNotAScript(program);
    if (why === null) await writeScript(store.blobs, folder, script, program);
    if (!json) out(why === null ? `Written   ${script.script}` : `${script.script} is not written: ${why}`);
  }
}

/** Returns the program that passed in a job or in one of its stages; null where none did. */
async function passedIn(store: Store, kept: KeptJob, stage: string | null): Promise<Program | null> {
  const known = stage === null ? undefined : kept.takenOver[stage];
  const owner =
    stage === null
      ? kept
      : (kept.stages.find((each) => each.record.stage === stage) ??
        (known === undefined ? null : await readEarlier(store, known)));
  const best = owner === null ? null : bestTrial(owner.trials, objectiveOf(owner.job));
  return best === null ? null : readProgram(store.blobs, best.candidate.program);
}
