import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { diff } from '../../cli/follow/diff.ts';
import { exportGit } from '../../cli/keep/export-git.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { interval, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';
import { pipelineId, searchedJob } from './searched-job.ts';

const run = promisify(execFile);
const gitIn =
  (folder: string) =>
  async (...args: string[]) =>
    (await run('git', ['-C', folder, ...args])).stdout.trim();

it('a job is exported as a repository: a commit a candidate, with its parents, and what came of it', async () => {
  const store = await temporaryStore();
  const { stage } = await searchedJob(store);
  const folder = join(await temporaryFolder(), 'repository');
  const { context, lines } = recorded(store);
  await exportGit(context, { job: stage.jobId, git: folder, force: false });
  expect(lines[1]).toBe('  4 commits; branches main');
  const git = gitIn(folder);
  expect(await git('tag')).toBe('best\nc-0\nc-1\nc-2\nc-3\nverified');
  expect(await git('rev-parse', 'best')).toBe(await git('rev-parse', 'c-1'));
  expect(await git('rev-parse', 'main')).toBe(await git('rev-parse', 'verified'));
  expect(await git('rev-parse', 'c-3^')).toBe(await git('rev-parse', 'c-1'));
  expect(await git('show', 'c-1:blur.py')).toContain('@numba.njit');
  expect(await readFile(join(folder, 'blur.py'), 'utf8')).toContain('@numba.njit');
  expect(await git('status', '--porcelain')).toBe('');
  const message = await git('log', '-1', '--format=%B', 'c-1');
  expect(message).toMatch(/^c-1 vectorize_loops: verified .*100×/);
  expect(await git('log', '-1', '--format=%(trailers:key=Outcome,valueonly)', 'c-2')).toBe('wrong');
  expect(await git('log', '-1', '--format=%(trailers:key=Parents,valueonly)', 'c-3')).toBe('c-1');
  expect(await git('log', '-1', '--format=%s', 'c-3')).not.toContain('\u001b');
  await git('fsck', '--strict');

  await expect(exportGit(context, { job: stage.jobId, git: folder, force: false })).rejects.toThrow(
    'is there already',
  );
  const before = await git('rev-parse', 'main');
  await exportGit(context, { job: stage.jobId, git: folder, force: true });
  expect(await git('rev-parse', 'main')).toBe(before);
});

it('of a pipeline has a branch for each stage, and tags below its name', async () => {
  const store = await temporaryStore();
  await searchedJob(store);
  const folder = join(await temporaryFolder(), 'repository');
  await exportGit(recorded(store).context, { job: pipelineId, git: folder, force: false });
  const git = gitIn(folder);
  expect(await git('branch', '--format=%(refname:short)')).toBe('faster/main');
  expect(await git('tag')).toContain('faster/c-2');
});

it('a program reaches nothing of git itself, and nobody loses a folder', async () => {
  const store = await temporaryStore();
  const input = await openJob(
    store,
    { kind: 'solve', name: 'sly', script: 'main.py' },
    { id: 'solve/sly/4f2a90c1d7.1', files: { 'main.py': '' } },
  );
  const files = await tree(store, {
    'main.py': 'print(1)\n',
    '.git/hooks/post-checkout': '#!/bin/sh\ntouch ../stolen\n',
    'a/.GIT/config': '[core]\n',
    'a/GIT~1/config': '[core]\n',
    'with "quotes" ü.txt': 'x',
  });
  const program = await storeProgram(store, {
    files,
    entry: { kind: 'script', path: 'main.py', args: [] },
    build: null,
  });
  await recordTrial(store, input.jobId, { id: 'c-1', title: 'main.py', program, parents: [] }, interval(1));
  const folder = await temporaryFolder();
  const repository = join(folder, 'repository');
  const { context } = recorded(store);
  await exportGit(context, { job: input.jobId, git: repository, force: false });
  await expect(access(join(folder, 'stolen'))).rejects.toThrow('ENOENT');
  await expect(access(join(repository, '.git/hooks/post-checkout'))).rejects.toThrow('ENOENT');
  expect(await gitIn(repository)('ls-files', '-z')).toBe('main.py\0with "quotes" ü.txt\0');

  const own = join(folder, 'own');
  await mkdir(own);
  await writeFile(join(own, 'thesis.txt'), 'years');
  await expect(exportGit(context, { job: input.jobId, git: own, force: true })).rejects.toThrow(
    'is no export (it has no .git/crucible.json)',
  );
});

it('two candidates are compared, in either order', async () => {
  const store = await temporaryStore();
  const { stage } = await searchedJob(store);
  const { context, lines } = recorded(store);
  await diff(context, { job: stage.jobId, from: 'c-1', to: 'c-0' });
  expect(lines).toContain('-@numba.njit');
  lines.length = 0;
  await diff(context, { job: stage.jobId, from: 'c-1', to: 'c-2' });
  expect(lines).toEqual(['c-1 and c-2 are the same program.']);
  await expect(diff(context, { job: stage.jobId, from: 'c-1', to: 'c-9' })).rejects.toThrow(
    'there is no finished trial of c-9; there are: c-0',
  );
});
