import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AccountTable, LedgerSchema } from '../ledger-schema.ts';

/** Money in millionths of a dollar, and tokens; whole and not negative. */
export interface Amounts {
  microUsd: number;
  tokens: number;
}

/** What something cost, so far as it is known. */
export type UnsureAmounts = { [unit in keyof Amounts]: number | null };

/** What an account may spend; null is without limit. */
export interface Cap {
  microUsd: number | null;
  tokens: number | null;
}

export interface AccountRecord {
  id: string;
  parent: string | null;
  cap: Cap;
  spent: Amounts;
  /** Reserved for requests under way. */
  held: Amounts;
}

/** `held`: it would fit if what is held were given back, so try again; `exhausted`: it can fit no more. */
export type Reservation = 'reserved' | 'held' | 'exhausted';

export interface Accounts {
  /** Opens an account below `parent`, which must be open. Opening it again sets its cap, and nothing else. */
  openAccount(account: { id: string; parent?: string | null; cap: Cap }): Promise<void>;
  account(id: string): Promise<AccountRecord | undefined>;
  /** What each account right below `parent` has spent, in millionths of a dollar. */
  spentBelow(parent: string): Promise<Map<string, number>>;
  /**
   * What can still be reserved on the account and on all above it. What is held is not counted; null is without
   * limit.
   */
  remaining(accountId: string): Promise<Cap>;
}

export function createAccounts(db: Kysely<LedgerSchema>): Accounts {
  return {
    async openAccount({ id, parent = null, cap }) {
      checkCap(id, cap);
      if (parent !== null) {
        const found = await db
          .selectFrom('accounts')
          .select('id')
          .where('id', '=', parent)
          .executeTakeFirst();
        if (found === undefined)
          throw new Error(`account ${id}: its parent ${parent} is not open; open that first`);
      }
      const caps = { capMicroUsd: cap.microUsd, capTokens: cap.tokens };
      await db
        .insertInto('accounts')
        .values({ id, parent, ...caps, spentMicroUsd: 0, heldMicroUsd: 0, spentTokens: 0, heldTokens: 0 })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(caps))
        .execute();
    },

    async account(id) {
      const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toRecord(row);
    },

    async spentBelow(parent) {
      const rows = await db
        .selectFrom('accounts')
        .select(['id', 'spentMicroUsd'])
        .where('parent', '=', parent)
        .execute();
      return new Map(rows.map(({ id, spentMicroUsd }) => [id, Number(spentMicroUsd)]));
    },

    async remaining(accountId) {
      const least: Cap = { microUsd: null, tokens: null };
      let id: string | null = accountId;
      while (id !== null) {
        const row: Selectable<AccountTable> = await db
          .selectFrom('accounts')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirstOrThrow(() => notOpen(accountId));
        const { cap, spent, held } = toRecord(row);
        for (const unit of ['microUsd', 'tokens'] as const)
          if (cap[unit] !== null)
            least[unit] = Math.min(
              least[unit] ?? Infinity,
              Math.max(0, cap[unit] - spent[unit] - held[unit]),
            );
        id = row.parent;
      }
      return least;
    },
  };
}

const notOpen = (id: string): Error => new Error(`expected account ${id} to be open, found no such account`);

/** An account had no room; thrown so that the transaction takes back what the accounts below it already hold. */
export class Refused extends Error {
  override name = 'Refused';
  readonly reservation: Exclude<Reservation, 'reserved'>;

  constructor(reservation: Exclude<Reservation, 'reserved'>) {
    super(reservation);
    this.reservation = reservation;
  }
}

/** Holds `amounts` on the account and on all above it, under an ID that is new, or throws `Refused`. Locks always go upwards. */
export async function hold(
  transaction: Transaction<LedgerSchema>,
  accountId: string,
  amounts: Amounts,
  holdId: string,
): Promise<void> {
  await transaction
    .insertInto('holds')
    .values({ id: holdId, accountId, status: 'held', microUsd: amounts.microUsd, tokens: amounts.tokens })
    .execute();

  let id: string | null = accountId;
  while (id !== null) {
    const updated: { parent: string | null } | undefined = await transaction
      .updateTable('accounts')
      .set((set) => ({
        heldMicroUsd: set('heldMicroUsd', '+', amounts.microUsd),
        heldTokens: set('heldTokens', '+', amounts.tokens),
      }))
      .where('id', '=', id)
      .where((where) =>
        where.and([fits(where, 'MicroUsd', amounts.microUsd), fits(where, 'Tokens', amounts.tokens)]),
      )
      .returning('parent')
      .executeTakeFirst();
    if (updated === undefined) throw await refusal(transaction, id, amounts);
    id = updated.parent;
  }
}

/**
 * Ends a hold on all its accounts. Settled, `actual` counts as spent, even above the cap; what was held where that is not known. Released,
 * nothing does. Does nothing where the hold has ended or never was.
 */
export async function endHold(
  transaction: Transaction<LedgerSchema>,
  holdId: string,
  status: 'settled' | 'released',
  actual?: UnsureAmounts,
): Promise<void> {
  const ended = await transaction
    .updateTable('holds')
    .set({ status })
    .where('id', '=', holdId)
    .where('status', '=', 'held')
    .returning(['accountId', 'microUsd', 'tokens'])
    .executeTakeFirst();
  if (ended === undefined) return;
  const spent =
    status === 'released'
      ? { microUsd: 0, tokens: 0 }
      : { microUsd: actual?.microUsd ?? ended.microUsd, tokens: actual?.tokens ?? ended.tokens };
  checkAmounts(holdId, spent);

  let id: string | null = ended.accountId;
  while (id !== null) {
    const updated: { parent: string | null } = await transaction
      .updateTable('accounts')
      .set((set) => ({
        heldMicroUsd: set('heldMicroUsd', '-', ended.microUsd),
        heldTokens: set('heldTokens', '-', ended.tokens),
        spentMicroUsd: set('spentMicroUsd', '+', spent.microUsd),
        spentTokens: set('spentTokens', '+', spent.tokens),
      }))
      .where('id', '=', id)
      .returning('parent')
      .executeTakeFirstOrThrow();
    id = updated.parent;
  }
}

function fits(
  where: ExpressionBuilder<LedgerSchema, 'accounts'>,
  unit: 'MicroUsd' | 'Tokens',
  amount: number,
) {
  const after = sql<number>`${where.ref(`held${unit}`)} + ${where.ref(`spent${unit}`)} + ${amount}`;
  // What takes nothing fits, also where more was spent than there was.
  if (amount === 0) return where.lit(true);
  return where.or([where(`cap${unit}`, 'is', null), where(after, '<=', where.ref(`cap${unit}`))]);
}

/** Returns why an account refused: what is held may come back, what is spent never does. */
async function refusal(transaction: Transaction<LedgerSchema>, id: string, amounts: Amounts): Promise<Error> {
  const row = await transaction.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return notOpen(id);
  const { cap, spent } = toRecord(row);
  const fitsUnheld =
    (cap.microUsd === null || amounts.microUsd === 0 || spent.microUsd + amounts.microUsd <= cap.microUsd) &&
    (cap.tokens === null || spent.tokens + amounts.tokens <= cap.tokens);
  return new Refused(fitsUnheld ? 'held' : 'exhausted');
}

function toRecord(row: Selectable<AccountTable>): AccountRecord {
  return {
    id: row.id,
    parent: row.parent,
    cap: { microUsd: row.capMicroUsd, tokens: row.capTokens },
    spent: { microUsd: row.spentMicroUsd, tokens: row.spentTokens },
    held: { microUsd: row.heldMicroUsd, tokens: row.heldTokens },
  };
}

const isAmount = (amount: number): boolean => Number.isSafeInteger(amount) && amount >= 0;

export function checkAmounts(holdId: string, { microUsd, tokens }: Amounts): void {
  if (isAmount(microUsd) && isAmount(tokens)) return;
  throw new RangeError(
    `hold ${holdId}: expected whole micro-dollars and tokens from 0, got ${microUsd} and ${tokens}`,
  );
}

function checkCap(id: string, { microUsd, tokens }: Cap): void {
  if (isAmount(microUsd ?? 0) && isAmount(tokens ?? 0)) return;
  throw new RangeError(
    `account ${id}: expected caps in whole micro-dollars and tokens from 0, or null, got ${microUsd} and ${tokens}`,
  );
}
