import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, type Said } from '../support/command.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const patienceMs = 600_000;
let server: ModelServer;
let here: TestCrucible;
let folder: string;
let run: (...args: string[]) => Promise<Said>;

beforeEach(async () => {
  server = await startModelServer('chat');
  const models = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  here = await startCrucible(models);
  folder = await temporaryFolder();
  await writeFile(join(folder, 'notes.txt'), 'to be or not to be');
  const env = { ...models, TEMPORAL_ADDRESS: here.server.address };
  run = (...args) => crucible(args, { home: here.home, folder, env });
}, patienceMs);

afterEach(async () => {
  await here?.stop();
  await server?.close();
});

const reply = (idea: string, content: string, more: object = {}) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{ idea, edits: [], removed: [], entry: 'main.py', build: 'none' },
    files: [{ path: 'main.py', content }],
  }),
  ...more,
});
const counting =
  "import collections, json\nwords = open('notes.txt').read().split()\njson.dump(collections.Counter(words), open('counts.json', 'w'))\n";

const solve = (trials: number): string => `kind: solve
name: counts
task: Count the words of notes.txt into counts.json.
inputs: [notes.txt]
outputs: ['counts.json']
models: { draft: [openai/gpt-4o], cache: false }
budget: { trials: ${trials} }
`;

const jobs = (): Promise<JobRecord[]> => here.store.ledger.jobs({ limit: 9 });

async function latest(role: JobRecord['role']): Promise<JobRecord> {
  return (await jobs()).find((job) => job.role === role) ?? expect.fail(`expected a ${role}`);
}

/** Candidates that models were asked for, of a job. */
const asked = async (id: string): Promise<string[]> =>
  (await here.store.ledger.calls(id)).map(({ key, status }) => `${key.replace(`${id}#`, '')} ${status}`);

/** What the model was sent, the last of it first. */
const sent = (): string[] => server.requests.map(({ body }) => JSON.stringify(body.messages)).reverse();

it(
  'a fork of a job that has ended goes on from its candidate: nothing is tried, asked or paid again, and the job is left as it is',
  async () => {
    await here.startWorker();
    server.answers = [reply('nothing', 'print(1)\n'), reply('nothing more', 'print(2)\n')];
    await writeFile(join(folder, 'job.yaml'), solve(2));
    expect((await run('run', 'job.yaml')).out).toContain('not solved in 2');
    const origin = await latest('job');
    const { ledger } = here.store;
    const spent = (await ledger.account(origin.id))?.spent;
    server.answers = [reply('a Counter', counting)];
    const forked = await run('fork', 'counts', '--from', 'c-1', '--hint', 'use collections', '--trials', '3');
    expect(forked, forked.error).toMatchObject({ status: 0 });
    const fork = await latest('fork');
    expect(forked.out).toContain(
      `forked from ${origin.id} at c-1: 2 tried there, 3 more at most; c-3 is to debug c-1`,
    );
    expect(fork.result?.summary).toBe('solved in 3: c-3 passed every check: a Counter');

    expect(server.requests).toHaveLength(3);
    const [question = ''] = sent();
    expect(question).toContain('use collections');
    expect(question).toContain('print(1)');
    expect(question).toContain('c-2: nothing more');
    expect(await asked(fork.id)).toEqual(['c-3/propose-0 done']);
    const trials = (await ledger.trials(fork.id)).map(({ trial: { candidate } }) => candidate);
    expect(trials.map(({ id, operator, parents }) => [id, operator, parents])).toEqual([
      ['c-1', 'draft', []],
      ['c-2', 'debug', ['c-1']],
      ['c-3', 'debug', ['c-1']],
    ]);
    const ran = (await ledger.steps(fork.id, 'run')).map(({ key }) => key);
    expect(ran).toEqual([`${fork.id}#c-3/run`]);
    expect((await ledger.account(fork.id))?.spent.tokens).toBeLessThan(spent?.tokens ?? 0);
    expect(await ledger.job(origin.id)).toEqual(origin);
    expect((await ledger.account(origin.id))?.spent).toEqual(spent);

    const again = await run('fork', origin.id, '--from', 'c-1', '--hint', 'use collections');
    expect(again.out).toContain(`${fork.id} is finished: solved in 3`);
    expect(server.requests).toHaveLength(3);
    const refused = await run('fork', fork.id, '--from', 'c-1');
    expect([refused.status, refused.error]).toEqual([2, expect.stringContaining('c-3 passes every check')]);
  },
  patienceMs,
);

it(
  'a fork of a job that runs, whose worker is killed, takes over what was done by then; both go on by themselves',
  async () => {
    await here.startWorker();
    const slow = { pieceMs: 400, pieceChars: 12 };
    server.answers = [
      reply('nothing', 'print(1)\n'),
      reply('nothing more', 'print(2)\n'),
      reply('too late', 'print(3)\n', slow),
    ];
    await writeFile(join(folder, 'job.yaml'), solve(3));
    expect((await run('submit', 'job.yaml')).status).toBe(0);
    const { ledger } = here.store;
    const origin = await until('the job', patienceMs, async () => (await jobs())[0]);
    await until('its third question', patienceMs, async () => server.requests.length === 3);
    await here.killWorker();
    expect((await run('fork', origin.id, '--from', 'c-2', '--trials', '1', '--detached')).status).toBe(0);
    server.answers = [reply('still nothing', 'print(4)\n')];
    await here.startWorker();
    const fork = await until('the fork', patienceMs, async () =>
      (await jobs()).find(({ role, status }) => role === 'fork' && status !== 'running'),
    );
    await until('the job', patienceMs, async () => (await ledger.job(origin.id))?.status === 'failed');

    expect(fork.result?.summary).toMatch(/^not solved in 3: .*stopped because all 3 trials/);
    expect(await asked(fork.id)).toEqual(['c-3/propose-0 done']);
    expect((await ledger.steps(fork.id, 'run')).map(({ key }) => key)).toEqual([`${fork.id}#c-3/run`]);
    // What was lost with the worker is asked again by the job itself.
    const own = await asked(origin.id);
    expect(own.filter((each) => each.endsWith('done'))).toEqual(
      ['c-1', 'c-2', 'c-3'].map((id) => `${id}/propose-0 done`),
    );
    expect(server.requests.length).toBe(own.length + 1);
  },
  patienceMs,
);

it(
  'a fork without a model goes on with what is left: the program as it is was measured before, and is not again',
  async () => {
    await here.startWorker();
    await writeFile(
      join(folder, 'slow.py'),
      'def total(values):\n    sum = 0.0\n    for value in values:\n        sum += value * value\n    return sum\n',
    );
    await writeFile(
      join(folder, 'cases.py'),
      'import numpy as np\n\n\ndef make_case(seed):\n    return (np.random.default_rng(seed).random(20_000),)\n',
    );
    await writeFile(
      join(folder, 'job.yaml'),
      'kind: optimize\nname: total\nprogram: slow.py\nfunction: total\ncases: cases.py\nmodels: { improve: [] }\nbudget: { trials: 1 }\n',
    );
    const first = await run('run', 'job.yaml');
    expect(first, first.error).toMatchObject({ status: 0 });
    const origin = await latest('job');
    const forked = await run('fork', 'total', '--from', 'c-1', '--trials', '1');
    expect(forked.out).toContain('so it goes on with what needs none');
    const fork = await latest('fork');
    const { ledger } = here.store;
    expect(fork.status).toBe('finished');
    const trials = (await ledger.trials(fork.id)).map(({ trial }) => trial);
    expect([...new Set(trials.map(({ candidate }) => candidate.id))]).toEqual(['c-0', 'c-1', 'c-2']);
    const titles = new Set(trials.map(({ candidate }) => candidate.title));
    expect(titles.size).toBe(3);
    const measured = async (id: string) =>
      (await ledger.steps(id, 'measure')).map(({ key, startedAt }) => [key.replace(`${id}#`, ''), startedAt]);
    const [baseline] = await measured(origin.id);
    const there = await measured(fork.id);
    expect(there[0]).toEqual(baseline);
    expect(there.slice(1).every(([step]) => String(step).startsWith('c-2/'))).toBe(true);
  },
  patienceMs,
);
