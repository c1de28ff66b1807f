import { expect, it } from 'vitest';
import type { Message } from '../../../domain/message.schema.ts';
import { temporaryStore } from '../temporary-store.ts';

const jobId = 'optimize/blur/1.1';

async function opened() {
  const { ledger } = await temporaryStore();
  await ledger.openJob({
    ...{ id: jobId, series: 'optimize/blur/1', run: 1, name: 'blur', kind: 'optimize', role: 'job' },
    ...{ input: 'a'.repeat(64), budget: { trials: 5, usd: 1 }, startedAt: 1_000 },
  });
  await ledger.openAccount({ id: jobId, cap: { microUsd: 1_000_000, tokens: null } });
  const tell = (id: string, message: Message, at: number) => ledger.takeMessage(jobId, { id, message, at });
  return { ledger, tell };
}

it('what a job is told is kept once, in order, said in its log, and changes its budget and its pause', async () => {
  const { ledger, tell } = await opened();
  await tell('b', { kind: 'pause' }, 2_000);
  await tell('a', { kind: 'hint', text: 'use tables' }, 2_500);
  await tell('b', { kind: 'pause' }, 9_000);
  expect(await ledger.job(jobId)).toMatchObject({ pausedAt: 2_000, pausedMs: 0 });
  await tell('c', { kind: 'resume' }, 5_000);
  await tell('c', { kind: 'resume' }, 9_000);
  await tell('d', { kind: 'extend', budget: { trials: 20, usd: 2.5 } }, 6_000);
  expect(await ledger.job(jobId)).toMatchObject({
    ...{ pausedAt: null, pausedMs: 3_000, beganAt: 1_000, budget: { trials: 20, usd: 2.5 } },
  });
  expect((await ledger.account(jobId))?.cap).toEqual({ microUsd: 2_500_000, tokens: null });
  expect((await ledger.messages(jobId)).map(({ id }) => id)).toEqual(['b', 'a', 'c', 'd']);
  expect((await ledger.events(jobId)).map(({ text }) => text)).toEqual([
    'paused: nothing new is begun',
    'hint: use tables',
    'goes on after a pause',
    'extended to 20 trials, $2.5',
  ]);
});

it('a job that waits for a person stands still until it is told something, and a hint is worth a trial where none is left', async () => {
  const { ledger, tell } = await opened();
  const waiting: Message = { kind: 'wait', why: 'all 5 trials of the budget are used', tried: 5 };
  await tell('a', waiting, 2_000);
  expect(await ledger.job(jobId)).toMatchObject({ pausedAt: 2_000 });
  await tell('b', { kind: 'hint', text: 'use tables' }, 5_000);
  await tell('c', { kind: 'hint', text: 'or not' }, 6_000);
  expect(await ledger.job(jobId)).toMatchObject({ pausedAt: null, pausedMs: 3_000, budget: { trials: 6 } });
  await tell('d', { ...waiting, tried: 6 }, 7_000);
  await tell('e', { kind: 'extend', budget: { trials: 9 } }, 8_000);
  expect(await ledger.job(jobId)).toMatchObject({ pausedAt: null, pausedMs: 4_000, budget: { trials: 9 } });
  // A pause of a person's is ended by nothing else than `resume`.
  await tell('f', { kind: 'pause' }, 9_000);
  await tell('g', { kind: 'hint', text: 'later' }, 9_500);
  expect(await ledger.job(jobId)).toMatchObject({ pausedAt: 9_000, budget: { trials: 9 } });
});

it('a job that is taken up again has new time, and is not paused', async () => {
  const { ledger, tell } = await opened();
  await tell('a', { kind: 'pause' }, 2_000);
  await ledger.closeJob(jobId, { status: 'cancelled', endedAt: 3_000 });
  await ledger.reopenJob(jobId, { input: 'b'.repeat(64), budget: { trials: 9 }, at: 7_000 });
  expect(await ledger.job(jobId)).toMatchObject({
    ...{ beganAt: 7_000, pausedAt: null, pausedMs: 0, budget: { trials: 9 } },
  });
});

it('a job that was never opened cannot be told anything', async () => {
  const { ledger } = await temporaryStore();
  const told = { id: 'a', message: { kind: 'pause' }, at: 1 } as const;
  await expect(ledger.takeMessage(jobId, told)).rejects.toThrow(`expected job ${jobId} to be open`);
});

it('what only a job that has ended is told is kept there, and changes nothing of one that runs', async () => {
  const { ledger } = await opened();
  const told = { id: 'a', message: { kind: 'hint', text: 'use tables' }, at: 2_000 } as const;
  expect(await ledger.takeMessage(jobId, told, {})).toBe(false);
  expect(await ledger.messages(jobId)).toEqual([]);
  await ledger.closeJob(jobId, { status: 'failed', endedAt: 3_000 });
  expect(await ledger.takeMessage(jobId, told, {})).toBe(true);
  expect(await ledger.messages(jobId)).toEqual([told]);
});
