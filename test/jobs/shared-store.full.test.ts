import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { readConfig } from '../../workers/config.ts';
import { crucible as command } from '../support/command.ts';
import { startCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { s3Credentials } from '../support/s3-credentials.ts';
import { expectNothingLost, killDuring, startDurableJob } from './durable-job.ts';

let postgres: TestPostgres;
let s3: TestS3;

beforeAll(async () => {
  Object.assign(process.env, s3Credentials);
  [postgres, s3] = await Promise.all([startPostgres(), startS3()]);
  await s3.makeBucket('bucket');
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), s3?.stop()]);
});

/** What a host is told of a new store on the servers. */
async function newStore(name: string): Promise<Record<string, string>> {
  return {
    ...s3Credentials,
    CRUCIBLE_STORE: await postgres.database(name),
    CRUCIBLE_BLOBS: `s3://bucket/${name}`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  };
}

/** The folder of another host, where nothing is. */
async function otherHome(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-other-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('an experiment whose worker is killed goes on by one with a disk of its own, over a restart of both servers', async () => {
  const environment = await newStore('grid');
  const running = await startCrucible(environment);
  onTestFinished(() => running.stop());
  const folder = await otherHome();
  await writeFile(
    join(folder, 'cell.py'),
    "import sys\nn = int(sys.argv[1])\nif n == 7: raise ValueError('this one fails')\nprint(n * n)\n",
  );
  await running.startWorker();
  const { store, client } = running;
  const file = await checkedJob(
    {
      ...{ kind: 'experiment', name: 'grid', window: 4 },
      cell: { kind: 'solve', script: 'cell.py', args: [placeholder('n')] },
      matrix: { n: Array.from({ length: 20 }, (_, n) => n) },
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  const id = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
  const done = async (): Promise<number> =>
    (await store.ledger.endsBelow(id)).filter(({ status }) => status !== 'running').length;
  await until('some cells to be done', 200_000, async () => (await done()) >= 4);
  await running.killWorker();
  const home = await otherHome();
  await running.startWorker({ CRUCIBLE_HOME: home });
  await until('more cells to be done', 200_000, async () => (await done()) >= 10);
  await Promise.all([postgres.kill(), s3.kill()]);
  await Promise.all([postgres.restart(), s3.restart()]);
  const result = await client.result(id);
  expect(result.summary).toContain('19 of 20 cells done; 1 failed');
  const rows = await store.ledger.children(id, { role: 'cell' });
  expect(new Set(rows.map(({ stage }) => stage)).size).toBe(20);
  expect(rows).toHaveLength(20);
  for (const row of rows) expect(await store.ledger.trials(row.id)).toHaveLength(1);
  // Neither host keeps a ledger or blobs.
  for (const each of [running.home, home])
    expect((await readdir(each)).filter((name) => /^(ledger|blobs)/.test(name))).toEqual([]);

  const env = { ...environment, TEMPORAL_ADDRESS: running.server.address };
  const ask = (...args: string[]) => command(args, { home, env });
  expect((await ask('list')).out).toContain('grid');
  const shown = await ask('show', 'grid');
  expect(shown.out).toContain('19 of 20 cells done');
  expect((await ask('doctor', '--json')).out).toContain(`ID ${store.id}`);
  expect((await ask('gc')).out).toContain('nothing to remove');
  for (const { out, error } of [shown, await ask('logs', 'grid')])
    for (const secret of [postgres.password, s3Credentials.AWS_SECRET_ACCESS_KEY])
      expect(out + error).not.toContain(secret);
}, 600_000);

it('a function is made faster with all that is remembered on servers, and a worker killed while it measures repeats nothing', async () => {
  const environment = await newStore('weigh');
  expect(readConfig(environment).shared).not.toBeNull();
  const job = await startDurableJob(['vectorize_loops'], 2, environment);
  onTestFinished(() => job.stop());
  const killedCalls = await killDuring(job, new Set(['measure']));
  expect((await job.running.client.result(job.jobId)).status).toBe('finished');
  await expectNothingLost(job, killedCalls);
}, 600_000);
