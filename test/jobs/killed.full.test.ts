import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { randomStream } from '../../domain/random.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { ended, expectJobDone, killInRounds, pidsOf } from './killed-rounds.ts';

/** 30 moments for each of the seven combinations; fewer where the environment says so. */
const count = Number(process.env.CRUCIBLE_TEST_KILLS ?? 7 * 30);

it('up, server and worker are killed at 30 random moments in each combination: the next up finds or starts one of each', async () => {
  const folder = await temporaryFolder();
  const home = join(folder, 'home');
  await mkdir(home);
  onTestFinished(async () => void (await ended(['down'], home)));
  await killInRounds({ home, count, random: randomStream(1) });
  await expectJobDone(home, folder);
  await ended(['down'], home);
  expect(await pidsOf(home)).toEqual([]);
}, 10_800_000);
