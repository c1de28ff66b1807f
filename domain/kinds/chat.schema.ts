import { z } from 'zod';
import { common, Models, slug } from '../job-fields.schema.ts';

/**
 * A conversation over a folder of files. Each turn is a task, done by editing the program of the turn before.
 */
export const ChatJob = z.strictObject({
  kind: z.literal('chat'),
  name: slug,
  /** `inputs` are the files it begins with. Of `budget`, dollars and tokens are for the whole conversation, trials and time for each turn. */
  ...common,
  models: Models.prefault({}),
});
export type ChatJob = z.infer<typeof ChatJob>;
