import type { Rest } from '../domain/message.schema.ts';
import { restIn } from '../domain/steered.ts';
import type { JobRecord } from './ledger/jobs.ts';
import type { Ledger } from './ledger.ts';

/** Returns what a job rests for; null where it does not stand still, or people paused it. */
export const restOf = async (
  ledger: Ledger,
  { id, status, pausedAt }: Pick<JobRecord, 'id' | 'status' | 'pausedAt'>,
): Promise<Rest | null> =>
  status !== 'running' || pausedAt === null ? null : restIn(await ledger.messages(id));
