import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { whyNotAScript, writeScript } from '../../cli/start/templates.ts';
import type { Program } from '../../domain/program.schema.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { tree } from './kept-jobs.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'count.md'), 'Count the words.\n');
});

const stages = {
  kind: 'pipeline',
  name: 'a',
  stages: [{ kind: 'solve', name: 'count', template: 'count.md', script: 'count.py' }],
};
const read = () => checkedJob(stages, folder);
const refusal = (job: object = stages): Promise<string> =>
  checkedJob(job, folder).then(
    () => 'it was taken',
    ({ message }: Error) => message.replaceAll(folder, 'FOLDER'),
  );

it('a script that is not there is written for its template, and run from then on', async () => {
  const { job, scripts } = await read();
  expect(job).toMatchObject({ stages: [{ task: 'Count the words.', template: 'count.md' }] });
  expect(job).not.toMatchObject({ stages: [{ script: 'count.py' }] });
  const [script] = scripts;
  if (script === undefined) throw new Error('expected a script to write');
  expect(script).toMatchObject({ stage: 'count', script: 'count.py', template: 'count.md' });

  const store = await temporaryStore();
  const program: Program = {
    files: await tree(store, { 'main.py': 'print(3)\n' }),
    entry: { kind: 'script', path: 'main.py', args: [] },
    build: null,
  };
  expect(whyNotAScript(program)).toBeNull();
  await writeScript(store.blobs, folder, script, program);
  expect(await readFile(join(folder, 'count.py'), 'utf8')).toMatch(
    /^# Written by Crucible for count\.md: template [0-9a-f]{12}, script [0-9a-f]{12}\nprint\(3\)\n$/,
  );
  const again = await read();
  expect(again.scripts).toEqual([]);
  expect(again.job).toMatchObject({ stages: [{ script: 'count.py', task: 'Count the words.' }] });
});

it('a template that was changed has its script written anew, but not over what a hand changed', async () => {
  const store = await temporaryStore();
  const [script] = (await read()).scripts;
  if (script === undefined) throw new Error('expected a script to write');
  const files = await tree(store, { 'main.py': 'print(3)\n' });
  await writeScript(store.blobs, folder, script, {
    files,
    entry: { kind: 'script', path: 'main.py', args: [] },
    build: null,
  });
  await writeFile(join(folder, 'count.md'), 'Count the lines.\n');
  expect((await read()).scripts).toMatchObject([{ script: 'count.py', task: 'Count the lines.' }]);

  const path = join(folder, 'count.py');
  await writeFile(path, `${await readFile(path, 'utf8')}print(4)\n`);
  expect(await refusal()).toBe(
    'stages[0].script: count.py was written for another text of count.md and changed by hand since: delete its first line to keep it, or the file to have it written anew',
  );
  await writeFile(path, 'print(4)\n');
  expect((await read()).job).toMatchObject({ stages: [{ script: 'count.py' }] });
});

it('a template that cannot be read, and one beside a task, are refused', async () => {
  const solve = { kind: 'solve', name: 'a', template: 'count.md' };
  expect(await refusal({ ...solve, task: 'Count.' })).toBe(
    'template: expected `task` or `template`, got both',
  );
  expect(await refusal({ ...solve, template: 'gone.md' })).toBe(
    'template: gone.md in FOLDER: there is no such file',
  );
  await writeFile(join(folder, 'empty.md'), ' \n');
  expect(await refusal({ ...solve, template: 'empty.md' })).toBe(
    'template: expected a task in words, and empty.md has none',
  );
  await writeFile(join(folder, 'long.md'), 'x'.repeat(10_001));
  expect(await refusal({ ...solve, template: 'long.md' })).toMatch(/^template: .*10,?000 characters/);
  await symlink('/etc/hostname', join(folder, 'out.md'));
  expect(await refusal({ ...solve, template: 'out.md' })).toMatch(/outside the folder of the job$/);
});

it('a program of several files is no script', async () => {
  const store = await temporaryStore();
  const files = await tree(store, { 'main.py': 'import a\n', 'a.py': '' });
  expect(whyNotAScript({ files, entry: { kind: 'script', path: 'main.py', args: [] }, build: null })).toBe(
    'its program is 2 files: crucible export gives them',
  );
});
