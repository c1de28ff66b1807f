import { expect, it } from 'vitest';
import { Job } from '../../domain/job.schema.ts';
import { JobInput, VerificationInput } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';

const artifact = 'a'.repeat(64);
const optimize = {
  ...{ kind: 'optimize', name: 'faster', program: 'slow.py', function: 'f', cases: 'cases.py' },
  ...{ outputs: ['*.csv', { kind: 'csv', path: 'a.csv' }], budget: { usd: 2 } },
};
const solve = { kind: 'solve', name: 'draw', script: 'draw.py', outputs: ['a.png'] };
const pipeline = { kind: 'pipeline', name: 'both', stages: [optimize, { ...solve, needs: ['faster'] }] };
const started = (job: object) => ({
  ...{ jobId: 'x.1', series: 'x', run: 1, storeId: 'store', role: 'job', parent: null },
  ...{ job: Job.parse(job), files: artifact, beside: artifact, routes: noRoutes, stageRoutes: {} },
  ...{ searchable: false, fresh: false, resumed: 0 },
});

it.each([
  ['optimize', optimize],
  ['solve', solve],
  ['pipeline', pipeline],
])('what a job of kind %s was started with is read as it was written', (_, job) => {
  const input = started(job);
  expect(JobInput.parse(JSON.parse(JSON.stringify(input)))).toEqual(input);
});

it('what a job was started with is refused where a part is missing or wrong', () => {
  const { beside: _, ...partial } = started(solve);
  expect(JobInput.safeParse(partial).error?.issues[0]?.path).toEqual(['beside']);
  const wrong = { ...started(solve), routes: { ...noRoutes, plan: 'openai/gpt-4o' } };
  expect(JobInput.safeParse(wrong).error?.issues[0]?.path).toEqual(['routes', 'plan']);
  const claim = { value: 2, low: 1, high: 3 };
  const candidate = {
    ...{ id: 'c-1', parents: [], operator: 'draft', title: 't', note: 'n', program: artifact },
  };
  expect(VerificationInput.safeParse({ ...started(optimize), candidate, claim }).success).toBe(true);
  // What passed its checks claims nothing.
  expect(VerificationInput.safeParse({ ...started(solve), candidate, claim: null }).success).toBe(true);
  expect(VerificationInput.safeParse({ ...started(pipeline), candidate, claim }).success).toBe(false);
});
