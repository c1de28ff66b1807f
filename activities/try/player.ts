import { type Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { OptimizeJob } from '../../domain/job.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { pick } from '../../domain/tree.ts';
import type { Player } from '../../sandbox/sandbox.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readTree } from '../../store/documents.ts';
import { patternsOf } from './outputs.ts';

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

/** The files a program starts with in its working directory: the job's inputs, then its own. */
export async function workspaceOf(
  blobs: BlobStore,
  job: { inputs: string[] },
  files: Artifact,
  program: Program,
): Promise<Tree> {
  return Tree.parse({ ...pick(await readTree(blobs, files), job.inputs), ...program.files });
}

/** The command line of a script. Its folder is on the module path, as Python does it by itself. */
export function scriptCommand(program: Program): string[] {
  if (program.entry.kind !== 'script')
    throw new Error(`expected a script, got the function ${program.entry.name}`);
  return [python, '-B', ...tellingCrashes, program.entry.path, ...program.entry.args];
}

/** A player of `program`: a function serves, a script is started anew for every sample. */
export async function playerOf(
  blobs: BlobStore,
  name: 'baseline' | 'candidate',
  job: OptimizeJob,
  files: Artifact,
  program: Program,
): Promise<Player> {
  const common = { name, env: threads(job.cores) };
  if (program.entry.kind === 'function') {
    const { module, name: function_ } = program.entry;
    const folder = `/players/${name}`;
    const argv = guest(
      'serve',
      ...['--module', `${folder}/${module}`, '--function', function_, '--inputs', folder],
    );
    return { ...common, kind: 'serve', argv, files: program.files, workspace: {}, outputs: [] };
  }
  return {
    ...common,
    kind: 'command',
    argv: scriptCommand(program),
    files: {},
    workspace: await workspaceOf(blobs, job, files, program),
    outputs: patternsOf(job.outputs),
  };
}

/** A player that answers with the known `answer`, a frame, and computes nothing: the cost of asking. */
export const idlePlayer = (answer: Artifact): Player => ({
  name: 'idle',
  kind: 'serve',
  argv: guest('noop', '--answer', '/players/idle/answer.frame'),
  env: {},
  files: { 'answer.frame': answer },
  workspace: {},
  outputs: [],
});
