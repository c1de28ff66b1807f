import type { JobKind } from '../domain/job.schema.ts';
import type { JobRole } from '../domain/job-input.ts';
import type { UsageColumns } from './ledger/usage.ts';

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
  decisions: DecisionTable;
  messages: MessageTable;
  events: EventTable;
  modelCalls: ModelCallTable;
  accounts: AccountTable;
  holds: HoldTable;
  providers: ProviderTable;
  routes: RouteTable;
  replies: ReplyTable;
  partials: PartialTable;
  turns: TurnTable;
  batches: BatchTable;
  batchItems: BatchItemTable;
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
  kind: JobKind;
  role: JobRole;
  status: 'running' | 'finished' | 'failed' | 'cancelled';
  input: string;
  parent: string | null;
  stage: string | null;
  startedAt: number;
  endedAt: number | null;
  report: string | null;
  resultJson: string | null;
  best: number | null;
  history: string | null;
  /** The job at the top of those this one belongs to; itself where it belongs to none. */
  root: string;
  /** Of a root: numbers its events and those of all that belongs to it; rises with each. */
  eventCount: number;
  /** What it may use, as it was last opened or extended. */
  budgetJson: string;
  /** When its time began to run: it was opened, or taken up again. */
  beganAt: number;
  /** Null where it is not paused. */
  pausedAt: number | null;
  /** How long it was paused before, since its time began. */
  pausedMs: number;
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

export interface DecisionTable {
  jobId: string;
  /** Of the candidate that it is to lead to. */
  number: number;
  decisionJson: string;
  decidedAt: number;
  /** When it was found to lead to no program; null where it was not. */
  inVainAt: number | null;
}

export interface MessageTable {
  jobId: string;
  id: string;
  /** Orders a job's messages; it is the number of the event that tells of it. */
  number: number;
  messageJson: string;
  at: number;
}

export interface EventTable {
  jobId: string;
  root: string;
  number: number;
  key: string;
  text: string;
  at: number;
}

/** The five columns of its usage are null together, where the provider reported none. */
export interface ModelCallTable extends UsageColumns<number | null> {
  key: string;
  request: number;
  jobId: string;
  route: string;
  /** Null where the request was admitted without limits. */
  provider: string | null;
  /**
   * `queued`: it waits for a batch, or in one. For that it takes none of the provider's rate, and is never
   * lost.
   */
  status: 'started' | 'queued' | 'done' | 'failed' | 'ambiguous';
  /** 1 where the reply came from the cache and no request was sent, else 0. */
  cached: number;
  prompt: string | null;
  startedAt: number;
  /** When it is taken for lost, where its end was not seen by then. */
  lostAt: number;
  firstTokenMs: number | null;
  doneAt: number | null;
  microUsd: number | null;
  /** What was held for it. */
  estimateMicroUsd: number | null;
  reply: string | null;
  error: string | null;
  problem: string | null;
  retryAfterMs: number | null;
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

/** Each `…FullAt` is when the token bucket is full again if nothing more is taken: all of a bucket's state. */
export interface ProviderTable {
  provider: string;
  requestsFullAt: number;
  tokensFullAt: number;
  /** After a 429: nobody asks before. */
  slowUntil: number;
}

/** A route's circuit breaker; a route without a row has not failed. */
export interface RouteTable {
  route: string;
  /** In a row. */
  failures: number;
  /** How often it opened in a row; each doubles the time. */
  opens: number;
  /** Null while it is closed. */
  openUntil: number | null;
  /** 1 while one request tries whether the route works again, else 0; `openUntil` is then how long the others wait. */
  probing: number;
  /** 1 where it opened because no request could succeed, as without a valid key, else 0. */
  broken: number;
}

export interface ReplyTable {
  cacheKey: string;
  reply: string;
  rememberedAt: number;
}

export interface PartialTable {
  key: string;
  jobId: string;
  route: string;
  text: string;
  at: number;
}

export interface TurnTable {
  /** Of the sandbox that waited. */
  key: string;
  jobId: string;
  /** The key of the sandbox it waited for; null where that is not known. */
  behind: string | null;
  since: number;
  /** Null while it waits. */
  until: number | null;
}

/** Requests that a provider was, or is to be, sent at once. */
export interface BatchTable {
  /** Ours; the provider is told it where it takes one. */
  id: string;
  route: string;
  /** The provider's name of it; null until that is known. */
  name: string | null;
  status: 'submitting' | 'submitted' | 'ended';
  createdAt: number;
  /** Nobody looks at it before. */
  lookAt: number;
  /** How often it was looked at. */
  looks: number;
  /** One alone acts on it until then. */
  heldUntil: number;
}

export interface BatchItemTable {
  /** As the provider is told it. */
  id: string;
  /** The request of a model call. */
  key: string;
  request: number;
  jobId: string;
  route: string;
  /** What is sent, and how long that is. */
  body: string;
  bytes: number;
  queuedAt: number;
  batchId: string | null;
  /** How it ended; null where it has not. */
  result: string | null;
  /** 1 where nobody waits for it any more. */
  withdrawn: number;
}
