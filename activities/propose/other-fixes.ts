import { z } from 'zod';
import { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { type Place, proposedStep, stepKey } from '../../domain/step.ts';
import type { Store } from '../../store/store.ts';
import { takeStep } from '../context.ts';

/** A fix that a reply had beside its first. */
export const OtherFix = z.object({ title: z.string(), note: z.string(), program: Artifact });
export type OtherFix = z.infer<typeof OtherFix>;

/** Returns the key under which the fixes of a reply are kept, but for the first, which became a candidate. */
export const otherFixes = (jobId: string, id: string): string =>
  `other fixes ${stepKey({ jobId, step: proposedStep(id) })}`;

export type OtherFixActivities = ReturnType<typeof createOtherFixActivities>;

/** Candidates that a model proposed beside another. */
export const createOtherFixActivities = ({ store }: { store: Store }) => ({
  /** The fix number `index` of the reply that made the candidate `of`; null where it has no so many. */
  async proposeOther({
    id,
    parent,
    of,
    index,
    ...place
  }: Place & { id: string; parent: string; of: string; index: number }): Promise<Candidate | null> {
    return takeStep<Candidate | null>(store, place, 'propose', async () => {
      const kept = await store.ledger.recall(otherFixes(place.jobId, of));
      const fix = z.array(OtherFix).parse(kept ?? [])[index - 1];
      return fix === undefined ? null : { id, parents: [parent], operator: 'debug', ...fix };
    });
  },
});
