import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import { readProgram, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { takeStep } from '../context.ts';

export type HandActivities = ReturnType<typeof createHandActivities>;

/** Candidates that people bring. */
export const createHandActivities = ({ store }: { store: Store }) => ({
  /** The candidate of a file that somebody brought: it takes the place of the program's own, or is a script where there is none. */
  async proposeByHand({
    id,
    name,
    file,
    original,
    ...place
  }: Place & { id: string; name: string; file: Artifact; original: Artifact | null }): Promise<Candidate> {
    return takeStep(store, place, 'propose', async () => {
      const before: Program =
        original === null
          ? { files: {}, entry: { kind: 'script', path: name, args: [] }, build: null }
          : await readProgram(store.blobs, original);
      const path = before.entry.kind === 'function' ? before.entry.module : before.entry.path;
      return {
        ...{ id, parents: original === null ? [] : ['c-0'], operator: 'human' },
        ...{ title: `by hand: ${name}`, note: `${name}, as somebody brought it` },
        program: await writeJson(store.blobs, { ...before, files: { ...before.files, [path]: file } }),
      };
    });
  },
});
