import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { holdLock } from '../../setup/lock.mjs';
import { startOf } from '../../setup/process-start.mjs';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, start } from '../support/command.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder, 'up.lock');
});

const never = (): void => {
  throw new Error('expected no wait');
};

/** A process that lives for the length of the test. */
async function living(): Promise<number> {
  const child = spawn('sleep', ['600']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid ?? 0;
}

describe('a lock', () => {
  it('that is no lock is taken over', async () => {
    const foreign = ['', 'x', String(process.ppid), `${await living()} 1`, '1 1\n', '\0\0\0'];
    for (const content of foreign) {
      await writeFile(file, content);
      (await holdLock(file, never))();
    }
    await mkdir(file);
    (await holdLock(file, never))();
    expect(await readdir(folder)).toEqual([]);
  });

  it('whose holder lives is waited for, told by its number, until it is given back or the signal fires', async () => {
    const pid = await living();
    await writeFile(file, `${pid} ${startOf(pid)}`);
    const told: number[] = [];
    const tell = (each: number): void => void told.push(each);
    await expect(holdLock(file, tell, { signal: AbortSignal.timeout(700) })).rejects.toThrow('timeout');
    await expect(
      holdLock(file, never, { tellAfterMs: 60_000, signal: AbortSignal.timeout(300) }),
    ).rejects.toThrow('timeout');
    expect(told).toEqual([pid]);
    process.kill(pid, 'SIGKILL');
    (await holdLock(file, () => undefined))();
  });

  it('is held by one at a time', async () => {
    let holders = 0;
    const most = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const release = await holdLock(file, () => undefined);
        holders += 1;
        const now = holders;
        await new Promise((resolve) => setTimeout(resolve, 5));
        holders -= 1;
        release();
        return now;
      }),
    );
    expect(Math.max(...most)).toBe(1);
  });
});

it('down waits for another command that starts or stops the server, says so, and ends by a signal', async () => {
  const home = join(folder, 'home');
  await mkdir(home);
  const pid = await living();
  await writeFile(join(home, 'up.lock'), `${pid} ${startOf(pid)}`);
  const waiting = start(['down'], { home });
  await waiting.says(`waiting for process ${pid}, which starts or stops the server of ${home}`);
  waiting.process.kill('SIGTERM');
  await waiting.ended;
  process.kill(pid, 'SIGKILL');
  expect(await crucible(['down'], { home })).toMatchObject({ status: 0, out: 'nothing was running\n' });
});

it('up that waits for another ends by Ctrl-C', async () => {
  const home = join(folder, 'home');
  await mkdir(home);
  const pid = await living();
  await writeFile(join(home, 'up.lock'), `${pid} ${startOf(pid)}`);
  const waiting = start(['up'], { home });
  await waiting.says(`waiting for process ${pid}`);
  waiting.process.kill('SIGINT');
  const { status, error } = await waiting.ended;
  expect(status).not.toBe(0);
  expect(error).toBe('interrupted\n');
});
