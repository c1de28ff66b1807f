import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { changedSince } from '../../cli/server/newer-code.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

it('code that changed after a worker was started is found; what is no code, or no part of it, does not count', async () => {
  const root = await temporaryFolder();
  for (const folder of ['workflows/loop', 'strategies/__pycache__', 'docs'])
    await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'workflows/loop/search.ts'), 'a');
  await writeFile(join(root, 'strategies/threads.py'), 'a');
  await wait(20);
  const started = Date.now();
  await wait(20);
  await writeFile(join(root, 'strategies/__pycache__/threads.cpython-314.pyc'), 'b');
  await writeFile(join(root, 'docs/loop.ts'), 'b');
  expect(changedSince(root, started)).toBeNull();
  await writeFile(join(root, 'workflows/loop/search.ts'), 'b');
  expect(changedSince(root, started)).toBe('workflows/loop/search.ts');
});
