import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import { applyUnified } from '../../domain/patch.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readProgram, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { takeStep } from '../context.ts';

export type HandActivities = ReturnType<typeof createHandActivities>;

interface Brought {
  id: string;
  name: string;
  file: Artifact;
  /** The candidate whose program the file is a patch of; unset: the file is Python. */
  of?: string | undefined;
  original: Artifact | null;
}

/** Candidates that people bring. */
export const createHandActivities = ({ store }: { store: Store }) => {
  const { blobs, ledger } = store;

  /** The program of a candidate of the job, changed by a patch. */
  async function patched(jobId: string, of: string, patch: Artifact): Promise<Program> {
    const trial = (await ledger.trials(jobId)).findLast((each) => each.trial.candidate.id === of)?.trial;
    if (trial === undefined) throw new JobRejected(`${jobId}: expected a candidate ${of}, found none`);
    const made = await patchProgram(
      blobs,
      await readProgram(blobs, trial.candidate.program),
      await blobs.text(patch),
    );
    if (made.kind === 'refused') throw new JobRejected(made.problems.join('\n'));
    return made.program;
  }

  /** The program that a file makes in the place of the original's, or alone where there is none. */
  async function placed({ name, file, original }: Brought): Promise<Program> {
    const before: Program =
      original === null
        ? { files: {}, entry: { kind: 'script', path: name, args: [] }, build: null }
        : await readProgram(blobs, original);
    return { ...before, files: { ...before.files, [entryOf(before)]: file } };
  }

  return {
    /**
     * The candidate of a file that somebody brought. It takes the place of the program's own, or is a script
     * where there is none. A patch changes the program that it is of.
     */
    async proposeByHand({ of, ...brought }: Place & Brought): Promise<Candidate> {
      return takeStep(store, brought, 'propose', async () => {
        const { id, name, jobId, file, original } = brought;
        const program = of === undefined ? await placed(brought) : await patched(jobId, of, file);
        const parents = of !== undefined ? [of] : original === null ? [] : ['c-0'];
        const note = `${name}, as somebody brought it${of === undefined ? '' : `, on ${of}`}`;
        return {
          ...{ id, parents, operator: 'human', title: `by hand: ${name}`, note },
          program: await writeJson(blobs, program),
        };
      });
    },
  };
};

/** Returns what a unified diff makes of a program, or why it does not apply. The files that it does not touch stay as they are. */
export async function patchProgram(
  blobs: BlobStore,
  program: Program,
  patch: string,
): Promise<{ kind: 'patched'; program: Program } | { kind: 'refused'; problems: string[] }> {
  const texts = new Map<string, string>();
  for (const [path, file] of Object.entries(program.files)) texts.set(path, await blobs.text(file));
  const made = applyUnified(texts, patch, entryOf(program));
  if (made.kind === 'refused') return made;
  const bytes = [...made.files].filter(([path, text]) => text !== texts.get(path) && text.includes('\ufffd'));
  if (bytes.length > 0)
    return {
      kind: 'refused',
      problems: bytes.map(([path]) => `${path}: expected a text in UTF-8, got bytes`),
    };
  const files: Program['files'] = {};
  for (const [path, text] of made.files) {
    const own = program.files[path];
    files[path] = own !== undefined && texts.get(path) === text ? own : await blobs.put(text);
  }
  return { kind: 'patched', program: { ...program, files } };
}

const entryOf = ({ entry }: Program): string => (entry.kind === 'function' ? entry.module : entry.path);
