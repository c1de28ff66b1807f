import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { JobRejected, SandboxUnavailable } from '../../domain/errors.ts';
import { createClean } from '../../workers/clean.ts';
import { tellRetries } from '../../workers/tell-retries.ts';

const jobId = 'solve/told/0123456789.1';

/** What the log of the job says after a step threw `errors`, one after another. */
async function toldOf(...errors: Error[]): Promise<string[]> {
  const said = new Map<string, string>();
  const ledger = {
    async say(_: string, key: string, text: string) {
      if (!said.has(key)) said.set(key, text);
    },
  };
  const interceptors = [tellRetries({ ledger, clean: createClean(['a-secret-value']) })];
  for (const error of errors) {
    const run = new MockActivityEnvironment({}, { interceptors }).run(() => Promise.reject(error), {
      jobId,
      step: 'c-1/run',
    });
    await expect(run).rejects.toBe(error);
  }
  return [...said.values()];
}

it('a step that is tried again says why, each reason once and without secrets', async () => {
  const down = new SandboxUnavailable('the engine does not answer\nat all');
  expect(await toldOf(down, down, new SandboxUnavailable('a-secret-value is no image'))).toEqual([
    'c-1/run: tried again because the engine does not answer',
    'c-1/run: tried again because [key] is no image',
  ]);
});

it('what is not tried again is not told', async () => {
  const final = ApplicationFailure.create({ type: 'ModelRefused', message: 'no', nonRetryable: true });
  expect(await toldOf(new JobRejected('bad'), new CancelledFailure('stop'), final)).toEqual([]);
});
