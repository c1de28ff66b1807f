import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Place } from '../../domain/step.ts';
import {
  type FoldEnd,
  type FoldGrades,
  FoldsEnded,
  type SplitTable,
  Timing,
} from '../../domain/table.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { Isolation, RunResult } from '../../sandbox/sandbox.ts';
import { readProgram, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { outcomeOfEnding, saidBy } from '../try/outcome-of-ending.ts';
import { below, endedFile, type Fitted, fittedIn, modelOf, predictionsOf } from './fitted.ts';
import { gradePredictions } from './graded.ts';
import { createLearning } from './learning.ts';
import { forPrograms, labelsOutside } from './table-files.ts';

/** What a program gave for the rows of a fold, whose labels it did not see. Or how it ended without. */
export type FoldRan = { fold: number; seconds: number; memoryMb: number; isolation: Isolation } & (
  | { kind: 'predicted'; predictions: Artifact; model: Artifact; timing: Artifact | null }
  | { kind: 'failed'; outcome: Outcome }
);

export type FoldActivities = ReturnType<typeof createFoldActivities>;

export const createFoldActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /**
     * Trains a candidate on the rows outside a fold and has it predict the rows of the fold. Its fork holds no
     * label of these.
     */
    async fitFold({
      table,
      fold,
      told,
      limits,
      cores,
      ...rest
    }: Place & {
      table: SplitTable;
      program: Artifact;
      fold: number;
      told: Record<string, number>;
      limits: Limits;
      cores: number;
    }): Promise<FoldRan> {
      return takeStep<FoldRan>(store, rest, 'fit', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const program = await readProgram(blobs, rest.program);
        const { ran, out } = await learning.run(
          rest,
          {
            script: 'fold',
            files: {
              ...placeBelow('program', program.files),
              ...labelsOutside(fold, tree),
              'fold.json': await writeJson(blobs, { ...told, fold }),
            },
            ...{ shared: { as: 'programs', files: forPrograms(tree) }, limits, cores },
          },
          signal,
        );
        const { wallMs, peakMemoryMb: memoryMb } = ran.usage;
        const known = { fold, seconds: wallMs / 1000, memoryMb, isolation: ran.isolation };
        const outcome = outcomeOf(ran);
        if (outcome !== null) return { ...known, kind: 'failed', outcome };
        const predictions = out['predictions.npy'];
        const why = 'expected predictions of the fold, got none';
        if (predictions === undefined)
          return { ...known, kind: 'failed', outcome: { kind: 'invalidOutput', reason: why } };
        const model = await writeJson(blobs, below('model', out));
        return { ...known, kind: 'predicted', predictions, model, timing: out['timing.json'] ?? null };
      });
    },

    /**
     * Scores what a candidate predicted, `ran`, together with what it had predicted before, on the labels that no program sees. Returns its trial:
     * a verification once all folds of the table are scored.
     */
    async gradeFolds({
      table,
      candidate,
      ran,
      limits,
      timings,
      ...place
    }: Place & {
      table: SplitTable;
      candidate: Candidate;
      ran: FoldRan[];
      limits: Limits;
      timings: Record<string, number>;
    }): Promise<Trial> {
      return takeStep<Trial>(store, place, 'grade', async ({ signal }) => {
        const before = (await fittedIn(store, place.jobId)).find(({ id }) => id === candidate.id);
        const predicted = ran.flatMap((each) => (each.kind === 'predicted' ? [each] : []));
        const predictions = new Map([
          ...(before?.predictions ?? []),
          ...predicted.map((each) => [each.fold, each.predictions] as const),
        ]);
        const graded =
          predictions.size === 0
            ? null
            : await gradePredictions({ store, learning }, place, table, predictions, { limits, signal });
        const config = await configOf(candidate);
        const folds = await Promise.all(ran.map((each) => endOf(each, graded?.grades ?? null)));
        const outcome = outcomeOfFolds(ran, graded);
        const models = predicted.map((each) => [modelOf(each.fold), each.model] as const);
        const covered = graded?.grades.folds.filter(({ score }) => score !== null).length ?? 0;
        return {
          candidate,
          purpose: outcome.kind === 'scored' && covered >= table.folds ? 'verification' : 'trial',
          ...{ outcome, measurement: null, timings, seeds: [] },
          artifacts: {
            ...artifactsOf(before),
            ...Object.fromEntries(models),
            ...Object.fromEntries([...predictions].map(([fold, each]) => [predictionsOf(fold), each])),
            [endedFile]: await writeJson(blobs, { config, folds } satisfies FoldsEnded),
            ...(graded === null ? {} : { verdict: graded.verdict }),
            program: candidate.program,
          },
        };
      });
    },
  };

  async function configOf({ id, operator, program }: Candidate): Promise<FoldsEnded['config']> {
    if (operator === 'human') return { id };
    const file = (await readProgram(blobs, program)).files['config.json'];
    const found =
      file === undefined ? null : FoldsEnded.shape.config.safeParse(JSON.parse(await blobs.text(file)));
    return found?.data ?? { id };
  }

  async function endOf(ran: FoldRan, grades: FoldGrades | null): Promise<FoldEnd> {
    const { fold, seconds, memoryMb } = ran;
    const known = { fold, seconds, memoryMb };
    if (ran.kind === 'failed') {
      const state = ran.outcome.kind === 'timedOut' ? 'timed_out' : 'crashed';
      const problem = 'reason' in ran.outcome ? ran.outcome.reason : null;
      return { ...known, state, score: null, problem, timing: null };
    }
    const grade = grades?.folds.find((each) => each.fold === fold);
    const { score = null, refused = null } = grade ?? {};
    const timing = ran.timing === null ? null : await timingIn(ran.timing);
    return { ...known, state: refused === null ? 'scored' : 'refused', score, problem: refused, timing };
  }

  /** What a program says of its own times is taken for planning alone; nothing is scored by it. */
  async function timingIn(artifact: Artifact): Promise<Timing | null> {
    try {
      return Timing.safeParse(JSON.parse(await blobs.text(artifact))).data ?? null;
    } catch {
      return null;
    }
  }
};

function artifactsOf(before: Fitted | undefined): Record<string, Artifact> {
  if (before === undefined) return {};
  return Object.fromEntries([...before.models].map(([fold, each]) => [modelOf(fold), each]));
}

/** How a program ended that was to give predictions; null where it gave some. */
function outcomeOf(ran: RunResult): Outcome | null {
  const ended = outcomeOfEnding(ran.ending, saidBy(ran));
  const [refused] = ran.refused;
  if (ended !== null || refused === undefined) return ended;
  return { kind: 'invalidOutput', reason: `${refused.path} was not taken: ${refused.why}` };
}

/**
 * A fold that crashed ends its candidate, as one does whose predictions are refused. One that ran out of time
 * leaves the others' score.
 */
function outcomeOfFolds(
  ran: readonly FoldRan[],
  graded: { grades: FoldGrades; verdict: Artifact } | null,
): Outcome {
  const failed = ran.flatMap((each) => (each.kind === 'failed' ? [each] : [])).at(-1);
  const { score = null, interval = null, refused = null } = graded?.grades ?? {};
  if (failed !== undefined && (failed.outcome.kind !== 'timedOut' || score === null)) return onFold(failed);
  if (graded === null || refused !== null || score === null)
    return { kind: 'invalidOutput', reason: refused ?? 'it has no score' };
  const [low, high] = interval ?? [score, score];
  const scores = graded.grades.folds.flatMap((each) => (each.score === null ? [] : [each.score]));
  return { kind: 'scored', metric: { value: score, low, high }, verdict: graded.verdict, scores };
}

const onFold = ({ fold, outcome }: { fold: number; outcome: Outcome }): Outcome =>
  'reason' in outcome ? { ...outcome, reason: `fold ${fold}: ${outcome.reason}` } : outcome;
