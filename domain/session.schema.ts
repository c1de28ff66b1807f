import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/** What a turn came to, or files that were brought, by the message it began with. A turn that fails changes nothing. */
export const SaidEnd = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('done'),
    told: z.string(),
    /** A `Tree`: the workspace from then on. */
    files: Artifact,
    /** A `Program`: the one that the next turn edits; null while there is none. */
    program: Artifact.nullable(),
    /** A `Tree`: the files that were written, or brought. */
    written: Artifact,
    /** What was done, in one sentence. */
    note: z.string(),
  }),
  z.object({ kind: z.literal('failed'), told: z.string(), why: z.string() }),
]);
export type SaidEnd = z.infer<typeof SaidEnd>;
