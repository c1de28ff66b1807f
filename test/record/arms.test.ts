import { describe, expect, it } from 'vitest';
import { cellsOf } from '../../domain/cells.ts';
import { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import { armsOf, holm } from '../../record/arms.ts';
import { type CellRow, csvOf, summaryOfCells } from '../../record/cells.ts';
import { placeholder } from '../support/placeholder.ts';

const job = (more: object = {}) =>
  ExperimentJob.parse({
    kind: 'experiment',
    name: 'grid',
    cell: { kind: 'solve', name: 'grid', script: 'a.py', args: [placeholder('model'), placeholder('data')] },
    matrix: { model: ['small', 'large'], data: ['a', 'b'], seed: [1, 2, 3] },
    ...more,
  });

/** Rows of all cells, whose metric is what `metric` gives; undefined: the cell failed. */
const rowsOf = (
  of: ReturnType<typeof job>,
  metric: (values: CellRow['values']) => number | null | undefined,
): CellRow[] =>
  cellsOf(of).map((cell) => {
    const found = metric(cell.values);
    return {
      ...{ ...cell, jobId: `experiment/grid/1.1/${cell.name}`, seconds: 2, usd: 0.5 },
      status: found === undefined ? 'failed' : 'finished',
      metric: found ?? null,
      summary: found === undefined ? '=cmd|"x"' : 'done',
    };
  });

const noise = ({ seed }: CellRow['values']): number => Number(seed) / 10;

describe('the arms of an experiment', () => {
  it('are made by all names but the seed, with the mean of their cells and its interval', () => {
    const arms = armsOf(
      job(),
      rowsOf(job(), (values) => (values.model === 'large' ? 2 : 1) + noise(values)),
    );
    expect(arms.map(({ values }) => values)).toEqual([
      { model: 'small', data: 'a' },
      { model: 'small', data: 'b' },
      { model: 'large', data: 'a' },
      { model: 'large', data: 'b' },
    ]);
    // 1.1, 1.2, 1.3: standard error 0.1 / √3, times 4.303.
    expect(arms[0]?.mean?.value).toBeCloseTo(1.2, 12);
    expect(arms[0]?.mean?.high).toBeCloseTo(1.2 + (4.3027 * 0.1) / Math.sqrt(3), 4);
    expect(arms[0]).toMatchObject({ cells: 3, done: 3, failed: 0, usd: 1.5, seconds: 2, difference: null });
  });

  it('are compared with the baseline in pairs that differ in nothing else', () => {
    const asked = job({ baseline: { model: 'small' } });
    const levels: Record<string, number> = { a: 0, b: 100 };
    const [small, large] = armsOf(
      asked,
      rowsOf(
        asked,
        (values) =>
          (levels[String(values.data)] ?? 0) +
          noise(values) +
          (values.model === 'large' ? 0.3 + noise(values) / 100 : 0),
      ),
    );
    expect(small).toMatchObject({ values: { model: 'small' }, cells: 6, difference: null });
    // Between the data sets lie 100; within the pairs lies 0.3.
    expect(large?.difference).toMatchObject({ pairs: 6 });
    expect(large?.difference?.mean.value).toBeCloseTo(0.302, 6);
    expect(large?.difference?.p).toBeLessThan(1e-6);
  });

  it('have no difference where there is none, and no mean where nothing was measured', () => {
    const asked = job({ baseline: { model: 'small' } });
    const [, same] = armsOf(asked, rowsOf(asked, noise));
    expect(same?.difference).toMatchObject({ mean: { value: 0 }, p: 1 });
    const [, failed] = armsOf(
      asked,
      rowsOf(asked, (values) => (values.model === 'large' ? undefined : 1)),
    );
    expect(failed).toMatchObject({ failed: 6, done: 0, mean: null, difference: null, seconds: null });
  });

  it('have the share that passed where no cell measures anything', () => {
    const [arm] = armsOf(
      job(),
      rowsOf(job(), ({ seed }) => (seed === 1 ? undefined : null)),
    );
    expect(arm?.mean?.value).toBeCloseTo(2 / 3, 12);
  });
});

it("Holm's correction multiplies the smallest by all there are, and never lets one that was larger become smaller", () => {
  const corrected = holm([0.04, null, 0.01, 0.03, 0.5]);
  expect(corrected.map((p) => p && Number(p.toFixed(6)))).toEqual([0.09, null, 0.04, 0.09, 0.5]);
});

it('a table of cells quotes what needs it, and nothing in it is a formula', () => {
  const rows = rowsOf(job(), ({ seed }) => (seed === 1 ? undefined : 1));
  const [head, first] = csvOf(job(), rows).split('\r\n');
  expect(head).toBe('cell,model,data,seed,round,status,metric,seconds,usd,summary');
  expect(first).toBe(`${rows[0]?.name},small,a,1,1,failed,,2,0.5,"'=cmd|""x"""`);
  expect(summaryOfCells(rows)).toBe('8 of 12 cells done; 4 failed, 4 of them: =cmd|"x"');
});
