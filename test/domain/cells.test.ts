import { describe, expect, it } from 'vitest';
import { cellsOf, type Grid, jobOfCell, mostCells } from '../../domain/cells.ts';
import { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import { placeholder } from '../support/placeholder.ts';

const grid = (given: Partial<Grid>): Grid => ({
  ...{ matrix: { a: [1, 2], seed: [7, 8] }, include: [], exclude: [], repeats: 1 },
  ...given,
});

describe('the cells of a grid', () => {
  it('are every combination, every arm once before any is repeated', () => {
    expect(cellsOf(grid({ repeats: 2 })).map(({ values, round }) => [values.a, values.seed, round])).toEqual([
      ...[1, 2].map((a) => [a, 7, 1]),
      ...[1, 2].map((a) => [a, 8, 1]),
      ...[1, 2].map((a) => [a, 7, 2]),
      ...[1, 2].map((a) => [a, 8, 2]),
    ]);
  });

  it('leave out what is excluded, and have what is included', () => {
    const cells = cellsOf(grid({ exclude: [{ a: 1 }], include: [{ a: 9, seed: 7 }] }));
    expect(cells.map(({ values }) => values)).toEqual([
      { a: 2, seed: 7 },
      { a: 2, seed: 8 },
      { a: 9, seed: 7 },
    ]);
  });

  it('are called the same wherever their values stand in the matrix, and never as one another', () => {
    const names = (matrix: Grid['matrix']): string[] => cellsOf(grid({ matrix })).map(({ name }) => name);
    expect(names({ a: [3, 1, 2], seed: [8, 7] }).toSorted()).toEqual(
      names({ a: [1, 2, 3], seed: [7, 8] }).toSorted(),
    );
    const alike = names({ a: ['x y', 'x-y', 'X y', ['x', 'y'], { x: 'y' }, '', '../..', '日本'] });
    expect(new Set(alike).size).toBe(8);
    for (const name of alike) expect(name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
    const many = names({
      a: Array.from({ length: 300 }, (_, index) => index),
      seed: Array.from({ length: 100 }, (_, index) => index),
    });
    expect(new Set(many).size).toBe(30_000);
  });

  it('are counted without making them', () => {
    const huge = Array.from({ length: 1_000 }, (_, index) => index);
    expect(mostCells(grid({ matrix: { a: huge, b: huge }, repeats: 2 }))).toBe(2_000_000);
  });

  it('are the job with their values in its fields and texts; a repeat has another seed', () => {
    const job = ExperimentJob.parse({
      kind: 'experiment',
      name: 'grid',
      cell: { kind: 'solve', name: 'grid', script: 'a.py', args: [`--rate=${placeholder('rate')}`], seed: 5 },
      matrix: { rate: [0.5], 'limits.memoryMb': [300] },
      repeats: 2,
    });
    const jobs = cellsOf(job).map((cell) => jobOfCell(job, cell));
    expect(jobs).toEqual([
      { ...job.cell, args: ['--rate=0.5'], limits: { ...job.cell.limits, memoryMb: 300 } },
      { ...job.cell, args: ['--rate=0.5'], limits: { ...job.cell.limits, memoryMb: 300 }, seed: 6 },
    ]);
  });
});
