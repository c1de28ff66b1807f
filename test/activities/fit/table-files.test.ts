import { describe, expect, it } from 'vitest';
import {
  forGrader,
  forPlanner,
  forPrograms,
  labelsOutside,
  testLabels,
  testRows,
} from '../../../activities/fit/table-files.ts';

/** Everything that is made of a table, each file with an artifact of its own. */
const names = [
  ...['look.json', 'table.arrow', 'schema.json', 'meta.json', 'plan.json', 'task.json', 'features.arrow'],
  ...['folds.npy', 'weights.npy', 'test.arrow', 'labels.npy', 'test-labels.npy', 'test-weights.npy'],
  ...['fold-0-labels.npy', 'fold-1-labels.npy'],
];
const tree = Object.fromEntries(
  names.map((name, index) => [name, index.toString(16).padStart(2, '0').repeat(32)]),
);
const artifactsOf = (files: Record<string, string>): string[] => Object.values(files);

describe('the files of a table', () => {
  it('give programs no label but those of rows outside their fold, and no row of the test with one', () => {
    const seen = artifactsOf({ ...forPrograms(tree), ...labelsOutside(1, tree), ...testRows(tree) });
    for (const name of ['labels.npy', 'test-labels.npy', 'fold-0-labels.npy', 'table.arrow'])
      expect(seen, name).not.toContain(tree[name]);
    expect(labelsOutside(1, tree)).toEqual({ 'labels.npy': tree['fold-1-labels.npy'] });
    expect(() => labelsOutside(7, tree)).toThrow('expected labels of the rows outside fold 7, found none');
  });

  it('give nobody the test while a search goes on', () => {
    const before = artifactsOf({ ...forPrograms(tree), ...forGrader(tree), ...forPlanner(tree) });
    for (const name of ['test.arrow', 'test-labels.npy', 'table.arrow'])
      expect(before, name).not.toContain(tree[name]);
    expect(artifactsOf(testRows(tree))).toEqual([tree['test.arrow']]);
    expect(artifactsOf(testLabels(tree))).toContain(tree['test-labels.npy']);
  });

  it('give who decides neither rows nor labels', () => {
    expect(Object.keys(forPlanner(tree))).toEqual(['schema.json', 'meta.json', 'plan.json', 'task.json']);
  });
});
