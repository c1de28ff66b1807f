import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobResult } from '../../domain/job-input.schema.ts';
import { intervalText } from '../../domain/trial.ts';
import { learnLayerMb, learnLock } from '../../sandbox/packages.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { Config } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { watchJob } from '../follow/watch.ts';
import { layOut } from '../keep/results.ts';
import { bestOf, startVerification } from '../keep/verify.ts';
import { plainReason } from '../plain-reason.ts';
import { connect } from '../server/client.ts';
import { down, running, up } from '../server/embedded.ts';
import { type CommandContext, wrap } from '../terminal.ts';
import { type JobFile, readJobFile } from './job-file.ts';
import { isNewcomer, submit, withoutModels } from './submit.ts';

const mainJob = fileURLToPath(new URL('../../examples/start.yaml', import.meta.url));

/** What `npm start -- --json` ends with. */
interface StartResult {
  speedup_low: number | null;
  speedup: number | null;
  refused: number;
  picture: string | null;
  report: string | null;
  seconds: number;
}

/**
 * Runs the main job from nothing. Server and worker are started, the job is submitted, watched to its end and
 * its results laid out. Done before, it is shown, and its best is verified once more. Returns whether all went
 * well, or the exit status.
 */
export async function start(
  context: CommandContext,
  config: Config,
  { fresh, table, signal }: { fresh: boolean; table: boolean; signal: AbortSignal },
): Promise<boolean | ExitStatus> {
  const began = Date.now();
  const { store, out } = context;
  const say = (line: string): void => {
    if (!context.json) out(line);
  };
  const before = await running(config.home);
  const now = await up(config, { say, signal });
  if (now.ui !== null) say(`Temporal UI  ${now.ui}`);
  const client = await connect(now.address, config.namespace, store, config);
  try {
    const whole = await readJobFile(mainJob);
    const learns = table && (await canLearn(config, store, { say, signal }));
    const file = learns ? whole : withoutStages(whole, tableStages);
    const noModels = withoutModels(file, config.models, { newcomer: await isNewcomer(store) });
    const submitted = await submit(file, { store, client, models: config.models, fresh });
    for (const line of noModels === null ? [] : wrap(noModels, context.columns)) say(line);

    let record: JobRecord;
    if (submitted.kind === 'finished') {
      record = submitted.record;
      say(`${record.id} is finished; its best is verified once more, with new secret inputs.`);
      const verified = await watchJob(context, await startVerification(store, client, record), { signal });
      if (verified.status !== 'finished') return false;
      // What is known of it by now.
      record = (await store.ledger.job(record.id)) ?? record;
    } else {
      say(`${submitted.kind} ${submitted.jobId}`);
      record = await watchJob(context, submitted.jobId, { signal });
    }
    if (signal.aborted) {
      say(`\n${record.id} goes on in the background. Come back with: npm start`);
      return exitStatus.interrupted;
    }
    if (record.status !== 'finished') return false;
    await show(context, config, record, (Date.now() - began) / 1000);
    if (submitted.kind === 'finished') say('To do it all again: npm start -- --fresh');
  } finally {
    await client.close();
    // Without a terminal nobody is there to look at the UI: what this command started ends with it.
    if (
      !context.terminal &&
      before === null &&
      (await store.ledger.jobs({ status: 'running', limit: 1 })).length === 0
    )
      await down(config.home, say);
  }
  if (context.terminal) await untilInterrupted(context, config, signal, now.ui);
  return true;
}

/** The stages that learn from a table, and make it. */
const tableStages = ['flats', 'table'];

const withoutStages = (file: JobFile, names: readonly string[]): JobFile =>
  'stages' in file.job
    ? { ...file, job: { ...file.job, stages: file.job.stages.filter(({ name }) => !names.includes(name)) } }
    : file;

/** Gets the packages for learning, where they are not there yet. Returns whether they are; why not, and how much they are, is said. */
async function canLearn(
  config: Config,
  store: Store,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<boolean> {
  const { layers } = (await openSandbox(config, store)).sandbox;
  const without = 'The stage `table`, which learns from a table, is left out';
  if (layers === null) {
    say(`${without}: packages cannot be shown to the sandbox here`);
    return false;
  }
  const lock = await learnLock();
  if (await layers.has(lock)) return true;
  say(
    `Getting the packages for the stage \`table\`: ${learnLayerMb} MB, once. Without them: npm start -- --no-table`,
  );
  try {
    await layers.layer(lock, signal);
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    say(`${without}: ${plainReason(error)}`);
    return false;
  }
}

async function show(
  context: CommandContext,
  config: Config,
  record: JobRecord,
  seconds: number,
): Promise<void> {
  const { store, out, json } = context;
  const result = record.result;
  if (result === null) throw new Error(`${record.id} is finished, but the ledger has no result of it`);
  const laid = await layOut(
    store,
    { ...result, report: record.report ?? result.report },
    join(config.home, 'results', record.name),
  );
  if (json) {
    out(JSON.stringify(summary(result, laid, seconds)));
    return;
  }
  const found = await bestOf(store, record);
  out('');
  if (found !== null)
    out(
      `${found.best.candidate.title} is ${intervalText(found.metric)} as fast as the program it came from, and gives the same answers.`,
    );
  if (result.refused > 0)
    out(
      `${result.refused} other${result.refused === 1 ? '' : 's'} gave wrong answers, or broke a rule, and ${result.refused === 1 ? 'was' : 'were'} refused.`,
    );
  const shown = (path: string | null): string => (path === null ? 'none' : relative(process.cwd(), path));
  out(`Picture  ${shown(laid.picture)}`);
  out(`Report   ${shown(laid.report)}`);
  out(`Program  ${shown(join(laid.folder, 'faster'))}`);
  const model = join(laid.folder, 'table');
  if (existsSync(model)) out(`Model    ${shown(model)}`);
}

const summary = (
  { best, refused }: JobResult,
  laid: { picture: string | null; report: string | null },
  seconds: number,
): StartResult => ({
  speedup_low: best?.metric?.low ?? null,
  speedup: best?.metric?.value ?? null,
  refused,
  picture: laid.picture,
  report: laid.report,
  seconds: Math.round(seconds * 10) / 10,
});

/** Keeps the server up for its UI until Ctrl-C; then stops it, unless a job is still open. */
async function untilInterrupted(
  { store, out }: CommandContext,
  config: Config,
  signal: AbortSignal,
  ui: string | null,
): Promise<void> {
  if (!signal.aborted) {
    out(`\nThe Temporal UI stays at ${ui ?? 'your server'}. Ctrl-C ends it.`);
    await new Promise<void>((resolve) => {
      // A timer holds the process open: waiting for a signal alone does not.
      const hold = setInterval(() => undefined, 60_000);
      signal.addEventListener('abort', () => {
        clearInterval(hold);
        resolve();
      });
    });
  }
  if ((await store.ledger.jobs({ status: 'running', limit: 1 })).length === 0) await down(config.home, out);
}
