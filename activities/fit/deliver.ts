import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { placeBelow } from '../../domain/tree.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { headline } from '../../domain/trial.ts';
import { readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { outcomeOfEnding, saidBy } from '../try/outcome-of-ending.ts';
import type { Blended } from './end.ts';
import { experienceFile, experienceOf } from './experience.ts';
import { below } from './fitted.ts';
import { createLearning } from './learning.ts';
import { filesOf, membersIn, type Within } from './members.ts';
import { fileIn, forGrader, forPrograms, testLabels, testRows } from './table-files.ts';

/** What members said to questions about columns, by their IDs: a `Tree` each. */
export type Probed = Record<string, Artifact>;

/** A model is read, and what was begun is finished, beside the time that it is asked for. */
const askedShare = 0.4;
const leastProbeMs = 4_000;

export type DeliverActivities = ReturnType<typeof createDeliverActivities>;

/** What a blend goes by is found, and what predicts with it put together. */
export const createDeliverActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /** Asks each member what it says where columns are shuffled or held. It has the rows that were kept apart, and no label of them. */
    async probeMembers({
      table,
      limits,
      cores,
      blended,
      ...place
    }: Place & Within & { blended: Blended }): Promise<Probed> {
      return takeStep<Probed>(store, place, 'explain', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const probed: Probed = {};
        // The heaviest come first; who cannot be asked for long enough is not.
        const members = blended.members.slice(0, Math.max(1, Math.floor(limits.wallMs / leastProbeMs)));
        const each = { ...limits, wallMs: Math.floor(limits.wallMs / members.length) };
        const probe = await writeJson(blobs, { seconds: (each.wallMs * askedShare) / 1_000 });
        for (const member of await membersIn(store, place.jobId, members)) {
          const files = { ...(await filesOf(store, member)), ...testRows(tree), 'probe.json': probe };
          const { ran, out } = await learning.run(
            { ...place, step: `${place.step}/${member.id}` },
            {
              ...{ script: 'probe', files, limits: each, cores },
              shared: { as: 'programs', files: forPrograms(tree) },
            },
            signal,
          );
          // Who cannot be asked is not explained: it predicts all the same.
          const failed = outcomeOfEnding(ran.ending, saidBy(ran));
          if (failed === null) probed[member.id] = await writeJson(blobs, out);
          else if ('reason' in failed)
            await store.ledger.say(
              place.jobId,
              `${stepKey(place)}/${member.id}`,
              `${member.id} is not explained: ${headline(failed.reason)}`,
              Date.now(),
            );
        }
        return probed;
      });
    },

    /** Makes something of what the members said, with the labels. Returns the trial with what was found. */
    async explainBlend({
      table,
      limits,
      cores,
      trial,
      probed,
      curve = null,
      ...place
    }: Place & Within & { trial: Trial; probed: Probed; curve?: Artifact | null }): Promise<Trial> {
      return takeStep<Trial>(store, place, 'explain', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const said: Tree[] = [];
        for (const [id, files] of Object.entries(probed)) {
          const out = await readTree(blobs, files);
          const found = { ...below('probes', out), 'probes.json': fileIn(out, 'probes.json') };
          said.push(placeBelow(`probes/${id}`, found));
        }
        const { blend, judged } = trial.artifacts;
        const files = {
          ...testLabels(tree),
          'schema.json': fileIn(tree, 'schema.json'),
          ...(curve === null ? {} : { 'curve.json': curve }),
          ...Object.assign({}, ...said),
        };
        const out = await learning.trusted(
          place,
          {
            script: 'explain',
            files: { ...files, ...(blend && judged ? { 'blend.json': blend, 'judged.json': judged } : {}) },
            ...{ shared: { as: 'grader', files: forGrader(tree) }, limits, cores },
          },
          signal,
        );
        return { ...trial, artifacts: { ...trial.artifacts, explain: fileIn(out, 'explain.json') } };
      });
    },

    /** Puts together the folder that predicts without Crucible. Returns the trial with it. */
    async deliverModel({
      table,
      limits,
      cores,
      trial,
      blended,
      ...place
    }: Place & Within & { trial: Trial; blended: Blended }): Promise<Trial> {
      return takeStep<Trial>(store, place, 'deliver', async ({ signal }) => {
        const tree = await readTree(blobs, table.files);
        const members: Tree = {};
        for (const member of await membersIn(store, place.jobId, blended.members))
          Object.assign(
            members,
            placeBelow(`members/${member.id}`, await filesOf(store, member, blended.models)),
          );
        const { judged, explain, 'test predictions': predictions } = trial.artifacts;
        const out = await learning.trusted(
          place,
          {
            script: 'deliver',
            files: {
              ...tree,
              ...(await readTree(blobs, blended.files)),
              ...members,
              ...(judged === undefined ? {} : { 'judged.json': judged }),
              ...(explain === undefined ? {} : { 'explain.json': explain }),
              ...(predictions === undefined ? {} : { 'test-predictions.npy': predictions }),
            },
            ...{ shared: { as: 'grader', files: forGrader(tree) }, limits, cores },
          },
          signal,
        );
        const outputs = await writeJson(blobs, below('folder', out));
        const { blend } = blended;
        const experience = await experienceOf(store, { jobId: place.jobId, table: tree, blend });
        return { ...trial, artifacts: { ...trial.artifacts, outputs, [experienceFile]: experience } };
      });
    },
  };
};
