import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sourceHash } from '../../workers/bundle.ts';

it('the bundle of workflows is made anew when a file in a subfolder changes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'crucible-bundle-'));
  try {
    await mkdir(join(root, 'workflows/loop/deep'), { recursive: true });
    await writeFile(join(root, 'workflows/index.ts'), 'export {};');
    await writeFile(join(root, 'workflows/loop/deep/a.ts'), 'export const a = 1;');
    const first = await sourceHash(root, ['workflows']);
    expect(await sourceHash(root, ['workflows'])).toBe(first);
    await writeFile(join(root, 'workflows/loop/deep/a.ts'), 'export const a = 2;');
    expect(await sourceHash(root, ['workflows'])).not.toBe(first);
  } finally {
    await rm(root, { recursive: true });
  }
});
