import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutcomeKind } from '../../domain/outcome.schema.ts';
import { sandboxKinds } from '../support/sandbox.ts';
import { openTrials, type Trials } from '../support/trial.ts';
import { fixtures, functionJob, neverFaster } from './cheats.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`cheats are not tried in ${line}`);

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
  ['answers with what it found for the input before', 'one_behind', 'wrong', /values differ/],
  ['computes a part and guesses the rest', 'every_third', 'wrong', /values differ/],
  ['is wrong for one number in thousands', 'wrong_beyond_three', 'wrong', /values differ/],
  ['is right until it sees the baseline', 'right_beside_no_baseline', 'wrong', /values differ/],
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

  test('a candidate that ends well as soon as it is measured has failed, not the measurement', async () => {
    const { outcome } = await trials.try('fails_beside_others.py');
    // Where it cannot see the others it is an ordinary program.
    if (kind === 'docker') expect(outcome).toMatchObject({ kind: 'crashed' });
    else expect(outcome.kind).toBe('scored');
  });

  test('a candidate that continues itself after it has been stopped, while others are measured, gains nothing', async () => {
    // It may change a handler of signals, which is refused by itself.
    await neverFaster(() => trials.try('continues_itself.py'), ['crashed', 'wrong']);
  });

  test('a candidate that looks for expected answers everywhere gains nothing', async () => {
    const { printed } = await neverFaster(() => trials.try('spies.py'), ['wrong']);
    expect(printed.trim()).toBe('');
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

  test('a candidate that remembers what it was asked is measured by what it takes for an input it never saw', async () => {
    const { outcome } = await trials.try('remembers_and_is_a_little_faster.py');
    if (outcome.kind !== 'scored') expect.fail(`expected a score, got ${JSON.stringify(outcome)}`);
    expect(outcome.metric.low).toBeLessThan(1.6);
    expect(outcome.metric.high).toBeGreaterThan(1.3);
  });

  test('a generator that makes the same inputs again is rejected, for answers could be remembered', async () => {
    const job = { ...functionJob, cases: 'few_cases.py' };
    await expect(openTrials(kind, fixtures('small'), job)).rejects.toThrow(
      /too few different cases: \d+ are needed/,
    );
  });
});
