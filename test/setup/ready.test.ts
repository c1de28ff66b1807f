import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ready-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  errors: string;
}

/** Starts set-up with a cache of its own and a chosen environment on top of PATH and HOME. */
function start(args: string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(root, 'setup/ready.mjs'), ...args], {
    env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (part) => {
    output += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code,
    signal,
    output,
    errors,
  }));
  return { child, ended };
}

const run = (args: string[], env?: NodeJS.ProcessEnv) => start(args, env).ended;

/** A program of that name in a folder of its own, to put first on PATH. */
function program(name: string, script: string): string {
  const bin = join(folder, `bin-${name}`);
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return bin;
}

async function until(condition: () => boolean, ms = 120_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) if (condition()) return;
  throw new Error(`not within ${ms} ms: ${condition}`);
}

test('the command runs under the project’s own Node, and its exit status is passed on', async () => {
  const ended = await run([
    '--only',
    'npm',
    '--',
    'node',
    '-e',
    'console.log(process.version, process.execPath); process.exit(7)',
  ]);
  expect(ended.code).toBe(7);
  expect(ended.output).toMatch(/^v24\..*node_modules/);
});

test('where everything is there, set-up says nothing and makes nothing', async () => {
  const ended = await run(['--only', 'npm', '--', 'true']);
  expect(ended).toMatchObject({ code: 0, output: '', errors: '' });
});

test('a signal is passed on to the command, and what the command makes of it is the result', async () => {
  const polite = start([
    '--only',
    'npm',
    '--',
    'sh',
    '-c',
    'trap "echo told; exit 3" TERM; echo up; while :; do sleep 0.05; done',
  ]);
  await once(polite.child.stdout ?? polite.child, 'data');
  polite.child.kill('SIGTERM');
  expect(await polite.ended).toMatchObject({ code: 3, output: 'up\ntold\n' });

  const simple = start(['--only', 'npm', '--', 'sh', '-c', 'echo up; exec sleep 30']);
  await once(simple.child.stdout ?? simple.child, 'data');
  simple.child.kill('SIGTERM');
  expect(await simple.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
});

test('a step that does not exist is refused with the names of those that do', async () => {
  const ended = await run(['--only', 'nonsense']);
  expect(ended.code).toBe(2);
  expect(ended.errors).toContain('no step nonsense; there are');
});

test('a step that cannot be done says what it needs and what to type, without a stack', async () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  const ended = await run(['--only', 'bubblewrap', '--', 'echo', 'never'], {
    PATH: bin,
    CRUCIBLE_SANDBOX: 'bubblewrap',
  });
  expect(ended).toMatchObject({ code: 1, output: '' });
  expect(ended.errors).toContain(
    'bubblewrap: expected bubblewrap on PATH, found none\n  → sudo apt-get install bubblewrap',
  );
  expect(ended.errors).not.toContain('    at ');
});

test('an interrupted set-up ends its compiler, keeps nothing half-made, and goes on the next time', async () => {
  const mark = join(folder, 'compiler');
  const slow = program('make', `echo $$ > ${mark}; exec sleep 60`);
  const first = start(['--only', 'supervisor'], { PATH: `${slow}:${process.env.PATH}` });
  await until(() => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'));
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  const compiler = Number(readFileSync(mark, 'utf8'));
  await until(() => !existsSync(`/proc/${compiler}`));

  expect((await run(['--only', 'supervisor'])).code).toBe(0);
  const built = join(folder, 'cache/crucible/supervisor');
  const [hash = ''] = readdirSync(built);
  expect(readdirSync(join(built, hash))).toContain('supervisor');
});

test('a set-up whose process was killed leaves a lock that the next one takes over', async () => {
  const mark = join(folder, 'compiler');
  const slow = program('make', `echo $$ > ${mark}; exec sleep 60`);
  const first = start(['--only', 'supervisor'], { PATH: `${slow}:${process.env.PATH}` });
  await until(() => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'));
  first.child.kill('SIGKILL');
  await first.ended;
  process.kill(Number(readFileSync(mark, 'utf8')), 'SIGKILL');
  expect(existsSync(join(folder, 'cache/crucible/setup.lock'))).toBe(true);
  const lock = join(folder, 'cache/crucible/setup.lock');
  const second = await run(['--only', 'supervisor', '--', 'sh', '-c', `test ! -e ${lock}`]);
  expect(second.code, 'the lock is held no longer than set-up takes').toBe(0);
});

test('of several set-ups at once one works and the others wait for it', async () => {
  const counted = join(folder, 'compilations');
  const counting = program('make', `echo compiled >> ${counted}; exec ${'/usr/bin/make'} "$@"`);
  const env = { PATH: `${counting}:${process.env.PATH}` };
  const all = await Promise.all(
    [1, 2, 3, 4].map(() => run(['--only', 'supervisor', '--', 'echo', 'ready'], env)),
  );
  for (const ended of all) expect(ended).toMatchObject({ code: 0, output: 'ready\n' });
  expect(readFileSync(counted, 'utf8')).toBe('compiled\n');
  expect(
    all.filter((ended) => ended.errors.includes('Waiting for the set-up that runs already')),
  ).toHaveLength(3);
});
