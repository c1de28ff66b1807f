import type { ActivityFunctionWithOptions } from '@temporalio/workflow';

/** Calls an activity under a summary that the Temporal UI shows beside its name. */
export const summarized = <I, O>(
  summary: string,
  activity: ActivityFunctionWithOptions<(input: I) => Promise<O>>,
  input: NoInfer<I>,
): Promise<O> => activity.executeWithOptions({ summary }, [input]) as Promise<O>;
