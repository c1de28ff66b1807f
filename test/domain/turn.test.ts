import { expect, it } from 'vitest';
import { stepKey, trialStep } from '../../domain/step.ts';
import { behindText, workTimes } from '../../domain/turn.ts';

it('says in words what a sandbox waits for', () => {
  expect(behindText('optimize/slow/0123456789.1#c-2/measure')).toBe('slow is being measured (c-2)');
  expect(behindText('pipeline/all/0123456789.1/fast#c-3/verify/measure')).toBe(
    'all fast is being measured (c-3)',
  );
  expect(behindText('solve/hello/0123456789.1#c-0/run')).toBe('hello is running (c-0)');
  expect(behindText(null)).toBe('another sandbox of this machine is being measured');
  expect(behindText('probe-1')).toBe('another sandbox of this machine is being measured');
});

it('takes what was waited out of the times of the steps, and tells it by itself', () => {
  const jobId = 'optimize/a/0123456789.1';
  const place = { jobId, step: trialStep('c-3', 'verification') };
  const wait = (step: string, since: number, until: number | null) => ({
    key: stepKey({ jobId, step: `${place.step}/${step}` }),
    since,
    until,
  });
  const waits = [
    wait('run', 1_000, 61_000),
    wait('grade-timed', 5_000, 7_000),
    wait('measure/2', 0, 500),
    wait('runner', 0, 9_000),
    { ...wait('run', 0, 9_000), key: 'optimize/a/0123456789.1#c-3/run' },
  ];
  expect(workTimes({ run: 60_020, 'grade timed': 2_100, measure: 800 }, place, waits)).toEqual({
    ...{ run: 20, 'grade timed': 100, measure: 300, waiting: 62_500 },
  });
  expect(workTimes({ run: 20 }, place, [])).toEqual({ run: 20 });
});
