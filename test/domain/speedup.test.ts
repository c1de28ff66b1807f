import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../domain/random.ts';
import {
  median,
  medianInterval,
  meet,
  noiseOf,
  type Pair,
  pooled,
  speedupOf,
  tooQuickToMeasure,
} from '../../domain/speedup.ts';

describe('a median', () => {
  it('is the middle value, or the mean of the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('of nothing is an error', () => {
    expect(() => median([])).toThrow('expected at least one value');
  });
});

describe('an interval of a median', () => {
  it('holds the median and lies within the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (values) => {
          const { value, low, high } = medianInterval(values, 0.95);
          expect(low).toBeLessThanOrEqual(value);
          expect(high).toBeGreaterThanOrEqual(value);
          expect(low).toBeGreaterThanOrEqual(Math.min(...values));
          expect(high).toBeLessThanOrEqual(Math.max(...values));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('leaves out as many of the lowest and of the highest values as the sign test allows', () => {
    const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
    const within = (count: number): number[] => {
      const { low, high } = medianInterval(upTo(count), 0.95);
      return [low, high];
    };
    expect([1, 5, 6, 8, 9, 12, 14, 18, 40].map(within)).toEqual([
      [1, 1],
      [1, 5],
      [1, 6],
      [1, 8],
      [2, 8],
      [3, 10],
      [3, 12],
      [5, 14],
      [14, 27],
    ]);
  });

  it('covers the true median as often as it says, of values with a long tail, too', () => {
    const random = randomStream(7);
    const covered = Array.from({ length: 2_000 }, () => {
      const values = Array.from({ length: 9 }, () => 1 / (1 - random()) ** 2);
      const { low, high } = medianInterval(values, 0.95);
      return low <= 4 && high >= 4;
    }).filter(Boolean).length;
    expect(covered / 2_000).toBeGreaterThan(0.95);
  });
});

/** A pair on a processor of its own. */
const quiet = (baselineMs: number, candidateMs: number): Pair => ({
  baseline: { ms: baselineMs, aloneMs: baselineMs },
  candidate: { ms: candidateMs, aloneMs: candidateMs },
  parallel: false,
});
const exactly = (value: number) => ({ value, low: value, high: value });
const free = exactly(0);

describe('a speed-up', () => {
  const pairs = [100, 120, 80, 110, 90, 105].map((ms) => quiet(ms, ms / 4));

  it('is the ratio of each pair, so inputs of different sizes do not blur it', () => {
    const speedup = speedupOf(pairs, free, 0.95);
    expect(speedup.value).toBe(4);
    // What two processes of one program may differ by.
    expect(speedup.low).toBeCloseTo(3.92);
    expect(speedup.high).toBeCloseTo(4.08);
  });

  it('takes the cost of asking off the baseline, so that a candidate that saves it gains nothing', () => {
    const dearer = pairs.map(({ baseline: { ms } }) => quiet(ms + 5, ms));
    expect(speedupOf(dearer, exactly(5), 0.95)).toMatchObject({ value: 1 });
  });

  it('may be as high as it is where the candidate paid for being asked, too', () => {
    const asked = pairs.map(({ baseline: { ms } }) => quiet(ms + 2, ms / 40 + 2));
    const { value, low, high } = speedupOf(asked, exactly(2), 0.95);
    expect(value).toBeLessThan(25);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThan(40);
    expect(high).toBeLessThan(50);
  });

  it('is told of the work alone where the candidate is of our own making, and was asked as the original was', () => {
    const asked = pairs.map(({ baseline: { ms } }) => quiet(ms + 2, ms / 4 + 2));
    const { value, low, high } = speedupOf(asked, exactly(2), 0.95, true);
    expect(value).toBeCloseTo(4);
    expect([low, high]).toEqual([expect.closeTo(3.92), expect.closeTo(4.08)]);
    expect(speedupOf(asked, exactly(2), 0.95).value).toBeLessThan(4);
  });

  it('of our own making is never more than the cost of asking is known to: a tenth of it, or as far as its looks differ', () => {
    const saved = [quiet(12, 2), quiet(12, 0.1)];
    for (const pair of saved) expect(speedupOf([pair], exactly(2), 0.95, true).value).toBeCloseTo(10 / 0.2);
    const vague = { value: 2, low: 1.5, high: 2.5 };
    const { value, low, high } = speedupOf([quiet(12, 2.5)], vague, 0.95, true);
    expect(value).toBeCloseTo(10);
    expect(low).toBeCloseTo((9.5 / 1) * 0.98);
    expect(high).toBeCloseTo(10.5 * 1.02);
  });

  it('is nothing where the baseline takes no longer than asking', () => {
    expect(speedupOf([quiet(4, 1)], exactly(5), 0.95).value).toBe(0);
  });

  it('is made of numbers, however little was measured', () => {
    for (const pair of [quiet(4, 1), quiet(9, 0), quiet(0, 0)])
      for (const each of Object.values(speedupOf([pair], exactly(5), 0.95)))
        expect(Number.isFinite(each)).toBe(true);
  });

  it('cannot be seen of a program that takes little more than to be asked', () => {
    const why = (baselineMs: number, oursOnly = false) =>
      tooQuickToMeasure({ baselineMs: exactly(baselineMs), askingMs: exactly(0.1) }, oursOnly);
    expect(why(0.0761)).toBe(
      'takes 0.076 ms, less than it costs to ask it, 0.1 ms: give it more work per call',
    );
    expect(why(0.15)).toMatch(/^takes 0\.15 ms, and to ask it costs 0\.1 ms of that, so no candidate/);
    expect(why(0.25)).toBeNull();
    expect([why(0.15, true), why(0.12, true)]).toEqual([null, expect.stringContaining('0.1 ms of that')]);
  });
});

/** Pairs of programs that take `baselineMs` and `candidateMs` where others use the processor, in slices of `sliceMs`. */
function onABusyMachine(baselineMs: number, candidateMs: number, random: () => number, sliceMs = 4): Pair[] {
  const time = (ms: number) => {
    const aloneMs = ms * (1 + 0.01 * random());
    // A call that outlasts its slice waits for as long as others take theirs; a short one mostly does not.
    const waits = Math.floor(aloneMs / sliceMs + random());
    let waitedMs = 0;
    for (let wait = 0; wait < waits; wait += 1) if (random() < 0.7) waitedMs += sliceMs * (1 + random());
    return { ms: aloneMs + waitedMs, aloneMs };
  };
  return Array.from({ length: 9 }, () => ({
    baseline: time(baselineMs),
    candidate: time(candidateMs),
    parallel: false,
  }));
}

describe('on a busy machine', () => {
  it.each([1, 1.5, 20, 300])(
    'a speed-up of %f lies within its interval, whose middle is not above it',
    (truth) => {
      const random = randomStream(truth * 10);
      const speedups = Array.from({ length: 400 }, () =>
        speedupOf(onABusyMachine(36, 36 / truth, random), free, 0.95),
      );
      const covered = speedups.filter(({ low, high }) => low <= truth && truth <= high);
      expect(covered.length / 400).toBeGreaterThan(0.95);
      for (const { value } of speedups) expect(value / truth).toBeLessThan(1.02);
    },
  );

  it('a program is as good as never faster than itself', () => {
    const random = randomStream(5);
    const claimed = Array.from({ length: 400 }, () =>
      speedupOf(onABusyMachine(12, 12, random), free, 0.95),
    ).filter(({ low }) => low > 1);
    expect(claimed.length / 400).toBeLessThan(0.01);
  });

  it('several threads that stand in line say little: the interval holds what the clock and what the processors say', () => {
    const threads: Pair = {
      baseline: { ms: 100, aloneMs: 50 },
      candidate: { ms: 40, aloneMs: 12 },
      parallel: true,
    };
    const { value, low, high } = speedupOf(
      Array.from({ length: 6 }, () => threads),
      free,
      0.95,
    );
    expect(value).toBe(1.25);
    expect(low).toBeCloseTo(1.225);
    expect(high).toBeGreaterThan(50 / 12);
  });
});

describe('several measurements', () => {
  it('are one interval that covers all of them, around the one in the middle', () => {
    const runs = [
      { value: 307, low: 264, high: 340 },
      { value: 121, low: 98, high: 140 },
      { value: 150, low: 130, high: 160 },
    ];
    expect(pooled(runs)).toEqual({ value: 150, low: 98, high: 340 });
    expect(runs.map((each) => runs.map((other) => meet(each, other)))).toEqual([
      [true, false, false],
      [false, true, true],
      [false, true, true],
    ]);
  });
});

it('the noise of a program against itself is how far from 1 the ratios were', () => {
  const pairs = [1.02, 0.99, 1.01, 1, 0.96, 1.03].map((ratio) => quiet(100 * ratio, 100));
  expect(noiseOf(pairs, 0.95)).toBeCloseTo(0.04);
});
