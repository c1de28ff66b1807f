import { describe, expect, it } from 'vitest';
import { verificationId } from '../../domain/job-id.ts';
import { stepKey, trialStep } from '../../domain/step.ts';
import { readJob, timesOf } from '../../record/kept-job.ts';
import { readProgress } from '../../record/progress.ts';
import { collectReport } from '../../record/report-facts.ts';
import type { Store } from '../../store/store.ts';
import { interval, openJob, recordTrial } from '../cli/kept-jobs.ts';
import { pipelineId, searchedJob, stageId } from '../cli/searched-job.ts';
import { temporaryStore } from '../store/temporary-store.ts';

/** The store, and every question that its ledger is asked. */
function asked(store: Store): { store: Store; questions: string[] } {
  const questions: string[] = [];
  const ledger = new Proxy(store.ledger, {
    get:
      (target, name: keyof Store['ledger']) =>
      (of: never, ...more: never[]) => {
        questions.push(`${name} ${[of, ...more].join(' ')}`);
        const operation: (...given: never[]) => unknown = target[name];
        return operation(of, ...more);
      },
  });
  return { store: { ...store, ledger }, questions };
}

const recordOf = async (store: Store, id: string) => (await store.ledger.job(id)) ?? expect.fail();

describe('a job as the ledger knows it', () => {
  it.each([
    ['a command', async (store: Store) => readJob(store, await recordOf(store, pipelineId))],
    ['a screen', async (store: Store) => readProgress(store, await recordOf(store, pipelineId))],
    ['a report', async (store: Store) => collectReport(store, pipelineId)],
  ])('is read once for %s: no question is asked twice', async (_, read) => {
    const { store, questions } = asked(await temporaryStore());
    await searchedJob(store);
    questions.length = 0;
    await read(store);
    expect(questions).toContain(`steps ${stageId}`);
    expect(questions.toSorted()).toEqual([...new Set(questions)].sort());
  });

  it('tells of a later verification what its own sandboxes waited', async () => {
    const store = await temporaryStore();
    const { stage } = await searchedJob(store);
    const id = verificationId(stageId, 1);
    await openJob(store, stage.job, { id, parent: { jobId: stageId, stage: 'verify' } });
    const [first] = (await store.ledger.trials(stageId)).filter(({ trial }) => trial.candidate.id === 'c-1');
    const { candidate } = first?.trial ?? expect.fail();
    await recordTrial(store, id, candidate, interval(99), {
      purpose: 'verification',
      timings: { measure: 6_200 },
    });
    const key = stepKey({ jobId: id, step: `${trialStep('c-1', 'verification')}/measure` });
    await store.ledger.waits(key, null, 1_000);
    await store.ledger.goesOn(key, 6_000);

    const kept = await readJob(store, await recordOf(store, stageId));
    const looks = kept.recorded.filter(({ trial }) => trial.candidate.id === 'c-1');
    expect(looks.map(({ trial }) => trial.purpose)).toEqual(['trial', 'verification', 'verification']);
    expect(looks.map((look) => timesOf(kept, look).measure)).toEqual([6_200, 6_200, 1_200]);
  });
});
