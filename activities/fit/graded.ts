import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import type { Place } from '../../domain/step.ts';
import { FoldGrades, type SplitTable } from '../../domain/table.schema.ts';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import type { Learning } from './learning.ts';
import { fileIn, forGrader } from './table-files.ts';

/** Scores predictions of folds in the grader's sandbox, which holds the labels and no program. */
export async function gradePredictions(
  { store: { blobs }, learning }: { store: Store; learning: Learning },
  place: Place,
  table: SplitTable,
  predictions: ReadonlyMap<number, Artifact>,
  { limits, signal }: { limits: Limits; signal: AbortSignal },
): Promise<{ grades: FoldGrades; verdict: Artifact }> {
  const entries = [...predictions].map(([fold, artifact]) => ({ fold, file: `p${fold}.npy`, artifact }));
  const graded = await writeJson(blobs, { predictions: entries.map(({ fold, file }) => ({ fold, file })) });
  const files = Object.fromEntries(entries.map(({ file, artifact }) => [file, artifact]));
  const out = await learning.trusted(
    place,
    {
      ...{ script: 'grade', files: { ...files, 'graded.json': graded }, limits, cores: 1 },
      shared: { as: 'grader', files: forGrader(await readTree(blobs, table.files)) },
    },
    signal,
  );
  const verdict = fileIn(out, 'grade.json');
  return { grades: await readJson(blobs, verdict, FoldGrades), verdict };
}
