import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, onTestFailed } from 'vitest';
import { connect, type JobClient } from '../../cli/server/client.ts';
import type { Message } from '../../domain/message.schema.ts';
import { randomStream } from '../../domain/random.ts';
import { openStore } from '../../store/store.ts';
import { triesOf } from '../../store/tries-of.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import { storedInput } from '../workflows/stored-job.ts';

const messages = 200;
const kills = 3;

let server: TestServer | undefined;
let worker: ChildProcess | undefined;

afterEach(async () => {
  worker?.kill('SIGKILL');
  await server?.stop();
});

async function startWorker(home: string, address: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('steered-worker.ts', import.meta.url))], {
    env: { ...process.env, CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: address },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  await until('the worker', 120_000, async () => said.includes('ready'));
  return child;
}

it('of 200 random messages by two clients to a job whose worker is killed three times none is lost, and none counts twice', async () => {
  const seed = Date.now() % 1_000_000;
  onTestFailed(() => console.error(`seed ${seed}`));
  const random = randomStream(seed);
  const home = await temporaryFolder();
  const store = await openStore(home);
  server = await startServer();
  const { address } = server;
  worker = await startWorker(home, address);
  const clients = await Promise.all([1, 2].map(() => connect(address, 'default', store)));
  const input = storedInput(store, {
    ...{ kind: 'optimize', name: 'steered', program: 'slow.py', function: 'f', cases: 'cases.py' },
    budget: { trials: 5_000, usd: 1, wallMs: 36_000_000 },
  });
  const { jobId } = input;
  await clients[0]?.start(input);

  let trials = 5_000;
  const file = await store.blobs.put('pass\n');
  const randomMessage = (): Message => {
    const kind = Math.floor(random() * 10);
    if (kind < 3) return { kind: 'pause' };
    if (kind < 7) return { kind: 'resume' };
    if (kind === 7) return { kind: 'hint', text: `hint ${Math.floor(random() * 1e6)}` };
    if (kind === 8) return { kind: 'tryProgram', name: `mine-${Math.floor(random() * 1e6)}.py`, file };
    trials += Math.floor(random() * 5) - 1;
    return { kind: 'extend', budget: { trials } };
  };
  const accepted = new Map<string, Message>();
  const refused: string[] = [];
  let told = 0;
  const tellMany = async (client: JobClient): Promise<void> => {
    while (told < messages) {
      told += 1;
      const [id, message] = [randomUUID(), randomMessage()];
      // Some are told twice, as by somebody who saw no answer.
      const times = random() < 0.2 ? 2 : 1;
      for (let time = 0; time < times; time += 1) {
        const why = await client.tell(jobId, { id, message });
        if (why === null) accepted.set(id, message);
        else if (!accepted.has(id)) refused.push(why);
        if (!accepted.has(id)) break;
      }
      await wait(random() * 200);
    }
  };
  const killMany = async (): Promise<void> => {
    for (let kill = 1; kill <= kills; kill += 1) {
      await until('the next kill', 300_000, async () => told >= (messages * kill) / (kills + 1));
      const gone = once(worker ?? expect.fail(), 'exit');
      worker?.kill('SIGKILL');
      await gone;
      worker = await startWorker(home, address);
    }
  };
  await Promise.all([...clients.map(tellMany), killMany()]);
  expect(accepted.size + refused.length).toBe(messages);
  expect(refused.filter((why) => !/paused|less than/.test(why))).toEqual([]);

  await clients[0]?.tell(jobId, { id: 'last', message: { kind: 'resume' } });
  const { ledger } = store;
  // What a worker was killed in the middle of is taken when its time is over.
  await until('all to be taken', 300_000, async () => {
    const ids = new Set((await ledger.messages(jobId)).map(({ id }) => id));
    return [...accepted.keys()].every((id) => ids.has(id));
  });
  await until('all to be tried', 300_000, async () => (await triesOf(ledger, jobId)).length === 0);
  const decisions = await ledger.decisions(jobId);
  const byHand = decisions.flatMap(({ number, decision }) =>
    decision.kind === 'human' ? [{ number, told: decision.told }] : [],
  );
  await until('their trials', 300_000, async () => {
    const tried = (await ledger.trials(jobId)).map(({ index }) => index);
    return byHand.every(({ number }) => tried.includes(number));
  });
  await clients[1]?.cancel(jobId);
  await until('its end', 120_000, async () => (await ledger.job(jobId))?.status === 'cancelled');

  const taken = (await ledger.messages(jobId)).filter(({ id }) => id !== 'last');
  expect(new Map(taken.map(({ id, message }) => [id, message]))).toEqual(accepted);
  expect(taken).toHaveLength(accepted.size);
  const brought = [...accepted].flatMap(([id, { kind }]) => (kind === 'tryProgram' ? [id] : []));
  expect(byHand.map((each) => each.told).sort()).toEqual(brought.sort());
  const numbers = (await ledger.trials(jobId)).filter(({ trial }) => trial.purpose === 'trial');
  expect(new Set(numbers.map(({ index }) => index)).size).toBe(numbers.length);
  const extended = [...accepted.values()].flatMap((each) =>
    each.kind === 'extend' ? [each.budget.trials ?? 0] : [],
  );
  expect((await ledger.job(jobId))?.budget.trials).toBe(Math.max(5_000, ...extended));
  expect(await clients[0]?.tell(jobId, { id: 'late', message: { kind: 'pause' } })).toMatch(
    /ended|cancelled/,
  );
  console.log(
    `${accepted.size} accepted, ${refused.length} refused, ${numbers.length} trials, ${brought.length} of them by hand (seed ${seed})`,
  );
  await Promise.all(clients.map((client) => client.close()));
  await store.close();
});
