import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sandboxKinds } from '../support/sandbox.ts';
import { openTrials, type Trials } from '../support/trial.ts';
import { fixtures, functionJob, limits, neverFaster } from './cheats.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`cheats are not tried in ${line}`);

/** The baseline with a trick: they run, and are as fast as they are. */
const inVain: [title: string, file: string][] = [
  ['stops all clocks it can reach', 'patches_clocks'],
  ['remembers inputs by their contents', 'remembers_contents'],
  ['leaves daemons that keep the processors busy', 'spins'],
  ['looks for its input before it is asked', 'peeks'],
  ['looks for the inputs that come next in the program that calls it', 'looks_ahead'],
  ['stops, slows and kills what it may of the others', 'disturbs_others'],
  ['plants files where others might run them', 'plants_files'],
];

describe.each(kinds)('cheats that are measured at length, in %s', (kind) => {
  let trials: Trials;
  beforeAll(async () => {
    trials = await openTrials(kind, fixtures('function'), functionJob);
  });
  afterAll(() => trials?.close());

  test('a candidate that hangs when it is timed is ended by a limit that follows the baseline', async () => {
    const { outcome } = await trials.try('hangs_when_timed.py');
    expect(outcome).toMatchObject({
      kind: 'timedOut',
      reason: expect.stringMatching(/measured run .* 5 s: .* 10 times/),
    });
  });

  test.each(inVain)('a candidate that %s gains nothing', async (_, file) => {
    // Some are refused, too: for the memory that their calls share, or for what they change of the whole process.
    const { printed } = await neverFaster(() => trials.try(`${file}.py`), ['wrong']);
    expect(printed.trim()).toBe('');
  });

  test.each([
    ['cannot be stopped for being in the kernel', 'stays_in_the_kernel'],
    ['cannot be stopped and seems to be dead', 'hides_behind_dead_threads'],
    ['has children that die and give back memory', 'dies_while_others_are_timed'],
  ])('a candidate that %s, while others are measured, gains nothing', async (_, file) => {
    // Some change a handler of signals, which is refused by itself.
    await neverFaster(() => trials.try(`${file}.py`), ['crashed', 'wrong']);
  });

  test('a candidate that saves the cost of being asked is not faster than the function in it', async () => {
    const small = await openTrials(kind, fixtures('small'), functionJob, { batch: 64 });
    try {
      await neverFaster(() => small.try('own_loop.py'));
    } finally {
      await small.close();
    }
  });

  test('a script that remembers what it found the time before gains nothing', async () => {
    const job = { program: 'slow.py', outputs: ['total.txt'], limits };
    const scripts = await openTrials(kind, fixtures('script'), job);
    try {
      await neverFaster(() => scripts.try('remembers.py'));
    } finally {
      await scripts.close();
    }
  });
});
