import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../domain/random.ts';
import {
  median,
  medianInterval,
  relativeHalfWidth,
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

  it('covers the true median about as often as it says', () => {
    const random = randomStream(7);
    const gauss = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const covered = Array.from({ length: 300 }, (_, seed) => {
      const { low, high } = medianInterval(
        Array.from({ length: 15 }, () => 10 + gauss()),
        0.95,
        seed,
      );
      return low <= 10 && high >= 10;
    }).filter(Boolean).length;
    expect(covered / 300).toBeGreaterThan(0.88);
  });
});

describe('a speed-up', () => {
  const pairs = [100, 120, 80, 110, 90].map((baselineMs) => ({ baselineMs, candidateMs: baselineMs / 4 }));

  it('is the ratio of each pair, so inputs of different sizes do not blur it', () => {
    expect(speedupOf(pairs, 0, 0.95)).toEqual({ value: 4, low: 4, high: 4 });
  });

  it('takes the cost of asking off the baseline, so that a candidate that saves it gains nothing', () => {
    const dearer = pairs.map(({ baselineMs }) => ({ baselineMs: baselineMs + 5, candidateMs: baselineMs }));
    expect(speedupOf(dearer, 5, 0.95)).toEqual({ value: 1, low: 1, high: 1 });
  });

  it('is nothing where the baseline takes no longer than asking', () => {
    expect(speedupOf([{ baselineMs: 4, candidateMs: 1 }], 5, 0.95).value).toBe(0);
  });

  it('and its width are numbers, however little was measured', () => {
    for (const [baselineMs, candidateMs] of [
      [4, 1],
      [9, 0],
      [0, 0],
    ] as const) {
      const speedup = speedupOf([{ baselineMs, candidateMs }], 5, 0.95);
      for (const each of [...Object.values(speedup), relativeHalfWidth(speedup)])
        expect(Number.isFinite(each)).toBe(true);
    }
  });

  it('cannot be seen of a program that takes little more than to be asked', () => {
    const around = (value: number) => ({ value, low: value, high: value });
    const why = (baselineMs: number) =>
      tooQuickToMeasure({ baselineMs: around(baselineMs), askingMs: around(0.1) });
    expect(why(0.0761)).toBe(
      'takes 0.076 ms, less than it costs to ask it, 0.1 ms: give it more work per call',
    );
    expect(why(0.15)).toMatch(/^takes 0\.15 ms, and to ask it costs 0\.1 ms of that, so no candidate/);
    expect(why(0.25)).toBeNull();
  });

  it('of a program against itself holds 1 in its interval, whose half width is the noise floor', () => {
    const random = randomStream(3);
    const noisy = Array.from({ length: 9 }, () => ({
      baselineMs: 100 + random(),
      candidateMs: 100 + random(),
    }));
    const interval = speedupOf(noisy, 0, 0.95);
    expect(interval.low).toBeLessThan(1.001);
    expect(interval.high).toBeGreaterThan(0.999);
    expect(relativeHalfWidth(interval)).toBeLessThan(0.02);
  });
});
