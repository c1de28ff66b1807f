import { UserMistake } from '../terminal.ts';
import { checkedJob, type JobFile } from './job-file.ts';
import { type Allowances, allowances, folderOf, given, nameFrom, optionOf } from './typed-job.ts';

/** The options of `crucible solve`, as typed. */
export interface SolveOptions extends Allowances {
  inputs?: string[];
  output?: string[];
  check?: string;
  hidden?: string[];
  sample?: string;
  sampleRows?: number;
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
    ...(options.sample === undefined ? [] : [{ option: '--sample', typed: options.sample }]),
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
    sample: sampleFrom(options, pathOf),
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

function sampleFrom({ sample, sampleRows }: SolveOptions, pathOf: (typed: string) => string): unknown {
  if (sample !== undefined && sampleRows !== undefined)
    throw new UserMistake('--sample, --sample-rows: expected one of them, got both');
  if (sample !== undefined) return pathOf(sample);
  return sampleRows === undefined ? undefined : { rows: sampleRows };
}

const pair = String.raw`(?:\s+\w+=(?:"[^"]*"|\S+))`;
const ofFile = new RegExp(`^([^:]+)(?::\\s*(\\w+)(${pair}*))?\\s*$`);
const ofRun = new RegExp(`^(exit|stdout)(${pair}+)\\s*$`);

/**
 * Reads an output as it is typed: `counts.json`, `counts.json: json`, or with what is checked of it. Examples are `grid.bin: voxels n=64`
 * and `t.csv: csv columns=id,name unique=id`; of the run, `exit status=3` and `stdout contains="all done"`.
 */
export function outputFrom(text: string): unknown {
  const [, run, runFields] = ofRun.exec(text) ?? [];
  if (run !== undefined) return { kind: run, ...fieldsFrom(run, runFields ?? '') };
  const [, path = '', kind, fields = ''] = ofFile.exec(text) ?? [];
  if (path === '' || /^(?:exit|stdout)\s/.test(text))
    throw new UserMistake(
      `--output ${text}: expected PATH, PATH: KIND or PATH: KIND NAME=VALUE, as in 'counts.json: json' or 'grid.bin: voxels n=64'; or 'exit status=3', or 'stdout contains="done"'`,
    );
  return kind === undefined ? path : { kind, path, ...fieldsFrom(kind, fields) };
}

/** Fields that are lists, as typed with commas between. */
const lists = new Set(['columns', 'unique', 'empty', 'shape']);

/** Text stays text, whatever it looks like, in fields that hold some. */
const texts = new Set(
  ['contains', 'lacks', 'matches', 'separator', 'dtype', ...lists].filter((name) => name !== 'shape'),
);

function fieldsFrom(kind: string, typed: string): Record<string, unknown> {
  const pairs = [...typed.matchAll(/(\w+)=("[^"]*"|\S+)/g)];
  return Object.fromEntries(
    pairs.map(([, name = '', raw = '']) => {
      const text = raw.replace(/^"(.*)"$/, '$1');
      if (/^[{[]/.test(text) && !texts.has(name)) return [name, jsonFrom(kind, name, text)];
      const read = (each: string) => (texts.has(name) ? each : valueFrom(each));
      return [name, lists.has(name) ? text.split(',').map(read) : read(text)];
    }),
  );
}

const words = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

const valueFrom = (text: string): unknown =>
  words.has(text) ? words.get(text) : Number.isNaN(Number(text)) ? text : Number(text);

function jsonFrom(kind: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserMistake(
      `--output ${kind} ${name}: expected JSON without blanks, as in schema={"type":"object"}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
