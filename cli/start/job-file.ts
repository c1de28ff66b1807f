import { access, constants, open, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import type { Tree } from '../../domain/artifact.schema.ts';
import { Job } from '../../domain/job.schema.ts';
import { asksModels, filesToPack } from '../../domain/job.ts';
import type { Models } from '../../domain/job-fields.schema.ts';
import { partsOf, stagesOf, withParts } from '../../domain/kinds/kinds.ts';
import { standIn } from '../../domain/sampling.ts';
import { checkOwnPrompts, promptOf } from '../../llm/prompts/prompts.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { plainReason } from '../plain-reason.ts';
import { UserMistake } from '../terminal.ts';
import { withCellName, withCells } from './cells.ts';
import { type Mistake, mistakesIn, namingFields } from './job-mistakes.ts';
import { withoutMatrix } from './matrix.ts';
import { withPackagesOfImports } from './packages-of-imports.ts';
import { withRecipeValues } from './recipe-values.ts';
import { type ScriptToWrite, withTemplates } from './templates.ts';

/**
 * A job as it stands in a file, checked. With it come all files that it names, or that are in a folder it
 * names, relative to `folder`.
 */
export interface JobFile {
  job: Job;
  folder: string;
  files: string[];
  /** Scripts that the job has written, for where they are named they are not there. */
  scripts: readonly ScriptToWrite[];
  /** It comes from options, not from a file: messages are in the words of these. */
  typed: boolean;
  /** What of it was made smaller, so that it fits into its memory. */
  fitted: readonly string[];
  /** Returns `message` with where the field at `path` was written. */
  told(path: Path, message: string): string;
}

type Path = readonly PropertyKey[];

/** Where fields stand in the text of a job file, for messages a person can go to. */
interface Source {
  /** Null: there is no file, the job was typed. */
  name: string | null;
  line(path: Path): number | null;
  /** What a field is called where it was written. */
  field(path: Path): string;
}

/**
 * Reads a YAML or JSON job file. With `yes` it reads also one of very many cells. With `fitMemory` its recipes'
 * grids are made as large as fits. Throws `UserMistake` naming the field and the line of everything that is
 * wrong.
 */
export async function readJobFile(path: string, options: ReadOptions = {}): Promise<JobFile> {
  const name = basename(path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UserMistake(`${path}: expected a job file, written in YAML or JSON: ${plainReason(error)}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const language = /\.json$/i.test(name) ? 'JSON' : 'YAML';
  const [syntax] = [...document.errors, ...document.warnings];
  if (syntax !== undefined) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    const there = text.split('\n')[line - 1]?.trim() ?? '';
    if (syntax.code === 'MULTIPLE_DOCS')
      throw new UserMistake(`${name}:${line}: expected one job, got another below a line ---`);
    throw new UserMistake(
      `${name}:${line}:${col}: this is not valid ${language}: ${syntax.message}${there === '' ? '' : `: ${there}`}`,
    );
  }
  if (!isMap(document.contents))
    throw new UserMistake(
      `${name}: expected a job, which begins with fields such as "kind: optimize" and "name: faster", one a line; got ${
        document.contents === null ? 'an empty file' : 'none'
      }`,
    );
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // References are resolved only here; more of them than any job has are refused, too.
    throw new UserMistake(`${name}: this is not valid ${language}: ${plainReason(error)}`);
  }
  const source: Source = { name, line: (field) => lineOf(document, lines, field), field: fieldName };
  return jobIn(value, resolve(dirname(path)), source, options);
}

/** `yes`: as many cells as there are; `fitMemory`: grids of recipes as large as fits. */
export interface ReadOptions {
  yes?: boolean;
  fitMemory?: boolean;
}

/** A job made of values, as from the command line, whose fields are called `fieldOf` there. Throws `UserMistake`. */
export async function checkedJob(
  value: unknown,
  folder: string,
  fieldOf: Source['field'] = fieldName,
  options: ReadOptions = {},
): Promise<JobFile> {
  return jobIn(value, folder, { name: null, line: () => null, field: fieldOf }, options);
}

/**
 * The job that `value` is, with its templates read. A stage that has a matrix has given its place to several.
 */
async function jobIn(
  written: unknown,
  folder: string,
  source: Source,
  options: ReadOptions,
): Promise<JobFile> {
  const { value, origins, mistakes } = withoutMatrix(withCellName(written));
  const { scripts, ...read } = await withTemplates(value, folder);
  const asWritten = (path: Path): Path => {
    const [stages, index, ...rest] = path;
    const origin = stages === 'stages' && typeof index === 'number' ? origins[index] : undefined;
    return origin === undefined ? path : ['stages', origin, ...rest];
  };
  const there: Source = {
    name: source.name,
    line: (path) => source.line(asWritten(path)),
    field: (path) => source.field(asWritten(path)),
  };
  if (mistakes.length > 0) throw mistakesAt(source, mistakes);
  if (read.mistakes.length > 0) throw mistakesAt(there, read.mistakes);
  const { job: asked, fitted } = await checkJob(read.value, folder, there, options);
  const files = await filesOf(asked, folder, there);
  const job = await withPackagesOfImports(asked, folder, files);
  return { job, folder, files, scripts, typed: source.name === null, fitted, told: telling(there) };
}

/** The same job with its models, where it names none, chosen by `profile`. */
export function withProfile(file: JobFile, profile: Models['profile']): JobFile {
  if (profile === undefined) return file;
  const job = withParts(file.job, (part) =>
    asksModels(part) && 'models' in part ? { ...part, models: { ...part.models, profile } } : part,
  );
  return { ...file, job };
}

async function checkJob(
  value: unknown,
  folder: string,
  source: Source,
  { yes = false, fitMemory = false }: ReadOptions,
): Promise<{ job: Job; fitted: string[] }> {
  const parsed = Job.safeParse(value, { reportInput: true, error: namingFields });
  if (!parsed.success) throw mistakesAt(source, parsed.error.issues.flatMap(mistakesIn));
  const grid = withCells(parsed.data, value, { many: yes });
  if (grid.mistakes.length > 0) throw mistakesAt(source, grid.mistakes);
  const { job, mistakes, fitted } = await withRecipeValues(grid.job, folder, { fitMemory });
  if (mistakes.length > 0) throw mistakesAt(source, mistakes);
  return { job, fitted };
}

function mistakesAt(source: Source, mistakes: readonly Mistake[]): UserMistake {
  const said = mistakes
    .map(({ path, message }) => ({ line: source.line(path) ?? 0, said: located(source, path, message) }))
    .sort((one, other) => one.line - other.line);
  return new UserMistake(said.map((each) => each.said).join('\n'));
}

/** `stages[1].needs`. */
const fieldName = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

function located(source: Source, path: Path, message: string): string {
  const line = source.line(path);
  const place = source.name === null ? [] : [`${source.name}${line === null ? '' : `:${line}`}`];
  return [...place, source.field(path), message].filter((part) => part !== '').join(': ');
}

const telling =
  (source: Source): JobFile['told'] =>
  (path, message) =>
    located(source, path, message);

/** The line of the field at `path`, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const around = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    if (isMap(around)) {
      const pair = around.items.find((item) => isNode(item.key) && String(item.key) === String(key));
      const range = isNode(pair?.key) ? pair.key.range : undefined;
      if (range != null) return lines.linePos(range[0]).line;
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line;
  }
  return null;
}

const most = { files: 20_000, bytes: 2 * 2 ** 30 };

/**
 * Returns every file at or below the paths a job names, relative to `folder`. Throws `UserMistake` with all that is wrong, before anything
 * is started. Wrong are a file that is missing, a link that leads out of the folder, and too many files.
 */
async function filesOf(job: Job, folder: string, source: Source): Promise<string[]> {
  const root = await realpath(folder);
  const stages = stagesOf(job).map(({ name }) => name);
  const files = new Set<string>();
  const mistakes: string[] = [];
  let bytes = 0;
  for (const { path, field } of filesToPack(job)) {
    if (stages.includes(path) || isOfStage(path, field, stages)) continue;
    try {
      const isFolder = (await stat(join(root, path))).isDirectory();
      const wanted = field.at(-1);
      if (isFolder && !['inputs', 'hidden', 'sample', 'prompts', 'module'].includes(String(wanted)))
        throw new UserMistake(
          `expected a ${wanted === 'environment' ? 'requirements' : 'Python'} file, found a folder`,
        );
      if (!isFolder && wanted === 'prompts') throw new UserMistake('expected a folder, found a file');
      let isEmpty = true;
      for await (const file of filesBelow(root, path)) {
        isEmpty = false;
        if (files.has(file.path)) continue;
        files.add(file.path);
        bytes += file.bytes;
        if (files.size > most.files || bytes > most.bytes)
          throw new UserMistake(
            `a job takes at most ${most.files} files and ${most.bytes / 2 ** 30} GiB; name fewer in \`inputs\``,
          );
      }
      if (isEmpty)
        throw new UserMistake(
          'the folder holds no file, and a program gets files alone; let it make the folder',
        );
      if (wanted === 'prompts')
        for (const problem of await wrongPrompts(root, path, files))
          mistakes.push(located(source, field, problem));
    } catch (error) {
      mistakes.push(located(source, field, `${path} in ${folder}: ${plainReason(error)}`));
    }
  }
  if (mistakes.length === 0) mistakes.push(...wrongSamples(job, [...files], source));
  if (mistakes.length > 0) throw new UserMistake(mistakes.join('\n'));
  return [...files];
}

/** Whether a table is what a stage wrote, which is there only once that is done. */
const isOfStage = (path: string, field: Path, stages: readonly string[]): boolean =>
  ['table', 'test'].includes(String(field.at(-1))) && stages.includes(path.split('/')[0] ?? '');

/** Says which samples cannot stand in the place of their inputs. */
function wrongSamples(job: Job, files: readonly string[], source: Source): string[] {
  const tree = Object.fromEntries(files.map((path) => [path, '']));
  return partsOf(job).flatMap(({ part, path }) => {
    if (!('sample' in part) || typeof part.sample !== 'string') return [];
    const stands = standIn(tree, part.inputs, part.sample);
    return typeof stands === 'string' ? [located(source, [...path, 'sample'], stands)] : [];
  });
}

async function wrongPrompts(root: string, folder: string, files: Iterable<string>): Promise<string[]> {
  const texts = new Map<string, string>();
  for (const path of files)
    if (promptOf(path, folder) !== null) texts.set(path, await readFile(join(root, path), 'utf8'));
  return checkOwnPrompts(folder, texts);
}

/**
 * Links are followed as long as they stay below `root`. What lies elsewhere on this machine is not the job's to
 * read.
 */
async function* filesBelow(
  root: string,
  path: string,
  around: readonly string[] = [],
): AsyncGenerator<{ path: string; bytes: number }> {
  const real = await realpath(join(root, path));
  if (real !== root && !real.startsWith(`${root}${sep}`)) throw new UserMistake(leadsOut(path, real));
  if (around.includes(real)) throw new UserMistake(`${path} is a link to a folder that it stands in`);
  const found = await stat(real);
  if (found.isDirectory()) {
    for (const name of (await readdir(real)).sort())
      if (name !== '__pycache__') yield* filesBelow(root, `${path}/${name}`, [...around, real]);
    return;
  }
  if (!found.isFile()) throw new UserMistake(`${path} is neither a file nor a folder`);
  await access(real, constants.R_OK);
  yield { path, bytes: found.size };
}

/** Stores the files of a job and returns them by the path it names them by. */
export async function packFiles(
  { folder, files }: Pick<JobFile, 'folder' | 'files'>,
  blobs: BlobStore,
): Promise<Tree> {
  const tree: Tree = {};
  const root = await realpath(folder);
  for (const path of files) {
    // It may have been swapped since it was looked at: what counts is where that lies which is open now, and nothing else is read.
    const file = await open(join(root, path), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const opened = `/proc/self/fd/${file.fd}`;
      const real = await readlink(opened);
      if (!real.startsWith(`${root}${sep}`)) throw new UserMistake(leadsOut(path, real));
      if (!(await file.stat()).isFile()) throw new UserMistake(`${path} is neither a file nor a folder`);
      tree[path] = await blobs.putFile(opened);
    } finally {
      await file.close();
    }
  }
  return tree;
}

const leadsOut = (path: string, real: string): string =>
  `${path} is a link to ${real}, outside the folder of the job; copy what it leads to into the folder`;
