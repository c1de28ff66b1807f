import type { Tree } from '../../domain/artifact.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import type { SplitTable } from '../../domain/table.schema.ts';
import { placeBelow } from '../../domain/tree.ts';
import { readProgram, readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { type Fitted, fittedIn } from './fitted.ts';

/** How a step of the end is limited: by what is left of the time. */
export interface Within {
  table: SplitTable;
  limits: Limits;
  cores: number;
}

/** Returns candidates by their IDs, in that order. */
export async function membersIn(store: Store, jobId: string, ids: readonly string[]): Promise<Fitted[]> {
  const fitted = await fittedIn(store, jobId);
  return ids.map((id) => {
    const found = fitted.find((each) => each.id === id);
    if (found === undefined) throw new Error(`expected ${id} among what was fitted, found none`);
    return found;
  });
}

/**
 * Returns the program of a candidate and the models of its first `most` folds. They are as the scripts of
 * `learn/` read them.
 */
export async function filesOf(
  { blobs }: Store,
  { program, models }: Fitted,
  most = Number.POSITIVE_INFINITY,
): Promise<Tree> {
  const first = [...models].toSorted(([a], [b]) => a - b).slice(0, most);
  const trees = first.map(async ([fold, model]) =>
    placeBelow(`models/${fold}`, await readTree(blobs, model)),
  );
  const files = placeBelow('program', (await readProgram(blobs, program)).files);
  return Object.assign(files, ...(await Promise.all(trees)));
}
