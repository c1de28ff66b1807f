import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { PayloadTooLarge, WrongStore } from '../domain/errors.ts';
import { forgedReason } from '../domain/forged.ts';

/** Bytes of JSON that may go in or out of an activity: the rest belongs into artifacts. */
const largest = 64 * 1024;

/**
 * Returns what stands before every activity. It leaves a job of another store to the workers of that store. It refuses what would swell a
 * history: the server would retry that for ever; here it fails once.
 */
export const createGuard = (storeId: string): ActivityInboundCallsInterceptor => ({
  async execute(input, next) {
    const [argument] = input.args;
    const forged = forgedReason(argument);
    // Another store's worker may be the one to do it.
    if (forged !== null) throw new WrongStore(forged);
    const asked =
      typeof argument === 'object' && argument !== null && 'storeId' in argument ? argument.storeId : storeId;
    if (asked !== storeId)
      throw new WrongStore(`this worker keeps store ${storeId}, the job belongs to store ${String(asked)}`);
    check('given', argument);
    const result = await next(input);
    check('giving back', result);
    return result;
  },
});

function check(way: string, value: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '');
  if (bytes > largest)
    throw new PayloadTooLarge(
      `an activity was ${way} ${bytes} bytes; at most ${largest} belong into a history`,
    );
}
