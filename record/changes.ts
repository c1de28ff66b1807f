import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createTwoFilesPatch, OMIT_HEADERS } from 'diff';
import type { Artifact, Tree } from '../domain/artifact.schema.ts';
import { ArtifactDamaged } from '../domain/errors.ts';
import type { FileChange } from '../domain/file-change.ts';
import type { Program } from '../domain/program.schema.ts';
import type { BlobStore } from '../store/blobs.ts';

/**
 * Returns the files in which `after` differs from the user's own program `before`; all files where that is null. An entry
 * at another place is compared with the entry it replaces. Files that come with Crucible, or stood in `before` under another name, are
 * named, not shown.
 */
export async function changesOf(
  blobs: BlobStore,
  before: Program | null,
  after: Program,
): Promise<FileChange[]> {
  const old: Tree = before?.files ?? {};
  const [entry, oldEntry] = [entryPath(after), before === null ? null : entryPath(before)];
  const moved = oldEntry !== null && old[entry] === undefined && entry in after.files ? oldEntry : null;
  const changes: FileChange[] = [];
  for (const path of [...new Set([...Object.keys(old), ...Object.keys(after.files)])].sort()) {
    if (path === moved && after.files[path] === undefined) continue;
    const was = path === entry && moved !== null ? moved : path;
    const [from, to] = [old[was], after.files[path]];
    if (from === to) continue;
    const change =
      before === null ? 'whole' : from === undefined ? 'added' : to === undefined ? 'removed' : 'changed';
    const shown = { path, change, ...(was === path ? {} : { was }) } as const;
    const kept = from === undefined ? Object.keys(old).find((each) => old[each] === to) : undefined;
    const [oldText, newText] = [await textOf(blobs, from), await textOf(blobs, to)];
    const note = kept === undefined ? (oldText.note ?? newText.note) : `${kept} as it was`;
    if (note !== null) changes.push({ ...shown, patch: null, note });
    else if (change === 'whole') changes.push({ ...shown, patch: newText.text, note: null });
    else changes.push({ ...shown, ...patchOf(oldText.text, newText.text) });
  }
  return changes;
}

const entryPath = ({ entry }: Program): string => (entry.kind === 'function' ? entry.module : entry.path);

const headers = fileURLToPath(new URL('../strategies/cpp/', import.meta.url));
let shipped: ReadonlySet<Artifact> | undefined;

/** Returns the C++ headers that strategies put beside what they write. */
function comesWithCrucible(artifact: Artifact): boolean {
  shipped ??= new Set(
    readdirSync(headers).map((name) =>
      createHash('sha256')
        .update(readFileSync(`${headers}${name}`))
        .digest('hex'),
    ),
  );
  return shipped.has(artifact);
}

/** Larger files are not shown: nobody reads them, and comparing them takes long. */
const longestSource = 400_000;
const diffMs = 2_000;

/** Returns the text of a file, or why it can't be shown; no file is the empty text. */
async function textOf(
  blobs: BlobStore,
  artifact: Artifact | undefined,
): Promise<{ text: string; note: string | null }> {
  if (artifact === undefined) return { text: '', note: null };
  if (comesWithCrucible(artifact)) return { text: '', note: 'comes with Crucible' };
  const bytes = await keptBlob(blobs, artifact);
  if (bytes === null) return { text: '', note: 'no longer in the store' };
  if (bytes.length > longestSource) return { text: '', note: `not shown: ${bytes.length} bytes` };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? { text: '', note: 'not text' } : { text, note: null };
  } catch (error) {
    if (error instanceof TypeError) return { text: '', note: 'not text' };
    throw error;
  }
}

async function keptBlob(blobs: BlobStore, artifact: Artifact): Promise<Buffer | null> {
  try {
    return await blobs.get(artifact);
  } catch (error) {
    if (error instanceof ArtifactDamaged) return null;
    throw error;
  }
}

/** Returns the hunks of a unified diff. */
function patchOf(before: string, after: string): Pick<FileChange, 'patch' | 'note'> {
  const options = { context: 3, timeout: diffMs, headerOptions: OMIT_HEADERS };
  const patch = createTwoFilesPatch('', '', before, after, '', '', options);
  if (patch === undefined) return { patch: null, note: 'not shown: comparing it took too long' };
  return { patch: patch.replace(/\n$/, ''), note: null };
}
