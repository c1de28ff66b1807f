/**
 * Another process that uses the same store: `other-process.ts FOLDER TASK ARGUMENT`. It says `ready`, waits for a
 * line on standard input, does the task and prints its result as JSON.
 */
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/store.ts';
import { storeIn } from './places.ts';
import { spendOn } from './spending.ts';

const tasks: Record<string, (folder: string, argument: string) => Promise<unknown>> = {
  identity: (folder) =>
    inStore(folder, async (store) => ({ id: store.id, secret: store.secret().toString('hex') })),

  /** Takes every one of 40 steps, or so many, each computing to this process's number after a moment. */
  steps: (folder, count) =>
    inStore(folder, async ({ ledger }) => {
      const results: number[] = [];
      let computed = 0;
      for (let step = 0; step < Number(count || 40); step += 1) {
        results.push(
          await ledger.once(`step-${step}`, { jobId: 'job', kind: 'test' }, async () => {
            computed += 1;
            await sleep(Math.random() * 3);
            return process.pid;
          }),
        );
      }
      return { results, computed };
    }),

  /** Starts a step and never finishes it. */
  hang: (folder, key) =>
    inStore(folder, ({ ledger }) =>
      ledger.once(key, { jobId: 'job', kind: 'test' }, async () => {
        console.log('hanging');
        await sleep(60_000);
      }),
    ),

  /** Begins 60 requests, of 7 of each, and settles most of them at 5, so long as there is room. */
  spend: (folder, account) =>
    inStore(folder, async ({ ledger }) => {
      let spent = 0;
      let overshot = 0;
      for (let attempt = 0; attempt < 60; attempt += 1) {
        const key = `${process.pid}-${attempt}`;
        const request = await spendOn(ledger, account, { microUsd: 7, tokens: 7 }, key);
        if (typeof request === 'string') continue;
        const root = await ledger.account('root');
        if (root && root.spent.microUsd + root.held.microUsd > (root.cap.microUsd ?? Infinity)) overshot += 1;
        if (attempt % 5 === 0) await request.release();
        else {
          await request.settle({ microUsd: 5, tokens: 5 });
          spent += 5;
        }
      }
      return { spent, overshot };
    }),

  /** Makes 40 calls of its own, of 4 each, on the account; every fifth fails. */
  call: (folder, accountId) =>
    inStore(folder, async ({ ledger }) => {
      const amounts = { microUsd: 4, tokens: 4 };
      for (let index = 0; index < 40; index += 1) {
        const key = `${process.pid}-${index}`;
        const start = await ledger.startCall({
          key,
          jobId: 'job',
          route: 'r',
          estimate: { accountId, amounts },
        });
        if (start.kind !== 'started') throw new Error(`expected room for every call, got ${start.kind}`);
        if (index % 5 === 0) await ledger.failCall(key, start.request, { error: 'ModelUnavailable' });
        else await ledger.finishCall(key, start.request, answered(3));
      }
    }),

  /**
   * Calls a provider that takes three at once, at 10 each, until the account `a` has no room. Where a request is under way, a `+`
   * and then a `-` stand in the file LOG. Returns how many calls it made.
   */
  hammer: (folder, log) =>
    inStore(folder, async ({ ledger }) => {
      const estimate = { accountId: 'a', amounts: { microUsd: 10, tokens: 10 } };
      const limits = { requestsPerMinute: null, tokensPerMinute: null, inFlight: 3 };
      for (let made = 0; ; ) {
        const key = `${process.pid}-${made}`;
        const start = await ledger.startCall({
          ...{ key, jobId: 'job', route: 'acme/large', estimate },
          admission: { provider: 'acme', limits, tokens: 10 },
        });
        if (start.kind === 'exhausted') return made;
        if (start.kind !== 'started') await sleep(Math.random() * 5);
        else {
          await appendFile(log, '+');
          await sleep(15 + Math.random() * 15);
          await appendFile(log, '-');
          await ledger.finishCall(key, start.request, answered(10));
          made += 1;
        }
      }
    }),

  /** Asks 60 times, all at the same moment NOW, for room in a provider's rate. Returns how often there was. */
  rush: (folder, now) =>
    inStore(folder, async ({ ledger }) => {
      const limits = { requestsPerMinute: 300, tokensPerMinute: 30_000, inFlight: 1_000 };
      let admitted = 0;
      for (let index = 0; index < 60; index += 1) {
        const start = await ledger.startCall({
          ...{ key: `${process.pid}-${index}`, jobId: 'job', route: 'acme/large', now: Number(now) },
          admission: { provider: 'acme', limits, tokens: 125 },
        });
        if (start.kind === 'started') admitted += 1;
      }
      return admitted;
    }),

  /** Says 50 events. */
  say: (folder, jobId) =>
    inStore(folder, async ({ ledger }) => {
      for (let index = 0; index < 50; index += 1)
        await ledger.say(jobId, `${process.pid}-${index}`, `event ${index}`, Date.now());
    }),

  put: (folder) =>
    inStore(folder, async ({ blobs }) => {
      const names: string[] = [];
      for (let index = 0; index < 20; index += 1) names.push(await blobs.put(Buffer.alloc(100_000, index)));
      return names;
    }),

  putFile: (folder, path) => inStore(folder, ({ blobs }) => blobs.putFile(path)),
};

/** The end of a call of so many tokens and micro-dollars. */
const answered = (amount: number) => ({
  usage: { input: amount, cached: 0, written: 0, output: 0, reasoning: 0 },
  microUsd: amount,
  firstTokenMs: null,
  reply: 'f'.repeat(64),
});

async function inStore<T>(folder: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await storeIn(folder);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const [folder = '', name = '', argument = ''] = process.argv.slice(2);
const task = tasks[name];
if (task === undefined) throw new Error(`no task ${name}; there are ${Object.keys(tasks).join(', ')}`);
console.log('ready');
await once(process.stdin, 'data');
process.stdin.destroy();
console.log(JSON.stringify((await task(folder, argument)) ?? null));
