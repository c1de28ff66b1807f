import { describe, expect, it } from 'vitest';
import { parentId, parseJobId, stageId, verificationId } from '../../domain/job-id.ts';
import {
  againKey,
  filesStep,
  jobOfStep,
  parseStep,
  placeOfKey,
  proposedStep,
  proposeStep,
  requestStep,
  stepKey,
  stepOfKey,
  subjectOf,
  trialStep,
  unrepaired,
} from '../../domain/step.ts';

const nothing = { candidate: null, verifies: false, stage: null, request: null };

describe('the path of a step', () => {
  it.each([
    [`${trialStep('c-3', 'trial')}/measure`, { candidate: 'c-3', name: 'measure' }],
    [
      `${trialStep('c-12', 'verification')}/grade-timed`,
      { candidate: 'c-12', verifies: true, name: 'grade-timed' },
    ],
    [
      requestStep(proposeStep('c-3'), 1),
      { candidate: 'c-3', request: { question: 'c-3/propose', index: 1, repair: 0 }, name: 'propose-1' },
    ],
    [
      requestStep(proposeStep('c-3'), 0, 2),
      {
        candidate: 'c-3',
        request: { question: 'c-3/propose', index: 0, repair: 2 },
        name: 'propose-0/repair-2',
      },
    ],
    [proposedStep('c-3'), { candidate: 'c-3', name: 'proposed' }],
    [filesStep('faster'), { stage: 'faster', name: 'faster/files' }],
    [filesStep('c-1'), { stage: 'c-1', name: 'c-1/files' }],
    ['strategies', { name: 'strategies' }],
    ['close-2', { name: 'close-2' }],
  ])('%s is read as it was built', (path, parts) => {
    expect(parseStep(path)).toEqual({ ...nothing, ...parts });
  });

  it('leads from a repair to the request that it mends, and no further', () => {
    expect(unrepaired(requestStep(proposeStep('c-3'), 1, 2))).toBe(requestStep(proposeStep('c-3'), 1));
    expect(unrepaired(requestStep(proposeStep('c-3'), 1))).toBe(requestStep(proposeStep('c-3'), 1));
    expect(unrepaired('c-3/measure')).toBe('c-3/measure');
  });
});

describe('the key of a step', () => {
  const jobId = 'pipeline/all/0123456789.1/fast';

  it('gives back the job and the step it was made of', () => {
    const key = stepKey({ jobId, step: 'c-3/verify/measure' });
    expect(placeOfKey(key)).toEqual({ jobId, step: 'c-3/verify/measure' });
    expect(jobOfStep(key)).toBe(jobId);
    expect(stepOfKey(key)).toMatchObject({ candidate: 'c-3', verifies: true, name: 'measure' });
    expect(againKey(key, 'x')).toBe(`${key}/again-x`);
  });

  it('says what the step is about', () => {
    expect(subjectOf(stepKey({ jobId, step: 'c-3/run' }))).toBe('c-3');
    expect(subjectOf(stepKey({ jobId, step: 'strategies' }))).toBe('strategies');
  });

  it('is told from a text that is none', () => {
    expect(placeOfKey('probe-1')).toBeNull();
    expect(jobOfStep('probe-1')).toBe('');
  });
});

describe("a job's ID", () => {
  const top = 'pipeline/all/0123456789.1';
  const verification = verificationId(stageId(top, 'fast'), 2);

  it('tells the job at its top, and what lies below', () => {
    expect(parseJobId(verification)).toEqual({
      top,
      kind: 'pipeline',
      name: 'all',
      below: ['fast', 'verify-2'],
    });
    expect(parseJobId(top)).toEqual({ top, kind: 'pipeline', name: 'all', below: [] });
  });

  it('tells the job above', () => {
    expect(parentId(verification)).toBe(stageId(top, 'fast'));
    expect(parentId(stageId(top, 'fast'))).toBe(top);
    expect(parentId(top)).toBeNull();
  });
});
