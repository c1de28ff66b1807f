import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Models } from '../../domain/job.schema.ts';
import { UserMistake } from '../terminal.ts';
import { checkedJob, type JobFile, plainReason } from './job-file.ts';

/** The options of `crucible optimize`, as typed. */
export interface OptimizeOptions {
  function?: string;
  cases?: string;
  accepts?: string;
  name?: string;
  args?: string[];
  outputs?: string[];
  inputs?: string[];
  ignoreLines?: string[];
  tolerance?: { relative: number; absolute?: number };
  strategies?: string[];
  trials?: number;
  minutes?: number;
  usd?: number;
  tokens?: number;
  cores?: number;
  memory?: number;
  seed?: number;
  goal?: number;
  profile?: Models['profile'];
}

/** Options whose name is not that of their field. */
const optionOfField: Record<string, string> = {
  program: 'the program',
  ignoreLines: '--ignore-lines',
  'budget.wallMs': '--minutes',
  'limits.memoryMb': '--memory',
  'models.profile': '--profile',
};

/** A field of the job in the words of the command line. */
function optionOf(path: readonly PropertyKey[]): string {
  const names = path.filter((part) => typeof part === 'string');
  return (
    optionOfField[names.join('.')] ??
    optionOfField[names[0] ?? ''] ??
    `--${names.at(names[0] === 'budget' ? 1 : 0)}`
  );
}

/**
 * The job that `crucible optimize` asks for. Paths are as typed, relative to the shell's folder or absolute; the job's folder is the
 * lowest one that they all are below. Throws `UserMistake` in the words of the command line.
 */
export async function jobFromOptions(typed: string, options: OptimizeOptions): Promise<JobFile> {
  const { program, name: named } = referenceIn(typed, /^(.*\.py):([^/]*)$/);
  if (named !== undefined && options.function !== undefined && named !== options.function)
    throw new UserMistake(
      `${typed}: expected one function, got ${named}, and ${options.function} by --function`,
    );
  const wanted = named ?? options.function;
  await checkProgram(program, wanted);
  checkTogether(program, wanted, options);
  const cases = options.cases === undefined ? null : referenceIn(options.cases, /^(.*):([^/]*)$/);
  const accepts = options.accepts === undefined ? null : referenceIn(options.accepts, /^(.*):([^/]*)$/);
  const { folder, pathOf } = await folderOf([
    { option: 'the program', typed: program },
    ...(cases === null ? [] : [{ option: '--cases', typed: cases.program }]),
    ...(accepts === null ? [] : [{ option: '--accepts', typed: accepts.program }]),
    ...(options.inputs ?? []).map((path) => ({ option: '--inputs', typed: path })),
  ]);
  const pathIn = ({ program, name }: { program: string; name?: string }): string =>
    [pathOf(program), name].filter((part) => part !== undefined).join(':');

  const { trials, usd, tokens, minutes } = options;
  const budget = {
    trials,
    usd,
    tokens,
    wallMs: minutes === undefined ? undefined : Math.round(minutes * 60_000),
  };
  const job = {
    kind: 'optimize',
    name: options.name ?? nameOf(program, wanted),
    program: pathOf(program),
    function: wanted,
    cases: cases === null ? undefined : pathIn(cases),
    accepts: accepts === null ? undefined : pathIn(accepts),
    args: options.args,
    outputs: options.outputs,
    inputs: options.inputs?.map(pathOf),
    ignoreLines: options.ignoreLines,
    tolerance: options.tolerance,
    strategies: options.strategies,
    cores: options.cores,
    seed: options.seed,
    goal: options.goal,
    limits: options.memory === undefined ? undefined : { memoryMb: options.memory },
    budget: given(budget),
    models: options.profile === undefined ? undefined : { profile: options.profile },
  };
  return checkedJob(given(job), folder, optionOf);
}

/** Without the fields that are not set: a default stands where there is none. */
const given = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** `slow.py:blur` in its parts. */
function referenceIn(typed: string, form: RegExp): { program: string; name?: string } {
  const [, program, name] = form.exec(typed) ?? [];
  return program === undefined || name === undefined ? { program: typed } : { program, name };
}

/** That the program is a file; a folder is answered with what could be meant. */
async function checkProgram(program: string, wanted: string | undefined): Promise<void> {
  const found = await stat(program).catch((error: unknown) => {
    throw new UserMistake(`${program} in ${process.cwd()}: ${plainReason(error)}`);
  });
  if (!found.isDirectory()) return;
  const sources = (await readdir(program)).filter((name) => name.endsWith('.py')).sort();
  const shown = sources.slice(0, 8).map((name) => join(program, name));
  const there =
    shown.length === 0
      ? 'there is none in it'
      : `in it: ${shown.join(', ')}${sources.length > shown.length ? ` and ${sources.length - shown.length} more` : ''}`;
  throw new UserMistake(
    `${program}: expected a Python file, as in crucible optimize ${join(program, 'slow.py')}:${wanted ?? 'blur'}, got a folder; ${there}`,
  );
}

/** Options that do not go together. */
function checkTogether(program: string, wanted: string | undefined, options: OptimizeOptions): void {
  if (wanted?.includes('.'))
    throw new UserMistake(
      `--function ${wanted}: methods are not supported; write a function beside the class that makes the object and calls ${wanted.split('.').at(-1)}, and name that one`,
    );
  if (wanted !== undefined && options.cases === undefined)
    throw new UserMistake(
      `--function needs --cases FILE, whose make_case(seed) returns the arguments of ${wanted}: see crucible help optimize, and docs/optimize.md`,
    );
  if (wanted === undefined && options.cases !== undefined)
    throw new UserMistake(
      `--cases needs --function NAME, or ${program}:NAME: the function that is called with what ${options.cases} makes`,
    );
  if (wanted === undefined && options.accepts !== undefined)
    throw new UserMistake(
      `--accepts needs --function NAME, or ${program}:NAME: the function whose answers ${options.accepts} judges`,
    );
  if (wanted === undefined) return;
  const ofScripts = {
    '--args': options.args,
    '--outputs': options.outputs,
    '--ignore-lines': options.ignoreLines,
  };
  for (const [option, value] of Object.entries(ofScripts))
    if (value !== undefined)
      throw new UserMistake(
        `${option} is for a whole script: with --function what is compared is what ${wanted} returns and changes for the arguments that --cases makes. Leave ${option} out, or leave out --function and --cases`,
      );
}

interface TypedPath {
  option: string;
  typed: string;
}

/** The lowest folder that all paths are below, and each path as seen from there. Throws `UserMistake` where there is none. */
async function folderOf(
  paths: readonly TypedPath[],
): Promise<{ folder: string; pathOf: (typed: string) => string }> {
  const found = new Map<string, string>();
  for (const { option, typed } of paths) {
    try {
      await stat(typed);
      // The folder as it is, the last name as typed: a link there is followed when its file is read.
      found.set(typed, join(await realpath(dirname(resolve(typed))), basename(resolve(typed))));
    } catch (error) {
      throw new UserMistake(`${option} ${typed} in ${process.cwd()}: ${plainReason(error)}`);
    }
  }
  const [first = '', ...others] = [...found.values()].map(dirname);
  let folder = first;
  while (others.some((other) => other !== folder && !other.startsWith(folder === '/' ? '/' : `${folder}/`)))
    folder = dirname(folder);
  if (folder === '/' && first !== '/')
    throw new UserMistake(
      `${paths.map(({ typed }) => typed).join(', ')}: the files of a job are in one folder or below it, and these have none in common; copy them below one`,
    );
  return { folder, pathOf: (typed) => relative(folder, found.get(typed) ?? typed) };
}

const longestName = 63;

/** A job's name out of its file's and its function's: `slow-blur`; `blur` where both are called so. */
function nameOf(program: string, wanted: string | undefined): string {
  const slugOf = (text: string): string =>
    text
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '');
  const parts = [basename(program).replace(/\.py$/, ''), wanted ?? '']
    .map(slugOf)
    .filter((part) => part !== '');
  const name = [...new Set(parts)].join('-').slice(0, longestName).replace(/-+$/, '');
  return name === '' ? 'job' : name;
}
