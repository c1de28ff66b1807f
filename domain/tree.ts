import type { Tree } from './artifact.schema.ts';

/** Returns the same files below `folder`: `placeBelow('job', { 'a.py': … })` is `{ 'job/a.py': … }`. */
export const placeBelow = (folder: string, tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).map(([path, artifact]) => [`${folder}/${path}`, artifact]));

/** Returns the files of `tree` that are named, or stand below a folder that is named, by `paths`; `.` names all of them. */
export const pick = (tree: Tree, paths: readonly string[]): Tree =>
  Object.fromEntries(
    Object.entries(tree).filter(([path]) =>
      paths.some((each) => each === '.' || path === each || path.startsWith(`${each}/`)),
    ),
  );

/** Returns the files of `tree` but those at `paths`, or below a folder among them. */
export function without(tree: Tree, paths: readonly string[]): Tree {
  const gone = pick(tree, paths);
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !(path in gone)));
}
