import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { filesBeside } from '../../cli/beside.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

it('what is hidden, or not the job’s own, is not among the files beside it', async () => {
  const folder = await temporaryFolder();
  const files = ['walk.py', 'given.txt', 'a/b/c.txt', '.env', '.git/config', '__pycache__/walk.pyc', 'z.txt'];
  for (const path of [...files, 'node_modules/x/index.js']) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), '1');
  }
  const job = { kind: 'solve', name: 'walk', script: 'walk.py', inputs: ['given.txt'] };
  expect(await filesBeside(await checkedJob(job, folder))).toEqual(['z.txt', 'a/b/c.txt']);
});
