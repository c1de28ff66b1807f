import { cellsOf } from '../cells.ts';
import type { ExperimentJob } from './experiment.schema.ts';
import type { Kind } from './kind.ts';

/** One job for every combination of values; what its cells are is in `domain/cells.ts`. */
export const experiment: Kind<ExperimentJob> = {
  objective: () => ({ kind: 'passes' }),
  product: 'outputs',
  // Its cells name theirs.
  files: () => [],
  writes: () => [],
  stages: () => [],
  subject: ({ matrix }) => Object.keys(matrix).join(' × '),
  sentence(job) {
    const sizes = Object.entries(job.matrix).map(([name, values]) => `${name} (${values.length})`);
    return `Run ${cellsOf(job).length} cells: ${sizes.join(' × ')}${job.repeats > 1 ? `, ${job.repeats} times each` : ''}.`;
  },
  asking: () => null,
  check: () => null,
};
