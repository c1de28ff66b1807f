import { applyUnified } from '../../../domain/patch.ts';
import type { Build } from '../../../domain/program.schema.ts';
import { SafePath } from '../../../domain/safe-path.schema.ts';
import type { ProgramReply } from './program.ts';

/** A program with its files as text. */
export interface ShownProgram {
  files: readonly { path: string; content: string }[];
}

/** A program that a reply made: text files, the one it is entered by, and what is to be built. */
export interface WrittenProgram extends ShownProgram {
  entry: string;
  build: Build | null;
}

/** A reply that has the right shape and makes no program. Each problem is worded so that a model can act on it. */
export class ReplyProblem extends Error {
  override name = 'ReplyProblem';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const maxFiles = 20;
const maxFileChars = 200_000;

/**
 * Returns the program that `reply` makes of `parent`, the program that was shown (null for none). Files of the
 * parent stay, unless they are removed, replaced or edited. Edits are strict. What is searched must occur
 * exactly once in its file, as edits before it left it. A unified diff applies with its context as it is.
 * Throws `ReplyProblem` with everything that is wrong.
 */
export function applyReply(reply: ProgramReply, parent: ShownProgram | null): WrittenProgram {
  const problems: string[] = [];
  const contents = new Map(parent?.files.map(({ path, content }) => [path, content]));
  removeFiles(contents, reply, problems);
  placeFiles(contents, reply, problems);
  for (const [index, edit] of reply.edits.entries()) {
    const where = `edits[${index}] (${edit.path})`;
    const content = contents.get(edit.path);
    if (reply.files.some(({ path }) => path === edit.path))
      problems.push(`${where}: the file is in \`files\` as well: give it whole, or edit it, not both`);
    else if (content === undefined)
      problems.push(`${where}: there is no such file to edit; there are ${listed(contents.keys())}`);
    else {
      const edited = isPatch(edit) ? applyDiff(content, edit) : applyEdit(content, edit);
      if ('problem' in edited) problems.push(`${where}: ${edited.problem}`);
      else contents.set(edit.path, edited.content);
    }
  }
  const files = [...contents].map(([path, content]) => ({ path, content }));
  problems.push(...programProblems(files, reply, parent));
  if (problems.length > 0) throw new ReplyProblem(problems);
  const own = reply.build === 'none' ? undefined : buildFiles[reply.build];
  const sources = own === undefined ? files.map(({ path }) => path).filter(isSource) : [own];
  const build: Build | null = reply.build === 'none' ? null : { tool: reply.build, sources, fastMath: false };
  return { files, entry: reply.entry, build };
}

type Contents = Map<string, string>;

const listed = (paths: Iterable<string>): string => [...paths].join(', ') || 'none';

function removeFiles(contents: Contents, { removed, files, edits }: ProgramReply, problems: string[]): void {
  const before = [...contents.keys()];
  for (const path of new Set(removed)) {
    if ([...files, ...edits].some((each) => each.path === path))
      problems.push(`removed: ${path} is written or edited as well; do one of them`);
    else if (!contents.delete(path))
      problems.push(`removed: the program shown has no ${path}; it has ${listed(before)}`);
  }
}

function placeFiles(contents: Contents, { files }: ProgramReply, problems: string[]): void {
  const written = files.map(({ path }) => path);
  for (const [index, { path, content }] of files.entries()) {
    const safe = SafePath.safeParse(path);
    if (!safe.success)
      problems.push(
        `files[${index}]: ${safe.error.issues[0]?.message ?? 'unsafe path'}; got ${JSON.stringify(path)}`,
      );
    else if (written.indexOf(path) < index) problems.push(`files[${index}]: two files have the path ${path}`);
    else contents.set(path, content);
  }
}

type Edit = ProgramReply['edits'][number];

/** Returns whether an edit is a unified diff of its file, in place of what is searched and replaced. */
const isPatch = ({ search, replace }: Edit): boolean =>
  search === '' && /^(@@ |--- |diff --git )/m.test(replace);

/** `content` as a unified diff of that file, and of no other, leaves it; or why it cannot be. */
function applyDiff(content: string, { path, replace }: Edit): { content: string } | { problem: string } {
  const made = applyUnified(
    new Map([[path, content]]),
    replace.endsWith('\n') ? replace : `${replace}\n`,
    path,
  );
  if (made.kind === 'refused') return { problem: made.problems.join('; ') };
  const [edited, ...others] = made.files.values();
  return edited === undefined || others.length > 0
    ? { problem: 'the diff adds other files, or removes this one: use `files` and `removed`' }
    : { content: edited };
}

/** `content` with its one occurrence of `search` replaced, in the file's own line endings; or why it cannot be. */
function applyEdit(content: string, edit: Edit): { content: string } | { problem: string } {
  const ends = usesCrLf(content) ? '\r\n' : '\n';
  const search = edit.search.replace(/\r?\n/g, ends);
  const replace = edit.replace.replace(/\r?\n/g, ends);
  if (search === '')
    return {
      problem: '`search` is empty, and `replace` no unified diff; to write a whole file, put it into `files`',
    };
  const places = occurrences(content, search);
  const [place] = places;
  if (place === undefined) return { problem: notFound(content, search) };
  if (places.length > 1) {
    const lines = places.map((at) => content.slice(0, at).split('\n').length);
    return {
      problem: `\`search\` occurs ${places.length} times, at lines ${lines.slice(0, 10).join(', ')}; take in more lines around it, so that it occurs once`,
    };
  }
  return { content: content.slice(0, place) + replace + content.slice(place + search.length) };
}

/** Returns whether every line of a text of several ends the way Windows ends lines. */
const usesCrLf = (text: string): boolean => text.includes('\r\n') && !/(^|[^\r])\n/.test(text);

/** Where `search` begins in `text`; occurrences may overlap. */
function occurrences(text: string, search: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(search); at !== -1; at = text.indexOf(search, at + 1)) places.push(at);
  return places;
}

/** Says where the file comes nearest to `search`, and the first line in which they differ. */
function notFound(content: string, search: string): string {
  const lines = content.split(/\r?\n/);
  const wanted = search.split(/\r?\n/);
  let nearest = { at: 0, score: 0 };
  for (let at = 0; at < lines.length; at++) {
    let score = 0;
    for (const [offset, line] of wanted.entries()) score += likeness(line, lines[at + offset]);
    if (score > nearest.score) nearest = { at, score };
  }
  const differs = wanted.findIndex((line, offset) => line !== lines[nearest.at + offset]);
  if (nearest.score === 0 || differs === -1)
    return `\`search\` is not in the file, which has ${lines.length} lines; copy lines of it exactly, spaces included`;
  const stands = lines[nearest.at + differs];
  const there =
    stands === undefined
      ? 'the file ends'
      : `the file has ${quoted(stands)} at line ${nearest.at + differs + 1}`;
  return `\`search\` is not in the file. Nearest, ${there} where \`search\` has ${quoted(wanted[differs] ?? '')}; copy lines of the file exactly, spaces included`;
}

/** Returns how alike two lines are, from 0 to 3. Blank lines say nothing. */
function likeness(line: string, other: string | undefined): number {
  if (other === undefined || line.trim() === '') return 0;
  if (line === other) return 3;
  const [one, two] = [line.trim(), other.trim()];
  if (one === two) return 2;
  let same = 0;
  while (same < one.length && one[same] === two[same]) same++;
  return same < 4 ? 0 : same / Math.max(one.length, two.length);
}

const quoted = (line: string): string => JSON.stringify(line.length > 160 ? `${line.slice(0, 159)}…` : line);

/** Files that say themselves what is built. */
const buildFiles: Partial<Record<ProgramReply['build'], string>> = {
  setuptools: 'setup.py',
  cmake: 'CMakeLists.txt',
};

/** `kernel.cpp` at the top becomes the module `kernel`; below a folder, C++ is what another source includes. */
const isSource = (path: string): boolean => /^[^/]+\.cpp$/.test(path);

/** Returns what keeps the files from being a program, however they came about. What the parent had already is not held against the reply. */
function programProblems(
  files: WrittenProgram['files'],
  { entry, build, ...reply }: ProgramReply,
  parent: ShownProgram | null,
): string[] {
  const problems: string[] = [];
  const paths = files.map(({ path }) => path);
  const inParent = (path: string): boolean => parent?.files.some((file) => file.path === path) ?? false;
  const touched = new Set([...reply.files, ...reply.edits].map(({ path }) => path));
  if (files.length === 0) problems.push('files: expected a program, got no file');
  if (reply.files.length > maxFiles)
    problems.push(`files: expected at most ${maxFiles} files, got ${reply.files.length}`);
  for (const { path, content } of files) {
    if (!touched.has(path)) continue;
    const twin = paths.find((other) => other !== path && other.toLowerCase() === path.toLowerCase());
    if (twin !== undefined) problems.push(`files: ${path} and ${twin} differ in upper and lower case alone`);
    if (paths.some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`)))
      problems.push(`files: ${path}, or a part of it, is both a file and a folder`);
    if (content.length > maxFileChars)
      problems.push(`files: expected at most ${maxFileChars} characters in ${path}, got ${content.length}`);
    if (path.endsWith('.cpp') && !inParent(path) && !/^[A-Za-z_][A-Za-z0-9_]*\.cpp$/.test(path))
      problems.push(`files: ${path} becomes a module: expected a name such as kernel.cpp, at the top`);
  }
  if (!paths.includes(entry)) problems.push(`entry: expected one of ${listed(paths)}, got ${quoted(entry)}`);
  else if (!(/^[A-Za-z_][A-Za-z0-9_]*\.py$/.test(entry) || (inParent(entry) && entry.endsWith('.py'))))
    problems.push(`entry: expected a Python file at the top whose name can be imported, got ${entry}`);

  const sources = paths.filter(isSource);
  if (build === 'none' && sources.length > 0)
    problems.push(
      `build: expected nanobind or pybind11 for ${listed(sources)}, got none; list under \`removed\` what is not needed`,
    );
  if (build !== 'none' && sources.length === 0)
    problems.push(`build: expected a .cpp file to build with ${build}, got none`);
  const own = buildFiles[build];
  if (own !== undefined && !paths.includes(own))
    problems.push(`files: ${build} builds by ${own}, which is not among them`);
  for (const source of sources) {
    // Python would import the compiled module of that name and never see the file.
    const hidden = source.replace(/cpp$/, 'py');
    if (paths.includes(hidden)) problems.push(`files: ${source} and ${hidden} would be the same module`);
  }
  return problems;
}
