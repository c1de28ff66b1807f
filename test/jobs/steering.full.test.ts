import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterEach, expect, it, onTestFailed } from 'vitest';
import { connect, type JobClient } from '../../cli/server/client.ts';
import type { Session } from '../../cli/server/session.ts';
import { cancelJob } from '../../cli/steer/cancel.ts';
import { resume } from '../../cli/steer/resume.ts';
import { UserMistake } from '../../cli/terminal.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Extension, Message } from '../../domain/message.schema.ts';
import { randomStream } from '../../domain/random.ts';
import { openStore, type Store } from '../../store/store.ts';
import { triesOf } from '../../store/tries-of.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import { storedInput } from '../workflows/stored-job.ts';
import { lifeOf } from './job-life.ts';
import { type SteeredWorker, startSteeredWorker } from './steered.ts';

const messages = Number(process.env.CRUCIBLE_TEST_MESSAGES ?? 200);
const kills = 3;
const trials = 5_000;

let server: TestServer | undefined;
let worker: SteeredWorker | undefined;

afterEach(async () => {
  await worker?.kill();
  await server?.stop();
});

type Asked = Message | { kind: 'cancel' };

function randomAsked(random: () => number, file: Artifact): Asked {
  const kind = Math.floor(random() * 20);
  if (kind < 6) return { kind: 'pause' };
  if (kind < 13) return { kind: 'resume' };
  if (kind < 15) return { kind: 'hint', text: `hint ${Math.floor(random() * 1e6)}` };
  if (kind < 17) return { kind: 'tryProgram', name: `mine-${Math.floor(random() * 1e6)}.py`, file };
  if (kind < 19) return { kind: 'extend', budget: { trials: trials + Math.floor(random() * 500) } };
  return { kind: 'cancel' };
}

/** What a client asked for, in order. */
interface Told {
  /** Accepted, under its ID, by the job that runs, or kept for when it is taken up again. */
  accepted: { id: string; message: Message }[];
  /** What took up the job after it had ended. */
  takenUp: Message[];
  cancelled: number;
  refused: string[];
}

interface Person {
  session: Session;
  store: Store;
  jobId: string;
  /** The client's own connection, then others'. */
  clients: readonly JobClient[];
  random: () => number;
  told: Told;
}

/** Does what the command of that name does; throws `UserMistake` where that is refused. */
async function askOf(person: Person, asked: Asked): Promise<void> {
  const { session, store, jobId, clients, random, told } = person;
  if (asked.kind === 'cancel') {
    await cancelJob(session.config, session.context, jobId);
    told.cancelled += 1;
    return;
  }
  if ((await store.ledger.job(jobId))?.status === 'running') {
    const each = { id: randomUUID(), message: asked };
    // Some are told twice at once, over two connections.
    const over = random() < 0.1 ? clients : clients.slice(0, 1);
    const answers = await Promise.all(over.map((one) => one.tell(jobId, each)));
    if (!answers.includes(null)) throw new UserMistake(String(answers[0]));
    told.accepted.push(each);
  } else if (asked.kind === 'resume' || asked.kind === 'extend') {
    await takeUp(person, asked.kind === 'extend' ? asked.budget : {});
    told.takenUp.push(asked);
  } else if (asked.kind === 'pause') {
    throw new UserMistake('it is not running');
  } else {
    const each = { id: randomUUID(), message: asked };
    const isKept = await store.ledger.takeMessage(jobId, { ...each, at: Date.now() }, {});
    const why = isKept ? null : await clients[0]?.tell(jobId, each);
    if (why !== null) throw new UserMistake(String(why));
    told.accepted.push(each);
  }
}

/** Takes up the job that has ended. Throws `UserMistake` where somebody else was faster. */
async function takeUp(
  { session, store, jobId, clients: [client] }: Person,
  budget: Extension,
): Promise<void> {
  const record = await store.ledger.job(jobId);
  if (record === undefined || client === undefined) throw new Error(`expected job ${jobId}`);
  await resume(store, client, record, budget, { models: session.config.models, signal: session.signal });
}

/** Asks for random things until there were enough. Some that were accepted long ago are told again, as by somebody who saw no answer. */
async function askMany(person: Person, file: Artifact, isNext: () => boolean): Promise<void> {
  const { jobId, clients, random, told } = person;
  while (isNext()) {
    try {
      await askOf(person, randomAsked(random, file));
    } catch (error) {
      if (!(error instanceof UserMistake)) throw error;
      told.refused.push(error.message.replace(`${jobId}: `, '').replace(jobId, 'it'));
    }
    const earlier = told.accepted[Math.floor(random() * told.accepted.length)];
    if (earlier !== undefined && random() < 0.2) expect(await clients[0]?.tell(jobId, earlier)).toBe(null);
    await wait(random() * 200);
  }
}

const reasons = [
  /^it is paused already$/,
  /^it is not paused$/,
  /^\d+ trials is less than the \d+ trials it has/,
  /^it is not running/,
  /^it is running already(: it was just taken up)?$/,
  /^(its workflow has ended|it is ending|it is cancelled)$/,
];

it(`of ${messages} random messages by two clients to a job whose worker is killed three times none is lost, and none counts twice`, async () => {
  const seed = Number(process.env.CRUCIBLE_TEST_SEED ?? Date.now() % 1_000_000);
  onTestFailed(() => console.error(`again with CRUCIBLE_TEST_SEED=${seed}`));
  const home = await temporaryFolder();
  const store = await openStore(home);
  const { ledger } = store;
  server = await startServer();
  const { address } = server;
  worker = await startSteeredWorker({ home, address });
  const clients = await Promise.all([1, 2].map(() => connect(address, 'default', store)));
  const [client = expect.fail()] = clients;
  const input = storedInput(store, {
    ...{ kind: 'optimize', name: 'steered', program: 'slow.py', function: 'f', cases: 'cases.py' },
    budget: { trials, usd: 1, wallMs: 36_000_000 },
  });
  const { jobId } = input;
  await client.start(input);
  await until('the job', 60_000, async () => (await ledger.job(jobId)) !== undefined);

  let count = 0;
  const isNext = (): boolean => {
    count += 1;
    return count <= messages;
  };
  const killMany = async (): Promise<void> => {
    for (let kill = 1; kill <= kills; kill += 1) {
      await until('the next kill', 600_000, async () => count >= (messages * kill) / (kills + 1));
      await worker?.kill();
      worker = await startSteeredWorker({ home, address });
    }
  };
  const file = await store.blobs.put('pass\n');
  const config = readConfig({ CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: address });
  const context = { store, json: true, out: () => undefined, terminal: false, columns: 100 };
  const session: Session = { config, context, signal: new AbortController().signal };
  const people = [clients, clients.toReversed()].map((of, index): Person => {
    const told: Told = { accepted: [], takenUp: [], cancelled: 0, refused: [] };
    return { session, store, jobId, clients: of, random: randomStream(seed + index), told };
  });
  await Promise.all([...people.map((person) => askMany(person, file, isNext)), killMany()]);

  const all = people.map(({ told }) => told);
  const accepted = all.flatMap((told) => told.accepted);
  const takenUp = all.flatMap((told) => told.takenUp);
  const refused = all.flatMap((told) => told.refused);
  const cancels = all.reduce((sum, told) => sum + told.cancelled, 0);
  expect(accepted.length + takenUp.length + refused.length + cancels).toBe(messages);
  expect(refused.filter((why) => !reasons.some((reason) => reason.test(why)))).toEqual([]);

  // It is left running, to do what it was told.
  const now = await ledger.job(jobId);
  if (now?.status !== 'running') await takeUp(people[0] ?? expect.fail(), {});
  else if (now.pausedAt !== null) await client.tell(jobId, { id: 'last', message: { kind: 'resume' } });
  // What a worker was killed in the middle of is taken when its time is over.
  await until('all to be taken', 300_000, async () => {
    const ids = new Set((await ledger.messages(jobId)).map(({ id }) => id));
    return accepted.every(({ id }) => ids.has(id));
  });
  await until('all to be tried', 300_000, async () => (await triesOf(ledger, jobId)).length === 0);
  const byHand = (await ledger.decisions(jobId)).flatMap(({ number, decision }) =>
    decision.kind === 'human' ? [{ number, told: decision.told }] : [],
  );
  await until('their trials', 300_000, async () => {
    const tried = (await ledger.trials(jobId)).map(({ index }) => index);
    return byHand.every(({ number }) => tried.includes(number));
  });
  expect(await client.cancel(jobId)).toBe(true);
  await until('its end', 120_000, async () => (await ledger.job(jobId))?.status === 'cancelled');

  const taken = (await ledger.messages(jobId)).filter(({ id }) => id !== 'last');
  expect(taken).toHaveLength(accepted.length);
  for (const told of all) {
    const ids = told.accepted.map(({ id }) => id);
    const ofIts = taken.filter(({ id }) => ids.includes(id)).map(({ id, message }) => ({ id, message }));
    expect(ofIts).toEqual(told.accepted);
  }
  const brought = taken.flatMap(({ id, message }) => (message.kind === 'tryProgram' ? [id] : []));
  expect(byHand.map((each) => each.told).sort()).toEqual(brought.sort());
  const tried = (await ledger.trials(jobId)).filter(({ trial }) => trial.purpose === 'trial');
  expect(new Set(tried.map(({ index }) => index)).size).toBe(tried.length);

  const extended = [...taken.map(({ message }) => message), ...takenUp].flatMap((message) =>
    message.kind === 'extend' ? [message.budget.trials ?? 0] : [],
  );
  const record = await ledger.job(jobId);
  expect(record?.budget.trials).toBe(Math.max(trials, ...extended));
  expect(record?.result).toMatchObject({ status: 'cancelled', summary: 'cancelled' });
  expect(await client.tell(jobId, { id: 'late', message: { kind: 'pause' } })).toMatch(/ended|cancelled/);

  const connection = await Connection.connect({ address });
  const life = await lifeOf(new Client({ connection }), jobId);
  console.log(
    `${accepted.length} accepted, ${takenUp.length} that took it up, ${cancels} cancels, ${refused.length} refused; ${tried.length} trials, ${brought.length} of them by hand; ${life.pauses} pauses, ${life.begun} lives in ${life.histories} histories (seed ${seed})`,
  );
  expect(life.begunWhilePaused).toEqual([]);
  expect(life.pauses).toBeGreaterThan(messages / 20);
  expect(life.candidates).toBeGreaterThanOrEqual(tried.length);
  // Every cancel that was accepted ended a life, perhaps together with another's, and nothing else did.
  expect(life.cancelled).toBe(life.begun);
  expect(life.begun).toBeGreaterThan(1);
  expect(cancels).toBeGreaterThanOrEqual(life.begun - 1);
  await connection.close();
  await Promise.all(clients.map((each) => each.close()));
  await store.close();
});
