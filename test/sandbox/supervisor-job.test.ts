import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobRejected } from '../../domain/errors.ts';
import { ConductSpec, RunSpec } from '../../sandbox/sandbox.ts';
import {
  collectRun,
  neutralise,
  newNonce,
  removeStaged,
  stageConduct,
  staged,
  stageRun,
} from '../../sandbox/supervisor-job.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import type { BlobStore } from '../../store/blobs.ts';
import { createFileBlobs } from '../../store/file-blobs.ts';
import { smallLimits } from '../support/sandbox.ts';

let home: string;
let folder: string;
let blobs: BlobStore;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'crucible-job-'));
  folder = join(home, 'job');
  blobs = createFileBlobs(join(home, 'blobs'));
});
afterEach(() => rm(home, { recursive: true }));

const nonce = newNonce();
const container = () => ({ blobs, nonce, habitat: { kind: 'container' } as const });
const isolation = { kind: 'docker', memory: 'cgroup', image: 'test' } as const;
const base = { key: 'k', label: 'test', limits: smallLimits };
const runSpec = (more: Partial<RunSpec> = {}) => RunSpec.parse({ ...base, argv: ['true'], ...more });

describe('staging', () => {
  test('lays out files, workspace and a whole job file, which other users of a container can read', async () => {
    const artifact = await blobs.put('text');
    await stageRun(
      folder,
      runSpec({ files: { 'a/b.txt': artifact }, workspace: { c: artifact } }),
      container(),
    );
    expect(await readFile(join(folder, staged.in, 'a/b.txt'), 'utf8')).toBe('text');
    expect(await readFile(join(folder, staged.given, 'workspaces/program/c'), 'utf8')).toBe('text');
    const fields = (await readFile(join(folder, staged.job), 'utf8')).split('\0');
    expect(fields.slice(0, 4)).toEqual(['crucible-job', '1', 'mode', 'run']);
    expect(fields.slice(-3)).toEqual(['end', '', '']);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, staged.in, 'a'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(folder, staged.result))).mode & 0o777).toBe(0o777);
    await removeStaged(folder);
  });

  test.each(['../x', '/x', 'a//b', './a', 'a/..', 'a\nb', '', 'x'.repeat(256)])(
    'refuses the path %j',
    async (path) => {
      const files = { [path]: await blobs.put('text') };
      await expect(stageRun(folder, runSpec({ files }), container())).rejects.toThrow(JobRejected);
    },
  );

  test('refuses what would end or extend a field of the job file', async () => {
    for (const more of [
      { argv: ['a\0b'] },
      { env: { A: 'b\0c' } },
      { env: { 'A=B': 'c' } },
      { outputs: ['\0'] },
    ]) {
      await expect(stageRun(folder, runSpec(more), container())).rejects.toThrow(JobRejected);
      await removeStaged(folder);
    }
  });

  test('refuses a plan with a player or a case that is not there', async () => {
    const plan = (player: string, cases: number[]) =>
      ConductSpec.parse({
        ...base,
        players: [{ name: 'a', kind: 'serve', argv: ['true'] }],
        samples: [{ player, cases, timed: true }],
        answerMb: 1,
        sampleMs: 1,
        exclusive: false,
      });
    await expect(stageConduct(folder, plan('b', []), container())).rejects.toThrow('no player b');
    await removeStaged(folder);
    await expect(stageConduct(folder, plan('a', [0]), container())).rejects.toThrow('no case 0');
  });
});

describe('collecting', () => {
  const record = (more: object = {}) => ({
    nonce,
    ending: { kind: 'exited', code: 0 },
    stdout: { file: 'stdout', bytes: 0, truncated: false },
    stderr: { file: 'stderr', bytes: 0, truncated: false },
    outputs: [],
    written: [],
    refused: [],
    usage: { wallMs: 1, cpuMs: 1, peakMemoryMb: 1 },
    ...more,
  });
  const collect = () => collectRun(folder, runSpec(), { blobs, nonce, isolation });
  const write = (text: string) => writeFile(join(folder, staged.result, 'record.json'), text);
  beforeEach(() => mkdir(join(folder, staged.result), { recursive: true }));

  test('takes a record with the right nonce', async () => {
    await write(JSON.stringify(record()));
    expect((await collect())?.ending).toEqual({ kind: 'exited', code: 0 });
  });

  test('takes nothing from a missing, broken, foreign or linked record', async () => {
    expect(await collect()).toBeNull();
    await write('{');
    expect(await collect()).toBeNull();
    await write(JSON.stringify(record({ nonce: newNonce() })));
    expect(await collect()).toBeNull();
    await write(JSON.stringify(record({ stdout: { file: '../secret', bytes: 1, truncated: false } })));
    expect(await collect()).toBeNull();
    await rm(join(folder, staged.result, 'record.json'));
    await writeFile(join(home, 'elsewhere'), JSON.stringify(record()));
    await symlink(join(home, 'elsewhere'), join(folder, staged.result, 'record.json'));
    expect(await collect()).toBeNull();
  });

  test('the tail of a log begins at a whole character, and an output may have any name', async () => {
    await writeFile(join(folder, staged.result, 'stdout'), `${'é'.repeat(20_000)}!`);
    await writeFile(join(folder, staged.result, 'o0'), 'x');
    const stdout = { file: 'stdout', bytes: 40_001, truncated: false };
    const outputs = [{ path: '__proto__', file: 'o0', placed: false }];
    await write(JSON.stringify(record({ stdout, outputs })));
    const result = await collect();
    expect(result?.stdout.tail).toMatch(/^é+!$/);
    expect(Object.keys(result?.outputs ?? {})).toEqual(['__proto__']);
  });

  test('a file that nobody wrote is no output: it has the time and the bytes it was placed with', async () => {
    for (const [index, text] of ['left', 'again', 'mapped'].entries())
      await writeFile(join(folder, staged.result, `o${index}`), text);
    const workspace = {
      'left.txt': await blobs.put('left'),
      'again.txt': await blobs.put('again'),
      'mapped.txt': await blobs.put('before'),
    };
    const outputs = [
      { path: 'left.txt', file: 'o0', placed: true },
      // Written anew with the same bytes, and written by mapping, which leaves the time alone.
      { path: 'again.txt', file: 'o1', placed: false },
      { path: 'mapped.txt', file: 'o2', placed: true },
      { path: 'copy.txt', file: 'o0', placed: true },
    ];
    await write(JSON.stringify(record({ outputs })));
    const result = await collectRun(folder, runSpec({ workspace }), { blobs, nonce, isolation });
    expect(Object.keys(result?.outputs ?? {})).toEqual(['again.txt', 'mapped.txt', 'copy.txt']);
    expect(result?.untouched).toEqual(['left.txt']);
  });

  test('what the engine saw of the memory goes before what the supervisor found', async () => {
    await write(JSON.stringify(record()));
    const result = await collectRun(folder, runSpec(), {
      blobs,
      nonce,
      isolation,
      engineVerdict: 'outOfMemory',
    });
    expect(result?.ending).toEqual({ kind: 'outOfMemory', limitMb: smallLimits.memoryMb });
  });
});

test('text from programs keeps its lines and loses its tricks', () => {
  const text =
    '\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007 \u202eback\u0000\r\n\tend';
  expect(neutralise(text)).toBe('red link \uFFFDback\uFFFD\uFFFD\n\tend');
});

describe('the job file', () => {
  test.each([
    ['cut short', 'crucible-job\x001\0mode\0run\0', 'is not whole'],
    ['of another version', 'crucible-job\x002\0end\0\0', 'version 1'],
    ['with an unknown field', 'crucible-job\x001\0surprise\0x\0end\0\0', 'surprise'],
    ['with a number that is none', 'crucible-job\x001\0wallMs\0-5\0end\0\0', 'wallMs'],
    ['without a program', 'crucible-job\x001\0nonce\0n\0result\0/tmp\0wallMs\x005\0end\0\0', 'a program'],
  ])('that is %s is refused', async (_, text, complaint) => {
    const { supervisor } = await toolchain();
    await writeFile(join(home, 'file'), text);
    const run = promisify(execFile)(supervisor ?? '', ['job', join(home, 'file')]);
    await expect(run).rejects.toMatchObject({ code: 70, stderr: expect.stringContaining(complaint) });
  });
});
