import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { randomStream } from '../../domain/random.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { ended, expectJobDone, killInRounds, pidsOf } from './killed-rounds.ts';

let folder: string;
let home: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
  await mkdir(home, { mode: 0o700 });
  onTestFinished(async () => void (await ended(['down'], home)));
});

it('whatever was killed, the next up finds or starts one server and one worker, and down leaves nothing', async () => {
  await killInRounds({ home, count: 3, random: randomStream(7) });
  await expectJobDone(home, folder);
  expect(await ended(['down'], home)).toMatchObject({ status: 0, out: 'stopped\n' });
  expect(await pidsOf(home)).toEqual([]);
  expect(await ended(['down'], home)).toMatchObject({ status: 0, out: 'nothing was running\n' });
}, 400_000);
