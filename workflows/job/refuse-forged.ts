import { ApplicationFailure, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { ForgedPayload } from '../../domain/errors.ts';
import { forgedMark, forgedReason } from '../../domain/forged.ts';

interface Payload {
  metadata?: Record<string, unknown> | null;
  data?: Uint8Array | null;
}

/**
 * Refuses what the worker did not find signed. An answer of an activity or a stage becomes a failure before workflow code sees it. A
 * start ends at once, and a message is refused. Nothing else is touched.
 */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  internals: [
    {
      activate(input, next) {
        for (const { resolveActivity, resolveChildWorkflowExecution } of input.activation.jobs ?? [])
          for (const { result } of [resolveActivity, resolveChildWorkflowExecution].filter(
            (each) => each != null,
          )) {
            const why = reasonIn(result?.completed?.result);
            if (result == null || why === null) continue;
            result.completed = null;
            result.failed = {
              failure: {
                message: why,
                applicationFailureInfo: { type: ForgedPayload.name, nonRetryable: true },
              },
            };
          }
        next(input);
      },
    },
  ],
  inbound: [
    {
      async execute(input, next) {
        const why = input.args.map(forgedReason).find((each) => each !== null);
        if (why != null) throw ApplicationFailure.nonRetryable(why, ForgedPayload.name);
        return next(input);
      },
      validateUpdate(input, next) {
        const why = input.args.map(forgedReason).find((each) => each !== null);
        if (why != null) throw ApplicationFailure.nonRetryable(why, ForgedPayload.name);
        next(input);
      },
      async handleSignal(input, next) {
        if (input.args.every((each) => forgedReason(each) === null)) await next(input);
      },
    },
  ],
});

/** The mark is in the metadata: only the worker can have put it there. */
function reasonIn(payload: Payload | null | undefined): string | null {
  if (payload?.metadata?.[forgedMark] === undefined) return null;
  return forgedReason(JSON.parse(new TextDecoder().decode(payload.data ?? new Uint8Array())));
}
