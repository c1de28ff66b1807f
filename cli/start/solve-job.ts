import { UserMistake } from '../terminal.ts';
import { checkedJob, type JobFile } from './job-file.ts';
import { type Allowances, allowances, folderOf, given, nameFrom, optionOf } from './typed-job.ts';

/** The options of `crucible solve`, as typed. */
export interface SolveOptions extends Allowances {
  inputs?: string[];
  output?: string[];
  check?: string;
  hidden?: string[];
  script?: string;
  args?: string[];
  name?: string;
}

/** Words of a task that make the name of its job. */
const nameWords = 5;

/**
 * Makes the job that `crucible solve` asks for. Paths are as typed; the job's folder is the lowest one that they all are below. Throws
 * `UserMistake` in the words of the command line.
 */
export async function jobFromWords(task: string, options: SolveOptions): Promise<JobFile> {
  const { inputs = [], hidden = [], script } = options;
  const [checkFile, ...checkName] = options.check?.split(':') ?? [];
  const typed = [
    ...(checkFile === undefined ? [] : [{ option: '--check', typed: checkFile }]),
    ...hidden.map((path) => ({ option: '--hidden', typed: path })),
    ...(script === undefined ? [] : [{ option: '--script', typed: script }]),
    ...inputs.map((path) => ({ option: '--inputs', typed: path })),
  ];
  const { folder, pathOf } =
    typed.length === 0 ? { folder: process.cwd(), pathOf: (path: string) => path } : await folderOf(typed);
  const job = {
    kind: 'solve',
    name: options.name ?? nameFrom([task.trim().split(/\s+/).slice(0, nameWords).join(' ')]),
    task,
    script: script === undefined ? undefined : pathOf(script),
    args: options.args,
    inputs: inputs.map(pathOf),
    outputs: (options.output ?? []).map(outputFrom),
    check: checkFile === undefined ? undefined : [pathOf(checkFile), ...checkName].join(':'),
    hidden: hidden.length === 0 ? undefined : hidden.map(pathOf),
    ...allowances(options),
  };
  return checkedJob(given(job), folder, (path) =>
    path[0] === 'task'
      ? 'the task'
      : path[0] === 'outputs'
        ? ['--output', ...path.slice(2)].join(' ')
        : optionOf(path),
  );
}

/** `counts.json`, `counts.json: json`, or with what is checked of it: `grid.bin: voxels n=64`. */
function outputFrom(text: string): unknown {
  const [, path = '', kind, fields = ''] = /^([^:]+)(?::\s*(\w+)((?:\s+\w+=\S+)*))?\s*$/.exec(text) ?? [];
  if (path === '')
    throw new UserMistake(
      `--output ${text}: expected PATH, PATH: KIND or PATH: KIND NAME=VALUE, as in 'counts.json: json' or 'grid.bin: voxels n=64'`,
    );
  if (kind === undefined) return path;
  const pairs = fields
    .trim()
    .split(/\s+/)
    .filter((pair) => pair !== '');
  return {
    kind,
    path,
    ...Object.fromEntries(
      pairs.map((pair) => {
        const [name = '', value = ''] = pair.split('=', 2);
        return [name, Number.isNaN(Number(value)) ? value : Number(value)];
      }),
    ),
  };
}
