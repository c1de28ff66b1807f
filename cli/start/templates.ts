import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { z } from 'zod';
import { longestTask } from '../../domain/job-fields.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { SafePath } from '../../domain/safe-path.schema.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { plainReason } from '../plain-reason.ts';
import type { Mistake } from './job-mistakes.ts';

/** A script that a job has written. It is not there, or was written for another version of its template. */
export interface ScriptToWrite {
  /** The stage whose program it is; null: the job's own. */
  stage: string | null;
  /** Relative to the job's folder. */
  script: string;
  template: string;
  /** The template's text. */
  task: string;
}

/** A job whose templates were read: each is the task of its part. */
export interface Templated {
  value: unknown;
  scripts: ScriptToWrite[];
  mistakes: Mistake[];
}

const Asking = z.looseObject({
  template: SafePath,
  task: z.unknown().optional(),
  script: SafePath.optional(),
  name: z.unknown().optional(),
});

/**
 * Reads the `template` of a job or of its stages: a file with a task in words. The `script` beside it is left
 * out where it is to be written. That is so where it is not there. It is so, too, where it stands as it was
 * written for an earlier text of the template.
 */
export async function withTemplates(value: unknown, folder: string): Promise<Templated> {
  const read: Templated = { value, scripts: [], mistakes: [] };
  const Stages = z.looseObject({ stages: z.array(z.unknown()) });
  const pipeline = Stages.safeParse(value).data;
  if (pipeline === undefined) read.value = await withTemplate(value, folder, [], read);
  else {
    const stages: unknown[] = [];
    for (const [index, stage] of pipeline.stages.entries())
      stages.push(await withTemplate(stage, folder, ['stages', index], read));
    read.value = { ...pipeline, stages };
  }
  return read;
}

async function withTemplate(
  part: unknown,
  folder: string,
  path: (string | number)[],
  { scripts, mistakes }: Templated,
): Promise<unknown> {
  const asking = Asking.safeParse(part).data;
  if (asking === undefined) return part;
  const { template, script, ...rest } = asking;
  const wrong = (field: string, message: string): unknown => {
    mistakes.push({ path: [...path, field], message });
    return { ...rest, template, task: 'not read' };
  };
  if (asking.task !== undefined) return wrong('template', 'expected `task` or `template`, got both');
  try {
    const task = (await readBelow(folder, template)).trim();
    if (task === '') return wrong('template', `expected a task in words, and ${template} has none`);
    if (task.length > longestTask)
      return wrong(
        'template',
        `expected at most ${longestTask} characters, and ${template} has ${task.length}`,
      );
    if (script === undefined) return { ...rest, template, task };
    const state = await stateOf(folder, script, task);
    if (state === 'changed')
      return wrong(
        'script',
        `${script} was written for another text of ${template} and changed by hand since: delete its first line to keep it, or the file to have it written anew`,
      );
    if (state === 'current') return { ...rest, template, task, script };
    scripts.push({ stage: path.length === 0 ? null : String(rest.name), script, template, task });
    return { ...rest, template, task };
  } catch (error) {
    return wrong('template', `${template} in ${folder}: ${plainReason(error)}`);
  }
}

/** Reads a text file of the job's folder; links may not lead out of it. */
async function readBelow(folder: string, path: string): Promise<string> {
  const root = await realpath(folder);
  const real = await realpath(join(root, path));
  if (!real.startsWith(`${root}${sep}`))
    throw new Error(`it is a link to ${real}, outside the folder of the job`);
  return readFile(real, 'utf8');
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/**
 * The line that a written script begins with. It says what it was written for, and what was written, to see
 * whether a hand changed it.
 */
const mark = /^# Written by Crucible for (.+): template ([0-9a-f]{12}), script ([0-9a-f]{12})\n/;

/** `current`: to be run as it is. `missing`, `outdated`: to be written. `changed`: outdated, but somebody's work. */
async function stateOf(
  folder: string,
  script: string,
  task: string,
): Promise<'current' | 'missing' | 'outdated' | 'changed'> {
  const text = await readBelow(folder, script).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return 'missing';
  const [line = '', , template, body] = mark.exec(text) ?? [];
  if (line === '' || template === hashOf(task)) return 'current';
  return hashOf(text.slice(line.length)) === body ? 'outdated' : 'changed';
}

/** Returns why a program can't be written as one script; null where it can. */
export const whyNotAScript = ({ files, build }: Program): string | null =>
  Object.keys(files).length > 1 || build !== null
    ? `its program is ${Object.keys(files).length} files: crucible export gives them`
    : null;

/** Writes a program of one file as the script of its template, in the job's folder. */
export async function writeScript(
  blobs: BlobStore,
  folder: string,
  { script, template, task }: ScriptToWrite,
  { files }: Program,
): Promise<void> {
  const [artifact] = Object.values(files);
  if (artifact === undefined) throw new Error(`${script}: expected a program with a file, got one without`);
  const text = await blobs.text(artifact);
  const line = `# Written by Crucible for ${template}: template ${hashOf(task)}, script ${hashOf(text)}\n`;
  const path = join(folder, script);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${line}${text}`);
}
