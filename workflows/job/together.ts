import { CancellationScope, TemporalFailure } from '@temporalio/workflow';

/**
 * Runs `act` in a scope of its own. Where it fails, cancels what it began and waits until `begun` has ended. Nothing goes on behind a job
 * that is being closed. A bug in workflow code is rethrown at once, and cancels nothing.
 */
export async function together<T>(
  begun: () => readonly Promise<unknown>[],
  act: () => Promise<T>,
): Promise<T> {
  const scope = new CancellationScope();
  try {
    return await scope.run(act);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    scope.cancel();
    await Promise.allSettled(begun());
    throw error;
  }
}
