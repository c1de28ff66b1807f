import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { plainReason } from '../plain-reason.ts';
import { UserMistake } from '../terminal.ts';
import { checkedJob, type JobFile } from './job-file.ts';
import { type Allowances, allowances, folderOf, given, nameFrom, optionOf } from './typed-job.ts';

/** The options of `crucible optimize`, as typed. */
export interface OptimizeOptions extends Allowances {
  function?: string;
  cases?: string;
  /** A run of the user's own that calls the function: cases are made from that. */
  record?: string;
  /** What the cases were made from, where Crucible made them. */
  casesFrom?: string;
  accepts?: string;
  oracle?: string;
  name?: string;
  args?: string[];
  outputs?: string[];
  inputs?: string[];
  ignoreLines?: string[];
  tolerance?: { relative: number; absolute?: number };
  strategies?: string[];
  seed?: number;
  goal?: number;
}

/**
 * The job that `crucible optimize` asks for. Paths are as typed, relative to the shell's folder or absolute.
 * The job's folder is the lowest one that they all are below. Throws `UserMistake` in the words of the command
 * line.
 */
export async function jobFromOptions(typed: string, options: OptimizeOptions): Promise<JobFile> {
  const { program, name: wanted } = asked(typed, options);
  await checkProgram(program, wanted);
  checkTogether(program, wanted, options);
  const cases = options.cases === undefined ? null : referenceIn(options.cases, /^(.*):([^/]*)$/);
  const accepts = options.accepts === undefined ? null : referenceIn(options.accepts, /^(.*):([^/]*)$/);
  const oracle = options.oracle === undefined ? null : referenceIn(options.oracle, /^(.*):([^/]*)$/);
  const { folder, pathOf } = await folderOf([
    { option: 'the program', typed: program },
    ...(cases === null ? [] : [{ option: '--cases', typed: cases.program }]),
    ...(accepts === null ? [] : [{ option: '--accepts', typed: accepts.program }]),
    ...(oracle === null ? [] : [{ option: '--oracle', typed: oracle.program }]),
    ...(options.inputs ?? []).map((path) => ({ option: '--inputs', typed: path })),
  ]);
  const pathIn = ({ program, name }: { program: string; name?: string }): string =>
    [pathOf(program), name].filter((part) => part !== undefined).join(':');

  const job = {
    kind: 'optimize',
    name: options.name ?? nameFrom([basename(program).replace(/\.py$/, ''), wanted ?? '']),
    program: pathOf(program),
    function: wanted,
    cases: cases === null ? undefined : pathIn(cases),
    casesFrom: options.casesFrom,
    accepts: accepts === null ? undefined : pathIn(accepts),
    oracle: oracle === null ? undefined : pathIn(oracle),
    args: options.args,
    outputs: options.outputs,
    inputs: options.inputs?.map(pathOf),
    ignoreLines: options.ignoreLines,
    tolerance: options.tolerance,
    strategies: options.strategies,
    seed: options.seed,
    goal: options.goal,
    ...allowances(options),
  };
  return checkedJob(given(job), folder, optionOf);
}

/** The program and its function, which may stand behind it or in an option. */
function asked(typed: string, options: OptimizeOptions): { program: string; name?: string } {
  const { program, name } = referenceIn(typed, /^(.*\.py):([^/]*)$/);
  if (name !== undefined && options.function !== undefined && name !== options.function)
    throw new UserMistake(
      `${typed}: expected one function, got ${name}, and ${options.function} by --function`,
    );
  const wanted = name ?? options.function;
  return wanted === undefined ? { program } : { program, name: wanted };
}

/** Whether a function is to be made faster for which nobody gave cases. */
export const lacksCases = (typed: string, options: OptimizeOptions): boolean =>
  options.cases === undefined && asked(typed, options).name !== undefined;

/** The program and its function, where it has one. */
export function functionIn(typed: string, options: OptimizeOptions): { program: string; name: string } {
  const { program, name } = asked(typed, options);
  if (name === undefined) throw new Error(`expected a function in ${typed}`);
  return { program, name };
}

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
  if (
    options.record !== undefined &&
    options.cases !== undefined &&
    options.cases !== program &&
    options.casesFrom === undefined
  )
    throw new UserMistake(
      `--record makes the inputs that --cases ${options.cases} makes: leave one of them out`,
    );
  if (wanted?.includes('.'))
    throw new UserMistake(
      `--function ${wanted}: methods are not supported; write a function beside the class that makes the object and calls ${wanted.split('.').at(-1)}, and name that one`,
    );
  if (options.record !== undefined && wanted === undefined)
    throw new UserMistake(
      `--record needs --function NAME, or ${program}:NAME: the function whose calls are looked at`,
    );
  if (wanted === undefined && options.cases !== undefined)
    throw new UserMistake(
      `--cases needs --function NAME, or ${program}:NAME: the function that is called with what ${options.cases} makes`,
    );
  if (wanted === undefined && options.accepts !== undefined)
    throw new UserMistake(
      `--accepts needs --function NAME, or ${program}:NAME: the function whose answers ${options.accepts} judges`,
    );
  if (wanted === undefined && options.oracle !== undefined)
    throw new UserMistake(
      `--oracle needs --function NAME, or ${program}:NAME: the function whose answers are compared with those of ${options.oracle}`,
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
