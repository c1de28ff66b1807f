import type { JobInput } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { interval, openJob, openStep, recordTrial, storeProgram, tree } from './kept-jobs.ts';

const source = 'def blur(image):\n    return image\n';
export const pipelineId = 'pipeline/start/4f2a90c1d7.1';
export const stageId = `${pipelineId}/faster`;

/** A pipeline in the middle of its first stage: three trials done, the fourth being verified, the fifth being built. */
export async function searchedJob(store: Store): Promise<{ pipeline: JobInput; stage: JobInput }> {
  const faster = {
    kind: 'optimize',
    name: 'faster',
    program: 'blur.py',
    function: 'blur',
    cases: 'cases.py',
    budget: { trials: 8 },
  } as const;
  const picture = { kind: 'solve', name: 'picture', script: 'picture.py', needs: ['faster'] } as const;
  const stages = [{ ...faster }, { ...picture, needs: [...picture.needs] }];
  const files = { 'blur.py': source, 'cases.py': '', 'picture.py': '' };
  const pipeline = await openJob(
    store,
    { kind: 'pipeline', name: 'start', stages },
    { id: pipelineId, files },
  );
  await store.ledger.say(pipelineId, 'stage', 'stage faster', Date.now());
  const stage = await openJob(
    store,
    { ...faster },
    { id: stageId, files, parent: { jobId: pipelineId, stage: 'faster' } },
  );

  const entry = { kind: 'function', module: 'blur.py', name: 'blur' } as const;
  const program = async (text: string) =>
    storeProgram(store, { files: await tree(store, { 'blur.py': text }), entry, build: null });
  const baseline = await program(source);
  const changed = await program(`import numba\n\n\n@numba.njit\n${source}`);
  const done = async (step: string, kind: string, result: unknown): Promise<void> => {
    await store.ledger.once(`${stageId}#${step}`, { jobId: stageId, kind }, async () => result);
  };
  await recordTrial(
    store,
    stageId,
    { id: 'c-0', title: 'as it is', program: baseline, operator: 'baseline', parents: [] },
    interval(1),
    { purpose: 'baseline' },
  );
  await done('strategies', 'strategies', {
    applicable: ['vectorize_loops', 'a', 'b', 'c', 'd', 'e'],
    notUsed: [{ strategies: ['use_pythran'], reason: 'blur.py:1: blur has keyword-only parameters' }],
  });
  await openStep(store, stageId, 'c-1/measure', 'measure');
  const first = { id: 'c-1', title: 'vectorize_loops', program: changed };
  await recordTrial(store, stageId, first, interval(102), {
    artifacts: { 'build log': await store.blobs.put('warning: slow\n') },
  });
  await recordTrial(store, stageId, first, interval(100), { purpose: 'verification' });
  await recordTrial(
    store,
    stageId,
    { id: 'c-2', title: 'reduce_precision', program: changed },
    { kind: 'wrong', verdict: baseline, reason: 'case 2, answer[12, 40]: expected 0.8312, got 0.0000' },
  );
  await recordTrial(
    store,
    stageId,
    {
      id: 'c-3',
      title: 'a table \u001b[31mof sines',
      program: changed,
      operator: 'improve',
      parents: ['c-1'],
    },
    {
      ...{ kind: 'crashed', reason: 'IndexError: index 48\nTraceback' },
      diagnosis: {
        ...{ kind: 'indexOutOfRange', evidence: 'IndexError: index 48', fix: null },
        ...{ place: { path: 'slow.py', line: 7, within: 'blur' }, suggestion: 'See how long it is.' },
      },
    },
  );
  await done('c-4/propose', 'propose', { id: 'c-4', title: 'use_cpp_extension' });
  await openStep(store, stageId, 'c-4/verify/measure', 'measure');
  await done('c-5/propose', 'propose', null);
  await openStep(store, stageId, 'c-6/propose', 'propose');
  return { pipeline, stage };
}
