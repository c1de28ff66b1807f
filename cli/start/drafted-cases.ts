import { readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type DraftedCases, draftCases } from '../../activities/draft-cases.ts';
import { JobRejected } from '../../domain/errors.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { plainReason } from '../plain-reason.ts';
import type { Session } from '../server/session.ts';
import { clean, paint, sayOf, UserMistake } from '../terminal.ts';
import { type JobFile, packFiles } from './job-file.ts';
import { functionIn, jobFromOptions, type OptimizeOptions } from './optimize-job.ts';

/** A program whose cases are to be made, and where they are to stand. */
interface Wanted {
  program: string;
  name: string;
  /** The generator's path, as typed paths are. */
  target: string;
  record: readonly string[] | null;
}

/**
 * Makes the job of a function for which nobody gave cases. The sandbox makes a generator from the calls that
 * `--record` makes, else from what stands in the file. It is written beside the program, where its user can
 * change it. One that stands there is used as it is.
 */
export async function jobWithDraftedCases(
  session: Session,
  typed: string,
  options: OptimizeOptions,
): Promise<JobFile> {
  const { program, name } = functionIn(typed, options);
  // What is wrong with the options is told before anything is run: any Python file stands for the cases.
  await jobFromOptions(typed, { ...options, cases: program });
  const record = options.record === undefined ? null : scriptIn(options.record);
  const stem = basename(program).replace(/\.py$/, '');
  const wanted = { program, name, target: join(dirname(program), `${stem}_${name}_cases.py`), record };
  const casesFrom = (await standing(session, wanted)) ?? (await written(session, wanted, options));
  return jobFromOptions(typed, { ...options, cases: wanted.target, casesFrom });
}

const beginning = '"""Inputs that Crucible made from ';

/** Returns what a generator that stands there was made from; null where there is none. */
async function standing({ context }: Session, { target, record }: Wanted): Promise<string | null> {
  const text = await readFile(target, 'utf8').catch(() => null);
  if (text === null) return null;
  const [line = ''] = text.split('\n');
  if (!line.startsWith(beginning))
    throw new UserMistake(
      `${target}: this is where inputs for the function would be written, and it is not Crucible's: name it with --cases ${target}, or move it away`,
    );
  const from = line.slice(beginning.length).replace(/\.$/, '');
  if (record !== null && !from.includes(commandText(record)))
    throw new UserMistake(
      `${target} was made from ${from}: delete it to have it made from --record, or leave --record out to use it`,
    );
  sayOf(context)(`inputs: ${target}, made from ${from}; delete it to have it made anew`);
  return from;
}

const commandText = (record: readonly string[]): string => `\`${['python', ...record].join(' ')}\``;

async function written(
  { config, context, signal }: Session,
  { program, name, target, record }: Wanted,
  { inputs = [] }: OptimizeOptions,
): Promise<string> {
  const { store } = context;
  const say = sayOf(context);
  say(
    record === null
      ? `no --cases: inputs for ${name} are made from what stands in ${program}`
      : `running ${commandText(record)} in the sandbox, to see what ${name} is called with`,
  );
  const folder = await realpath(dirname(resolve(program)));
  const files = await filesFor(folder, record ?? [], inputs);
  const { sandbox } = await openSandbox(config, store);
  const place = { storeId: store.id, jobId: `draft/${process.pid}`, step: 'cases' };
  const made = await draftCases(
    { store, sandbox },
    {
      ...{ ...place, program: basename(program), name, record },
      files: await packFiles({ folder, files }, store.blobs),
    },
    signal,
  ).catch((error: unknown) => {
    if (error instanceof JobRejected) throw new UserMistake(`${program}: ${error.message}. ${byHand(name)}`);
    throw error;
  });
  await writeFile(target, made.text, { flag: 'wx' }).catch((error: unknown) => {
    throw new UserMistake(`${target}: inputs for ${name} are written there: ${plainReason(error)}`);
  });
  for (const line of shown(target, made)) say(clean(line));
  if (made.from === 'guess')
    say(paint(context, 'yellow', `nobody said what ${name} is called with: look at ${target} first`));
  return made.words;
}

const byHand = (name: string): string =>
  `Name a run that calls ${name} with --record 'python main.py', or write a file whose make_case(seed) returns its arguments and name it with --cases`;

/** The generator as a person reads it, and what is to be known of it. */
function shown(target: string, { text, words, level, seconds }: DraftedCases): string[] {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith('def make_case'));
  const to = lines.findIndex((line, index) => index > from && line.startsWith('    return '));
  const how = {
    drawn: 'sizes and values vary',
    'same sizes': 'values vary; sizes stay, for others were refused',
    'same calls': 'fractions vary by a thousandth; all else stays, for what was drawn was refused',
  }[level];
  return [
    `inputs: written to ${target}, made from ${words}; ${how}; a call takes ${secondsText(seconds)}`,
    ...lines.slice(from, to + 1).map((line) => `  ${line.slice(0, 150)}`),
    `the verdict rests on them: if your own are otherwise, change ${target} and begin again`,
  ];
}

const secondsText = (seconds: number): string =>
  seconds >= 0.1 ? `${seconds.toFixed(1)} s` : `${(seconds * 1000).toPrecision(2)} ms`;

/** `python main.py --n 4`: the script with its arguments. */
function scriptIn(command: string): string[] {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
  const rest = /^(?:.*\/)?python[\d.]*$/.test(words[0] ?? '') ? words.slice(1) : words;
  if (!rest[0]?.endsWith('.py'))
    throw new UserMistake(
      `--record ${command}: expected a run of a script, as in --record 'python main.py --fast', got ${rest[0] ?? 'nothing'}`,
    );
  return rest;
}

/** What a run is given at most beside what it is told to read. */
const most = { files: 2_000, bytes: 64 * 2 ** 20 };

/** Returns the Python files of the program's folder, what the command names, and the inputs, as seen from the folder. */
async function filesFor(
  folder: string,
  record: readonly string[],
  inputs: readonly string[],
): Promise<string[]> {
  const files = new Set<string>();
  const add = async (path: string, wanted: (name: string) => boolean): Promise<void> => {
    const found = await stat(join(folder, path)).catch(() => null);
    if (found?.isDirectory()) {
      for (const name of (await readdir(join(folder, path))).sort())
        if (files.size < most.files && !/^\.|^(?:__pycache__|node_modules|venv|site-packages)$/.test(name))
          await add(join(path, name), wanted);
    } else if (found?.isFile() && wanted(path) && (!path.endsWith('.py') || found.size < most.bytes))
      files.add(path);
  };
  await add('.', (path) => path.endsWith('.py'));
  for (const word of record) await add(word, () => !word.startsWith('/'));
  for (const typed of inputs) await add(relative(folder, await realpath(resolve(typed))), () => true);
  if (record[0] !== undefined && !files.has(join(record[0])))
    throw new UserMistake(`--record: ${record[0]} in ${folder}: there is no such file`);
  return [...files];
}
