import type { ChatJob } from './chat.schema.ts';
import { environmentFiles, type Kind, read } from './kind.ts';
import type { SolveJob } from './solve.schema.ts';

/** People talk to it: what they say is a task over the files and the program so far. */
export const chat: Kind<ChatJob> = {
  objective: () => ({ kind: 'passes' }),
  product: 'outputs',
  talks: true,
  files: (job) => [...environmentFiles(job), ...read('inputs', job.inputs)],
  writes: () => [],
  stages: () => [],
  subject: ({ inputs }) =>
    inputs.length === 0 ? 'a conversation' : `a conversation over ${inputs.join(', ')}`,
  sentence: ({ inputs }) =>
    `Do what is said, turn by turn, over ${inputs.length === 0 ? 'the files that come of it' : inputs.join(', ')}.`,
  asking: ({ models }) => ({ models, roles: ['draft', 'debug', 'improve'], otherwise: null }),
  check: () => null,
};

/**
 * Returns the job of a turn. What was said is its task, and every file that its program writes must be
 * readable.
 */
export function turnJob(
  { environment, limits, cores, seed, budget, models }: ChatJob,
  { name, text }: { name: string; text: string },
): SolveJob {
  const { usd: _, tokens: __, ...each } = budget;
  return {
    ...{ kind: 'solve', name, task: text, args: [], inputs: ['.'], limits, cores, seed, models },
    ...(environment === undefined ? {} : { environment }),
    budget: each,
    outputs: [{ kind: 'readable', path: '**' }],
  };
}
