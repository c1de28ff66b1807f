import { afterAll, beforeAll, expect, test } from 'vitest';
import { metricIn } from '../../domain/leaderboard.ts';
import { bestTrial } from '../../domain/trial.ts';
import { patienceMs, type ScriptJobs, startScriptJobs } from './script-job.ts';

let jobs: ScriptJobs;

beforeAll(async () => {
  jobs = await startScriptJobs();
}, patienceMs);

afterAll(() => jobs?.stop());

test(
  'a whole script becomes faster by a strategy, and is verified',
  async () => {
    // Other work on the machine can hide the gain from a measurement: three in a row are a finding.
    for (const name of ['faster', 'faster-again', 'faster-at-last']) {
      const { record, trials } = await jobs.optimized({
        name,
        args: ['1200'],
        // Matches the program as well, which is no output of it.
        outputs: ['*'],
        strategies: ['vectorize_loops'],
        budget: { trials: 1 },
      });
      expect(record.status).toBe('finished');
      expect(trials.filter(({ outcome }) => outcome.kind !== 'scored')).toEqual([]);
      const best = bestTrial(trials, { kind: 'ratio', atLeast: 1 });
      if (best === null) continue;
      expect(best).toMatchObject({
        candidate: { operator: 'strategy', title: 'vectorize_loops' },
        purpose: 'verification',
      });
      expect(metricIn(best.outcome)?.low).toBeGreaterThan(1);
      return;
    }
    expect.fail('expected a verified best in one of three jobs, found none');
  },
  3 * patienceMs,
);
