import type { Program } from '../../domain/program.schema.ts';

/** The interpreter inside every sandbox. */
export const python = '/opt/crucible/python/bin/python3';

/** Options of an interpreter that runs code of others: where native code crashes, it names the line of Python. */
const tellingCrashes = ['-X', 'faulthandler'];

/** Crucible's own program `name` in the sandbox: isolated from the working directory and from the environment. */
export const guest = (name: string, ...args: string[]): string[] => [
  python,
  '-I',
  '-B',
  ...tellingCrashes,
  `/sandbox/guest/${name}.py`,
  ...args,
];

/** The same command with an interpreter that keeps nothing it prints back: what it printed is there, however it ends. */
export const unbuffered = ([interpreter = python, ...rest]: readonly string[]): string[] => [
  interpreter,
  '-u',
  ...rest,
];

/** Every library that starts threads is told how many it may. */
export const threads = (cores: number): Record<string, string> =>
  Object.fromEntries(
    ['CRUCIBLE_CORES', 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'].map(
      (name) => [name, String(cores)],
    ),
  );

/** The command line of a script. Its folder is on the module path, as Python does it by itself. */
export function scriptCommand({ entry }: Program): string[] {
  if (entry.kind !== 'script') throw new Error(`expected a script, got the function ${entry.name}`);
  return [python, '-B', ...tellingCrashes, entry.path, ...entry.args];
}
