import { z } from 'zod';
import type { Tree } from '../domain/artifact.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import { Limits } from '../domain/limits.schema.ts';
import { type Place, stepKey } from '../domain/step.ts';
import { placeBelow } from '../domain/tree.ts';
import { readJson } from '../store/documents.ts';
import type { ActivityContext } from './context.ts';
import { programsOf } from './propose/sandbox-programs.ts';
import { python, threads } from './try/command.ts';
import { outcomeOfEnding, saidBy } from './try/outcome-of-ending.ts';

/** What `cases/draft.py` tells of the generator it wrote. */
const Told = z.object({
  /** Whence the calls are known: the user's own command, the file's own, its docstrings, or a guess. */
  from: z.enum(['record', 'main', 'docstring', 'guess']),
  words: z.string().max(300),
  level: z.enum(['drawn', 'same sizes', 'same calls']),
  sizes: z.array(z.string()),
  seconds: z.number(),
});

/** A generator of cases that nobody wrote: its text, and what it was made from. */
export type DraftedCases = z.infer<typeof Told> & { text: string };

const Problem = z.object({ message: z.string() });

/** Somebody's own code runs for two minutes at most, and each of some dozen tries for twenty seconds. */
const draftMs = 12 * 60_000;

/**
 * Returns a generator of cases for a function, which was tried on that. It is made from the calls that `record`
 * makes (a script with its arguments), else from what stands in its file. The user's code runs in a sandbox.
 * Throws `JobRejected` where none could be made.
 */
export async function draftCases(
  { store, sandbox }: ActivityContext,
  {
    program,
    name,
    record,
    files,
    ...place
  }: Place & { program: string; name: string; record: readonly string[] | null; files: Tree },
  signal: AbortSignal,
): Promise<DraftedCases> {
  const ran = await sandbox.run(
    {
      key: stepKey(place),
      label: place.step,
      argv: [
        ...[python, '-I', '-B', '/in/cases/draft.py', '--program', `/in/job/${program}`, '--function', name],
        ...['--out', 'out', ...(record === null ? [] : ['--record', ...record])],
      ],
      env: threads(1),
      files: {
        ...placeBelow('cases', await programsOf('cases', store.blobs)),
        ...placeBelow('job', files),
      },
      limits: Limits.parse({ wallMs: draftMs, cpuMs: draftMs }),
      outputs: ['out/**'],
    },
    signal,
  );
  const problem = ran.outputs['out/problem.json'];
  if (problem !== undefined) throw new JobRejected((await readJson(store.blobs, problem, Problem)).message);
  const [text, told] = [ran.outputs['out/cases.py'], ran.outputs['out/told.json']];
  if (text !== undefined && told !== undefined)
    return {
      ...(await readJson(store.blobs, told, Told)),
      text: (await store.blobs.get(text)).toString('utf8'),
    };
  const outcome = outcomeOfEnding(ran.ending, saidBy(ran));
  throw new JobRejected(
    `${program} came to no end: ${outcome !== null && 'reason' in outcome ? outcome.reason : ran.ending.kind}`,
  );
}
