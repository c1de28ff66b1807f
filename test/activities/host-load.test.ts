import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { underLoad } from '../../activities/try/host-load.ts';

const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;

it('the load of the host is that of the time something took', async () => {
  const { result, load } = await underLoad(() => wait(500, 'done'));
  expect(result).toBe('done');
  expect(load?.cores).toBeGreaterThan(0);
  expect(load?.wanted).toBeGreaterThanOrEqual(0);
});

it('nothing looks at the host any more when what was watched was cancelled', async () => {
  const before = timers();
  const cancelled = underLoad(async () => {
    expect(timers()).toBe(before + 1);
    throw new Error('cancelled');
  });
  await expect(cancelled).rejects.toThrow('cancelled');
  expect(timers()).toBe(before);
});
