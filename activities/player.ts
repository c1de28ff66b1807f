import { type Artifact, Tree } from '../domain/artifact.schema.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { Program } from '../domain/program.schema.ts';
import type { Player } from '../sandbox/sandbox.ts';
import type { BlobStore } from '../store/blobs.ts';
import { pick, readTree } from './context.ts';

/** The interpreter inside every sandbox. */
export const python = '/opt/crucible/python/bin/python3';

/** Crucible's own program `name` in the sandbox: isolated from the working directory and from the environment. */
export const guest = (name: string, ...args: string[]): string[] => [
  python,
  '-I',
  '-B',
  `/sandbox/guest/${name}.py`,
  ...args,
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

/** What a run wrote: a file that stands as it was placed, such as an input or the program itself, is none of it. */
export const writtenOf = (outputs: Tree, placed: Tree): Tree =>
  Object.fromEntries(Object.entries(outputs).filter(([path, artifact]) => placed[path] !== artifact));

/** The command line of a script. Its folder is on the module path, as Python does it by itself. */
export function scriptCommand(program: Program): string[] {
  if (program.entry.kind !== 'script')
    throw new Error(`expected a script, got the function ${program.entry.name}`);
  return [python, '-B', program.entry.path, ...program.entry.args];
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
    const argv = guest('serve', '--module', `/players/${name}/${module}`, '--function', function_);
    return { ...common, kind: 'serve', argv, files: program.files, workspace: {}, outputs: [] };
  }
  return {
    ...common,
    kind: 'command',
    argv: scriptCommand(program),
    files: {},
    workspace: await workspaceOf(blobs, job, files, program),
    outputs: job.outputs,
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
