import { randomUUID } from 'node:crypto';
import { appendFile, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { startModelServer } from '../support/model-servers.ts';
import { placeholder } from '../support/placeholder.ts';
import { isOpen } from './durable-job.ts';

const fixture = fileURLToPath(new URL('../fixtures/weigh', import.meta.url));
const patienceMs = 600_000;

let running: TestCrucible;

beforeAll(async () => {
  running = await startCrucible();
  await running.startWorker();
});
afterAll(() => running?.stop());

/** Steps that run something in a sandbox, in the order of a job. What a strategy makes is made when strategies are listed. */
const steps = [
  'c-0/pilot',
  'c-0/measure',
  'c-0/grade-timed',
  'strategies',
  'c-1/build',
  'c-1/run',
  'c-1/measure',
];

it('a job that is cancelled in any of its steps ends as cancelled, and leaves nothing behind', async () => {
  const { store, client } = running;
  const seen = await Promise.all(
    steps.map(async (step, index) => {
      // A program of its own: what another job has built already is not built again.
      const folder = await temporaryFolder();
      await cp(fixture, folder, { recursive: true });
      await appendFile(join(folder, 'weigh.py'), `\n# ${index}\n`);
      const file = await checkedJob(
        {
          kind: 'optimize',
          name: `step-${index}`,
          program: 'weigh.py',
          function: 'weigh',
          cases: 'cases.py',
          strategies: ['use_cpp_extension'],
          budget: { trials: 1 },
          tolerance: { relative: 1e-9 },
          limits: { wallMs: 60_000 },
        },
        folder,
      );
      const submitted = await submit(file, { store, client, models: modelConfig({}), fresh: false });
      if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
      const { jobId } = submitted;
      await until(`${step} to be under way`, patienceMs, async () =>
        (await store.ledger.steps(jobId)).some((each) => each.key === `${jobId}#${step}` && isOpen(each)),
      );
      await client.cancel(jobId);
      await until(`the end of ${jobId}`, patienceMs, async () => {
        const record = await store.ledger.job(jobId);
        return record !== undefined && record.status !== 'running';
      });
      return [step, (await store.ledger.job(jobId))?.status];
    }),
  );
  expect(seen).toEqual(steps.map((step) => [step, 'cancelled']));
  const left = await until('all sandboxes to be gone', 10_000, async () => {
    const found = (await running.leftovers()).filter((each) => !each.includes('/guest-'));
    return found.length === 0 && found;
  });
  expect(left).toEqual([]);
});

/** Its sandbox is gone so long after the cancel was asked for, at most. */
const goneMs = 5_000;

/** A program that stands still until it is ended. */
const standing = 'import time\nprint("begun", flush=True)\ntime.sleep(600)\n';

const cancelled = [
  {
    what: 'a cell',
    below: { kind: 'experiment', name: 'cut-cells', window: 2, matrix: { n: [1, 2, 3] } },
    fields: { cell: { kind: 'solve', script: 'stands.py', args: [placeholder('n')] } },
    ends: ['cancelled', 'cancelled'],
  },
  {
    what: 'a stage',
    below: { kind: 'pipeline', name: 'cut-stages' },
    fields: {
      stages: [
        { name: 'one', kind: 'solve', script: 'quick.py', outputs: ['one.txt'] },
        { name: 'two', kind: 'solve', script: 'stands.py', needs: ['one'] },
      ],
    },
    // What was done stays done, and is told.
    ends: ['finished', 'cancelled'],
  },
];

it.each(cancelled)(
  'the sandbox of $what is gone in 5 s when its job is cancelled, and the record says what was kept',
  async ({ below, fields, ends }) => {
    const { store, client } = running;
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'stands.py'), standing);
    await writeFile(join(folder, 'quick.py'), "open('one.txt', 'w').write('1')\n");
    const file = await checkedJob({ ...below, ...fields }, folder);
    const submitted = await submit(file, { store, client, models: modelConfig({}), fresh: false });
    const jobId = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
    const standsIn = async (): Promise<boolean> => {
      const children = await store.ledger.children(jobId);
      const steps = await Promise.all(children.map(({ id }) => store.ledger.steps(id, 'run')));
      return children.length === ends.length && steps.at(-1)?.some(isOpen) === true;
    };
    await until(
      'its program to stand',
      patienceMs,
      async () => (await standsIn()) && (await sandboxes()) > 0,
    );
    await client.cancel(jobId);
    await until('its sandboxes to be gone', goneMs, async () => (await sandboxes()) === 0);
    await until('its end', patienceMs, async () => (await store.ledger.job(jobId))?.status === 'cancelled');
    expect((await store.ledger.children(jobId)).map(({ status }) => status)).toEqual(ends);
    for (const { status, result } of await store.ledger.children(jobId))
      expect(result?.product != null).toBe(status === 'finished');
    // It is written once the job is closed.
    await until('its report', patienceMs, async () => (await store.ledger.job(jobId))?.report != null);
  },
);

it('the sandbox of a turn is gone in 5 s when its conversation is cancelled, and nothing is asked or charged later', async () => {
  const models = await startModelServer('chat');
  onTestFinished(() => models.close());
  const environment = { OPENAI_BASE_URL: models.baseUrl, OPENAI_API_KEY: models.key };
  const written = { idea: 'stand', edits: [], removed: [], entry: 'main.py', build: 'none' };
  const files = [{ path: 'main.py', content: standing }];
  models.answers = [{ kind: 'text', text: JSON.stringify({ ...written, files }) }];
  await running.endWorker();
  await running.startWorker(environment);
  const { store, client } = running;
  const file = await checkedJob(
    {
      ...{ kind: 'chat', name: 'cut-turn', budget: { trials: 3 } },
      models: { draft: ['openai/gpt-4o'], cache: false },
    },
    await temporaryFolder(),
  );
  const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
  const jobId = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
  await until('the conversation to be opened', patienceMs, () => store.ledger.job(jobId));
  const told = { id: randomUUID(), message: { kind: 'turn', text: 'stand still' } } as const;
  expect(await client.tell(jobId, told)).toBeNull();
  await until('its program to stand', patienceMs, async () => {
    const [turn] = await store.ledger.children(jobId);
    return (
      turn !== undefined && (await store.ledger.steps(turn.id, 'run')).some(isOpen) && (await sandboxes()) > 0
    );
  });
  const asked = models.requests.length;
  await client.cancel(jobId);
  await until('its sandbox to be gone', goneMs, async () => (await sandboxes()) === 0);
  await until('its end', patienceMs, async () => (await store.ledger.job(jobId))?.status === 'cancelled');
  const spent = await store.ledger.account(jobId);
  await wait(2_000);
  expect(models.requests).toHaveLength(asked);
  expect(await store.ledger.account(jobId)).toEqual(spent);
  expect(spent?.held).toEqual({ microUsd: 0, tokens: 0 });
  expect((await store.ledger.children(jobId)).map(({ status }) => status)).toEqual(['cancelled']);
});

const sandboxes = async (): Promise<number> =>
  (await running.leftovers()).filter((each) => !each.includes('/guest-')).length;
