import type { Program } from '../../domain/program.schema.ts';

/** The interpreter inside every sandbox. */
export const python = '/opt/crucible/python/bin/python3';

/** Options of an interpreter that runs code of others: where native code crashes, it names the line of Python. */
const tellingCrashes = ['-X', 'faulthandler'];

/** Returns the command of Crucible's own program `name`, isolated from the working directory and from the environment. */
export const guest = (name: string, ...args: string[]): string[] => [
  python,
  '-I',
  '-B',
  ...tellingCrashes,
  `/sandbox/guest/${name}.py`,
  ...args,
];

/** Returns the same command with an interpreter that does not buffer: what it printed is there, however it ends. */
export const unbuffered = ([interpreter = python, ...rest]: readonly string[]): string[] => [
  interpreter,
  '-u',
  ...rest,
];

/** Returns the environment that tells every library how many threads it may start. */
export const threads = (cores: number): Record<string, string> =>
  Object.fromEntries(
    ['CRUCIBLE_CORES', 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'].map(
      (name) => [name, String(cores)],
    ),
  );

/** Returns the command line of a script. Python puts the script's folder on the module path by itself. */
export function scriptCommand({ entry }: Program): string[] {
  return scriptBy([], entry);
}

/** Returns the command line that samples where a script stands: a file `samples` gets its stacks, so many seconds apart. */
export const sampledCommand = ({ entry }: Program, samples: string, everySeconds: number): string[] =>
  scriptBy(['/sandbox/guest/sample.py', '--every', String(everySeconds), '--out', samples, '--'], entry);

function scriptBy(runner: readonly string[], entry: Program['entry']): string[] {
  if (entry.kind !== 'script') throw new Error(`expected a script, got the function ${entry.name}`);
  return [python, '-B', ...tellingCrashes, ...runner, entry.path, ...entry.args];
}
