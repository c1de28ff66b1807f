import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { type FoldEnd, FoldsEnded } from '../../domain/table.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { readJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

/** What a trial keeps of what was fitted, by the name of the artifact. */
export const endedFile = 'folds';
export const predictionsOf = (fold: number): string => `predictions of fold ${fold}`;
export const modelOf = (fold: number): string => `model of fold ${fold}`;

/** What is known of one candidate: every fold that was tried of it, in the order of the folds. */
export interface Fitted {
  id: string;
  title: string;
  program: Artifact;
  config: FoldsEnded['config'];
  folds: FoldEnd[];
  /** Of folds that were scored: a `.npy` file, and a `Tree` of the model. */
  predictions: Map<number, Artifact>;
  models: Map<number, Artifact>;
}

/** Returns what a job has fitted so far, by candidate: all of it is in the ledger's trials. */
export async function fittedIn({ ledger, blobs }: Store, jobId: string): Promise<Fitted[]> {
  const known = new Map<string, Fitted>();
  for (const { trial } of await ledger.trials(jobId)) {
    const ended = trial.artifacts[endedFile];
    if (ended === undefined) continue;
    const { config, folds } = await readJson(blobs, ended, FoldsEnded);
    const { id, title, program } = trial.candidate;
    const before = known.get(id);
    const all = [...(before?.folds ?? []), ...folds].toSorted((a, b) => a.fold - b.fold);
    known.set(id, { id, title, program, config, folds: all, ...kept(trial, all) });
  }
  return [...known.values()];
}

function kept({ artifacts }: Trial, folds: readonly FoldEnd[]): Pick<Fitted, 'predictions' | 'models'> {
  const of = (name: (fold: number) => string) =>
    new Map(
      folds.flatMap(({ fold }) => {
        const artifact = artifacts[name(fold)];
        return artifact === undefined ? [] : [[fold, artifact] as const];
      }),
    );
  return { predictions: of(predictionsOf), models: of(modelOf) };
}

/** Returns the files of `tree` below `folder`, by the rest of their paths. */
export const below = (folder: string, tree: Tree): Tree =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([path, artifact]) =>
      path.startsWith(`${folder}/`) ? [[path.slice(folder.length + 1), artifact]] : [],
    ),
  );
