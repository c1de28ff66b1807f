import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { StorageFull } from '../domain/errors.ts';
import type { Log } from './log.ts';

/** Says once that a worker waits because its disk is full, and once that it goes on. Each step is tried again until there is room. */
export function createFullDiskTeller(home: string, log: Log): () => ActivityInboundCallsInterceptor {
  let full = false;
  return () => ({
    async execute(input, next) {
      try {
        const result = await next(input);
        if (full) log.info({ home }, `the disk of ${home} has room again: going on`);
        full = false;
        return result;
      } catch (error) {
        if (error instanceof StorageFull && !full) {
          full = true;
          log.warn({ home }, `the disk of ${home} is full: waiting for room`);
        }
        throw error;
      }
    },
  });
}
