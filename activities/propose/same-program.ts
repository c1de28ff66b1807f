import { createHash } from 'node:crypto';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { ReplyProblem, type WrittenProgram } from '../../llm/prompts/replies/apply.ts';
import { readProgram } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

/** Artifacts whose hash is held in memory: each is read once, not again for every reply. */
const mostHeld = 10_000;

/**
 * Returns a function that throws `ReplyProblem` where a job has a program already. Comments and blank lines
 * make no difference.
 */
export function createExpectNew(store: Store) {
  const held = new Map<Artifact, Promise<string>>();

  const fingerprintOf = (program: Artifact): Promise<string> => {
    const known = held.get(program);
    if (known !== undefined) return known;
    if (held.size >= mostHeld) held.clear();
    const read = fingerprintIn(store, program);
    held.set(program, read);
    read.catch(() => held.delete(program));
    return read;
  };

  return async (
    jobId: string,
    id: string,
    { files, build }: WrittenProgram,
    known: readonly Candidate[],
  ): Promise<void> => {
    const own = fingerprint(files, build?.tool);
    for (const candidate of known) {
      if (candidate.id === id || (await fingerprintOf(candidate.program)) !== own) continue;
      const trials = (await store.ledger.trials(jobId)).map(({ trial }) => trial);
      const outcome = trials.findLast((trial) => trial.candidate.id === candidate.id)?.outcome;
      const ended =
        outcome === undefined
          ? 'is being tried'
          : 'reason' in outcome
            ? `ended as ${outcome.kind}: ${outcome.reason}`
            : `ended as ${outcome.kind}`;
      throw new ReplyProblem([
        `this is the program of ${candidate.id} (${candidate.title}), which ${ended}: write one that does something else`,
      ]);
    }
  };
}

async function fingerprintIn({ blobs }: Store, program: Artifact): Promise<string> {
  const { files, build } = await readProgram(blobs, program);
  const texts = Object.entries(files).map(async ([path, file]) => ({
    path,
    content: await blobs.text(file),
  }));
  return fingerprint(await Promise.all(texts), build?.tool);
}

/**
 * Returns a hash of what a program does. Comments on lines of their own, blank lines and ends of lines are left
 * out.
 */
function fingerprint(files: readonly { path: string; content: string }[], tool = 'none'): string {
  const hash = createHash('sha256').update(tool);
  for (const { path, content } of [...files].sort((one, other) => (one.path < other.path ? -1 : 1))) {
    const comment = path.endsWith('.py') ? '#' : '//';
    const lines = content
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '' && !line.trimStart().startsWith(comment));
    hash.update(`\0${path}\0${lines.join('\n')}`);
  }
  return hash.digest('hex');
}
