import { applyPatch, parsePatch, type StructuredPatch } from 'diff';
import { SafePath } from './safe-path.schema.ts';

/** What a patch made of files, or why it makes nothing of them: each problem names file, hunk and line. */
export type Patched =
  | { kind: 'patched'; files: Map<string, string> }
  | { kind: 'refused'; problems: string[] };

/**
 * Returns `files` (texts by path) as the unified diff `patch` leaves them. Context is exact: a hunk stands at its line, or at the one other place
 * where its lines stand. A diff that names no file changes `entry`. Nothing is applied where one hunk is not.
 */
export function applyUnified(files: ReadonlyMap<string, string>, patch: string, entry: string): Patched {
  const after = new Map(files);
  const problems: string[] = [];
  for (const section of sectionsOf(patch, problems)) {
    const change = changeIn(section, after, entry);
    if (typeof change === 'string') problems.push(change);
    else if (change.content === null) after.delete(change.path);
    else after.set(change.path, change.content);
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'patched', files: after };
}

function sectionsOf(patch: string, problems: string[]): StructuredPatch[] {
  try {
    const sections = parsePatch(patch).filter(
      ({ hunks, oldFileName, newFileName }) => hunks.length > 0 || (oldFileName ?? newFileName) !== undefined,
    );
    if (sections.length === 0) problems.push('expected a unified diff with hunks (@@ … @@), found none');
    return sections;
  } catch (error) {
    problems.push(
      `expected a unified diff: ${error instanceof Error ? error.message.trim() : String(error)}`,
    );
    return [];
  }
}

/** The file that a part of a patch changes, and its new content (null: removed); or why it cannot be. */
function changeIn(
  section: StructuredPatch,
  files: ReadonlyMap<string, string>,
  entry: string,
): { path: string; content: string | null } | string {
  const [from, to] = [nameOf(section.oldFileName, files), nameOf(section.newFileName, files)];
  const path = to ?? from ?? entry;
  const safe = SafePath.safeParse(path);
  if (!safe.success)
    return `${JSON.stringify(path)}: ${safe.error.issues[0]?.message ?? 'expected a safe path'}`;
  if (section.isBinary === true) return `${path}: expected a change of a text, got one of bytes`;
  if (section.isRename === true || section.isCopy === true || (from != null && to != null && from !== to))
    return `${path}: expected a change of one file, got a renamed one (${from} → ${to}): remove it and add it in its place`;
  if (section.hunks.length === 0) return `${path}: expected hunks (@@ … @@), found none`;
  const before = files.get(path);
  if (from === null && before !== undefined)
    return `${path}: the patch adds it, and the program has it already`;
  if (from !== null && before === undefined)
    return `${path}: the program has no such file to change; it has ${[...files.keys()].join(', ') || 'none'}`;
  const content = applyHunks(path, before ?? '', section);
  if (typeof content === 'string') return content;
  if (to !== null) return { path, content: content.text };
  if (content.text !== '') return `${path}: the patch removes the file, and leaves lines of it`;
  return path === entry
    ? `${path}: the program is entered by it, so it cannot be removed`
    : { path, content: null };
}

/**
 * The name of a file without the `a/` or `b/` that git puts before it. Null for none, undefined where a patch
 * names no file.
 */
function nameOf(name: string | undefined, files: ReadonlyMap<string, string>): string | null | undefined {
  if (name === undefined || name === '') return undefined;
  if (name === '/dev/null') return null;
  return files.has(name) ? name : name.replace(/^[ab]\//, '');
}

/** `text` with every hunk applied; or the first hunk that is not, with the line where the file differs. */
function applyHunks(
  path: string,
  before: string,
  { hunks, ...section }: StructuredPatch,
): { text: string } | string {
  let text = before;
  for (const [index, hunk] of hunks.entries()) {
    const where = `${path}: hunk ${index + 1} (@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@)`;
    const wanted = hunk.lines.filter((line) => /^[ -]/.test(line)).map((line) => plain(line.slice(1)));
    const lines = text.split('\n').map(plain);
    // The hunks before are applied: its lines stand where they will have stood afterwards, too.
    const place = placeOf(lines, wanted, hunk.newStart);
    if (typeof place === 'string') return `${where} does not apply: ${place}`;
    const at = { ...hunk, oldStart: place, newStart: place };
    const applied = text === '' ? addedBy(hunk.lines) : applyPatch(text, { ...section, hunks: [at] });
    if (applied === false) return `${where} does not apply at line ${place}: its lines end otherwise there`;
    text = applied;
  }
  return { text };
}

/** What lines make of an empty file, which the library takes for one with an empty line. */
const addedBy = (lines: readonly string[]): string =>
  lines
    .map((line, index) =>
      line.startsWith('+') ? `${line.slice(1)}${lines[index + 1]?.startsWith('\\') ? '' : '\n'}` : '',
    )
    .join('');

const plain = (line: string): string => line.replace(/\r$/, '');

/** The line, from 1, at which `wanted` stands in `lines`: where it is `stated`, or at the only other place. Or why it has none. */
function placeOf(lines: readonly string[], wanted: readonly string[], stated: number): number | string {
  if (wanted.length === 0) return stated <= lines.length ? stated : `the file ends before line ${stated}`;
  const standsAt = (line: number): boolean =>
    wanted.every((each, offset) => each === lines[line - 1 + offset]);
  if (standsAt(stated)) return stated;
  const places = lines.map((_, index) => index + 1).filter(standsAt);
  const [only] = places;
  if (places.length > 1)
    return `its lines do not stand at line ${stated}, and at ${places.length} others: ${places.slice(0, 10).join(', ')}; take in more lines around it`;
  if (only !== undefined) return only;
  const differs = wanted.findIndex((each, offset) => each !== lines[stated - 1 + offset]);
  const stands = lines[stated - 1 + differs];
  return `line ${stated + differs} has ${stands === undefined ? 'nothing: the file ends before it' : quoted(stands)}, and the patch ${quoted(wanted[differs] ?? '')}`;
}

const quoted = (line: string): string => JSON.stringify(line.length > 120 ? `${line.slice(0, 119)}…` : line);
