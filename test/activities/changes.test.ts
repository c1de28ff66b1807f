import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Program } from '../../domain/program.schema.ts';
import { changesOf } from '../../record/changes.ts';
import { createFileBlobs } from '../../store/file-blobs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-changes-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(module: string, files: Record<string, string>): Promise<Program> {
  const kept = Object.entries(files).map(async ([path, text]) => [path, await blobs().put(text)] as const);
  const entry = { kind: 'function', module, name: 'f' } as const;
  return { files: Object.fromEntries(await Promise.all(kept)), entry, build: null };
}
const blobs = () => createFileBlobs(join(folder, 'blobs'));

it('an entry at another place is compared with the one it replaces', async () => {
  const before = await program('start/slow.py', { 'start/slow.py': 'a\nb\n', 'start/data.txt': 'x\n' });
  const after = await program('slow.py', { 'slow.py': 'a\nc\n', 'start/data.txt': 'x\n' });
  expect(await changesOf(blobs(), before, after)).toEqual([
    {
      path: 'slow.py',
      was: 'start/slow.py',
      change: 'changed',
      patch: '@@ -1,2 +1,2 @@\n a\n-b\n+c',
      note: null,
    },
  ]);
});

it('a header that comes with Crucible is named and not shown; one of that name that was changed is shown', async () => {
  const header = readFileSync(new URL('../../strategies/cpp/python_numbers.hpp', import.meta.url), 'utf8');
  const before = await program('f.py', { 'f.py': '1\n' });
  const after = await program('f.py', { 'f.py': '2\n', 'python_numbers.hpp': header });
  const [, shipped] = await changesOf(blobs(), before, after);
  expect(shipped).toEqual({
    path: 'python_numbers.hpp',
    change: 'added',
    patch: null,
    note: 'comes with Crucible',
  });
  const own = await program('f.py', { 'f.py': '1\n', 'python_numbers.hpp': '// mine\n' });
  expect(await changesOf(blobs(), before, own)).toMatchObject([
    { patch: expect.stringContaining('+// mine') },
  ]);
});

it('a file of the original that stands under another name is named and not shown', async () => {
  const before = await program('f.py', { 'f.py': '1\n' });
  const after = await program('f.py', { 'f.py': '2\n', 'f_original.py': '1\n' });
  const [, copy] = await changesOf(blobs(), before, after);
  expect(copy).toEqual({ path: 'f_original.py', change: 'added', patch: null, note: 'f.py as it was' });
});
