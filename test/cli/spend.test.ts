import { beforeEach, describe, expect, it } from 'vitest';
import { spend } from '../../cli/follow/spend.ts';
import type { CommandContext } from '../../cli/terminal.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { openJob } from './kept-jobs.ts';

const id = 'optimize/blur/1a2b3c4d5e.1';

let store: Store;
let lines: string[];

beforeEach(async () => {
  store = await temporaryStore();
  lines = [];
});

const show = (options: { job?: string; by?: string; since?: string } = {}, json = false): Promise<void> => {
  const context: CommandContext = {
    ...{ store, json, terminal: false, columns: 140 },
    out: (line) => lines.push(line),
  };
  return spend(context, { by: 'job', ...options });
};

async function call(step: string, route: string, microUsd: number | null): Promise<void> {
  const key = `${id}#${step}`;
  const estimate = { accountId: id, amounts: { microUsd: 500, tokens: 100 } };
  const begun = await store.ledger.startCall({ key, jobId: id, route, estimate });
  if (begun.kind !== 'started') throw new Error(`expected it to start, it was ${begun.kind}`);
  const usage = { input: 1_000, cached: 400, written: 0, output: 200, reasoning: 0 };
  const reply = await store.blobs.put(step);
  await store.ledger.finishCall(key, begun.request, { usage, microUsd, reply, firstTokenMs: 10 });
}

describe('crucible spend', () => {
  it('says so where nothing was spent', async () => {
    await show();
    expect(lines).toEqual(['No model was asked yet, so nothing was spent.']);
  });

  it('adds up calls, tokens and dollars by job, and tells unknown from nothing', async () => {
    await openJob(store, { kind: 'optimize', name: 'blur', program: 'blur.py' }, { id });
    await call('c-1/propose-0', 'openai/gpt-4o', 12_345);
    await call('c-2/propose-0', 'acme/unpriced', null);
    await show();
    expect(lines[1]).toMatch(/optimize\/blur\/1a2b3c4d5e\.1 +2 +2 +0 +0 +0 +2,000 +800 +400 +\$0\.012 +1/);
    expect(lines.at(-1)).toContain('unknown');
    lines = [];
    await show({ by: 'model' });
    expect(lines.join('\n')).toMatch(/acme\/unpriced .* unknown +1/);
  });

  it('reports requests that may have been paid, and what budgets count for them', async () => {
    await openJob(store, { kind: 'optimize', name: 'blur', program: 'blur.py' }, { id });
    const estimate = { accountId: id, amounts: { microUsd: 30_000, tokens: 100 } };
    await store.ledger.startCall({ key: `${id}#c-1/propose-0`, jobId: id, route: 'openai/gpt-4o', estimate });
    await store.ledger.closeCalls(id);
    await show({ job: 'blur' });
    expect(lines.join('\n')).toContain('1 requests are ambiguous');
    expect(lines.join('\n')).toContain('$0.03');
  });

  it('gives rows for programs, and refuses what it does not know', async () => {
    await openJob(store, { kind: 'optimize', name: 'blur', program: 'blur.py' }, { id });
    await call('c-1/propose-0', 'openai/gpt-4o', 12_345);
    await show({ since: '2026-01-01' }, true);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject([{ name: id, calls: 1, microUsd: 12_345 }]);
    await expect(show({ by: 'colour' })).rejects.toThrow(
      '--by: expected job, model, day, experiment, got "colour"',
    );
    await expect(show({ since: 'soon' })).rejects.toThrow('--since: expected a date');
  });
});
