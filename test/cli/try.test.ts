import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tryOf } from '../../cli/steer/try.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { openJob, recordTrial, storeProgram, tree } from './kept-jobs.ts';

const id = 'solve/sum/1.1';
const change = (line: number, from: string, to: string): string =>
  `@@ -${line},1 +${line},1 @@\n-${from}\n+${to}\n`;

/** A job whose first candidate prints 1 and its second 2, and a function that writes a file beside it. */
async function tried() {
  const store = await temporaryStore();
  await openJob(store, { kind: 'solve', name: 'sum', task: 'Sum the rows.', outputs: ['o.json'] }, { id });
  for (const number of [1, 2]) {
    const files = await tree(store, { 'main.py': `import os\nprint(${number})\n` });
    const entry = { kind: 'script' as const, path: 'main.py', args: [] };
    const program = await storeProgram(store, { files, entry, build: null });
    const candidate = { id: `c-${number}`, title: 'idea', program, operator: 'draft' as const };
    await recordTrial(store, id, candidate, { kind: 'crashed', reason: 'it fell' });
  }
  const folder = await mkdtemp(join(tmpdir(), 'crucible-try-'));
  const brought = async (name: string, text: string, of?: string) => {
    await writeFile(join(folder, name), text);
    return tryOf(store, 'sum', join(folder, name), of);
  };
  return { store, brought };
}

it('a patch is of the last candidate where none is right, or of the one that is named', async () => {
  const { store, brought } = await tried();
  const patch = change(2, 'print(2)', 'print(3)');
  const message = { kind: 'tryProgram', name: 'my.patch', file: await store.blobs.put(patch), of: 'c-2' };
  expect(await brought('my.patch', patch)).toEqual(message);
  expect(await brought('my.diff', change(2, 'print(1)', 'print(3)'), 'c-1')).toMatchObject({ of: 'c-1' });
  expect(await brought('mine.py', 'print(3)')).not.toHaveProperty('of');
});

it('a patch that does not apply is refused with file, hunk and line, and one of a candidate that is not there', async () => {
  const { brought } = await tried();
  await expect(brought('my.patch', change(2, 'print(1)', 'print(3)'))).rejects.toThrow(
    /my\.patch does not apply to c-2 of solve\/sum\/1\.1, and nothing was changed:\nmain\.py: hunk 1 .* does not apply: line 2 has "print\(2\)", and the patch "print\(1\)"/,
  );
  await expect(brought('my.patch', change(2, 'a', 'b'), 'c-9')).rejects.toThrow(
    'no candidate c-9; it has c-1, c-2',
  );
  await expect(brought('mine.py', 'print(3)', 'c-1')).rejects.toThrow('a Python file is whole');
  await expect(brought('my.txt', 'x')).rejects.toThrow('expected the name of a Python file or a patch');
});
