import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Connection, type WorkflowHandle } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { prepareNamespace } from '../../cli/server/client.ts';
import { ModelQuotaExceeded, ModelRefused, ModelUnauthenticated } from '../../domain/errors.ts';
import type { JobInput, JobResult, Routes } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import type { JournalRow } from '../../domain/journal.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { nothingKnown } from '../../domain/known.ts';
import { queues } from '../../domain/queues.ts';
import { bestAttribute, kindAttribute, statusAttribute } from '../../domain/visibility.ts';
import { artifact, type Script, type Seen, type StubOptions, stubActivities } from './stub-activities.ts';
import { stubbedWorkers } from './stubbed-workers.ts';

const workers = stubbedWorkers();

const inputOf = (
  fields: Partial<z.input<typeof OptimizeJob>>,
  given: Partial<JobInput<OptimizeJob>> = {},
): JobInput<OptimizeJob> => ({
  jobId: `optimize/test/${randomUUID()}.1`,
  series: 'optimize/test',
  run: 1,
  storeId: 'store',
  job: OptimizeJob.parse({
    kind: 'optimize',
    name: 'test',
    program: 'slow.py',
    function: 'f',
    cases: 'cases.py',
    ...fields,
  }),
  files: artifact,
  beside: artifact,
  role: 'job',
  parent: null,
  routes: noRoutes,
  stageRoutes: {},
  searchable: false,
  fresh: false,
  resumed: 0,
  ...given,
});

/** Runs a job to its end with stubbed activities on every queue; `look` sees it while its workers still answer. */
async function run(
  script: Script,
  input: JobInput<OptimizeJob>,
  options: StubOptions = {},
  look: (handle: WorkflowHandle) => Promise<void> = async () => undefined,
): Promise<{ seen: Seen; result: JobResult }> {
  const { activities, seen } = stubActivities(script, options);
  return workers.during(activities, async () => {
    const handle = await workers.client.workflow.start('optimize', {
      workflowId: input.jobId,
      taskQueue: queues.orchestrate,
      args: [input],
    });
    const { endless } = options;
    if (endless !== undefined) {
      while (!seen.activities.includes(endless)) await wait(20);
      await handle.cancel();
    }
    const result = (await handle.result()) as JobResult;
    await look(handle);
    return { seen, result };
  });
}

const allRoles = (routes: string[]): Routes => ({
  ...{ plan: routes, draft: routes, debug: routes },
  ...{ improve: routes, explain: routes },
});

const purposes = (seen: Seen): string[] =>
  seen.trials.map(({ candidate, purpose, outcome }) => `${candidate.title}: ${purpose} ${outcome.kind}`);

describe('an optimize job', () => {
  it('verifies what would be best again before it is best, and nothing else', async () => {
    const { seen, result } = await run(
      { fast: { speedups: [4] }, slower: { speedups: [0.5] } },
      inputOf({ policy: 'refine' }),
    );
    expect(purposes(seen).sort()).toEqual(
      [
        'as it is: baseline scored',
        'fast: trial scored',
        'fast: verification scored',
        'slower: trial scored',
      ].sort(),
    );
    expect(result.summary).toContain('fast is 4× faster');
    const ofStrategies = seen.trials.filter(({ purpose }) => purpose !== 'baseline');
    expect(ofStrategies.map(({ measurement }) => measurement?.isOurs)).toEqual([true, true, true]);
  });

  it.each([
    'prepareCases',
    'claimBench',
    'gradeTimed',
    'listStrategies',
    'proposeByStrategy',
    'buildProgram',
    'runProgram',
    'gradeRun',
    'measure',
  ] as const)('that is cancelled in %s ends as cancelled', async (endless) => {
    const input = inputOf({});
    await expect(run({ fast: { speedups: [4] } }, input, { endless })).rejects.toThrow();
    const { status } = await workers.client.workflow.getHandle(input.jobId).describe();
    expect(status.name).toBe('CANCELLED');
  });

  it('does not take for best what does not hold when verified', async () => {
    const { result } = await run({ lucky: { speedups: [9, 0.9] }, honest: { speedups: [2] } }, inputOf({}));
    expect(result.summary).toContain('honest is 2× faster');
  });

  it('goes on after candidates that fail in every way, and counts them as tried', async () => {
    const script: Script = {
      broken: { buildFailed: 'no such header' },
      dead: { crashed: 'ended by SIGSEGV' },
      wrong: { wrong: 'grid[0]: expected 1, got 2' },
      unsuited: { notApplicable: true },
      fast: { speedups: [3] },
    };
    const { seen, result } = await run(script, inputOf({ budget: { trials: 5, wallMs: 1e6 } }));
    expect(result.summary).toContain('fast is 3× faster');
    expect(result.summary).toContain('4 tried, 1 right');
    expect(seen.trials.filter((trial) => trial.purpose === 'trial')).toHaveLength(4);
  });

  it('uses no more trials than its budget', async () => {
    const script: Script = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e'].map((title) => [title, { speedups: [2] }]),
    );
    const { seen, result } = await run(
      script,
      inputOf({ budget: { trials: 3, wallMs: 1e6 }, casesFrom: 'a run' }),
    );
    expect(result.summary).toMatch(/\. The verdict rests on inputs that Crucible made from a run$/);
    expect(seen.trials.filter((trial) => trial.purpose === 'trial')).toHaveLength(3);
  });

  it('stops as soon as its goal is met by a verified candidate', async () => {
    const script: Script = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((title) => [title, { speedups: [8] }]),
    );
    const { seen, result } = await run(script, inputOf({ goal: 5, budget: { trials: 6, wallMs: 1e6 } }));
    expect(result.summary).toContain('the goal of 5× is met');
    expect(result.summary).not.toContain('rests on');

    expect(seen.trials.filter((trial) => trial.purpose === 'trial').length).toBeLessThan(4);
  });

  it('asks models after the strategies, the next route where one fails', async () => {
    const routes = ['down/one', 'up/two'];
    const { seen, result } = await run(
      { strategy: { speedups: [2] }, 'model:up/two a': { speedups: [5] }, 'model:up/two b': { wrong: 'no' } },
      inputOf({ budget: { trials: 3, wallMs: 1e6 } }, { routes: allRoles(routes) }),
    );
    expect(seen.activities.filter((name) => name === 'proposeByModel')).toHaveLength(4);
    expect(result.summary).toContain('model:up/two a is 5× faster');
  });

  it('has a reply that cannot be used repaired at most twice, then takes the next route', async () => {
    const routes = ['down/one', 'up/two'];
    const { seen, result } = await run(
      { 'model:up/two a': { speedups: [5] } },
      inputOf({ policy: 'refine', budget: { trials: 1, wallMs: 1e6 } }, { routes: allRoles(routes) }),
      { failModel: ({ route }) => (route === 'down/one' ? 'ModelReplyUnusable' : undefined) },
    );
    expect(seen.asked.map(({ step, repairs }) => [step, repairs])).toEqual([
      ['c-1/propose-0', null],
      ['c-1/propose-0/repair-1', 'c-1/propose-0'],
      ['c-1/propose-0/repair-2', 'c-1/propose-0/repair-1'],
      ['c-1/propose-1', null],
    ]);
    expect(result.summary).toContain('model:up/two a is 5× faster');
  });

  it('out of budget ends with its best so far, and says so', async () => {
    const { seen, result } = await run(
      { 'model:up/two a': { speedups: [5] } },
      inputOf({ policy: 'refine', budget: { trials: 9, wallMs: 1e6 } }, { routes: allRoles(['up/two']) }),
      { failModel: ({ id }) => (id === 'c-1' ? undefined : 'BudgetExhausted') },
    );
    expect(seen.closed).toEqual([{ status: 'finished', summary: result.summary }]);
    expect(result.summary).toContain('model:up/two a is 5× faster');
    expect(result.summary).toContain('stopped because out of budget: up/two: BudgetExhausted');
    // What could not be paid for is decided already when there is money.
    expect(seen.inVain).toEqual([]);
  });

  it('gives models up when none makes a program three times in a row', async () => {
    const { seen, result } = await run(
      { strategy: { speedups: [2] } },
      inputOf({ budget: { trials: 9, wallMs: 1e6 } }, { routes: allRoles(['up/two']) }),
      { failModel: () => 'RouteUnavailable' },
    );
    expect(seen.asked.length).toBeGreaterThanOrEqual(3);
    expect(seen.asked.length).toBeLessThanOrEqual(4);
    expect(result.summary).toContain('strategy is 2× faster');
    expect(result.summary).toContain('models gave no program 3 times in a row; the last reason: ');
  });

  it('asks no more where every route refuses its key or account, and says so', async () => {
    const { seen, result } = await run(
      { strategy: { speedups: [2] } },
      inputOf({ budget: { trials: 9, wallMs: 1e6 } }, { routes: allRoles(['down/one', 'down/two']) }),
      {
        failModel: ({ route }) =>
          route === 'down/one' ? ModelUnauthenticated.name : ModelQuotaExceeded.name,
      },
    );
    // Two drafts are asked for at once, each on both routes.
    expect(seen.asked.length).toBeLessThanOrEqual(4);
    expect(result.summary).toContain('strategy is 2× faster');
    expect(result.summary).toContain('stopped because down/one: ModelUnauthenticated; down/two: ModelQuota');
  });

  it('goes on with other questions where one gets no program', async () => {
    const { seen, result } = await run(
      {
        'model:up/one a': { wrong: 'no' },
        'model:up/one b': { speedups: [3] },
        'model:up/one c': { speedups: [4] },
      },
      inputOf({ policy: 'refine', budget: { trials: 3, wallMs: 1e6 } }, { routes: allRoles(['up/one']) }),
      { failModel: ({ decision }) => (decision.kind === 'debug' ? ModelRefused.name : undefined) },
    );
    const debugs = seen.asked.filter(({ decision }) => decision.kind === 'debug');
    expect(seen.inVain).toEqual(debugs.map(({ id }) => Number(id.slice(2))));
    expect(debugs.length).toBeLessThanOrEqual(3);
    expect(result.summary).toContain('all 3 trials of the budget are used');
  });

  it('taken up again, goes on after what it had finished', async () => {
    const done = (id: string, title: string, value: number, verified: boolean): JournalRow => ({
      ...{ id, parents: ['c-0'], operator: 'strategy', title, outcome: 'scored' },
      metric: { value, low: value * 0.9, high: value * 1.1 },
      ...{ passed: null, verified },
    });
    const { seen, result } = await run(
      { a: { speedups: [2] }, b: { speedups: [4] }, c: { speedups: [3] }, d: { speedups: [8] } },
      inputOf({ budget: { trials: 4, wallMs: 1e6 } }, { resumed: 1 }),
      {
        known: {
          journal: [done('c-1', 'a', 2, true), done('c-3', 'c', 3, true)],
          open: [{ number: 2, decision: { kind: 'strategy', strategy: 'b' } }],
          ...{ more: null, inVain: [], decided: 3 },
        },
      },
    );
    const tried = seen.trials.filter(({ purpose }) => purpose === 'trial');
    expect(tried.map(({ candidate }) => `${candidate.id} ${candidate.title}`).sort()).toEqual([
      'c-2 b',
      'c-4 d',
    ]);
    expect(seen.decided).toEqual([{ number: 4, decision: { kind: 'strategy', strategy: 'd' } }]);
    expect(result.summary).toContain('d is 8× faster');
    expect(result.summary).toContain('4 tried');
  });

  it('taken up again, gives its candidates numbers that none had before', async () => {
    const { seen, result } = await run(
      { 'model:up/two a': { speedups: [5] } },
      inputOf({ policy: 'refine', budget: { trials: 1 } }, { resumed: 1, routes: allRoles(['up/two']) }),
      { known: { ...nothingKnown, decided: 4 }, failModel: () => undefined },
    );
    expect(seen.asked.map(({ id }) => id)).toEqual(['c-5']);
    expect(result.summary).toContain('model:up/two a is 5× faster');
  });

  it('asks a cheaper route where the budget has no room for the first', async () => {
    const { seen, result } = await run(
      { 'model:up/two a': { speedups: [5] } },
      inputOf({ policy: 'refine', budget: { trials: 1 } }, { routes: allRoles(['down/one', 'up/two']) }),
      { failModel: ({ route }) => (route === 'down/one' ? 'BudgetExhausted' : undefined) },
    );
    expect(seen.asked.map(({ route, isLast }) => [route, isLast])).toEqual([
      ['down/one', false],
      ['up/two', true],
    ]);
    expect(result.summary).toContain('model:up/two a is 5× faster');
  });

  it('out of money tries the strategies that are left, and then says why it stops', async () => {
    const draft = { number: 1, decision: { kind: 'draft' } } as const;
    const { seen, result } = await run(
      { strategy: { speedups: [2] } },
      inputOf({ budget: { trials: 9, wallMs: 1e6 } }, { routes: allRoles(['up/two']) }),
      { failModel: () => 'BudgetExhausted', known: { ...nothingKnown, open: [draft], decided: 1 } },
    );
    expect(seen.asked.map(({ id }) => id)).toContain('c-1');
    expect(result.summary).toContain('strategy is 2× faster');
    expect(result.summary).toContain('stopped because out of budget: up/two: BudgetExhausted');
  });

  it('out of money goes on by a route that costs nothing, also where that gave no program once', async () => {
    let free = 0;
    const { seen, result } = await run(
      { 'model:up/free a': { speedups: [5] } },
      inputOf({ policy: 'refine', budget: { trials: 1 } }, { routes: allRoles(['down/one', 'up/free']) }),
      {
        failModel({ route }) {
          if (route === 'down/one') return 'BudgetExhausted';
          free += 1;
          return free === 1 ? ModelRefused.name : undefined;
        },
      },
    );
    expect(seen.asked.map(({ id, route }) => `${id} ${route}`)).toEqual([
      ...['c-1 down/one', 'c-1 up/free'],
      ...['c-2 down/one', 'c-2 up/free'],
    ]);
    expect(result.summary).toContain('model:up/free a is 5× faster');
  });

  it('blames a check that does not end, not the program that it judges', async () => {
    const refused = 'accepts in check.py does not get through with it: not done after 20 s of wall time';
    const said = await run({}, inputOf({ accepts: 'check.py' }), { refused }).then(
      () => 'finished',
      (error: { cause?: Error }) => error.cause?.message,
    );
    expect(said).toBe(
      'accepts in check.py does not get through with what slow.py itself answers: not done after 20 s of wall time',
    );
  });

  it('looks for strategies before the program as it is is measured', async () => {
    const { seen } = await run({ fast: { speedups: [4] } }, inputOf({}));
    expect(seen.activities.indexOf('listStrategies')).toBeLessThan(seen.activities.indexOf('claimBench'));
  });

  it('says why no strategy applied, and what to do, instead of that every one was tried', async () => {
    const notUsed = [{ strategies: ['vectorize_loops', 'use_pythran'], reason: 'slow.py:5: f calls print' }];
    const { result } = await run({}, inputOf({}), { notUsed });
    expect(result.summary).toContain('no strategy applies');
    expect(result.summary).toContain('vectorize_loops, use_pythran: slow.py:5: f calls print');
    expect(result.summary).toContain('set a key');
    expect(result.summary).not.toContain('was tried');
  });

  it('tells its state in words and in search attributes', async () => {
    // Connecting as the command line does registers the attributes.
    const connection = await Connection.connect({ address: workers.address });
    expect(await prepareNamespace(connection, 'default')).toBe(true);
    await connection.close();
    const searchable = true;
    const input = inputOf({}, { searchable });
    await run({ fast: { speedups: [4] } }, input, {}, async (handle) => {
      const { currentDetails } = await handle.query<{ currentDetails: string }>(
        '__temporal_workflow_metadata',
      );
      expect(currentDetails).toContain('**fast is 4× faster');
      expect(currentDetails).toContain('- baseline: 100 ms, noise ±1.0 % on stub-host');
      expect(currentDetails).toContain('- c-1 fast: 4× (at least 3.6×), verified');
      const { typedSearchAttributes } = await handle.describe();
      expect(typedSearchAttributes.get(kindAttribute)).toBe('optimize');
      expect(typedSearchAttributes.get(statusAttribute)).toBe('finished');
      expect(typedSearchAttributes.get(bestAttribute)).toBe(4);
    });
  });
});
