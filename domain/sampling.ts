import type { Tree } from './artifact.schema.ts';
import { pick, placeBelow } from './tree.ts';

/** What a sample of inputs is made of. Workflows have no part in it, so they need not hold it in memory. */

/** Returns `tree` with the sample in the place of the inputs, or in words why it cannot stand there. */
export function standIn(tree: Tree, inputs: readonly string[], sample: string): Tree | string {
  const kindOf = (path: string): string => (tree[path] === undefined ? 'folder' : 'file');
  const [only, ...others] = inputs;
  if (only === undefined) return 'a sample stands in for `inputs`; there are none';
  const small = belowIt(tree, sample);
  if (others.length === 0) {
    if (kindOf(only) !== kindOf(sample))
      return `expected a ${kindOf(only)}, as the input ${only} is, got the ${kindOf(sample)} ${sample}`;
    const artifact = tree[sample];
    return replaced(tree, [only], artifact === undefined ? placeBelow(only, small) : { [only]: artifact });
  }
  if (kindOf(sample) === 'file')
    return `expected a folder that holds samples of the inputs under their paths (${inputs.join(', ')}), got the file ${sample}`;
  const stands = inputs.filter((input) => Object.keys(pick(small, [input])).length > 0);
  const stray = Object.keys(small).find((path) => Object.keys(pick({ [path]: '' }, inputs)).length === 0);
  if (stray !== undefined)
    return `${sample}/${stray} stands in for none of the inputs, which are ${inputs.join(', ')}`;
  return replaced(tree, stands, small);
}

/** Returns the files below a folder by their paths in it. */
const belowIt = (tree: Tree, folder: string): Tree =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([path, artifact]) =>
      path.startsWith(`${folder}/`) ? [[path.slice(folder.length + 1), artifact]] : [],
    ),
  );

function replaced(tree: Tree, gone: readonly string[], by: Tree): Tree {
  const leaving = pick(tree, gone);
  return { ...Object.fromEntries(Object.entries(tree).filter(([path]) => !(path in leaving))), ...by };
}

/**
 * Returns the files that are left, and says of which some are left out. Each folder below an input keeps the first `most` with one ending. Others than these stay: a folder of pictures has its settings still.
 */
export function firstFiles(
  tree: Tree,
  inputs: readonly string[],
  most: number,
): { tree: Tree; words: string[] } {
  const kept: Tree = {};
  const words: string[] = [];
  const paths = Object.keys(tree).sort();
  for (const [group, members] of Map.groupBy(paths, (path) => groupOf(path, inputs))) {
    const named = group === null ? members : members.slice(0, most);
    for (const path of named) kept[path] = tree[path] ?? '';
    if (named.length < members.length) words.push(`the first ${most} of ${members.length} files ${group}`);
  }
  return { tree: kept, words };
}

/** `data/*.csv` for a file in a folder below an input; null for one that an input names. */
function groupOf(path: string, inputs: readonly string[]): string | null {
  if (inputs.includes(path) || Object.keys(pick({ [path]: '' }, inputs)).length === 0) return null;
  const folder = path.slice(0, path.lastIndexOf('/'));
  return `${folder}/*${/\.[^./]+$/.exec(path)?.[0] ?? ''}`;
}

/**
 * Returns the beginning of a text with `rows` rows below its header, or so many lines. Null where it has no
 * more than that.
 */
export function firstRows(path: string, text: string, rows: number): string | null {
  const hasHeader = /\.[ct]sv$/i.test(path);
  let left = rows + (hasHeader ? 1 : 0);
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    // A cell of a table may have line breaks in it.
    if (hasHeader && text[at] === '"') quoted = !quoted;
    if (text[at] !== '\n' || quoted) continue;
    left -= 1;
    if (left === 0) return at + 1 < text.length ? text.slice(0, at + 1) : null;
  }
  return null;
}

/** Whether a file is cut to its first rows. */
export const isCut = (path: string): boolean => /\.(csv|tsv|jsonl|ndjson)$/i.test(path);
