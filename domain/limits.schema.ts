import { z } from 'zod';
import { defaults } from './defaults.ts';

const positive = z.number().int().positive();

/** What one run in a sandbox may use. All limits are enforced from outside the program. */
export const Limits = z.strictObject({
  /** Wall-clock time of the whole process tree, milliseconds. */
  wallMs: positive.default(defaults.limits.wallMs),
  /** Processor time of the process tree, milliseconds; by default `wallMs` × cores. */
  cpuMs: positive.optional(),
  /** Memory of the process tree with its temporary files, MiB. */
  memoryMb: positive.default(defaults.limits.memoryMb),
  /** Processes and threads alive at once. */
  processes: positive.default(defaults.limits.processes),
  /** Standard output and standard error together, MiB. */
  outputMb: positive.default(defaults.limits.outputMb),
  /** One file or block of shared memory, MiB; by default `memoryMb`. */
  fileMb: positive.optional(),
  /** All files below /work, MiB; held in memory, so it counts against `memoryMb` too. */
  diskMb: positive.default(defaults.limits.diskMb),
});
export type Limits = z.infer<typeof Limits>;

/** The limits of one run of a program that may use so many cores. */
export const limitsOf = ({ limits, cores }: { limits: Limits; cores: number }) => ({
  ...limits,
  cpuMs: limits.cpuMs ?? limits.wallMs * cores,
});
