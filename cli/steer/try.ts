import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { patchProgram } from '../../activities/propose/by-hand.ts';
import { isPart, partWords } from '../../domain/kinds/kinds.ts';
import { Message } from '../../domain/message.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { bestTrial, lastLooks } from '../../domain/trial.ts';
import { readJob } from '../../record/kept-job.ts';
import { readProgram } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { findJob } from '../follow/find-job.ts';
import { UserMistake } from '../terminal.ts';

/**
 * Stores a file and returns the message that has it tried. It is a Python file, or a unified diff `of` a
 * candidate's program. Unset, it is of the best, or else of the last. Throws `UserMistake` where it is neither,
 * cannot be read, or does not apply.
 */
export async function tryOf(store: Store, job: string, path: string, of?: string): Promise<Message> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserMistake(
      `${path}: expected a Python file or a patch, which cannot be read: ${error.message}`,
    );
  });
  const name = basename(path);
  const isPatch = /\.(patch|diff)$/.test(name);
  if (of !== undefined && !isPatch)
    throw new UserMistake(`--of ${of}: a Python file is whole; only a .patch or .diff is of a candidate`);
  const changed = isPatch ? { of: await patchedIn(store, job, path, bytes, of) } : {};
  const read = Message.safeParse({
    kind: 'tryProgram',
    name,
    file: await store.blobs.put(bytes),
    ...changed,
  });
  if (read.success) return read.data;
  throw new UserMistake(
    `${path}: expected the name of a Python file or a patch, of at most 60 letters, digits, dots and dashes before .py, .patch or .diff`,
  );
}

/** The candidate that a patch applies to. Throws `UserMistake` with the hunk and the line where it does not. */
async function patchedIn(
  store: Store,
  job: string,
  path: string,
  bytes: Buffer,
  of?: string,
): Promise<string> {
  const kept = await readJob(store, await findJob(store, job));
  const { id } = kept.record;
  if (!isPart(kept.job))
    throw new UserMistake(`${id}: it has no candidates of its own: name ${partWords(kept.job)}`);
  const tried = lastLooks(kept.trials);
  const changed =
    of === undefined
      ? (bestTrial(kept.trials, objectiveOf(kept.job)) ?? tried.at(-1))
      : tried.find(({ candidate }) => candidate.id === of);
  if (changed === undefined)
    throw new UserMistake(
      of === undefined
        ? `${id} has no candidate yet that a patch could change: bring a whole file`
        : `${id} has no candidate ${of}; it has ${tried.map((each) => each.candidate.id).join(', ') || 'none'}`,
    );
  const program = await readProgram(store.blobs, changed.candidate.program);
  const made = await patchProgram(store.blobs, program, bytes.toString('utf8'));
  if (made.kind === 'refused')
    throw new UserMistake(
      `${path} does not apply to ${changed.candidate.id} of ${id}, and nothing was changed:\n${made.problems.join('\n')}\nFor another candidate: --of CANDIDATE`,
    );
  return changed.candidate.id;
}
