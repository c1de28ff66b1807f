import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Accounts, Amounts, Cap } from '../../../store/ledger/accounts.ts';
import { together } from '../processes.ts';
import { type Spending, spending, spendOn } from '../spending.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const both = (amount: number): Amounts => ({ microUsd: amount, tokens: amount });

/** Accounts named in each example, so that one ledger serves them all. */
async function openFamily(ledger: Accounts, prefix: string, caps: Cap[]): Promise<string[]> {
  const ids = caps.map((_, index) => `${prefix}-${index}`);
  for (const [index, cap] of caps.entries())
    await ledger.openAccount({ id: ids[index] ?? '', parent: ids[index - 1] ?? null, cap });
  return ids;
}

/** One account of the obvious model the ledger is compared with. */
interface ModelAccount {
  cap: Cap;
  spent: Amounts;
  held: Amounts;
}

const units = ['microUsd', 'tokens'] as const;

function modelReserve(path: ModelAccount[], amounts: Amounts): string {
  for (const { cap, spent, held } of path) {
    const room = (unit: 'microUsd' | 'tokens', used: number) =>
      used + amounts[unit] <= (cap[unit] ?? Infinity);
    if (!units.every((unit) => room(unit, spent[unit]))) return 'exhausted';
    if (!units.every((unit) => room(unit, spent[unit] + held[unit]))) return 'held';
  }
  for (const { held } of path) for (const unit of units) held[unit] += amounts[unit];
  return 'reserved';
}

describe('accounts', { timeout: 30_000 }, () => {
  it('agree with an obvious model under any sequence of requests that begin, are answered and fail', async () => {
    const { ledger } = await temporaryStore();
    const amounts = fc.record({ microUsd: fc.nat(12), tokens: fc.nat(12) });
    const cap = fc.record({
      microUsd: fc.option(fc.nat(40), { nil: null }),
      tokens: fc.option(fc.nat(40), { nil: null }),
    });
    const action = fc.oneof(
      fc.record({ kind: fc.constant('reserve' as const), account: fc.nat(2), amounts, hold: fc.nat(9) }),
      fc.record({
        kind: fc.constant('settle' as const),
        hold: fc.nat(9),
        actual: fc.option(amounts, { nil: undefined }),
      }),
      fc.record({ kind: fc.constant('release' as const), hold: fc.nat(9) }),
    );
    let example = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(cap, { minLength: 3, maxLength: 3 }),
        fc.array(action, { maxLength: 25 }),
        async (caps, actions) => {
          example += 1;
          const ids = await openFamily(ledger, `family-${example}`, caps);
          const model: ModelAccount[] = caps.map((cap) => ({ cap, spent: both(0), held: both(0) }));
          const begun = new Map<number, { path: ModelAccount[]; amounts: Amounts; request: Spending }>();
          const end = (path: ModelAccount[], held: Amounts, spent: Amounts): void => {
            for (const account of path)
              for (const unit of units) {
                account.held[unit] -= held[unit];
                account.spent[unit] += spent[unit];
              }
          };
          for (const step of actions) {
            const known = begun.get(step.hold);
            begun.delete(step.hold);
            if (step.kind === 'reserve') {
              // The end of an earlier one of its key was never seen: it counts whole.
              if (known !== undefined) end(known.path, known.amounts, known.amounts);
              const key = `${example}/${step.hold}`;
              const request = await spendOn(ledger, ids[step.account] ?? '', step.amounts, key);
              const path = model.slice(0, step.account + 1).reverse();
              const expected = modelReserve(path, step.amounts);
              expect(typeof request === 'string' ? request : 'reserved').toBe(expected);
              if (typeof request !== 'string') begun.set(step.hold, { path, amounts: step.amounts, request });
              continue;
            }
            const actual = step.kind === 'settle' ? step.actual : undefined;
            await (step.kind === 'settle' ? known?.request.settle(actual) : known?.request.release());
            if (known !== undefined)
              end(known.path, known.amounts, step.kind === 'settle' ? (actual ?? known.amounts) : both(0));
          }
          for (const [index, id] of ids.entries())
            expect(await ledger.account(id)).toMatchObject(model[index] ?? {});
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuse for good what no longer fits, and for a while what is only held', async () => {
    const { ledger } = await temporaryStore();
    const [root = '', job = ''] = await openFamily(ledger, 'a', [
      { microUsd: 100, tokens: null },
      { microUsd: null, tokens: 1_000 },
    ]);
    const first = await spending(ledger, job, { microUsd: 90, tokens: 10 }, 'first');
    expect(await spendOn(ledger, job, { microUsd: 20, tokens: 10 }, 'second')).toBe('held');
    expect(await ledger.account(job)).toMatchObject({ held: { microUsd: 90, tokens: 10 } });
    await first.settle({ microUsd: 95, tokens: 9 });
    expect(await spendOn(ledger, job, { microUsd: 20, tokens: 10 }, 'second')).toBe('exhausted');
    await spending(ledger, job, { microUsd: 5, tokens: 10 }, 'second');
    expect(await ledger.account(root)).toMatchObject({
      spent: { microUsd: 95, tokens: 9 },
      held: { microUsd: 5 },
    });
  });

  it('opened again take the new cap and keep what was spent', async () => {
    const { ledger } = await temporaryStore();
    await ledger.openAccount({ id: 'a', cap: both(10) });
    await (await spending(ledger, 'a', both(10), 'first')).settle();
    expect(await spendOn(ledger, 'a', both(5), 'second')).toBe('exhausted');
    await ledger.openAccount({ id: 'a', cap: both(20) });
    await spending(ledger, 'a', both(5), 'second');
    expect(await ledger.account('a')).toEqual({
      id: 'a',
      parent: null,
      cap: both(20),
      spent: both(10),
      held: both(5),
    });
  });

  it('tell what still fits: the least of an account and all above it', async () => {
    const { ledger } = await temporaryStore();
    const [root = '', job = ''] = await openFamily(ledger, 'a', [
      { microUsd: 100, tokens: null },
      { microUsd: 80, tokens: 1_000 },
    ]);
    await spending(ledger, root, both(50), 'elsewhere');
    await (await spending(ledger, job, both(10), 'here')).settle(both(45));
    expect(await ledger.remaining(job)).toEqual({ microUsd: 5, tokens: 955 });
    expect(await ledger.remaining(root)).toEqual({ microUsd: 5, tokens: null });
    await ledger.openAccount({ id: root, cap: { microUsd: 60, tokens: null } });
    expect(await ledger.remaining(job)).toEqual({ microUsd: 0, tokens: 955 });
    await expect(ledger.remaining('nobody')).rejects.toThrow(/account nobody to be open/);
  });

  it('refuse amounts that are no whole numbers, and accounts nobody opened', async () => {
    const { ledger } = await temporaryStore();
    await ledger.openAccount({ id: 'a', cap: both(10) });
    await expect(spendOn(ledger, 'a', { microUsd: 0.5, tokens: 1 }, 'h')).rejects.toThrow(RangeError);
    await expect(spendOn(ledger, 'a', { microUsd: 1, tokens: -1 }, 'h')).rejects.toThrow(RangeError);
    await expect(
      ledger.openAccount({ id: 'b', cap: { microUsd: Number.NaN, tokens: null } }),
    ).rejects.toThrow(RangeError);
    await expect(spendOn(ledger, 'nobody', both(1), 'h')).rejects.toThrow(/account nobody to be open/);
    await expect(ledger.openAccount({ id: 'c', parent: 'nobody', cap: both(1) })).rejects.toThrow(
      /parent nobody/,
    );
    await spending(ledger, 'a', both(10), 'h');
  });

  it('are never overdrawn by processes that spend at once, and every cent is accounted for', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    await ledger.openAccount({ id: 'root', cap: both(500) });
    await ledger.openAccount({ id: 'job', parent: 'root', cap: { microUsd: null, tokens: null } });
    const spenders = await together<{ spent: number; overshot: number }>(4, folder, 'spend', 'job');
    const spent = spenders.reduce((sum, spender) => sum + spender.spent, 0);
    expect(spenders.map(({ overshot }) => overshot)).toEqual([0, 0, 0, 0]);
    for (const id of ['root', 'job'])
      expect(await ledger.account(id)).toMatchObject({ spent: both(spent), held: both(0) });
    expect(spent).toBeLessThanOrEqual(500);
    expect(spent).toBeGreaterThan(500 - 7 - 5);
  });
});
