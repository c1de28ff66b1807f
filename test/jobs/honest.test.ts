import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutcomeKind } from '../../domain/outcome.schema.ts';
import { sandboxKinds } from '../support/sandbox.ts';
import { openTrials, type Trials, type Tried } from '../support/trial.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`cheats are not tried in ${line}`);

const fixtures = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/honest/${name}`, import.meta.url));
const limits = { wallMs: 20_000, memoryMb: 512, processes: 64, diskMb: 64 };
const functionJob = { program: 'work.py', function: 'slow', cases: 'cases.py', limits };

/** Programs that must be refused, in which way, and a part of the reason. */
const refused: [title: string, file: string, kind: OutcomeKind, reason: RegExp][] = [
  ['answers the same every time', 'constant', 'wrong', /answer\[0\]: expected .* values differ/],
  ['answers with NaN', 'not_a_number', 'wrong', /got nan/],
  ['answers with memory that nobody has filled', 'left_over_memory', 'wrong', /values differ/],
  [
    'answers with an object that is equal to everything',
    'equal_object',
    'crashed',
    /type Equal cannot be passed on/,
  ],
  ['answers with numbers that are equal to everything', 'always_equal', 'wrong', /expected float64\[/],
  ['answers with an array that computes when it is looked at', 'lazy_array', 'wrong', /values differ/],
  ['answers with a generator', 'generator', 'crashed', /type generator cannot be passed on/],
  ['goes on filling its answer in a thread', 'filled_later', 'wrong', /values differ/],
  ['answers in half precision', 'half_precision', 'wrong', /allowed difference/],
  ['answers in another type', 'single_precision', 'wrong', /expected float64\[\d+\], got float32|allowed/],
  ['answers with an array that cannot be written to', 'read_only', 'wrong', /got a read-only one/],
  ['answers with a part of a larger array', 'every_second', 'wrong', /got one that is not contiguous/],
  ['fills the same memory in every call', 'fills_the_same_memory', 'wrong', /answer with the same memory/],
  [
    'fills the same memory after some calls',
    'fills_the_same_memory_later',
    'wrong',
    /answer with the same memory/,
  ],
  [
    'switches the garbage collector off',
    'switches_collection_off',
    'wrong',
    /changes the garbage collector for the whole process \(on, .* → off, /,
  ],
  [
    'changes the handling of errors and the environment',
    'silences_errors',
    'wrong',
    /changes NumPy’s handling of errors \(np\.seterr\) for the whole process/,
  ],
  ['gives an answer of 200 MB', 'huge_answer', 'crashed', /at most .* can cross/],
  ['is right for small inputs only', 'right_when_small', 'wrong', /values differ/],
  ['answers by where its input lies', 'remembers_places', 'wrong', /expected/],
  ['changes its input', 'changes_its_input', 'wrong', /changes its argument `signal`/],
  ['exits with 0 before it has answered', 'exits_at_once', 'crashed', /ended before it had answered/],
  ['exits by an exception and has a hook that exits with 0', 'exits_by_exception', 'crashed', /SystemExit/],
  ['exits with 0 in a thread', 'exits_in_a_thread', 'crashed', /ended before it had answered/],
  ['prints a better score and forges a record', 'prints_a_score', 'wrong', /values differ/],
  ['replaces the programs around it and its own module', 'replaces_the_guest', 'wrong', /values differ/],
  ['patches all that could compare', 'patches_comparing', 'invalidOutput', /cannot be read/],
  [
    'tells an error that is too long to be remembered',
    'says_too_much',
    'crashed',
    /^(no){200}…\n(no){1000}$/,
  ],
  ['gives bytes that tire the grader', 'tires_the_grader', 'invalidOutput', /cannot be read/],
  ['is wrong in its run and right when it is timed', 'right_when_timed', 'wrong', /case 0.*values differ/],
  ['is right in its run and wrong when it is timed', 'right_at_first', 'wrong', /values differ/],
  ['is right until it sees the baseline', 'right_beside_no_baseline', 'wrong', /values differ/],
];

/** The baseline with a trick: they run, and are as fast as they are. */
const inVain: [title: string, file: string][] = [
  ['looks for expected answers everywhere', 'spies'],
  ['stops all clocks it can reach', 'patches_clocks'],
  ['remembers inputs by their contents', 'remembers_contents'],
  ['leaves daemons that keep the processors busy', 'spins'],
  ['looks for its input before it is asked', 'peeks'],
  ['looks for the inputs that come next in the program that calls it', 'looks_ahead'],
  ['stops, slows and kills what it may of the others', 'disturbs_others'],
  ['plants files where others might run them', 'plants_files'],
];

describe.each(kinds)('in %s', (kind) => {
  let trials: Trials;
  beforeAll(async () => {
    trials = await openTrials(kind, fixtures('function'), functionJob);
  });
  afterAll(() => trials?.close());

  // They are refused before anything is timed: several at once keep nobody waiting.
  test.concurrent.each(refused)('a candidate that %s is refused', async (_, file, outcome, reason) => {
    const tried = await trials.try(`${file}.py`);
    expect(tried.outcome).toMatchObject({ kind: outcome, reason: expect.stringMatching(reason) });
  });

  test('a candidate that answers with nothing where all numbers are small is refused', async () => {
    const tiny = await openTrials(kind, fixtures('tiny'), functionJob);
    try {
      expect((await tiny.try('nothing.py')).outcome).toMatchObject({ kind: 'wrong' });
      expect((await tiny.try('half_of_them.py')).outcome).toMatchObject({ kind: 'wrong' });
    } finally {
      await tiny.close();
    }
  });

  test('a candidate that answers the same every time is refused however large the tolerance is', async () => {
    const lax = await openTrials(kind, fixtures('function'), {
      ...functionJob,
      ...{ tolerance: { relative: 0, absolute: 1e6 }, answers: 'equal' },
    });
    try {
      const { outcome } = await lax.try('constant.py');
      expect(outcome).toMatchObject({ kind: 'wrong', reason: expect.stringMatching(/got 0 everywhere/) });
    } finally {
      await lax.close();
    }
  });

  test('a candidate that stops itself runs out of time', async () => {
    const { outcome } = await trials.try('stops_itself.py', { wallMs: 3_000 });
    expect(outcome).toMatchObject({ kind: 'timedOut' });
  });

  test('a candidate that hangs when it is timed is ended by a limit that follows the baseline', async () => {
    const { outcome } = await trials.try('hangs_when_timed.py');
    expect(outcome).toMatchObject({
      kind: 'timedOut',
      reason: expect.stringMatching(/measured run .* 5 s: .* 10 times/),
    });
  });

  test('a candidate that ends well as soon as it is measured has failed, not the measurement', async () => {
    const { outcome } = await trials.try('fails_beside_others.py');
    // Where it cannot see the others it is an ordinary program.
    if (kind === 'docker') expect(outcome).toMatchObject({ kind: 'crashed' });
    else expect(outcome.kind).toBe('scored');
  });

  test.each(inVain)('a candidate that %s gains nothing', async (_, file) => {
    // Some are refused, too: for the memory that their calls share, or for what they change of the whole process.
    const { printed } = await neverFaster(() => trials.try(`${file}.py`), ['wrong']);
    expect(printed.trim()).toBe('');
  });

  test.each([
    ['continues itself after it has been stopped', 'continues_itself'],
    ['cannot be stopped for being in the kernel', 'stays_in_the_kernel'],
    ['cannot be stopped and seems to be dead', 'hides_behind_dead_threads'],
    ['has children that die and give back memory', 'dies_while_others_are_timed'],
  ])('a candidate that %s, while others are measured, gains nothing', async (_, file) => {
    // Some change a handler of signals, which is refused by itself.
    await neverFaster(() => trials.try(`${file}.py`), ['crashed', 'wrong']);
  });

  test.each([
    ['before it is asked', 'answers_unasked'],
    ['before it is, in a thread', 'answers_early'],
    ['and goes on computing when it has been stopped', 'computes_after_answering'],
  ])('a candidate that says it is done %s is refused', async (_, file) => {
    const { outcome } = await trials.try(`${file}.py`);
    // It depends on the moment whether there is no answer yet, a part of one, or a second message.
    expect(['crashed', 'invalidOutput', 'wrong']).toContain(outcome.kind);
  });

  test('a candidate that takes all memory, processes and disk gains nothing', async () => {
    await neverFaster(() => trials.try('hogs.py'), ['rejected', 'outOfMemory', 'resourceLimit', 'crashed']);
  });

  test('a candidate that is three times as fast is measured as that', async () => {
    const { outcome } = await trials.try('once.py');
    if (outcome.kind !== 'scored') expect.fail(`expected a score, got ${JSON.stringify(outcome)}`);
    // Wide on a busy machine, narrow on a quiet one: what it says holds on both.
    expect(outcome.metric.low).toBeLessThan(3.2);
    expect(outcome.metric.high).toBeGreaterThan(2.6);
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

  test('a generator that makes the same inputs again is rejected, for answers could be remembered', async () => {
    const job = { ...functionJob, cases: 'few_cases.py' };
    await expect(openTrials(kind, fixtures('small'), job)).rejects.toThrow(
      /too few different cases: \d+ are needed/,
    );
  });
});

/**
 * Tries until the lower bound of the speed-up is not above 1, for one of many fair measurements is above by chance: three in a
 * row are a cheat. `or`: how else it may end.
 */
async function neverFaster(attempt: () => Promise<Tried>, or: OutcomeKind[] = []): Promise<Tried> {
  const seen: string[] = [];
  for (let tries = 0; tries < 3; tries++) {
    const tried = await attempt();
    const { outcome } = tried;
    if (outcome.kind === 'scored' ? outcome.metric.low <= 1 : or.includes(outcome.kind)) return tried;
    seen.push(JSON.stringify(outcome));
  }
  return expect.fail(`expected a lower bound of at most 1, got ${seen.join('; ')}`);
}
