import { describe, expect, it } from 'vitest';
import type { Trial } from '../../../domain/trial.schema.ts';
import { changeLedger } from '../places.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const artifact = 'b'.repeat(64);

const trialOf = (id: string, parents: string[], purpose: Trial['purpose']): Trial => ({
  candidate: {
    id,
    parents,
    operator: 'strategy',
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

  it('that cannot be read are left out and told, each once; the others are read', async () => {
    const folder = await temporaryFolder();
    const said: string[] = [];
    const { ledger } = await temporaryStore(folder, (message) => said.push(message));
    await ledger.recordTrial({ jobId: 'job', index: 0, trial: trialOf('c-0', [], 'baseline') });
    await ledger.recordTrial({ jobId: 'job', index: 1, trial: trialOf('c-1', ['c-0'], 'trial') });
    await changeLedger(
      folder,
      `update trials set trial_json = replace(trial_json, '"value":3.1', '"value":null') where position = 0`,
    );
    for (const _ of [1, 2])
      expect((await ledger.trials('job')).map(({ trial }) => trial.candidate.id)).toEqual(['c-1']);
    expect(said).toEqual([
      expect.stringMatching(
        /^the ledger's row of baseline c-0 of job job cannot be read and is left out: outcome\.metric\.value: /,
      ),
    ]);
  });

  it('with a number that is none are refused', async () => {
    const { ledger } = await temporaryStore();
    const trial = { ...trialOf('c-1', [], 'trial'), timings: { build: Number.NaN } };
    await expect(ledger.recordTrial({ jobId: 'job', index: 1, trial })).rejects.toThrow(
      'trial 1 of job job: expected a number as build, got NaN',
    );
  });
});
