import type { Program } from '../../domain/program.schema.ts';
import { changesOf } from '../../record/changes.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { type CommandContext, clean, paint } from '../terminal.ts';

/** Returns a unified diff between two programs, all of `after` where there is none before; null where nothing differs. */
export async function diffOf(
  blobs: BlobStore,
  before: Program | null,
  after: Program,
): Promise<string | null> {
  const nothing: Program = { ...after, files: {} };
  const changes = await changesOf(blobs, before ?? nothing, after);
  if (changes.length === 0) return null;
  return changes
    .map(({ path, was = path, change, patch, note }) => {
      const from = change === 'added' ? '/dev/null' : `a/${was}`;
      const to = change === 'removed' ? '/dev/null' : `b/${path}`;
      return patch === null ? `=== ${to}: ${note}` : `--- ${from}\n+++ ${to}\n${patch}`;
    })
    .join('\n');
}

/** Writes a diff in its colours. */
export function showDiff(context: CommandContext, diff: string): void {
  for (const line of diff.split('\n')) context.out(coloured(context, line));
}

function coloured(context: CommandContext, line: string): string {
  const text = clean(line);
  if (/^(\+\+\+|---|===|Binary)/.test(line)) return paint(context, 'bold', text);
  if (line.startsWith('@@')) return paint(context, 'cyan', text);
  if (line.startsWith('+')) return paint(context, 'green', text);
  return line.startsWith('-') ? paint(context, 'red', text) : text;
}
