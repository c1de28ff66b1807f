import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

let crucible: TestCrucible;
let folder: string;
let metrics: string;
let health: string;

const freeAddress = (): Promise<string> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() => resolve(`127.0.0.1:${typeof at === 'object' ? at?.port : ''}`));
    });
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-metrics-'));
  [metrics, health] = [await freeAddress(), await freeAddress()];
  crucible = await startCrucible({ CRUCIBLE_METRICS: metrics, CRUCIBLE_HEALTH: health });
  await crucible.startWorker();
});
afterAll(async () => {
  await crucible?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('Prometheus finds what a worker did, and who looks after it that it takes work', async () => {
  const { store, client } = crucible;
  expect((await fetch(`http://${health}/ready`)).status).toBe(200);
  await writeFile(join(folder, 'once.py'), "raise SystemExit('no')\n");
  const file = await checkedJob({ kind: 'solve', name: 'once', script: 'once.py' }, folder);
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: true });
  const jobId = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
  await expect(client.result(jobId)).rejects.toThrow();

  const said = await (await fetch(`http://${metrics}/metrics`)).text();
  const value = (name: string, labels = /^/): number =>
    Number(
      said
        .split('\n')
        .find((line) => /^\w+/.exec(line)?.[0] === name && labels.test(line))
        ?.split(' ')
        .at(-1),
    );
  expect(value('crucible_trials_total', /outcome="crashed".*purpose="trial"/)).toBe(1);
  expect(value('crucible_jobs_total', /status="failed"/)).toBe(1);
  expect(value('crucible_sandboxes')).toBe(0);
  expect(value('crucible_sandbox_run_seconds_count', /ending="exited"/)).toBeGreaterThan(0);
  expect(
    value('temporal_activity_schedule_to_start_latency_seconds_count', /task_queue="sandbox\.\w+"/),
  ).toBeGreaterThan(0);
  expect(said).toContain('temporal_worker_task_slots_available');
});
