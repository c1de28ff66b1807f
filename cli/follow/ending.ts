import { join, relative } from 'node:path';
import { diagnosisLines } from '../../domain/diagnosis.ts';
import { asksModels } from '../../domain/job.ts';
import type { BestFound } from '../../domain/job-input.schema.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { objectiveOf } from '../../domain/objective.ts';
import type { Explained } from '../../domain/table.schema.ts';
import { bestFound, lastLooks, nearestTrial } from '../../domain/trial.ts';
import { type KeptJob, readJob } from '../../record/kept-job.ts';
import { learntIn } from '../../record/learnt.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { layOut } from '../keep/results.ts';
import { nothingLeft } from '../nothing-left.ts';
import { type CommandContext, cut, oneLine, paint } from '../terminal.ts';
import { findJob } from './find-job.ts';

/** The exit status of a command that followed a job. */
export function statusOfJob(record: JobRecord): ExitStatus {
  if (record.status === 'running') return exitStatus.interrupted;
  if (record.status !== 'finished') return exitStatus.failed;
  const best = record.result?.best ?? null;
  // A score of the user's own program is where the search began.
  const stands = best === null ? kindOf(record).product === 'program' : best.metric !== null && isOwn(best);
  const nothing = record.role !== 'verification' && stands;
  return nothing ? exitStatus.nothingFound : exitStatus.found;
}

/** How to look at a best that was measured, and to try it again. */
const furtherOn = ({ candidate }: { candidate: string }, where: string, name: string): [string, string][] => [
  ['Diff', `crucible show ${where} ${candidate} --diff`],
  ['Verify', `crucible verify ${name}`],
];

/** Whether it is the user's own program. */
const isOwn = ({ candidate }: BestFound): boolean => candidate === 'c-0';

/**
 * Says what a job that has ended leaves to its user. That is where its product is, and the commands that go on
 * from there.
 */
export async function printNext(context: CommandContext, record: JobRecord): Promise<void> {
  const next = await nextOf(context, record);
  const width = Math.max(8, ...next.map(([what]) => what.length));
  for (const [what, text] of next) context.out(`${paint(context, 'dim', what.padEnd(width))}  ${text}`);
}

async function nextOf(context: CommandContext, record: JobRecord): Promise<[string, string][]> {
  const { store } = context;
  const kept = await readJob(store, record);
  const name = await shortName(store, record);
  const next: [string, string][] = [];
  const best = bestIn(kept);
  const where = best === null || best.job === record.id ? name : `${name}/${best.stage}`;
  const product = kept.record.result?.product ?? null;
  if (record.status === 'running') {
    next.push(['Follow', `crucible watch ${name}`], ['End it', `crucible cancel ${name}`]);
    if (best !== null) next.push(['Best', `crucible show ${where} ${best.candidate} --diff`]);
    return next;
  }
  if (record.role === 'verification') {
    next.push(['All', `crucible show ${record.parent}`]);
    return next;
  }
  if (kept.cells !== null) next.push(['Results', `crucible results ${name}`]);
  if (kept.cells !== null && kept.cells.failed > 0) next.push(['Again', `crucible retry ${name} --failed`]);
  if (kindOf(kept.job).product === 'model') {
    const facts = await learntIn(store.blobs, kept.trials);
    const goesBy = facts?.explain == null ? [] : mostImportant(facts.explain, facts.judged.metric);
    next.push(
      ...goesBy,
      ...(facts?.from ?? []).map(({ job, what }): [string, string] => [
        'From',
        `what worked in ${job} (${what})`,
      ]),
    );
    if (product !== null)
      next.push(['Predict', `crucible predict ${name} new.csv`], ['Folder', `crucible export ${name}`]);
  } else if (kindOf(kept.job).product === 'outputs') {
    next.push(...(await outputsOf(context, kept)));
    if (asksModels(kept.job)) next.push(['Program', `crucible export ${name}`]);
    if (best !== null && best.candidate !== 'c-0') next.push(...furtherOn(best, where, name));
  } else if (product !== null) {
    next.push(['Program', `crucible export ${name}`]);
    if (best !== null) next.push(...furtherOn(best, where, name));
  } else if (record.status === 'finished') {
    next.push(['Reasons', `crucible show ${name}`]);
  }
  next.push(...failedStage(kept));
  if (record.status !== 'finished')
    next.push(['Log', `crucible logs ${name}`], ...(await goOn(context, kept, name)));
  if (record.report !== null) next.push(['Report', `crucible report ${name}`]);
  return next;
}

const mostFeatures = 5;

/** The columns that predictions go by most, and what shuffling each costs; none where nothing was found to matter. */
export function mostImportant({ importance }: Explained, metric: string): [string, string][] {
  const found = importance.filter(({ permutation }) => permutation > 0).slice(0, mostFeatures);
  const columns = found.map(
    ({ column, permutation }) => `${oneLine(column)} ${Number(permutation.toPrecision(2))}`,
  );
  return found.length === 0
    ? []
    : [['Goes by', `${columns.join(', ')} (what ${metric} loses where the column is shuffled)`]];
}

/** Why the stage failed that ended a pipeline, and how it is begun from there once that is mended. */
function failedStage({ record, stages, cells }: KeptJob): [string, string][] {
  const failed = stages.find((stage) => stage.record.status === 'failed');
  if (record.status !== 'failed' || cells !== null || failed === undefined) return [];
  const { stage } = failed.record;
  const outcome = lastLooks(failed.trials).findLast((each) => 'reason' in each.outcome)?.outcome;
  const diagnosis = outcome !== undefined && 'reason' in outcome ? outcome.diagnosis : undefined;
  const lines = diagnosis === undefined ? [] : diagnosisLines(diagnosis);
  return [
    ...lines.map((line, index): [string, string] => [index === 0 ? 'Cause' : '', oneLine(line)]),
    ['Mended', `crucible run FILE --from ${stage}`],
  ];
}

/** How a job that did not finish goes on, where it can; with more trials where those are used. */
async function goOn(
  { store }: CommandContext,
  { record, input }: KeptJob,
  name: string,
): Promise<[string, string][]> {
  if (record.parent !== null) return [];
  const left = await nothingLeft(store, record, { ...input, moreMoney: true });
  if (left === null) return [['Go on', `crucible resume ${name}`]];
  const { trials } = left;
  return trials === undefined ? [] : [['Go on', `crucible resume ${name} --budget trials=${trials}`]];
}

/**
 * The first of a job and its stages where one program was measured to be better than another. With it comes the
 * candidate that it gives.
 */
function bestIn(kept: KeptJob): { job: string; stage: string | null; candidate: string } | null {
  for (const { record, job, trials, chosen } of [kept, ...kept.stages]) {
    const best = chosen ?? bestFound(trials, objectiveOf(job));
    if (best?.metric != null) return { job: record.id, stage: record.stage, candidate: best.candidate };
  }
  return null;
}

/** What commands may call a job: its name, where no other job has it since. */
async function shortName(store: Store, record: JobRecord): Promise<string> {
  if (record.parent !== null) return record.id;
  const named = await findJob(store, record.name);
  return named.id === record.id ? record.name : record.id;
}

const printedLines = 5;

/** A script's outputs as files of the store's folder, the last lines it printed, and where all of that is. */
async function outputsOf(
  { store, home, columns }: CommandContext,
  kept: KeptJob,
): Promise<[string, string][]> {
  const { result } = kept.record;
  const trial = nearestTrial(kept.trials, objectiveOf(kept.job));
  const printed = trial?.artifacts.stdout;
  const lines = printed === undefined ? [] : (await store.blobs.text(printed)).trimEnd().split('\n');
  const last = lines.slice(-printedLines).map((line) => cut(oneLine(line), columns - 10));
  const next = last.map((line, index): [string, string] => [index === 0 ? 'Printed' : '', line]);
  if (lines.length > last.length)
    next.push([
      '',
      `all ${lines.length} lines: crucible show ${kept.record.id} ${trial?.candidate.id} --log`,
    ]);
  if (result === null || result.product === null || home === undefined) return next;
  const { folder, files } = await layOut(store, result, join(home, 'results', ...kept.record.id.split('/')));
  const shown = files.slice(0, 8).map((path): string => relative(process.cwd(), join(folder, path)));
  next.push(...shown.map((path, index): [string, string] => [index === 0 ? 'Outputs' : '', path]));
  if (files.length > shown.length)
    next.push(['', `and ${files.length - shown.length} more in ${relative(process.cwd(), folder)}`]);
  return next;
}
