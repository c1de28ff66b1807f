import { type Artifact, Tree } from '../domain/artifact.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import { stageId } from '../domain/job-id.ts';
import type { JobResult } from '../domain/job-input.schema.ts';
import type { SaidEnd } from '../domain/session.schema.ts';
import { type Said, turnName } from '../domain/session.ts';
import { type Place, saidStep, stepKey } from '../domain/step.ts';
import { readSession } from '../record/session.ts';
import { readTree, writeJson } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { trialsOf } from '../store/trials-of.ts';
import { takeStep } from './context.ts';

/** A turn that is to be done: its name below the conversation, what was said, and what it begins with. */
export interface NextTurn {
  told: string;
  name: string;
  text: string;
  files: Artifact;
  from: Artifact | null;
}

/** How a conversation stands, as far as its workflow goes by it. */
export interface Standing {
  /** Null where nothing is to be done. */
  next: NextTurn | null;
  ended: boolean;
  /** What can be taken back, and taken back again. */
  undos: number;
  redos: number;
  /** A `Tree`: the files as they are now. */
  files: Artifact;
}

export type ChatActivities = ReturnType<typeof createChatActivities>;

/** Of what is told of a turn that failed. */
const mostCharacters = 2_000;

/** Files that a workspace has at most. */
const mostFiles = 20_000;

/** Conversations: how one stands is read from what was said, and from what each turn came to. */
export const createChatActivities = ({ store }: { store: Store }) => {
  const { blobs, ledger } = store;

  const merged = async (below: Artifact, above: Artifact): Promise<Artifact> => {
    const tree = Tree.parse({ ...(await readTree(blobs, below)), ...(await readTree(blobs, above)) });
    const count = Object.keys(tree).length;
    if (count > mostFiles) throw new JobRejected(`expected at most ${mostFiles} files, got ${count}`);
    return writeJson(blobs, tree);
  };

  /** Puts files into the workspace that somebody brought. */
  const bring = (place: Place, { told, text: written, before: { files, program } }: Said): Promise<SaidEnd> =>
    takeStep<SaidEnd>(store, { ...place, step: saidStep(told) }, 'turn', async () => {
      const names = Object.keys(await readTree(blobs, written));
      const note = `brought: ${names.join(', ')}`.slice(0, 500);
      try {
        return { kind: 'done', told, files: await merged(files, written), program, written, note };
      } catch (error) {
        if (!(error instanceof JobRejected)) throw error;
        return { kind: 'failed', told, why: error.message };
      }
    });

  return {
    /** Returns how a conversation stands; files that were brought are put into its workspace first. */
    async readStanding(place: Place): Promise<Standing> {
      for (;;) {
        const record = await ledger.job(place.jobId);
        if (record === undefined) throw new Error(`expected job ${place.jobId} in the ledger, found none`);
        const { next, versions, at, ended } = await readSession(store, record);
        if (next !== null && next.turn === null) {
          await bring(place, next);
          continue;
        }
        return {
          next:
            next === null || next.turn === null
              ? null
              : {
                  ...{ told: next.told, name: turnName(next.turn), text: next.text },
                  ...{ files: next.before.files, from: next.before.program },
                },
          ...{ ended, undos: at, redos: versions.length - 1 - at },
          files: versions[at]?.files ?? '',
        };
      }
    },

    /** Keeps what a turn came to: where it is solved, its outputs are put into the workspace. */
    async endTurn({
      turn: { told, name, files },
      result,
      why,
      ...place
    }: Place & { turn: NextTurn; result: JobResult | null; why: string }): Promise<SaidEnd> {
      const end = await takeStep<SaidEnd>(store, { ...place, step: saidStep(told) }, 'turn', async () => {
        const trials = await trialsOf(ledger, stageId(place.jobId, name));
        if (result === null || result.product === null) {
          const last = trials.at(-1)?.trial.outcome;
          const reason = last !== undefined && 'reason' in last ? `: ${last.reason}` : '';
          return { kind: 'failed', told, why: `${why}${reason}`.slice(0, mostCharacters) };
        }
        const id = (result.chosen ?? result.best)?.candidate;
        const trial = trials.findLast((each) => each.trial.candidate.id === id)?.trial;
        if (trial === undefined) throw new Error(`${result.jobId}: expected a trial of ${id}, found none`);
        const { candidate } = trial;
        return {
          ...{ kind: 'done', told, program: candidate.program, written: result.product },
          files: await merged(files, result.product),
          note: candidate.note.replace(/^[^\s/]+\/\S+: /, ''),
        };
      });
      const said = end.kind === 'done' ? end.note : `nothing changed: ${end.why}`;
      await ledger.say(
        place.jobId,
        stepKey({ ...place, step: saidStep(told) }),
        `${name}: ${said}`,
        Date.now(),
      );
      return end;
    },
  };
};
