import type { Kind } from './kind.ts';
import type { PipelineJob } from './pipeline.schema.ts';

/** Jobs that work with what others of them gave. */
export const pipeline: Kind<PipelineJob> = {
  objective: () => ({ kind: 'passes' }),
  product: 'stages',
  // Its stages name theirs.
  files: () => [],
  writes: () => [],
  stages: ({ stages }) => stages,
  subject: ({ stages }) => stages.map(({ name }) => name).join(', '),
  sentence({ stages }) {
    const names = stages.map(({ name }) => name).join(', ');
    return stages.length === 1
      ? `Run the stage ${names}.`
      : `Run ${stages.length} stages, each as soon as those it needs are done: ${names}.`;
  },
  asking: () => null,
  check: () => null,
};
