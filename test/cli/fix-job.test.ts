import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { firstLook } from '../../cli/start/first-look.ts';
import { expectAnswerable, writeFix } from '../../cli/start/fix.ts';
import { jobFromScript } from '../../cli/start/fix-job.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { recorded, tree } from './kept-jobs.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await temporaryFolder());
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data/rows.csv'), 'a\n1\n');
  await writeFile(join(folder, 'sales.py'), "import pandas as pd\nprint 'a'\nfor x in (1, 2\n");
});

describe('crucible fix', () => {
  it('makes a job that runs the script with its arguments, and mends it', async () => {
    const { job, files } = await jobFromScript('sales.py', ['--year', '2024'], {
      ...{ inputs: ['data'], output: ['out.csv: csv'], trials: 10 },
    });
    expect(job).toMatchObject({
      ...{ kind: 'solve', fix: true, name: 'fix-sales', script: 'sales.py', args: ['--year', '2024'] },
      ...{ inputs: ['data'], outputs: [{ kind: 'csv', path: 'out.csv' }], budget: { trials: 10 } },
      // An import brings what may be brought, also where the rest cannot be read.
      environment: { requirements: ['pandas'] },
    });
    expect(files).toEqual(['sales.py', 'data/rows.csv']);
  });

  it('takes a script that is no Python: that is what it is for', async () => {
    const file = await jobFromScript('sales.py', [], {});
    expect(await firstLook(file, null)).toMatchObject({ mistakes: [] });
  });

  it('refuses a script that is not there, and a job file with a fix and no script', async () => {
    await expect(jobFromScript('seles.py', [], {})).rejects.toThrow(
      /the script seles\.py in .*: there is no such file/,
    );
    const { SolveJob } = await import('../../domain/kinds/solve.schema.ts');
    const { error } = SolveJob.safeParse({ kind: 'solve', name: 'a', task: 'words', fix: true });
    expect(error?.issues.map(({ message }) => message)).toEqual([
      'expected a `script` that is mended, and no `task` beside it',
    ]);
  });

  it('asks before it writes, or is told not to', () => {
    expect(() => expectAnswerable({ apply: true }, true)).toThrow(/add --yes/);
    expect(() => expectAnswerable({ yes: true }, false)).toThrow(/add --apply/);
    expect(() => expectAnswerable({ apply: true, yes: true }, false)).not.toThrow();
  });

  it('writes once somebody agrees, and never over a file that was changed since, not even while it asks', async () => {
    const store = await temporaryStore();
    const path = join(folder, 'sales.py');
    const entry = { kind: 'script' as const, path: 'sales.py', args: [] };
    const before = { files: await tree(store, { 'sales.py': await readFile(path) }), entry, build: null };
    const after = { files: await tree(store, { 'sales.py': 'mended' }), entry, build: null };
    const { context, lines } = recorded(store);
    const write = (agreed: () => Promise<boolean>) =>
      writeFix(context, folder, { before, after, changed: ['sales.py'] }, agreed);
    const text = await readFile(path, 'utf8');

    await write(async () => false);
    expect([lines.at(-1), await readFile(path, 'utf8')]).toEqual(['Nothing was written.', text]);

    await expect(
      write(async () => {
        await writeFile(path, 'my own');
        return true;
      }),
    ).rejects.toThrow('sales.py is not what was mended any more: nothing was written');
    expect(await readFile(path, 'utf8')).toBe('my own');
    await expect(write(async () => true)).rejects.toThrow('nothing was written');

    await writeFile(path, text);
    await write(async () => true);
    expect([lines.at(-1), await readFile(path, 'utf8')]).toEqual(['Written: sales.py', 'mended']);
  });
});
