import type { Artifact, Tree } from '../../domain/artifact.schema.ts';

/** What is made of a table, by who may see it. No program ever sees a label of a row that it predicts; nobody sees the test before the end. */
const named =
  (...names: string[]) =>
  (tree: Tree): Tree =>
    Object.fromEntries(names.flatMap((name) => (tree[name] === undefined ? [] : [[name, tree[name]]])));

/** What programs find: rows without labels, and which fold each is in. */
export const forPrograms = named('schema.json', 'features.arrow', 'folds.npy', 'weights.npy');

/** The labels of the rows outside a fold, under the name that programs read. */
export function labelsOutside(fold: number, tree: Tree): Tree {
  const labels = tree[`fold-${fold}-labels.npy`];
  if (labels === undefined) throw new Error(`expected labels of the rows outside fold ${fold}, found none`);
  return { 'labels.npy': labels };
}

/** What the grader finds before the search is over. */
export const forGrader = named('schema.json', 'folds.npy', 'weights.npy', 'labels.npy');

/** What decides finds: no rows and no labels. */
export const forPlanner = named('schema.json', 'meta.json', 'plan.json', 'task.json');

/** The rows that were kept apart, without labels. */
export const testRows = named('test.arrow');

/** What the test is judged by, once the search is over. */
export const testLabels = named('meta.json', 'test.arrow', 'test-labels.npy', 'test-weights.npy');

/** Returns a file that a script is to have written. */
export function fileIn(tree: Tree, name: string): Artifact {
  const artifact = tree[name];
  if (artifact === undefined) throw new Error(`expected ${name} of what was learnt, found none`);
  return artifact;
}
