import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { sandboxKinds } from '../support/sandbox.ts';
import { openTrials, type Trials } from '../support/trial.ts';

const folder = fileURLToPath(new URL('../fixtures/accepts', import.meta.url));
const limits = { wallMs: 20_000, memoryMb: 512, processes: 64, diskMb: 64 };
const { kinds } = await sandboxKinds();
const [kind] = kinds;
const patienceMs = 180_000;

let trials: Trials | undefined;

afterEach(async () => {
  await trials?.close();
  trials = undefined;
});

async function judgedBy(accepts: string): Promise<Trials> {
  if (kind === undefined) throw new Error('expected a sandbox of some kind, found none');
  const job = { program: 'work.py', function: 'slow', cases: 'cases.py', accepts, limits };
  trials = await openTrials(kind, folder, job, { checks: 2, pairs: 6, batch: 2 });
  return trials;
}

test(
  'of several right answers each is one, and who gives another is refused in the words of the check',
  async () => {
    const tried = await judgedBy('check.py');
    expect((await tried.try('last_pair.py')).outcome).toMatchObject({ kind: 'scored' });
    expect((await tried.try('neighbours.py')).outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(/^case 0, accepts in check\.py: \d+ \+ \d+ is not \d+$/),
    });
    expect((await tried.try('text.py')).outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(/^case 0, accepts in check\.py raises:/),
    });
    const atFirst = await tried.try('right_at_first.py');
    expect(atFirst.outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(/accepts in check\.py: 0 and 0 are no two places of the list$/),
    });
    expect(atFirst.measurement).not.toBeNull();
    expect((await tried.try('keeps_its_answer.py')).outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(/two calls answer with the same memory/),
    });
  },
  patienceMs,
);

test(
  'the check is nowhere where a candidate runs',
  async () => {
    const { outcome, printed } = await (await judgedBy('check.py')).try('looks_for_the_check.py');
    expect(outcome).toMatchObject({ kind: 'scored' });
    expect(new Set(printed.trim().split('\n'))).toEqual(new Set(['found: []']));
  },
  patienceMs,
);

test(
  'one answer for every input is refused, whatever the check accepts',
  async () => {
    const lax = await judgedBy('check.py:ends');
    expect((await lax.try('same_places.py')).outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(/^case 0, and in every other case, gives one and the same answer/),
    });
    expect((await lax.try('last_pair.py')).outcome).toMatchObject({
      kind: 'invalidOutput',
      reason: 'ends in check.py does not get through with it: it ended before it had judged',
    });
  },
  patienceMs,
);

test(
  'an answer that the check does not come to an end with is none',
  async () => {
    const tried = await judgedBy('check.py:hangs');
    expect((await tried.try('last_pair.py', { wallMs: 3_000 })).outcome).toMatchObject({
      kind: 'invalidOutput',
      reason: expect.stringMatching(/^hangs in check\.py does not get through with it: not done after 3 s/),
    });
  },
  patienceMs,
);

test.each([
  [
    'accepts_all',
    /^nothing can be judged by what this job asks for: accepts_all in check\.py accepts None in place of every answer/,
  ],
  [
    'accepts_none',
    /asks for: the answer of the original to case 0 is not accepted: accepts_none in check\.py/,
  ],
  [
    'forgotten',
    /check\.py has no function forgotten; it has: accepts, accepts_all, accepts_none, ends, hangs/,
  ],
])(
  'a job whose check is %s is rejected',
  async (name, message) => {
    const tried = await judgedBy(`check.py:${name}`);
    await expect(tried.try('last_pair.py')).rejects.toThrow(message);
  },
  180_000,
);

test(
  'answers are compared with those of a more exact oracle, which no candidate sees, and the original has to agree with it',
  async () => {
    if (kind === undefined) throw new Error('expected a sandbox of some kind, found none');
    const oracle = fileURLToPath(new URL('../fixtures/oracle', import.meta.url));
    const job = {
      ...{ program: 'work.py', function: 'total', cases: 'cases.py', oracle: 'exact.py', limits },
      tolerance: { relative: 1e-10 },
    };
    trials = await openTrials(kind, oracle, job, { pairs: 6 });
    expect((await trials.try('sums_at_once.py')).outcome).toMatchObject({ kind: 'scored' });
    expect((await trials.try('sums_in_singles.py')).outcome).toMatchObject({
      kind: 'wrong',
      reason: expect.stringMatching(
        /answer of the oracle, from which this is off by .* and the original by .*: the original is nearer$/,
      ),
    });
    expect((await trials.try('looks_for_the_oracle.py')).outcome).toMatchObject({
      kind: 'crashed',
      reason: expect.stringMatching(/No module named 'exact'/),
    });
    await trials.close();
    trials = await openTrials(kind, oracle, { ...job, tolerance: { relative: 1e-17 } }, { pairs: 6 });
    await expect(trials.try('sums_at_once.py')).rejects.toThrow(
      /the original does not agree with the oracle within the tolerance: case 0, answer: .* make the tolerance/,
    );
  },
  patienceMs,
);
