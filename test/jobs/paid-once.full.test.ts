import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, onTestFailed } from 'vitest';
import { spend } from '../../cli/follow/spend.ts';
import { randomStream } from '../../domain/random.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
import { recorded } from '../cli/kept-jobs.ts';
import { until } from '../support/crucible.ts';
import type { Answer, SeenRequest } from '../support/model-servers.ts';
import { type ModelJobs, type ModelWorker, replyWith, startModelJobs, startProvider } from './model-jobs.ts';
import type { AskMany } from './paid-once-workflows.ts';

const workflows = fileURLToPath(new URL('paid-once-workflows.ts', import.meta.url));
const calls = 50;
/** A reply comes in 15 pieces; a whole call takes about twice as long. */
const pieceMs = 10;
const callMs = 2 * 15 * pieceMs;

let jobs: ModelJobs | undefined;

afterEach(async () => {
  await jobs?.stop();
  jobs = undefined;
});

it.each([
  { kills: 20, atOnce: 1, apart: 3 },
  { kills: 20, atOnce: 4, apart: 2 },
])(
  'of 50 calls, $atOnce at once, none that had ended is made again when its worker is killed $kills times at random moments',
  async ({ kills, atOnce, apart }) => {
    const seed = Date.now() % 1_000_000;
    onTestFailed(() => console.error(`seed ${seed}`));
    const random = randomStream(seed);
    const stub = await startProvider();
    const { server } = stub;
    // Each time another program: one that was proposed before is refused.
    const answers = (): Answer[] => {
      const text = replyWith(`print("the work, done in less time, ${server.requests.length}")\n`);
      return [{ kind: 'text', text, pieceMs, pieceChars: Math.ceil(text.length / 15) }];
    };
    Object.defineProperty(server, 'answers', { get: answers });
    jobs = await startModelJobs({ stub }, workflows);
    const { store } = jobs;
    const { ledger } = store;

    let worker: ModelWorker = await jobs.startWorker();
    const input: AskMany = { ...(await jobs.inputOf('asked')), calls, atOnce };
    const { jobId } = input;
    const job = await jobs.start('askMany', input);
    const inState = async (status: CallRecord['status']): Promise<string[]> =>
      (await ledger.calls(jobId)).filter((call) => call.status === status).map(nameOf);

    // With several at once, one that was lost may not have been made again by the next kill.
    const lost = new Set<string>();
    for (let kill = 0; kill < kills; kill += 1) {
      const seen = server.requests.length + Math.floor(random() * apart);
      await until('the next request', 60_000, async () => server.requests.length > seen);
      await wait(random() * callMs);
      await worker.kill();
      const underWay = await inState('started');
      expect(underWay.length).toBeLessThanOrEqual(atOnce);
      for (const each of underWay) lost.add(each);
      worker = await jobs.startWorker();
    }
    const before = (await inState('done')).length;
    expect(before, 'calls that had ended at the last kill').toBeLessThan(calls);
    await job.result();

    const made = await ledger.calls(jobId);
    const done = made.filter(({ status }) => status === 'done');
    const ambiguous = made.filter(({ status }) => status === 'ambiguous');
    expect(made.length).toBe(done.length + ambiguous.length);
    expect(new Set(done.map(({ key }) => key)).size).toBe(calls);
    expect(done.length).toBe(calls);
    // What was under way when a worker was killed, and nothing else.
    expect(ambiguous.map(nameOf).sort()).toEqual([...lost].sort());

    // At the server: each request is one on record, and none came after its call had ended.
    const completed = await Promise.all(server.requests.map(wasCompleted));
    const asked = Map.groupBy(server.requests, candidateAsked);
    expect(asked.size).toBe(calls);
    for (const [id, requests] of asked) {
      const onRecord = made.filter(({ key }) => key === `${jobId}#${id}/propose-0`);
      expect(requests.length).toBeLessThanOrEqual(onRecord.length);
      expect(onRecord.findIndex(({ status }) => status === 'done')).toBe(onRecord.length - 1);
    }
    const unsent = made.length - server.requests.length;
    const paid = completed.filter(Boolean).length;
    console.log(
      `${kills} kills during ${before} calls, ${atOnce} at once: ${ambiguous.length} requests lost, ${unsent} of them before they were sent, ${paid - calls} after they were answered (seed ${seed})`,
    );

    // Each is told, and counts as what it may have cost.
    const estimated = sum(ambiguous.map(({ estimateMicroUsd }) => estimateMicroUsd));
    const [row] = await ledger.spend({ by: 'job', jobId });
    expect(row).toMatchObject({ calls, requests: made.length, ambiguous: ambiguous.length, failed: 0 });
    expect(row?.ambiguousMicroUsd).toBe(estimated);
    const { context, lines } = recorded(store, { columns: 140 });
    await spend(context, { by: 'job', job: jobId });
    expect(lines.join('\n')).toContain(`${ambiguous.length} requests are ambiguous`);
    const account = await ledger.account(jobId);
    expect(account?.held).toEqual({ microUsd: 0, tokens: 0 });
    expect(account?.spent.microUsd).toBe(sum(done.map(({ microUsd }) => microUsd)) + estimated);
  },
);

const nameOf = ({ key, request }: CallRecord): string => `${key}#${request}`;

const sum = (amounts: readonly (number | null)[]): number =>
  amounts.reduce<number>((total, amount) => total + (amount ?? Number.NaN), 0);

/** `c-17` of a request: the name of its script, in its prompt. */
function candidateAsked({ asked }: SeenRequest): string {
  const [, id] = /slow-(c-\d+)\.py/.exec(asked?.turns[0]?.text ?? '') ?? [];
  if (id === undefined) throw new Error('expected a request that names its script');
  return id;
}

/** Whether a request of a server at rest was answered to the end. */
const wasCompleted = ({ abandoned }: SeenRequest): Promise<boolean> =>
  Promise.race([abandoned.then(() => false), wait(0).then(() => true)]);
