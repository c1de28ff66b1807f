/**
 * The ledger's tables as Kysely sees them; `migrations.ts` creates them, in snake case.
 * Times are milliseconds since 1970, JSON is text, money is whole micro-dollars.
 */
export interface LedgerSchema {
  store: StoreTable;
  jobs: JobTable;
  steps: StepTable;
  memo: MemoTable;
  trials: TrialTable;
  events: EventTable;
  modelCalls: ModelCallTable;
  accounts: AccountTable;
  holds: HoldTable;
}

/** One row: who this store is. */
export interface StoreTable {
  /** Always 1, so that there can be no second row. */
  only: number;
  id: string;
  /** 32 random bytes in hex. */
  secret: string;
  createdAt: number;
}

export interface JobTable {
  id: string;
  series: string;
  run: number;
  name: string;
  kind: string;
  status: 'running' | 'finished' | 'failed' | 'cancelled';
  job: string;
  parent: string | null;
  stage: string | null;
  startedAt: number;
  endedAt: number | null;
  report: string | null;
  summaryJson: string;
  best: number | null;
  history: string | null;
  /** Numbers the job's events; rises with each. */
  eventCount: number;
}

export interface StepTable {
  key: string;
  jobId: string;
  kind: string;
  status: 'started' | 'done';
  worker: string;
  startedAt: number;
  doneAt: number | null;
  starts: number;
  resultJson: string | null;
}

export interface MemoTable {
  contentKey: string;
  valueJson: string;
  rememberedAt: number;
}

export interface TrialTable {
  jobId: string;
  position: number;
  candidateId: string;
  purpose: string;
  trialJson: string;
  createdAt: number;
}

export interface EventTable {
  jobId: string;
  number: number;
  key: string;
  text: string;
  at: number;
}

export interface ModelCallTable {
  key: string;
  request: number;
  jobId: string;
  route: string;
  status: 'started' | 'done' | 'failed' | 'ambiguous';
  startedAt: number;
  doneAt: number | null;
  usageJson: string | null;
  microUsd: number | null;
  reply: string | null;
  error: string | null;
}

export interface AccountTable {
  id: string;
  parent: string | null;
  capMicroUsd: number | null;
  spentMicroUsd: number;
  heldMicroUsd: number;
  capTokens: number | null;
  spentTokens: number;
  heldTokens: number;
}

export interface HoldTable {
  id: string;
  accountId: string;
  status: 'held' | 'settled' | 'released';
  microUsd: number;
  tokens: number;
}
