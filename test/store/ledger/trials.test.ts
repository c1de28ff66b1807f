import { describe, expect, it } from 'vitest';
import type { Trial } from '../../../domain/trial.schema.ts';
import { temporaryStore } from '../temporary-store.ts';

const artifact = 'b'.repeat(64);

const trialOf = (id: string, parents: string[], purpose: Trial['purpose']): Trial => ({
  candidate: {
    id,
    parents,
    operator: 'recipe',
    title: 'parallelize',
    note: 'Uses two threads.',
    program: artifact,
  },
  purpose,
  outcome: { kind: 'scored', metric: { value: 3.1, low: 2.9, high: 3.3 }, verdict: artifact },
  measurement: null,
  artifacts: { 'build.log': artifact },
  timings: { build: 612.5, run: 40 },
  seeds: ['17', '18'],
});

describe('trials', () => {
  it('come back as they were recorded, in order, each once', async () => {
    const { ledger } = await temporaryStore();
    const baseline = trialOf('c-0', [], 'baseline');
    const trial = trialOf('c-1', ['c-0'], 'trial');
    const verification = trialOf('c-1', ['c-0'], 'verification');
    await ledger.recordTrial({ jobId: 'job', index: 1, trial });
    await ledger.recordTrial({ jobId: 'job', index: 0, trial: baseline });
    await ledger.recordTrial({ jobId: 'job', index: 1, trial: { ...trial, seeds: ['a retry'] } });
    await ledger.recordTrial({ jobId: 'job', index: 2, trial: verification });
    await ledger.recordTrial({ jobId: 'another job', index: 0, trial: baseline });
    const trials = await ledger.trials('job');
    expect(trials.map(({ index, trial: recorded }) => [index, recorded])).toEqual([
      [0, baseline],
      [1, trial],
      [2, verification],
    ]);
    expect(trials[0]?.createdAt).toBeGreaterThan(1_600_000_000_000);
    expect(await ledger.trials('nobody')).toEqual([]);
  });
});
