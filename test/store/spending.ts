import type { Amounts } from '../../store/ledger/accounts.ts';
import type { Ledger } from '../../store/ledger.ts';

/** A request to a model that is under way: it holds what it may cost at most on an account. */
export interface Spending {
  /** It was answered, and cost so much; where that is not known, what was held counts. */
  settle(actual?: Amounts): Promise<void>;
  /** It failed before anything was paid. */
  release(): Promise<void>;
}

/** Begins a request of the key; returns why not where the account has no room. */
export async function spendOn(
  ledger: Ledger,
  accountId: string,
  amounts: Amounts,
  key: string,
): Promise<Spending | 'held' | 'exhausted'> {
  const start = await ledger.startCall({
    ...{ key, jobId: accountId, route: 'acme/large', estimate: { accountId, amounts } },
  });
  if (start.kind === 'held' || start.kind === 'exhausted') return start.kind;
  if (start.kind !== 'started')
    throw new Error(`expected nothing but a budget in the way, found ${start.kind}`);
  return {
    settle: (actual) =>
      ledger.finishCall(key, start.request, {
        ...{ microUsd: actual?.microUsd ?? null, firstTokenMs: null, reply: 'a'.repeat(64) },
        usage:
          actual === undefined
            ? null
            : { input: actual.tokens, cached: 0, written: 0, output: 0, reasoning: 0 },
      }),
    release: () => ledger.failCall(key, start.request, { error: 'ModelUnavailable' }),
  };
}

/** The same, where the account has room. */
export async function spending(
  ledger: Ledger,
  accountId: string,
  amounts: Amounts,
  key: string,
): Promise<Spending> {
  const begun = await spendOn(ledger, accountId, amounts, key);
  if (typeof begun === 'string') throw new Error(`expected room on ${accountId}, it is ${begun}`);
  return begun;
}
