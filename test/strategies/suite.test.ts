import { expect, test } from 'vitest';
import { readJobFile } from '../../cli/start/job-file.ts';
import { membersOf, summaryOf } from '../bench/optimize.ts';

test('the suite has 24 functions, each a job that can be started, from both kinds of start', async () => {
  const members = await membersOf([]);
  expect(members).toHaveLength(24);
  expect(new Set(members.map(({ name }) => name)).size).toBe(24);
  for (const { folder, name } of members) {
    const { job } = await readJobFile(`${folder}/job.yaml`);
    expect(job).toMatchObject({ kind: 'optimize', name: name.replaceAll('_', '-') });
  }
  expect(members.filter(({ start }) => start === 'vectorised')).toHaveLength(9);
  await expect(membersOf(['stencil', 'stensil'])).rejects.toThrow('got stensil');
});

test('a winner that gives wrong answers gained nothing', () => {
  const found = (gain: number, wrong: string | null = null) => ({
    ...{ gain, wrong, seconds: 10 },
    start: 'naive' as const,
  });
  expect(summaryOf([found(4), found(1), found(25), found(900, 'values differ')])).toEqual({
    ...{ name: 'optimize', functions: 4, gained: 2, geometric_mean: 3.16 },
    ...{ geometric_mean_naive: 3.16, geometric_mean_vectorised: 1 },
    ...{ fast_1: 0.5, fast_2: 0.5, fast_10: 0.25, median_seconds: 10, wrong_accepted: 1 },
  });
});
