import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { randomStream } from '../../domain/random.ts';
import { startCrucible } from '../support/crucible.ts';
import { startModelServer } from '../support/model-servers.ts';
import { answerOf, type Fault, inject, nextFault } from './faults.ts';
import { startJobs } from './jobs.ts';
import { broken, type Outcome, outcomeOf, type Ran } from './verifier.ts';

/** Faults of one run; jobs that are over before have fewer. */
const most = 12;
const patienceMs = 600_000;

const faultText = (fault: Fault): string =>
  fault.kind === 'failpoint' ? `${fault.at}:${fault.count}` : fault.kind;

/** Runs all jobs; with a seed, while things go wrong as it says. `act` reads what came of it before all is put away. */
async function withJobs<T>(seed: number | null, act: (ran: Ran, faults: string[]) => Promise<T>): Promise<T> {
  const models = await startModelServer('chat');
  models.answers = [];
  models.answerOf = answerOf(models);
  const environment = { OPENAI_BASE_URL: models.baseUrl, OPENAI_API_KEY: models.key };
  const folder = await mkdtemp(join(tmpdir(), 'crucible-chaos-'));
  const running = await startCrucible(environment);
  const done = { deaths: 0 };
  const faults: string[] = [];
  try {
    await running.startWorker();
    const ids = await startJobs(running, folder, environment);
    const areOver = async (): Promise<boolean> => {
      const records = await Promise.all(Object.values(ids).map((id) => running.store.ledger.job(id)));
      return records.every((record) => record !== undefined && record.status !== 'running');
    };
    const random = randomStream(seed ?? 0);
    const deadline = Date.now() + patienceMs;
    while (!(await areOver())) {
      if (Date.now() > deadline) break;
      if (seed === null || faults.length >= most) {
        await wait(200);
        continue;
      }
      await wait(random() * 3_000);
      const fault = nextFault(random);
      faults.push(faultText(fault));
      await inject(fault, { running, models }, done);
    }
    // The last words of a workflow come after its row.
    await wait(1_000);
    return await act({ running, ids, models, done }, faults);
  } finally {
    await running.stop();
    await models.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What comes of the jobs where nothing goes wrong. Throws where one does not finish even so. */
export const runFaultless = (): Promise<Outcome> =>
  withJobs(null, async (ran) => {
    const outcome = await outcomeOf(ran);
    for (const [name, { status, trials }] of Object.entries(outcome))
      if (status !== 'finished')
        throw new Error(`expected ${name} to finish without faults, it is ${status}: ${trials.join(', ')}`);
    return outcome;
  });

/** Returns what does not hold of a run in which things go wrong as the seed says, and what went wrong. */
export const runWithFaults = (
  seed: number,
  faultless: Outcome,
): Promise<{ faults: string[]; wrong: string[] }> =>
  withJobs(seed, async (ran, faults) => ({ faults, wrong: await broken(ran, faultless) }));
