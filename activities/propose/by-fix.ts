import { z } from 'zod';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { type Fix, rewritings } from '../../domain/diagnosis.schema.ts';
import { Limits } from '../../domain/limits.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { pick, placeBelow } from '../../domain/tree.ts';
import { readJson, readProgram, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { python } from '../try/command.ts';
import { programsOf } from './sandbox-programs.ts';

export type FixActivities = ReturnType<typeof createFixActivities>;
type Rewrite = Extract<Fix, { kind: 'rewrite' }>;

/** A program that was changed with what was done, or why a fix does not fit it. */
export type Mended = { kind: 'mended'; program: Program; note: string } | { kind: 'unfit'; reason: string };

/** Returns what changes a program as a diagnosis says: in the sandbox, for it reads the program. */
export const createMend =
  ({ store, sandbox }: ActivityContext) =>
  async (place: Place, program: Program, fix: Rewrite, signal: AbortSignal): Promise<Mended> => {
    const ran = await sandbox.run(
      {
        key: stepKey(place),
        label: place.step,
        argv: [
          ...[python, '-I', '-B', '/in/fixes/mend.py'],
          ...['--fix', '/in/fix.json', '--program', '/in/program', '--out', 'out'],
        ],
        files: {
          ...placeBelow('fixes', await programsOf('fixes', store.blobs)),
          ...placeBelow('program', program.files),
          'fix.json': await writeJson(store.blobs, fix),
        },
        // The program is read, not run: what it may use says nothing of what reading it takes.
        limits: Limits.parse({}),
        outputs: ['out/**'],
      },
      signal,
    );
    const problem = ran.outputs['out/problem.json'];
    if (problem !== undefined)
      return { kind: 'unfit', reason: (await readJson(store.blobs, problem, Problem)).reason };
    const [mended, changed] = [ran.outputs['out/mended.json'], ran.outputs[`out/program/${fix.path}`]];
    // What a fix does not get through with is a program of a kind that was not thought of: models may.
    if (mended === undefined || changed === undefined)
      return { kind: 'unfit', reason: `it ended as ${ran.ending.kind}: ${ran.stderr.tail.slice(-400)}` };
    const { note } = await readJson(store.blobs, mended, Note);
    return {
      kind: 'mended',
      program: { ...program, files: { ...program.files, [fix.path]: changed } },
      note,
    };
  };

/** Fixes that need no model. */
export const createFixActivities = (context: ActivityContext) => {
  const { store } = context;
  const mend = createMend(context);
  return {
    /** The program of a failed candidate after the fix that its diagnosis names; null where that does not fit. `files`: what it may see. */
    async proposeByFix({
      id,
      parent,
      files,
      ...place
    }: Place & { id: string; parent: string; files: Artifact }): Promise<Candidate | null> {
      return takeStep(store, place, 'propose', async ({ signal }) => {
        const trials = await store.ledger.trials(place.jobId);
        const failed = trials.findLast(({ trial }) => trial.candidate.id === parent)?.trial;
        const diagnosis = failed && 'reason' in failed.outcome ? failed.outcome.diagnosis : undefined;
        if (failed === undefined || diagnosis?.fix?.kind !== 'rewrite')
          throw new Error(`${id}: expected a trial of ${parent} with a fix, found none`);
        const { fix, kind } = diagnosis;
        const title = rewritings[fix.rewriting];
        const own = await readProgram(store.blobs, failed.candidate.program);
        // A module among the inputs becomes one of the program's own: that stands in its place.
        const shared = pick(await readTree(store.blobs, files), [fix.path]);
        const before = { ...own, files: { ...shared, ...own.files } };
        const mended = await mend(place, before, fix, signal);
        if (mended.kind === 'unfit') {
          const text = `${id} ${title}: does not fit ${parent}: ${mended.reason}`;
          await store.ledger.say(place.jobId, stepKey(place), text, Date.now());
          return null;
        }
        return {
          ...{ id, parents: [parent], operator: 'fix', title },
          note: `${kind}: ${mended.note}`.slice(0, 500),
          program: await writeJson(store.blobs, mended.program),
        };
      });
    },
  };
};

/** What `mend.py` writes. */
const Problem = z.object({ reason: z.string() });
const Note = z.object({ note: z.string() });
