import { describe, expect, it } from 'vitest';
import { cellsOf } from '../../domain/cells.ts';
import { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import type { CellRow } from '../../record/cells.ts';
import { halved } from '../../record/halving.ts';
import { placeholder } from '../support/placeholder.ts';

const job = (more: object = {}) =>
  ExperimentJob.parse({
    kind: 'experiment',
    name: 'grid',
    cell: { kind: 'solve', name: 'grid', script: 'a.py', args: [placeholder('rate')] },
    matrix: { rate: [1, 2, 3, 4], seed: [1, 2, 3, 4] },
    stop: { halving: 2 },
    ...more,
  });

type Row = Pick<CellRow, 'name' | 'values' | 'round' | 'status' | 'metric'>;

/** The first `done` cells have what `metric` gives, the rest wait. */
const rows = (of: ExperimentJob, done: number, metric = (rate: number): number | null => rate): Row[] =>
  cellsOf(of).map((cell, index) => {
    const found = index < done ? metric(Number(cell.values.rate)) : null;
    const status = index >= done ? 'waiting' : found === null ? 'failed' : 'finished';
    return { ...cell, status, metric: found };
  });

const ratesOf = (all: readonly Row[], names: ReadonlySet<string>): unknown[] => [
  ...new Set(all.filter(({ name }) => names.has(name)).map(({ values }) => values.rate)),
];

describe('successive halving', () => {
  it('begins every cell where it is not asked for', () => {
    const all = rows(job({ stop: {} }), 0);
    expect(halved(job({ stop: {} }), all)).toMatchObject({ open: 16, behind: new Set() });
  });

  it('begins one cell of each arm, and no other before they are over', () => {
    const { open, behind, cells } = halved(job(), rows(job(), 3));
    expect(open).toBe(4);
    expect(cells.slice(0, 4).map(({ values }) => values.rate)).toEqual([1, 2, 3, 4]);
    expect(behind.size).toBe(0);
  });

  it('lets the better half go on after 1, 2 and 4 cells of each', () => {
    const one = rows(job(), 4);
    expect(ratesOf(one, halved(job(), one).behind)).toEqual([1, 2]);
    expect(halved(job(), one).open).toBe(8);
    const two = rows(job(), 8);
    expect(ratesOf(two, halved(job(), two).behind)).toEqual([1, 2, 3]);
    expect(halved(job(), two).open).toBe(16);
  });

  it('takes the smaller score where that is better, and an arm that only failed for the last', () => {
    const objective = { metric: 'loss', direction: 'minimize', check: 'evaluate.py' };
    const cell = { kind: 'solve', name: 'grid', script: 'a.py', args: [placeholder('rate')], objective };
    const least = job({ cell: { ...cell, outputs: [{ kind: 'file', path: 'a' }] } });
    const all = rows(least, 4, (rate) => (rate === 1 ? null : rate));
    expect(ratesOf(all, halved(least, all).behind)).toEqual([1, 4]);
  });

  it('never gives up the baseline', () => {
    const asked = job({ baseline: { rate: 1 } });
    const all = rows(asked, 4);
    expect(ratesOf(all, halved(asked, all).behind)).toEqual([2]);
  });

  it('looks at a cell that is run again as at one that was not run', () => {
    const all = rows(job(), 4).map((row, index) =>
      index === 3 ? { ...row, status: 'waiting' as const } : row,
    );
    expect(halved(job(), all)).toMatchObject({ open: 4, behind: new Set() });
  });

  it('is refused where every arm has one cell', () => {
    expect(() => job({ matrix: { rate: [1, 2] } })).toThrow(/expected arms of several cells to compare/);
  });
});
