import { createJobActivities } from '../../activities/job.ts';
import type { JobClient } from '../../cli/server/client.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';

const unasked = () => Promise.reject(new Error('not asked for here'));

/** A client whose server opens each job it starts in the ledger, as the job's workflow does; `starts` says which it starts. */
export const openingClient = (store: () => Store, starts: (input: JobInput) => boolean): JobClient => ({
  searchable: false,
  async start(input) {
    if (!starts(input)) return;
    const { openJob } = createJobActivities({ store: store() });
    await openJob({ storeId: store().id, jobId: input.jobId, step: 'open', input });
  },
  verify: unasked,
  result: unasked,
  cancel: unasked,
  tell: unasked,
  closeEnded: async () => undefined,
  closed: async () => undefined,
  close: async () => undefined,
});
