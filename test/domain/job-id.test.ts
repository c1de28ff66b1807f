import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Job } from '../../domain/job.schema.ts';
import { identityOf, jobId, jobSeries, stageId, verificationId } from '../../domain/job-id.ts';

const files = 'a'.repeat(64);

/** The series of the job that these fields ask for. */
function seriesOf(fields: object, named = files): string {
  const job = Job.parse({ kind: 'optimize', name: 'blur', program: 'blur.py', ...fields });
  return jobSeries(job, createHash('sha256').update(identityOf(job, named)).digest('hex'));
}

describe('the series of a job', () => {
  it('says the kind and the name, and ends with ten digits of a hash', () => {
    expect(seriesOf({})).toMatch(/^optimize\/blur\/[0-9a-f]{10}$/);
  });

  it('is the same for the same job, whether a default is written out or not', () => {
    expect(seriesOf({ cores: 2, seed: 0, inputs: [] })).toBe(seriesOf({}));
  });

  it('is the same for another budget, which may be extended while the job runs', () => {
    expect(seriesOf({ budget: { trials: 9, wallMs: 1000 } })).toBe(seriesOf({}));
  });

  it('is another one where anything else that is asked for differs, or a file', () => {
    const others = [
      seriesOf({ seed: 1 }),
      seriesOf({ cores: 1 }),
      seriesOf({ limits: { wallMs: 1000 } }),
      seriesOf({ name: 'blur-2' }),
      seriesOf({ args: ['--fast'] }),
      seriesOf({}, 'b'.repeat(64)),
    ];
    expect(new Set([seriesOf({}), ...others]).size).toBe(others.length + 1);
  });

  it('is the same for another budget of a stage', () => {
    const pipeline = (trials: number): string => {
      const stage = { name: 'x', kind: 'optimize', program: 'a.py', budget: { trials } };
      const job = Job.parse({ kind: 'pipeline', name: 'both', stages: [stage] });
      return identityOf(job, files);
    };
    expect(pipeline(3)).toBe(pipeline(4));
  });
});

it('runs, stages and verifications of a job have IDs that begin with its own', () => {
  const id = jobId('optimize/blur/4f2a90c1d7', 2);
  expect(id).toBe('optimize/blur/4f2a90c1d7.2');
  expect(stageId(id, 'faster')).toBe(`${id}/faster`);
  expect(verificationId(id, 1)).toBe(`${id}/verify-1`);
});
