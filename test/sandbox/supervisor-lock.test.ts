import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SandboxUnavailable } from '../../domain/errors.ts';
import { type MeasuringLock, takeMeasuringLock } from '../../sandbox/measuring-lock.ts';
import { locksIn, type TurnListener } from '../../sandbox/turn.ts';
import { toolchain } from '../../setup/toolchain.mjs';

let folder: string;
let supervisor: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-lock-'));
  supervisor = (await toolchain()).supervisor ?? '';
});
afterAll(() => rm(folder, { recursive: true }));

const take = (
  mode: 'shared' | 'exclusive',
  file: string,
  signal = new AbortController().signal,
  key = 'solve/test/1.1#run',
  turns?: TurnListener,
) => takeMeasuringLock(mode, { supervisor, file: join(folder, file), signal, key, turns });

/** Whether it comes within a quarter of a second. */
const comes = (lock: Promise<MeasuringLock>) =>
  Promise.race([lock.then(() => true), sleep(250).then(() => false)]);

test('many share it, and one that wants it alone waits for all of them', async () => {
  const [a, b] = await Promise.all([take('shared', 'a'), take('shared', 'a')]);
  const alone = take('exclusive', 'a');
  expect(await comes(alone)).toBe(false);
  a.release();
  expect(await comes(alone)).toBe(false);
  b.release();
  const held = await alone;
  const next = take('shared', 'a');
  expect(await comes(next)).toBe(false);
  held.release();
  (await next).release();
});

test('one that waits to have it alone is not overtaken by those who come later', async () => {
  const first = await take('shared', 'b');
  const alone = take('exclusive', 'b');
  expect(await comes(alone)).toBe(false);
  const late = take('shared', 'b');
  expect(await comes(late)).toBe(false);
  first.release();
  const held = await alone;
  expect(await comes(late)).toBe(false);
  held.release();
  (await late).release();
});

test('waiting ends with an abort, and holds nobody up afterwards', async () => {
  const held = await take('shared', 'c');
  const abort = new AbortController();
  const waiting = take('exclusive', 'c', abort.signal);
  expect(await comes(waiting)).toBe(false);
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  (await take('shared', 'c')).release();
  held.release();
});

test('a lock file that cannot be made is trouble of the host', async () => {
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'folder'));
  await expect(take('shared', 'file/lock')).rejects.toThrow(SandboxUnavailable);
  await expect(take('shared', 'folder')).rejects.toThrow('Is a directory');
});

test('one that waits is told for whom, and when it waits no longer', async () => {
  const measured = 'optimize/slow/0123456789.1#c-2/measure';
  const said: string[] = [];
  const turns: TurnListener = {
    waits: (key, behind) => said.push(`${key} waits for ${behind}`),
    goesOn: (key) => said.push(`${key} goes on`),
  };
  const { signal } = new AbortController();
  const held = await take('exclusive', 'told', signal, measured);
  const [one, other] = ['solve/a/0123456789.1#c-0/run', 'solve/b/0123456789.1#c-0/run'].map((key) =>
    take('shared', 'told', signal, key, turns),
  );
  // One stands at the lock, the other before the turnstile.
  await expect.poll(() => new Set(said).size, { timeout: 60_000 }).toBe(2);
  for (const line of said) expect(line).toContain(` waits for ${measured}`);
  said.length = 0;
  held.release();
  for (const lock of [await one, await other]) lock?.release();
  expect(said.map((line) => line.slice(-7))).toEqual(['goes on', 'goes on']);
});

test('the kernel’s list of locks is read', () => {
  const text = `1: FLOCK  ADVISORY  WRITE 708 fe:00:1234 0 EOF
1: -> FLOCK  ADVISORY  READ 709 fe:00:1234 0 EOF
2: POSIX  ADVISORY  WRITE 710 08:02:99 0 EOF
`;
  expect(locksIn(text)).toEqual([
    { pid: 708, inode: '1234', waiting: false, exclusive: true },
    { pid: 709, inode: '1234', waiting: true, exclusive: false },
  ]);
});
