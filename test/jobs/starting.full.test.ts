import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { randomStream } from '../../domain/random.ts';
import { mayMount, smallDisk } from '../store/small-disk.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { ended, expectJobDone, expectOneOfEach, killInRounds, pidsOf } from './killed-rounds.ts';

const mebibyte = 2 ** 20;

/** Fills `disk` up to `left` bytes; gives back how to make room again. */
async function fill(disk: string, left: number): Promise<() => Promise<void>> {
  const { bavail, bsize } = await statfs(disk);
  const ballast = join(disk, 'ballast');
  await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left))).catch(() => undefined);
  return () => rm(ballast, { force: true });
}

it.runIf(mayMount)(
  'whatever was killed, on a disk that is full in some rounds, the next up finds or starts one server and one worker',
  async () => {
    const disk = await smallDisk(400 * 1024);
    const home = join(disk, 'home');
    onTestFinished(async () => void (await ended(['down'], home)));
    const random = randomStream(2);
    await killInRounds({ home, count: 42, random, fill: () => fill(disk, random() * mebibyte) });
    await expectJobDone(home, disk);
    await ended(['down'], home);
    expect(await pidsOf(home)).toEqual([]);
  },
  3_600_000,
);

it.runIf(mayMount)(
  'wherever the disk gets full while up starts, it ends, and does its work once there is room',
  async () => {
    const disk = await smallDisk(400 * 1024);
    const home = join(disk, 'home');
    onTestFinished(async () => void (await ended(['down'], home)));
    // A page more each time: each write is the one that finds no room.
    for (let pages = 0; pages < 64; pages += 1) {
      const empty = await fill(disk, pages * 4096);
      const said = await ended(['up'], home);
      expect(said.status, said.out).not.toBe(0);
      expect(said.error.trim().split('\n'), said.error).toHaveLength(1);
      expect(await pidsOf(home)).toEqual([]);
      await empty();
    }
    await expectOneOfEach(home, 'with room again');
  },
  1_800_000,
);

it('several homes that start at once have a server each, on a port of its own', async () => {
  const folder = await temporaryFolder();
  const homes = [1, 2, 3, 4].map((number) => join(folder, `home-${number}`));
  onTestFinished(async () => {
    for (const home of homes) await ended(['down'], home);
  });
  const said = await Promise.all(homes.map((home) => ended(['up', '--json'], home)));
  const addresses = said.map(({ out }) => JSON.parse(out.trim().split('\n').at(-1) ?? '').address);
  expect(new Set(addresses).size).toBe(homes.length);
  for (const home of homes) await expectOneOfEach(home, 'started beside others');
}, 600_000);
