import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { diagnosisLines } from '../../domain/diagnosis.ts';
import type { Program } from '../../domain/program.schema.ts';
import { pick } from '../../domain/tree.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { explainNoRoute, routesFor } from '../../llm/catalogue/routes.ts';
import { readJob } from '../../record/kept-job.ts';
import { readInput, readProgram, readTree } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import { diffOf, showDiff } from '../follow/diff-text.ts';
import type { Session } from '../server/session.ts';
import { clean, UserMistake, wrap } from '../terminal.ts';
import type { JobFile } from './job-file.ts';

export interface ApplyOptions {
  apply?: boolean;
  yes?: boolean;
}

/** Throws `UserMistake` where a fix is to be written and nobody could be asked. */
export function expectAnswerable({ apply = false, yes = false }: ApplyOptions, json: boolean): void {
  if (apply && !yes && (json || !process.stdin.isTTY))
    throw new UserMistake('--apply asks before it writes, and nobody can answer here: add --yes');
  if (yes && !apply) throw new UserMistake('--yes answers what --apply asks: add --apply');
}

/** Shows what a fix changed, or what the script failed of; with `apply` writes the fix into the user's files. */
export async function showFix(
  { context, config }: Session,
  record: JobRecord,
  { folder, job }: JobFile,
  options: ApplyOptions,
): Promise<void> {
  const { store, out, json, columns } = context;
  const kept = await readJob(store, record);
  const original = kept.trials.find(({ candidate }) => candidate.id === 'c-0');
  if (json || record.status === 'running' || original === undefined) return;
  const best = record.result?.best?.candidate;
  const fixed =
    best === undefined ? undefined : kept.trials.findLast(({ candidate }) => candidate.id === best);
  if (original.outcome.kind === 'passed') return;
  out('');
  for (const line of toldOf(kept.trials, fixed ?? original))
    for (const text of wrap(clean(line), columns)) out(text);
  if (fixed === undefined) {
    if ('models' in job && routesFor('debug', job.models, config.models, job.budget.usd).length === 0)
      for (const text of wrap(explainNoRoute(job.models, config.models), columns)) out(text);
    return;
  }
  const [own, after] = [
    await readProgram(store.blobs, original.candidate.program),
    await readProgram(store.blobs, fixed.candidate.program),
  ];
  // A module among the inputs is a part of what was fixed, and of the program that came of it.
  const tree = await readTree(store.blobs, (await readInput(store.blobs, record)).files);
  const before = { ...own, files: pick(tree, Object.keys(after.files)) };
  out('');
  showDiff(context, (await diffOf(store.blobs, before, after)) ?? '');
  out('');
  const changed = Object.keys(after.files).filter((path) => after.files[path] !== before.files[path]);
  if (options.apply !== true) {
    out(`Nothing was written. To have it in ${changed.join(', ')}: the same command with --apply`);
    return;
  }
  const agreed = options.yes === true ? async () => true : agrees;
  await writeFix(context, folder, { before, after, changed }, agreed);
}

/**
 * Returns what was found on the way to a program. Of each that failed it is its diagnosis, of each fix what it
 * did.
 */
function toldOf(trials: readonly Trial[], { candidate }: Trial): string[] {
  const failed = trials.findLast((trial) => trial.candidate.id === candidate.id && 'reason' in trial.outcome);
  const parent = trials.findLast((trial) => trial.candidate.id === candidate.parents[0]);
  const before = parent === undefined ? [] : toldOf(trials, parent);
  const done = parent === undefined ? [] : [`→ ${candidate.id}: ${candidate.note}`];
  const outcome = failed?.outcome;
  const diagnosis = outcome !== undefined && 'reason' in outcome ? outcome.diagnosis : undefined;
  const [what = '', evidence = '', suggestion = ''] =
    diagnosis === undefined ? [] : diagnosisLines(diagnosis);
  const said = what === '' ? [] : [what, `  ${evidence}`, `  ${suggestion}`];
  return [...before, ...done, ...said];
}

/** Writes the files that a fix changed, once the user agrees. Throws `UserMistake` where one is no longer what it was made from. */
export async function writeFix(
  { store, out }: Pick<Session['context'], 'store' | 'out'>,
  folder: string,
  { before, after, changed }: { before: Program; after: Program; changed: readonly string[] },
  agreed: (named: readonly string[]) => Promise<boolean>,
): Promise<void> {
  const named = changed.map((path) => relative(process.cwd(), join(folder, path)));
  const expectUnchanged = async (): Promise<void> => {
    for (const [index, path] of changed.entries()) {
      const was = before.files[path];
      const now = await readFile(join(folder, path)).catch(() => null);
      if ((now === null ? undefined : hashOf(now)) !== was)
        throw new UserMistake(
          `${named[index]} is not what was mended any more: nothing was written; run it again`,
        );
    }
  };
  await expectUnchanged();
  if (!(await agreed(named))) {
    out('Nothing was written.');
    return;
  }
  // Whoever is asked may have an editor open meanwhile.
  await expectUnchanged();
  for (const path of changed)
    await writeFile(join(folder, path), await store.blobs.get(after.files[path] ?? ''));
  out(`Written: ${named.join(', ')}`);
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function agrees(named: readonly string[]): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`Write this into ${named.join(', ')}? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
