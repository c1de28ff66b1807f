import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { readTree } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { TestCrucible } from '../support/crucible.ts';
import type { ModelServer } from '../support/model-servers.ts';
import type { Done } from './faults.ts';
import { type ChaosJob, chaosJobs, givesSameBytes } from './jobs.ts';

/** What came of a run of all jobs, as far as it must be the same with faults and without. */
export type Outcome = Record<ChaosJob, { status: string; trials: string[]; files: Record<string, string> }>;

/** What was run: read once it is over. */
export interface Ran {
  running: TestCrucible;
  ids: Record<ChaosJob, string>;
  models: ModelServer;
  done: Done;
}

/** Reads what came of the jobs, with those below them. */
export async function outcomeOf({ running: { store }, ids }: Pick<Ran, 'running' | 'ids'>): Promise<Outcome> {
  const outcome: Partial<Outcome> = {};
  for (const name of chaosJobs) {
    const record = await store.ledger.job(ids[name]);
    const below = await store.ledger.children(ids[name]);
    const trials: string[] = [];
    for (const { id, stage } of [{ id: ids[name], stage: null }, ...below])
      for (const { trial } of await store.ledger.trials(id)) {
        // Whether a program that was measured is faster, and so tried again, is the clock's to say.
        if (trial.purpose !== 'trial') continue;
        const found = trial.outcome.kind === 'scored' ? 'right' : trial.outcome.kind;
        trials.push(`${stage ?? name} ${trial.candidate.id} ${found}`);
      }
    const product = record?.result?.product ?? null;
    const files = product === null || !givesSameBytes(name) ? {} : await readTree(store.blobs, product);
    outcome[name] = { status: record?.status ?? 'not there', trials: trials.toSorted(), files };
  }
  return outcome as Outcome; // each of `chaosJobs` is set
}

/**
 * Returns what does not hold of a run that is over, each with the invariant's number; empty where all is well. It reads the record
 * of the server, the ledger, the artifacts, what models were asked, and what is left on the machine; it asks no workflow.
 */
export async function broken(ran: Ran, faultless: Outcome): Promise<string[]> {
  return [
    ...(await oneVerdict(ran)),
    ...(await paidOnce(ran)),
    ...(await nothingLeft(ran)),
    ...(await nothingRepeated(ran)),
    ...(await bytesThere(ran)),
    ...(await withinBudget(ran)),
    ...differences(await outcomeOf(ran), faultless),
  ];
}

/** Every job of the run, those below others as well. */
async function allJobs({ running: { store }, ids }: Ran): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  for (const id of Object.values(ids)) {
    const record = await store.ledger.job(id);
    if (record !== undefined) jobs.push(record);
    jobs.push(...(await store.ledger.children(id)));
  }
  return jobs;
}

async function oneVerdict(ran: Ran): Promise<string[]> {
  const { store, server } = ran.running;
  const wrong: string[] = [];
  const connection = await Connection.connect({ address: server.address });
  const { workflow } = new Client({ connection });
  for (const { id, status } of await allJobs(ran)) {
    if (status !== 'finished' && status !== 'failed') wrong.push(`I1: ${id} is ${status}`);
    const ends: string[] = [];
    for await (const { status: end } of workflow.list({ query: `WorkflowId = '${id}'` })) ends.push(end.name);
    const closed = ends.filter((end) => end !== 'CONTINUED_AS_NEW');
    if (closed.length !== 1) wrong.push(`I1: ${id} has ${closed.length} ends: ${closed.join(', ')}`);
    const keys = (await store.ledger.trials(id)).map(({ trial }) => `${trial.candidate.id} ${trial.purpose}`);
    if (new Set(keys).size < keys.length) wrong.push(`I1: ${id} has two verdicts of one candidate`);
  }
  await connection.close();
  return wrong;
}

async function paidOnce(ran: Ran): Promise<string[]> {
  const { store } = ran.running;
  const wrong: string[] = [];
  let [answered, lost, failed] = [0, 0, 0];
  for (const { id } of await allJobs(ran)) {
    const calls = await store.ledger.calls(id);
    const done = calls.filter(({ status }) => status === 'done');
    if (new Set(done.map(({ key }) => key)).size < done.length)
      wrong.push(`I2: ${id} has two replies to one question`);
    answered += done.length;
    lost += calls.filter(({ status }) => status === 'ambiguous').length;
    failed += calls.filter(({ status }) => status === 'failed').length;
  }
  const asked = ran.models.requests.length;
  if (asked > answered + lost + failed)
    wrong.push(`I2: models were asked ${asked} times, the ledger knows of ${answered + lost + failed}`);
  if (lost > ran.done.deaths) wrong.push(`I2: ${lost} requests were lost, with ${ran.done.deaths} deaths`);
  return wrong;
}

/** Sandboxes of workers that died are swept twice a minute. */
async function nothingLeft({ running }: Ran): Promise<string[]> {
  let left = await running.leftovers();
  for (let waited = 0; left.length > 0 && waited < 70; waited += 1) {
    await wait(1_000);
    left = await running.leftovers();
  }
  return left.map((each) => `I3: left behind: ${each}`);
}

async function nothingRepeated(ran: Ran): Promise<string[]> {
  const { store } = ran.running;
  const wrong: string[] = [];
  let again = 0;
  for (const { id } of await allJobs(ran))
    for (const { key, starts, end } of await store.ledger.steps(id)) {
      if (end.kind !== 'done') wrong.push(`I5: ${key} was begun, and never ended`);
      again += starts - 1;
    }
  // Under each death there were so many steps as activities at once.
  const most = ran.done.deaths * 8;
  if (again > most) wrong.push(`I5: steps were begun again ${again} times, of at most ${most}`);
  return wrong;
}

async function bytesThere({ running: { store }, ids }: Ran): Promise<string[]> {
  const wrong: string[] = [];
  for await (const { artifact } of store.blobs.list())
    await store.blobs.get(artifact).catch((error: Error) => wrong.push(`I6: ${error.message}`));
  for (const id of Object.values(ids)) {
    const product = (await store.ledger.job(id))?.result?.product ?? null;
    if (product === null) continue;
    for (const [path, artifact] of Object.entries(await readTree(store.blobs, product)))
      if (!(await store.blobs.has(artifact))) wrong.push(`I6: ${id} lost ${path}`);
  }
  return wrong;
}

async function withinBudget({ running: { store }, ids }: Ran): Promise<string[]> {
  const wrong: string[] = [];
  for (const id of Object.values(ids)) {
    const left = await store.ledger.remaining(id);
    for (const [unit, amount] of Object.entries(left))
      if (typeof amount === 'number' && amount < 0) wrong.push(`I7: ${id} spent ${-amount} ${unit} too much`);
  }
  return wrong;
}

/** The platform's faults are nobody's, and the same programs end the same: so all of it is as it is without faults. */
function differences(found: Outcome, faultless: Outcome): string[] {
  return chaosJobs.flatMap((name) =>
    (['status', 'trials', 'files'] as const)
      .map((what) => [what, JSON.stringify(found[name][what]), JSON.stringify(faultless[name][what])])
      .filter(([, one, other]) => one !== other)
      .map(([what, one, other]) => `I4, I8: ${name} has other ${what}: ${one}, without faults ${other}`),
  );
}
