import { availableParallelism, totalmem } from 'node:os';
import { JobRejected } from '../domain/errors.ts';
import type { Limits } from '../domain/limits.schema.ts';

/** What a machine has for programs. */
export interface Machine {
  memoryMb: number;
  cores: number;
}

/** Memory that this machine has for programs, MiB: what is there, or what this process's own control group may use. */
export const machineMemoryMb = (): number =>
  Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2 ** 20);

/** Returns what this machine has for programs. */
export const thisMachine = (): Machine => ({ memoryMb: machineMemoryMb(), cores: availableParallelism() });

/** Returns what is to be said where more was asked for than the machine has. */
export const beyondMachine = (most: number, got: number): string =>
  `expected at most ${most}, which is what this machine has, got ${got}`;

/** Throws `JobRejected` where a limit is beyond the machine: no program could ever be started within it. */
export function rejectBeyondMachine({ memoryMb }: Limits): void {
  const most = machineMemoryMb();
  if (memoryMb > most) throw new JobRejected(`limits.memoryMb: ${beyondMachine(most, memoryMb)}`);
}
