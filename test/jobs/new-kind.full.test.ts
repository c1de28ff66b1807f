import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Message } from '../../domain/message.schema.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, type Said } from '../support/command.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { copyHouse, moveIn } from '../support/new-kind.ts';

const patienceMs = 600_000;

/** Writes half of its output: of a number that five divides the output is even, of others it is odd. */
const script = `import json, sys
output = 2 if int(sys.argv[1]) % 5 == 0 else 1
with open('half.json', 'w') as file:
    json.dump(output // 2 if output % 2 == 0 else output / 2, file)
`;
const jobText = 'kind: count\nname: five\nscript: even.py\nbudget: {trials: 3}\n';

let around: string;
let house: string;
let here: TestCrucible | undefined;

beforeAll(async () => {
  around = await mkdtemp(join(tmpdir(), 'crucible-house-'));
  house = join(around, 'house');
  await copyHouse(house);
  await moveIn(house, ['schema', 'row', 'workflow', 'question']);
}, patienceMs);

afterAll(async () => {
  await here?.stop();
  await rm(around, { recursive: true, force: true });
});

it(
  'a kind that has moved in is run, listed, shown, watched, reported, killed, forked, resumed, chosen from, paused, extended and cancelled like any other',
  async () => {
    here = await startCrucible({}, house);
    await here.startWorker();
    const { home, store, server } = here;
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'even.py'), script);
    await writeFile(join(folder, 'job.yaml'), jobText);
    const run = (...args: string[]): Promise<Said> =>
      crucible(args, { home, folder, house, env: { TEMPORAL_ADDRESS: server.address } });

    const begun = await run('submit', 'job.yaml');
    expect(begun, begun.error).toMatchObject({ status: 0, out: expect.stringContaining('count/five/') });
    const [record] = await until('the job', patienceMs, async () => {
      const jobs = await store.ledger.jobs({ limit: 1 });
      return jobs.length === 1 && jobs;
    });
    const { id } = record ?? { id: '' };
    await until('a first trial', patienceMs, async () => (await store.ledger.trials(id)).length > 0);
    await here.killWorker();
    await here.startWorker();

    const watched = await run('watch', id);
    expect(watched.status).toBe(1);
    expect(watched.out).toContain('no even output in 3; stopped because all 3 trials of the budget are used');

    const forked = await run('fork', id, '--from', 'c-2', '--trials', '3');
    expect(forked, forked.error).toMatchObject({ status: 0 });
    expect(forked.out).toContain(`forked from ${id} at c-2: 3 tried there, 3 more at most; no model can be`);
    expect(forked.out).toContain('even with 5; 5 tried');
    const [fork] = await store.ledger.jobs({ limit: 1 });
    const ran = await store.ledger.steps(fork?.id ?? '', 'run');
    expect(ran.map(({ key }) => key)).toEqual(['c-4', 'c-5'].map((each) => `${fork?.id}#${each}/run`));
    expect(await store.ledger.trials(id)).toHaveLength(3);

    const resumed = await run('resume', id, '--budget', 'trials=9');
    expect(resumed, resumed.error).toMatchObject({ status: 0 });
    expect(resumed.out).toContain('even with 5; 5 tried');
    const trials = await store.ledger.trials(id);
    expect(trials.map(({ trial }) => [trial.candidate.title, trial.outcome.kind])).toEqual([
      ...[1, 2, 3, 4].map((number) => [`with ${number}`, 'invalidOutput']),
      ['with 5', 'passed'],
    ]);

    expect((await run('list')).out).toMatch(/count\/five\/\S+ +finished/);
    const shown = await run('show', id);
    expect(shown.out).toContain('even with 5; 5 tried');
    expect(shown.out).toMatch(/c-5 .*with 5/);
    const report = await run('report', 'five', '--out', join(folder, 'report.html'));
    expect(report, report.error).toMatchObject({ status: 0 });
    const html = await readFile(join(folder, 'report.html'), 'utf8');
    expect(html).toContain('Run even.py with 1 and the numbers after it, until its output is even.');
    expect(html).toContain('with 5');

    const wrong = await run('choose', id, 'c-4');
    expect(wrong).toMatchObject({ status: 2, error: expect.stringContaining('c-4 is not right') });
    expect(await run('choose', id, 'c-5')).toMatchObject({
      ...{ status: 0, out: expect.stringContaining('gives c-5 in place of its best') },
    });
    expect((await run('show', id)).out).toMatch(/c-5 .*with 5 .*chosen, best/);
    expect((await run('list')).out).toContain('c-5 with 5 was chosen by hand, and is the best too');
    expect((await run('choose', id, 'best')).out).toContain('gives its best again');
    expect((await run('show', id)).out).not.toContain('chosen');

    await writeFile(
      join(folder, 'job.yaml'),
      jobText.replace('five', 'long').replace('trials: 3', 'trials: 500'),
    );
    await writeFile(join(folder, 'even.py'), script.replace('% 5', '% 5000'));
    expect((await run('submit', 'job.yaml')).status).toBe(0);
    await until(
      'the other job',
      patienceMs,
      async () => (await store.ledger.jobs({ limit: 9 })).length === 3,
    );
    const [long] = await store.ledger.jobs({ limit: 1 });
    await steered(here, long?.id ?? '');
    expect((await run('cancel', 'long')).out).toContain('is cancelled; what it did is kept');
  },
  patienceMs,
);

/** Pauses a job, sees that it begins nothing, and has it go on with a larger budget. */
async function steered({ store, server }: TestCrucible, id: string): Promise<void> {
  const tried = async (): Promise<number> => (await store.ledger.trials(id)).length;
  const connection = await Connection.connect({ address: server.address });
  try {
    const { workflow } = new Client({ connection, dataConverter: signedBy(store) });
    const tell = (message: Message): Promise<unknown> =>
      workflow.getHandle(id).executeUpdate(message.kind, { args: [message] });
    await until('a first trial', patienceMs, async () => (await tried()) > 0);
    await tell({ kind: 'pause' });
    await wait(8_000);
    const paused = await tried();
    await wait(4_000);
    expect(await tried()).toBe(paused);
    await tell({ kind: 'extend', budget: { trials: 600 } });
    await tell({ kind: 'resume' });
    await until('another trial', patienceMs, async () => (await tried()) > paused);
    expect((await store.ledger.job(id))?.budget).toMatchObject({ trials: 600 });
  } finally {
    await connection.close();
  }
}
