import { totalmem } from 'node:os';
import { JobRejected } from '../domain/errors.ts';
import type { Limits } from '../domain/limits.schema.ts';

/** Memory that this machine has for programs, MiB: what is there, or what this process's own control group may use. */
export const machineMemoryMb = (): number =>
  Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2 ** 20);

/** Throws `JobRejected` where a limit is beyond the machine: no program could ever be started within it. */
export function rejectBeyondMachine({ memoryMb }: Limits): void {
  const most = machineMemoryMb();
  if (memoryMb > most)
    throw new JobRejected(
      `limits.memoryMb: expected at most ${most}, which is what this machine has, got ${memoryMb}`,
    );
}
