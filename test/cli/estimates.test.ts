import { expect, it } from 'vitest';
import { estimatesOf } from '../../cli/start/estimates.ts';
import { Job } from '../../domain/job.schema.ts';

const told = (path: readonly PropertyKey[], message: string): string => `${path.join('.')}: ${message}`;
const estimates = (fields: Record<string, unknown>) =>
  estimatesOf({ job: Job.parse({ kind: 'solve', name: 'a', ...fields }), told });

it('a grid that no run can hold is refused; of one that fits it is told what it takes, and whether native code is worthwhile', () => {
  const outputs = [{ kind: 'voxels', path: 'grid.bin', n: 128 }];
  expect(estimates({ task: 'a letter', outputs })).toEqual({
    mistakes: [],
    notes: [
      'a voxel grid of 128³: 2,097,152 voxels, 8 MB, about 12 MB while a program works on them',
      'native code is worthwhile: a grid of 128 is larger than 64',
    ],
  });
  expect(estimates({ script: 'a.py', outputs, limits: { memoryMb: 4 } }).mistakes).toEqual([
    'outputs: a grid of 128³: 2,097,152 voxels, 8 MB, about 12 MB while a program works on them; a run may use 4 MB (limits.memoryMb)',
  ]);
  expect(estimates({ task: 'count words' })).toEqual({ mistakes: [], notes: [] });
});
