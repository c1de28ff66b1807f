import { createHash } from 'node:crypto';
import { ApplicationFailure, CancelledFailure, CompleteAsyncError } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { finalErrors } from '../domain/errors.ts';
import { againKey, stepKey } from '../domain/step.ts';
import type { Ledger } from '../store/ledger.ts';
import type { Clean } from './clean.ts';
import { placeOf } from './observe.ts';

const final: ReadonlySet<string> = new Set(finalErrors);

/** Says in a job's log why one of its activities is tried again, each reason of a step once. */
export const tellRetries =
  ({ ledger, clean }: { ledger: Pick<Ledger, 'say'>; clean: Clean }): ActivityInterceptorsFactory =>
  () => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const { jobId, step } = placeOf(input.args[0]);
          if (jobId !== undefined && step !== undefined && isRetried(error)) {
            const reason = clean.text(error instanceof Error ? error.message : String(error));
            const [line = ''] = reason.split('\n');
            const which = createHash('sha256').update(line).digest('hex').slice(0, 8);
            const text = `${step}: tried again because ${line}`;
            // Where not even that can be kept, Temporal's own UI has the failure.
            await ledger
              .say(jobId, againKey(stepKey({ jobId, step }), which), text, Date.now())
              .catch(() => undefined);
          }
          throw error;
        }
      },
    },
  });

const isRetried = (error: unknown): boolean =>
  !(error instanceof CancelledFailure || error instanceof CompleteAsyncError) &&
  !(error instanceof ApplicationFailure ? error.nonRetryable : false) &&
  !final.has(
    error instanceof ApplicationFailure ? (error.type ?? '') : error instanceof Error ? error.name : '',
  );
