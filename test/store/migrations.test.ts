import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { temporaryFolder, temporaryStore } from './temporary-store.ts';

const jobId = 'optimize/blur/4f2a90c1d7.1';

/** A store as 0001 left it, in the middle of a job: one call answered, one failed, one whose worker died. */
async function firstStore(): Promise<string> {
  const folder = await temporaryFolder();
  const database = new DatabaseSync(join(folder, 'ledger.db'));
  database.exec(await readFile(new URL('ledger-0001.sql', import.meta.url), 'utf8'));
  database.close();
  return folder;
}

it('a store of the first schema opens with its calls as they were, and its job goes on', async () => {
  const folder = await firstStore();
  await (await temporaryStore(folder)).close();
  const { id, ledger } = await temporaryStore(folder);
  expect(id).toBe('8453d89b-4c47-4bb7-a1b1-63f7020d85e9');
  const [answered, failed, lost] = await ledger.calls(jobId);
  expect(answered).toEqual({
    ...{
      key: `${jobId}#c-1/propose-0`,
      request: 1,
      jobId,
      route: 'anthropic/claude-opus-5-5',
      status: 'done',
    },
    ...{ startedAt: 1795352420365, doneAt: 1795352420368, microUsd: 220, reply: 'f'.repeat(64), error: null },
    usage: { input: 1200, cached: 1000, written: 0, output: 350, reasoning: 100 },
    ...{ provider: null, cached: false, prompt: null, problem: null },
    ...{ firstTokenMs: null, retryAfterMs: null, estimateMicroUsd: null },
  });
  expect(failed).toMatchObject({ status: 'failed', error: 'ModelUnavailable', usage: null });
  expect(lost).toMatchObject({ status: 'started' });
  expect(await ledger.spend({ by: 'model' })).toMatchObject([
    { calls: 3, requests: 3, failed: 1, microUsd: 220, usage: { input: 1200, output: 350 } },
  ]);

  const key = `${jobId}#c-3/propose-0`;
  const estimate = { accountId: jobId, amounts: { microUsd: 100, tokens: 1_000 } };
  expect(await ledger.startCall({ key, jobId, route: 'acme/large', estimate })).toEqual({
    ...{ kind: 'started', request: 2 },
  });
  expect(await ledger.closeCalls(jobId)).toBe(1);
  expect(await ledger.account(jobId)).toMatchObject({
    spent: { microUsd: 220 + 400 + 100, tokens: 1550 + 4000 + 1000 },
    held: { microUsd: 0, tokens: 0 },
  });
});
