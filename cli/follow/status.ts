import type { Rest, Waiting } from '../../domain/message.schema.ts';
import type { JobRecord, JobStatus } from '../../store/ledger/jobs.ts';
import { durationText, type Format } from '../terminal.ts';

/** The statuses a job can have, each in its colour. */
export const statusFormats: Record<JobStatus, Format> = {
  running: 'cyan',
  finished: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/**
 * A status in its colour. A running job may be paused, or wait: for a person, or by itself for what it rests
 * for.
 */
export const statusCell = (
  { status, pausedAt }: Pick<JobRecord, 'status' | 'pausedAt'>,
  waits: Rest | Waiting | null = null,
): { text: string; format: Format } =>
  status === 'running' && pausedAt !== null
    ? { text: waits === null ? 'paused' : 'waiting', format: 'yellow' }
    : { text: status, format: statusFormats[status] };

/** How long the job took, or has been running. */
export const tookText = ({ startedAt, endedAt }: JobRecord, now: number): string =>
  durationText((endedAt ?? now) - startedAt);
