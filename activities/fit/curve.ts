import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Place } from '../../domain/step.ts';
import type { FoldEnd, Timing } from '../../domain/table.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import { readProgram, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import type { Blended } from './end.ts';
import type { Fitted } from './fitted.ts';
import { gradePredictions } from './graded.ts';
import { createLearning } from './learning.ts';
import { membersIn, type Within } from './members.ts';
import { forPrograms, labelsOutside } from './table-files.ts';

/** Shares of the rows that a model learns from anew; with all of them it did so in the search. */
const shares = [1 / 8, 1 / 4, 1 / 2];
const leastRows = 20;
/** Around a fit: its fork, and its score. */
const aroundMs = 400;

export type CurveActivities = ReturnType<typeof createCurveActivities>;

export const createCurveActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /**
     * Has a member of the blend learn from fewer rows, to tell what more of them give. Returns the score by the number of rows; null where no member
     * is quick enough for `limits.wallMs`.
     */
    async drawCurve({
      table,
      limits,
      cores,
      blended,
      ...place
    }: Place & Within & { blended: Blended }): Promise<Artifact | null> {
      return takeStep<Artifact | null>(store, place, 'explain', async ({ signal }) => {
        const quick = firstInTime(await membersIn(store, place.jobId, blended.members), limits.wallMs);
        if (quick === null) return null;
        const { member, end, timing, rows } = quick;
        const tree = await readTree(blobs, table.files);
        const curve: { rows: number; score: number }[] = [];
        for (const most of shares.map((share) => Math.floor(rows * share))) {
          if (most < leastRows) continue;
          const step = `${place.step}/${most}`;
          const told = { fold: end.fold, rows: most, ...roundsOf(timing, most / rows) };
          const { out } = await learning.run(
            { ...place, step },
            {
              script: 'fold',
              files: {
                ...placeBelow('program', (await readProgram(blobs, member.program)).files),
                ...labelsOutside(end.fold, tree),
                'fold.json': await writeJson(blobs, told),
              },
              ...{ shared: { as: 'programs', files: forPrograms(tree) }, limits, cores },
            },
            signal,
          );
          const predictions = out['predictions.npy'];
          // Who cannot learn from so few has no point there.
          if (predictions === undefined) continue;
          const { grades } = await gradePredictions(
            { store, learning },
            { ...place, step },
            table,
            new Map([[end.fold, predictions]]),
            { limits, signal },
          );
          if (grades.score !== null) curve.push({ rows: most, score: grades.score });
        }
        if (end.score !== null) curve.push({ rows, score: end.score });
        return curve.length < 2 ? null : writeJson(blobs, curve);
      });
    },
  };
};

/**
 * The first member, the weightiest first, that learns from all the shares within the time. With it comes the
 * fold that it is seen on.
 */
function firstInTime(
  members: readonly Fitted[],
  wallMs: number,
): { member: Fitted; end: FoldEnd; timing: Timing; rows: number } | null {
  for (const member of members) {
    const end = member.folds.find(({ state }) => state === 'scored');
    const timing = end?.timing;
    if (end === undefined || timing == null || typeof timing.rows !== 'number') continue;
    const takes = shares.reduce((sum, share) => sum + share * end.seconds * 1000 + aroundMs, 0);
    if (takes < wallMs) return { member, end, timing, rows: timing.rows };
  }
  return null;
}

/** Boosted trees have found how many rounds all rows need: fewer need no more. */
const roundsOf = ({ rounds }: Timing, share: number): { rounds?: number } =>
  typeof rounds === 'number' ? { rounds: Math.max(10, Math.round(rounds * share ** 0.5)) } : {};
