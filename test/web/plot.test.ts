import { expect, test } from 'vitest';
import type { CandidateFacts, JobFacts } from '../../web/facts.ts';
import { layOutPlot, type PlotLayout, searchPlot } from '../../web/plot.ts';
import { logTicks, timeTicks } from '../../web/scale.ts';
import { candidate, interval, optimizeJob, tried } from './example-facts.ts';
import { readStrictly } from './well-formed.ts';

const jobWith = (candidates: CandidateFacts[]): JobFacts => ({ ...optimizeJob, candidates });
const widths = [980, 360];

function expectInside(plot: PlotLayout): void {
  for (const { x, y, whisker, label } of plot.marks) {
    expect(x).toBeGreaterThanOrEqual(plot.left);
    expect(x).toBeLessThanOrEqual(plot.right);
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThanOrEqual(plot.bottom);
    if (whisker !== null) {
      expect(whisker.top).toBeLessThanOrEqual(y);
      expect(whisker.bottom).toBeGreaterThanOrEqual(y);
      expect(whisker.bottom).toBeLessThanOrEqual(plot.bottom);
    }
    if (label === null) continue;
    const wide = 6.6 * label.text.length;
    expect(label.anchor === 'end' ? label.x - wide : label.x + wide).toBeGreaterThanOrEqual(0);
    expect(label.anchor === 'end' ? label.x : label.x + wide).toBeLessThanOrEqual(plot.width);
  }
}

test.each(widths)('one trial is a mark above the baseline and one step, %i wide', (width) => {
  const plot = layOutPlot(
    jobWith([candidate('c-1', 'a', [tried(1, interval(9)), tried(2, interval(10), 'verification')])]),
    width,
  );
  expectInside(plot);
  const [mark] = plot.marks;
  expect(mark?.y).toBeLessThan(plot.baselineY ?? 0);
  expect(mark?.label?.text).toBe('c-1 · 10×');
  expect(plot.best).toEqual([
    { x: plot.left, y: plot.baselineY },
    { x: mark?.x, y: plot.baselineY },
    { x: mark?.x, y: mark?.y },
    { x: plot.right, y: mark?.y },
  ]);
});

test.each(widths)('fifty trials lie inside the plot, and no two names overlap, %i wide', (width) => {
  const many = Array.from({ length: 50 }, (_, index) => {
    const speedup = interval(1.1 ** index, 0.2);
    return candidate(`c-${index + 1}`, 'faster and faster', [tried(index, speedup, 'verification')]);
  });
  const plot = layOutPlot(jobWith(many), width);
  expectInside(plot);
  expect(plot.marks).toHaveLength(50);
  const names = plot.marks.flatMap(({ label }) => label ?? []);
  expect(names.some(({ text }) => text.startsWith('c-50'))).toBe(true);
  for (const [index, { text, x, y, anchor }] of names.entries()) {
    const box = {
      from: anchor === 'end' ? x - 6.6 * text.length : x,
      to: anchor === 'end' ? x : x + 6.6 * text.length,
    };
    for (const other of names.slice(index + 1)) {
      const from = other.anchor === 'end' ? other.x - 6.6 * other.text.length : other.x;
      const to = other.anchor === 'end' ? other.x : other.x + 6.6 * other.text.length;
      const apart = to < box.from || box.to < from || Math.abs(other.y - y) > 14;
      expect(apart).toBe(true);
    }
  }
});

test('the axis is logarithmic: ten times and a hundred times are as far apart as one and ten', () => {
  const plot = layOutPlot(
    jobWith(
      [10, 100].map((value, index) => candidate(`c-${index + 1}`, '', [tried(index + 1, interval(value))])),
    ),
    980,
  );
  const [ten, hundred] = plot.marks;
  const step = (plot.baselineY ?? 0) - (ten?.y ?? 0);
  expect((ten?.y ?? 0) - (hundred?.y ?? 0)).toBeCloseTo(step, 6);
});

test('candidates without a speed-up stand on the line of the baseline, without a whisker', () => {
  const plot = layOutPlot(
    jobWith([
      candidate('c-1', 'wrong', [tried(1, { kind: 'wrong', reason: 'no', verdict: 'a'.repeat(64) })]),
      candidate('c-2', 'late', [tried(2, { kind: 'timedOut', reason: 'no' })]),
    ]),
    980,
  );
  expect(plot.marks.map(({ y, whisker, standing }) => ({ y, whisker, standing }))).toEqual([
    { y: plot.baselineY, whisker: null, standing: 'refused' },
    { y: plot.baselineY, whisker: null, standing: 'failed' },
  ]);
  expect(plot.best.every(({ y }) => y === plot.baselineY)).toBe(true);
});

test('only a verified candidate moves the line of the best, and never down', () => {
  const plot = layOutPlot(
    jobWith([
      candidate('c-1', 'unverified', [tried(1, interval(50))]),
      candidate('c-2', 'verified', [tried(2, interval(8), 'verification')]),
      candidate('c-3', 'less', [tried(3, interval(4), 'verification')]),
      candidate('c-4', 'did not hold', [
        tried(4, interval(90)),
        tried(5, { kind: 'crashed', reason: 'x' }, 'verification'),
      ]),
    ]),
    980,
  );
  expect(plot.best.at(-1)?.y).toBe(plot.marks[1]?.y);
});

test('speed-ups that are no numbers to draw stay inside the plot', () => {
  const odd = [interval(1e-12), { value: 3, low: 0, high: Number.MAX_VALUE }, interval(1e30)];
  const plot = layOutPlot(
    jobWith(odd.map((each, index) => candidate(`c-${index + 1}`, '', [tried(index, each)]))),
    360,
  );
  expectInside(plot);
  expect(JSON.stringify(plot)).not.toContain('null,"y"');
  readStrictly(searchPlot(jobWith(odd.map((each) => candidate('c-1', '<b>', [tried(1, each)])))).toString());
});

test('a clock that was set back does not draw a candidate before the start', () => {
  expectInside(layOutPlot(jobWith([candidate('c-1', '', [tried(-90, interval(2))])]), 980));
});

test.each([
  [0.9, 2.2, [1, 1.2, 1.5, 2]],
  [0.8, 180, [1, 2, 5, 10, 20, 50, 100]],
  [0.5, 40_000, [1, 10, 100, 1_000, 10_000]],
  [1e-6, 1e9, [1e-6, 1e-4, 1e-2, 1, 100, 1e4, 1e6, 1e8]],
])('the axis from %d to %d is marked with few round numbers', (low, high, ticks) => {
  expect(logTicks(low, high, 8)).toEqual(ticks);
});

test.each([
  [1_000, 's', ['0', '0.2', '0.4', '0.6', '0.8', '1']],
  [90_000, 's', ['0', '20', '40', '60', '80']],
  [13 * 60_000, 'min', ['0', '2', '4', '6', '8', '10', '12']],
  [10 * 3_600_000, 'h', ['0', '2', '4', '6', '8', '10']],
])('%d ms are marked in %s', (endMs, unit, labels) => {
  const found = timeTicks(endMs, 8);
  expect([found.unit, found.ticks.map((tick) => tick.label)]).toEqual([unit, labels]);
});
