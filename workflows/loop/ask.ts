import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { WindowClosed } from '../../activities/ask/ask-again.ts';
import { defaults } from '../../domain/defaults.ts';
import {
  BudgetExhausted,
  ModelBatched,
  ModelQuotaExceeded,
  ModelReplyUnusable,
  ModelUnauthenticated,
  modelErrors,
  PriceUnknown,
} from '../../domain/errors.ts';
import type { Job } from '../../domain/job.schema.ts';
import type { Role } from '../../domain/job-input.ts';
import type { Rest } from '../../domain/message.schema.ts';
import { providerOf } from '../../domain/route.ts';
import { type Place, requestStep } from '../../domain/step.ts';
import type { RunningJob } from '../job/frame.ts';
import { modelActivities } from '../job/proxies.ts';

/** One request, as its activity is told of it. */
export interface Attempt extends Place {
  route: string;
  /** The step whose reply could not be used and is to be repaired; null for a question of its own. */
  repairs: string | null;
  /** Whether no route is asked after this one. */
  isLast: boolean;
  /** Take nothing over from earlier jobs. */
  fresh: boolean;
}

/** One question to the routes of a role. */
export interface Asking<Answer> {
  role: Role;
  /** What the question is about, in the notes that people read: `c-3`. */
  about: string;
  /** The requests stand at `STEP-0`, `STEP-0/repair-1`, `STEP-1`. */
  step: string;
  /** Puts the question by the activity that knows it. `doing` is the summary that people see. */
  ask(activities: ReturnType<typeof modelActivities>, attempt: Attempt, doing: string): Promise<Answer>;
}

/** What asking came to. `exhausted` says why no other question would be answered either; null where one may be. */
export type Asked<Answer> =
  | { kind: 'answered'; answer: Answer }
  | { kind: 'unanswered'; reason: string; exhausted: string | null }
  /** No route can be asked before `rest` is over; `batched`: one was, and its reply may be there then. */
  | { kind: 'later'; rest: Rest; batched: boolean };

/** A request that began in time may take this long to end. */
const leastMs = 60_000;

/**
 * Asks the routes of a role in order and returns the first answer. A reply that cannot be used is sent back for repair before the
 * next route is asked. A failure of the platform is thrown; one of a model is noted, and returned where no route is left.
 */
export async function askRoutes<J extends Job, Answer>(
  running: RunningJob<J>,
  asking: Asking<Answer>,
): Promise<Asked<Answer>> {
  const routes = running.input.routes[asking.role];
  const failures: Failure[] = [];
  for (const [index, route] of routes.entries()) {
    const asked = await askRoute(running, asking, route, index);
    if (asked.kind === 'answered') return asked;
    const { kind, opensAt, message } = asked.failure;
    if (kind === ModelBatched.name && opensAt !== null)
      return { kind: 'later', rest: { until: opensAt, why: message }, batched: true };
    failures.push(asked.failure);
    // The next route may be cheaper, or cost nothing: that the money is spent is said once, at the end.
    if (asked.failure.kind !== BudgetExhausted.name)
      running.note(`${asking.about}: ${route} gave no program: ${asked.failure.message}`);
  }
  const rest = restFor(failures);
  if (rest !== null) return { kind: 'later', rest, batched: false };
  return {
    kind: 'unanswered',
    reason: failures.findLast(({ kind }) => kind !== BudgetExhausted.name)?.message ?? '',
    exhausted: exhaustedBy(running, failures),
  };
}

/** Asks one route, and has its reply repaired as often as is worth it. */
async function askRoute<J extends Job, Answer>(
  { placeOf, input, steering }: RunningJob<J>,
  { role, about, step, ask }: Asking<Answer>,
  route: string,
  index: number,
): Promise<{ kind: 'answered'; answer: Answer } | { kind: 'failed'; failure: Failure }> {
  const isLast = index === input.routes[role].length - 1;
  const leftMs = Math.max(leastMs, steering.endsAt() - Date.now());
  const activities = modelActivities(providerOf(route), leftMs, !isLast);
  const stepOf = (round: number): string => requestStep(step, index, round);
  for (let round = 0; ; round += 1) {
    const repairs = round === 0 ? null : stepOf(round - 1);
    const attempt = { ...placeOf(stepOf(round)), route, repairs, isLast, fresh: input.fresh };
    const doing = round === 0 ? `${role} by ${route}` : `${route} repairs its reply`;
    try {
      return { kind: 'answered', answer: await ask(activities, attempt, `${about}: ${doing}`) };
    } catch (error) {
      const failure = failureOfModel(error);
      if (failure === null) throw error;
      const isRepairable = failure.kind === ModelReplyUnusable.name && round < defaults.model.repairs;
      if (!isRepairable) return { kind: 'failed', failure };
    }
  }
}

/** A failure of a model, by the name of its error. */
interface Failure {
  kind: string;
  message: string;
  /** When the route can be asked again, milliseconds since 1970; null where that is not known. */
  opensAt: number | null;
}

const accountsRefused: ReadonlySet<string> = new Set([ModelUnauthenticated.name, ModelQuotaExceeded.name]);
const noMoney: ReadonlySet<string> = new Set([BudgetExhausted.name, PriceUnknown.name]);

/** Returns what to rest for, where every route is closed and one says when it opens again; null elsewhere. */
function restFor(failures: readonly Failure[]): Rest | null {
  const [first] = failures
    .filter(({ opensAt }) => opensAt !== null)
    .sort((a, b) => (a.opensAt ?? 0) - (b.opensAt ?? 0));
  const isClosed = ({ kind, opensAt }: Failure): boolean =>
    opensAt !== null || accountsRefused.has(kind) || noMoney.has(kind);
  return first?.opensAt == null || !failures.every(isClosed)
    ? null
    : { until: first.opensAt, why: first.message };
}

/**
 * Returns why another question would fail like this one; null where it may not. Every account refused it, or the money is enough for no
 * route. A route that costs nothing, and gave no program, may answer the next.
 */
function exhaustedBy<J extends Job>({ input }: RunningJob<J>, failures: readonly Failure[]): string | null {
  const refusals = failures.filter(({ kind }) => accountsRefused.has(kind));
  if (refusals.length > 0 && refusals.length === failures.length)
    return refusals.map(({ message }) => message).join('; ');
  const outOfBudget = failures.findLast(({ kind }) => kind === BudgetExhausted.name);
  if (outOfBudget === undefined) return null;
  if (!failures.every(({ kind }) => noMoney.has(kind) || accountsRefused.has(kind))) return null;
  const { jobId, parent } = input;
  return `out of budget: ${outOfBudget.message}. To go on: crucible resume ${parent?.jobId ?? jobId} --budget usd=N, or tokens=N`;
}

/** Returns the model's failure; null where the platform failed, or the job was cancelled. */
function failureOfModel(error: unknown): Failure | null {
  if (!(error instanceof ActivityFailure)) return null;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    // With a failure of the model as its cause it was waiting for a retry.
    const last =
      cause.cause instanceof ApplicationFailure ? cause.cause.message : 'no worker answered in time';
    return { kind: 'TimedOut', message: last, opensAt: null };
  }
  if (!(cause instanceof ApplicationFailure) || !modelErrors.includes(cause.type ?? '')) return null;
  const [told] = (cause.details ?? []) as Partial<WindowClosed>[]; // `afterFailure` alone says when
  return { kind: cause.type ?? '', message: cause.message, opensAt: told?.opensAt ?? null };
}
