import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { candidateNumber } from '../../domain/candidate.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { Blend, Judged, type Timing } from '../../domain/table.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { readJson, readProgram, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { outcomeOfEnding, saidBy } from '../try/outcome-of-ending.ts';
import { type Fitted, fittedIn } from './fitted.ts';
import { createLearning } from './learning.ts';
import { filesOf, membersIn, type Within } from './members.ts';
import { fileIn, forGrader, forPrograms, testLabels, testRows } from './table-files.ts';

/** What helps, and how much of each: `members` are candidates. Empty where nothing was scored. */
export interface Blended {
  blend: Artifact;
  /** Everything the step wrote, a `Tree`. */
  files: Artifact;
  members: string[];
  /** With how many models each member predicts; unset: one of each fold. */
  models?: number | undefined;
  /** What is left out, since it takes longer to predict a row than may be. */
  tooSlow?: string[];
}

/** What a blend has to keep to. */
export interface KeepTo {
  /** What one row may take to be predicted. */
  maxLatencyMs?: number;
  /** How many candidates may have a say. */
  most?: number;
}

/** What the members gave for the rows that were kept apart; or which of them could not. */
export type Applied =
  | { kind: 'predicted'; predictions: Record<string, Artifact>; rowMs?: Record<string, number> }
  | { kind: 'failed'; id: string; reason: string };

/** The blend as a trial, and what the test says of it, in one line. */
export interface Tested {
  trial: Trial;
  says: string;
}

const RowTime = z.object({ rowMs: z.number().nonnegative() });

/** What a row took with the slowest of a candidate's models; null where that was not asked. */
const slowest = (timings: readonly Timing[]): number | null =>
  timings.reduce<number | null>(
    (most, { rowMs }) => (rowMs === undefined ? most : Math.max(most ?? 0, rowMs)),
    null,
  );

export type EndActivities = ReturnType<typeof createEndActivities>;

/**
 * What a search comes to once it is over. What helps is blended, the test is scored, once, and what predicts is
 * put together.
 */
export const createEndActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /** Weighs all that was fitted by how much it helps, without the candidates that turned out not to work. */
    async blendFits({
      table,
      limits,
      cores,
      without,
      keepTo = {},
      ...place
    }: Place & Within & { without: string[]; keepTo?: KeepTo }): Promise<Blended> {
      return takeStep<Blended>(store, place, 'blend', async ({ signal }) => {
        const fitted = (await fittedIn(store, place.jobId)).filter(
          ({ id, predictions }) => predictions.size > 0 && !without.includes(id),
        );
        const files: Tree = {};
        const entries = fitted.map((each) => {
          const timings = each.folds.flatMap(({ timing }) => (timing === null ? [] : [timing]));
          const sum = (of: 'fitSeconds' | 'predictSeconds' | 'bytes'): number =>
            timings.reduce((total, timing) => total + timing[of], 0);
          const named = [...each.predictions].map(([fold, artifact]) => {
            const name = `${each.id}-${fold}.npy`;
            files[name] = artifact;
            return [String(fold), name] as const;
          });
          return {
            ...{ id: each.id, predictions: Object.fromEntries(named), warm: null, bytes: sum('bytes') },
            rowMs: slowest(timings),
            ...{ fitSeconds: sum('fitSeconds'), predictSeconds: sum('predictSeconds') },
          };
        });
        files['entries.json'] = await writeJson(blobs, { entries, ...keepTo });
        const shared = { as: 'grader', files: forGrader(await readTree(blobs, table.files)) } as const;
        const out = await learning.trusted(place, { script: 'blend', files, shared, limits, cores }, signal);
        const blend = fileIn(out, 'blend.json');
        const { members, models, tooSlow } = await readJson(blobs, blend, Blend);
        return {
          ...{ blend, files: await writeJson(blobs, out), members: members.map(({ id }) => id) },
          ...(keepTo.maxLatencyMs === undefined ? {} : { models, tooSlow }),
        };
      });
    },

    /**
     * Has each member predict the rows that were kept apart. It did not see them before, and their labels are
     * not there.
     */
    async applyMembers({
      table,
      limits,
      cores,
      members,
      models,
      timedRows = 0,
      ...place
    }: Place & Within & { members: string[]; models?: number; timedRows?: number }): Promise<Applied> {
      return takeStep<Applied>(store, place, 'test', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const predictions: Record<string, Artifact> = {};
        const rowMs: Record<string, number> = {};
        const timed = timedRows === 0 ? {} : { 'apply.json': await writeJson(blobs, { timedRows }) };
        for (const member of await membersIn(store, place.jobId, members)) {
          const files = { ...(await filesOf(store, member, models)), ...testRows(tree), ...timed };
          const { ran, out } = await learning.run(
            { ...place, step: `${place.step}/${member.id}` },
            { script: 'apply', files, shared: { as: 'programs', files: forPrograms(tree) }, limits, cores },
            signal,
          );
          const ended = outcomeOfEnding(ran.ending, saidBy(ran));
          const found = out['predictions.npy'];
          if (ended !== null || found === undefined) {
            const reason = ended !== null && 'reason' in ended ? ended.reason : 'it gave no predictions';
            return { kind: 'failed', id: member.id, reason };
          }
          predictions[member.id] = found;
          const timing = timedRows === 0 ? undefined : out['timing.json'];
          if (timing !== undefined) rowMs[member.id] = (await readJson(blobs, timing, RowTime)).rowMs;
        }
        return { kind: 'predicted', predictions, ...(timedRows === 0 ? {} : { rowMs }) };
      });
    },

    /**
     * Scores the blend on the rows that were kept apart, once, and puts together what predicts. Returns its trial: a candidate of its own,
     * whose score is that of the folds.
     */
    async judgeTest({
      table,
      limits,
      cores,
      blended,
      predictions,
      ...place
    }: Place & Within & { blended: Blended; predictions: Record<string, Artifact> }): Promise<Tested> {
      return takeStep<Tested>(store, place, 'test', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const out = await learning.trusted(
          place,
          {
            script: 'judge_test',
            files: {
              ...forGrader(tree),
              ...testLabels(tree),
              'blend.json': blended.blend,
              ...Object.fromEntries(
                Object.entries(predictions).map(([id, each]) => [`predictions/${id}.npy`, each]),
              ),
            },
            ...{ shared: { as: 'grader', files: forGrader(tree) }, limits, cores },
          },
          signal,
        );
        const judged = fileIn(out, 'judged.json');
        const { says } = await readJson(blobs, judged, Judged);
        await store.ledger.say(
          place.jobId,
          `${stepKey(place)}/says`,
          `test, scored once: ${says}`,
          Date.now(),
        );
        const blend = await readJson(blobs, blended.blend, Blend);
        const members = await membersIn(store, place.jobId, blended.members);
        const { score } = blend;
        if (score === null) throw new Error('expected a score of the blend, got none');
        const [low, high] = blend.interval ?? [score, score];
        const trial: Trial = {
          candidate: await blendCandidate(place, members, blend),
          purpose: 'verification',
          outcome: { kind: 'scored', metric: { value: score, low, high }, verdict: blended.blend },
          ...{ measurement: null, timings: {}, seeds: [] },
          artifacts: {
            ...{
              blend: blended.blend,
              judged,
              look: fileIn(tree, 'look.json'),
              meta: fileIn(tree, 'meta.json'),
            },
            ...{ plan: fileIn(tree, 'plan.json'), 'test predictions': fileIn(out, 'test-predictions.npy') },
          },
        };
        return { trial, says };
      });
    },
  };

  /** The blend as a candidate: the programs of its members, the next number. */
  async function blendCandidate(
    { jobId }: Place,
    members: readonly Fitted[],
    { members: weights }: Blend,
  ): Promise<Candidate> {
    const decided = await store.ledger.decisions(jobId);
    const tried = await store.ledger.trials(jobId);
    const numbers = [
      ...decided.map(({ number }) => number),
      ...tried.map(({ trial }) => candidateNumber(trial.candidate)),
    ];
    const files: Tree = {};
    for (const member of members)
      Object.assign(files, placeBelow(member.id, (await readProgram(blobs, member.program)).files));
    const [first] = members;
    const program: Program = {
      files,
      entry: { kind: 'script', path: `${first?.id}/predict.py`, args: [] },
      build: null,
    };
    const shares = weights.map(({ id, weight }) => {
      const title = members.find((each) => each.id === id)?.title ?? id;
      return `${title} ${(weight * 100).toFixed(0)} %`;
    });
    return {
      id: `c-${Math.max(0, ...numbers) + 1}`,
      parents: members.map(({ id }) => id),
      operator: 'strategy',
      title: `blend of ${members.length}`,
      note: shares.join(', ').slice(0, 500),
      program: await writeJson(blobs, program),
    };
  }
};
