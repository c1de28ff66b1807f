import { expect, it } from 'vitest';
import { runFaultless, runWithFaults } from './run.ts';

/** Another one every day, and one that can be given: a failing seed is run again. */
const seed = Number(process.env.CRUCIBLE_TEST_SEED ?? Math.floor(Date.now() / 86_400_000));

it('under deaths, stops, restarts and failing models every job ends as without them, and nothing is lost, left or paid twice', async () => {
  const faultless = await runFaultless();
  const { faults, wrong } = await runWithFaults(seed, faultless);
  console.log(`seed ${seed}: ${faults.join(', ')}`);
  expect(wrong, `seed ${seed}: ${faults.join(', ')}`).toEqual([]);
}, 1_200_000);
