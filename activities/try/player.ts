import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Player } from '../../sandbox/sandbox.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { guest, scriptCommand, threads } from './command.ts';
import { outputsOf, patternsOf } from './outputs.ts';
import { workspaceOf } from './workspace.ts';

/** Returns a player of `program`. A function serves; a script is started anew for every sample. */
export async function playerOf(
  blobs: BlobStore,
  name: 'baseline' | 'candidate',
  exam: Exam,
  program: Program,
): Promise<Player> {
  const common = { name, env: threads(exam.cores) };
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
    workspace: await workspaceOf(blobs, exam, program),
    outputs: patternsOf(outputsOf(exam.judging)),
  };
}

/** Returns a player that answers with the known `answer`, a frame, and computes nothing. Its time is the cost of asking. */
export const idlePlayer = (answer: Artifact): Player => ({
  name: 'idle',
  kind: 'serve',
  argv: guest('noop', '--answer', '/players/idle/answer.frame'),
  env: {},
  files: { 'answer.frame': answer },
  workspace: {},
  outputs: [],
});
