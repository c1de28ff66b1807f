import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';
import { type Delivered, type FaultyModel, faultyModel } from './faulty-model.ts';
import { jobOf } from './judge.ts';
import { tasks } from './tasks.ts';

const seeds = Number(process.env.CRUCIBLE_TEST_SEEDS ?? 200);
const first = Number(process.env.CRUCIBLE_TEST_SEED ?? 1);
const atOnce = 3;
const patienceMs = 600_000;

let crucible: TestCrucible;
let server: ModelServer;
let environment: Record<string, string>;
const models = new Map<string, FaultyModel>();

beforeAll(async () => {
  server = await startModelServer('chat');
  server.answerOf = (model) => models.get(model)?.answer() ?? { kind: 'status', status: 404 };
  environment = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  crucible = await startCrucible(environment);
  await crucible.startWorker();
});

afterAll(async () => {
  await crucible?.stop();
  await server?.close();
});

interface Ended {
  status: string;
  summary: string;
  best: string | null;
  delivered: readonly Delivered[];
  trials: { title: string; outcome: string }[];
}

/** Has a model of that seed solve a task, the next of all for each seed. */
async function solved(seed: number): Promise<Ended> {
  const task = tasks[seed % tasks.length] ?? expect.fail();
  const name = `faulty-${seed}`;
  const model = faultyModel(task, seed);
  models.set(name, model);
  const { job, files } = jobOf(task);
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const { store, client } = crucible;
  const { outputs, inputs, check, hidden, limits } = job;
  const asked = {
    ...{ kind: 'solve', name, task: task.task, outputs, inputs, limits },
    ...(check === undefined ? {} : { check, hidden }),
    models: { draft: [`openai/${name}`], debug: [`openai/${name}`], cache: false },
  };
  const submitted = await submit(await checkedJob(asked, folder), {
    ...{ store, client, models: modelConfig(environment), fresh: false },
  });
  if (submitted.kind === 'finished') throw new Error(`expected a new job ${name}, found a finished one`);
  const record = await until(`the job ${name}`, patienceMs, async () => {
    const found = await store.ledger.job(submitted.jobId);
    return found !== undefined && found.status !== 'running' && found;
  });
  const trials = (await store.ledger.trials(record.id)).map(({ trial }) => trial);
  return {
    ...{ status: record.status, summary: record.result?.summary ?? '', delivered: model.delivered },
    best: record.result?.best?.title ?? null,
    trials: trials.map(({ candidate, outcome }) => ({ title: candidate.title, outcome: outcome.kind })),
  };
}

/** What does not hold of how a job ended; nothing where all does. */
function faultsIn({ status, summary, best, delivered, trials }: Ended): string[] {
  const right = delivered.filter(({ isRight }) => isRight).map(({ idea }) => idea);
  const accepted = trials.filter(({ outcome }) => outcome === 'passed').map(({ title }) => title);
  const whatOf = (title: string) => delivered.find(({ idea }) => idea === title)?.what;
  return [
    ...accepted.flatMap((title) =>
      right.includes(title) ? [] : [`${title}, ${whatOf(title)}, was accepted`],
    ),
    ...right.flatMap((title) => (accepted.includes(title) ? [] : [`${title}, right, was not accepted`])),
    ...(right.length > 0 === (status === 'finished')
      ? []
      : [`${right.length} right, and it ${status}: ${summary}`]),
    ...(status !== 'finished' || right.includes(best ?? '') ? [] : [`its best is ${best}`]),
    ...(status === 'finished' || /^not solved in \d/.test(summary) ? [] : [summary]),
    ...(trials.length > 5 ? [`${trials.length} trials`] : []),
  ];
}

it(`over ${seeds} seeds a job ends with a right program whenever one came in time, and never accepts a wrong one`, async () => {
  const ends: Ended[] = [];
  const faulty: string[] = [];
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + seeds) {
      const seed = next;
      next += 1;
      const ended = await solved(seed);
      ends.push(ended);
      faulty.push(...faultsIn(ended).map((each) => `seed ${seed}: ${each}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const trials = ends.flatMap((each) => each.trials);
  const count = (of: readonly unknown[]): number => of.length;
  console.log(
    `${count(ends.filter(({ status }) => status === 'finished'))} of ${count(ends)} solved in ${count(trials)} trials, ` +
      `${count(trials.filter(({ outcome }) => outcome !== 'passed'))} wrong programs refused`,
  );
  expect(faulty).toEqual([]);
});
