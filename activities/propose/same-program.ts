import { createHash } from 'node:crypto';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { ReplyProblem, type WrittenProgram } from '../../llm/prompts/replies/apply.ts';
import { readProgram } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

/** Throws `ReplyProblem` where the job has this program already, but for its comments and its blank lines. */
export async function expectNew(
  store: Store,
  jobId: string,
  id: string,
  written: WrittenProgram,
  known: readonly Candidate[],
): Promise<void> {
  const own = fingerprint(written.files, written.build?.tool);
  for (const candidate of known) {
    if (candidate.id === id) continue;
    const { files, build } = await readProgram(store.blobs, candidate.program);
    const texts = await Promise.all(
      Object.entries(files).map(async ([path, file]) => ({ path, content: await store.blobs.text(file) })),
    );
    if (fingerprint(texts, build?.tool) !== own) continue;
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
}

/** Returns a hash of what a program does: comments on lines of their own, blank lines and ends of lines are left out. */
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
