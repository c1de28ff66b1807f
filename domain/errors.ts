/**
 * How what ended with an error is to be tried again. `never`: the job ends. `next route`: not on this route, and another one may do.
 * `wait`: after the time that is asked for; it is the last word only where the time is up. `again`: soon, then less and less often.
 */
export type Retry = 'never' | 'next route' | 'wait' | 'again';

/** The sandbox, its engine or its host failed, not the program in it. Retrying helps. */
export class SandboxUnavailable extends Error {
  override name = 'SandboxUnavailable';
  static readonly retry = 'again';
}

/** No isolation can be had on this machine, so nothing is run. Retrying cannot help. */
export class NoSandbox extends Error {
  override name = 'NoSandbox';
  static readonly retry = 'never';
}

/** The packages of a job's environment cannot be fetched now: no index answers, or there is no pip. Retrying helps. */
export class PackagesUnavailable extends Error {
  override name = 'PackagesUnavailable';
  static readonly retry = 'again';
}

/** The job cannot be run as written. The message names the field. */
export class JobRejected extends Error {
  override name = 'JobRejected';
  static readonly retry = 'never';
}

/** A script of ours did not get through with a table. It would end the same again. */
export class LessonFailed extends Error {
  override name = 'LessonFailed';
  static readonly retry = 'never';
}

/** A setting of the environment, or the user's catalogue, cannot be used. The message names it. */
export class ConfigWrong extends Error {
  override name = 'ConfigWrong';
  static readonly retry = 'again';
}

/** The store was written by another Crucible, whose rows this one could misread. The message says what to do. */
export class StoreRefused extends Error {
  override name = 'StoreRefused';
  static readonly retry = 'again';
}

/** The ledger or the blobs cannot be reached, or refuse who asks. Nothing was half-written; retrying helps once they can. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  static readonly retry = 'again';
}

/** An artifact is missing, or its bytes do not match its name. */
export class ArtifactDamaged extends Error {
  override name = 'ArtifactDamaged';
  static readonly retry = 'again';
}

/** The disk is full: nothing was half-written, and retrying helps once there is room. */
export class StorageFull extends Error {
  override name = 'StorageFull';
  static readonly retry = 'again';
}

/** An activity was given, or gave back, more than a workflow history should hold. */
export class PayloadTooLarge extends Error {
  override name = 'PayloadTooLarge';
  static readonly retry = 'never';
}

/** A number that is to be kept is none: NaN, or without end. Retrying cannot help. */
export class NotFinite extends Error {
  override name = 'NotFinite';
  static readonly retry = 'never';
}

/** A worker was offered a task of a job that lives in another store. */
export class WrongStore extends Error {
  override name = 'WrongStore';
  static readonly retry = 'again';
}

/** A history holds what no worker or client of this store has said. It is not believed; trying again would find the same. */
export class ForgedPayload extends Error {
  override name = 'ForgedPayload';
  static readonly retry = 'again';
}

/** The provider refused the request. Retrying cannot help. */
export class ModelRequestRejected extends Error {
  override name = 'ModelRequestRejected';
  static readonly retry = 'next route';
}

/** The account behind the key has no quota or money left. */
export class ModelQuotaExceeded extends Error {
  override name = 'ModelQuotaExceeded';
  static readonly retry = 'next route';
}

/** The quota is used up, and the provider says when there is more. Nothing is asked before; the job rests until then where no other route can be asked. */
export class ModelWindowClosed extends Error {
  override name = 'ModelWindowClosed';
  static readonly retry = 'next route';
}

/** The request is in line for a batch, or in one. The job rests until it is looked for again. */
export class ModelBatched extends Error {
  override name = 'ModelBatched';
  static readonly retry = 'next route';
}

/** A route failed as often as it may; the next route is taken. */
export class RouteUnavailable extends Error {
  override name = 'RouteUnavailable';
  static readonly retry = 'next route';
}

/** The model answered, but not with what was asked for. */
export class ModelReplyUnusable extends Error {
  override name = 'ModelReplyUnusable';
  static readonly retry = 'next route';
}

/** The provider does not know the key, or there is none. The message names the variable to set, never the key. */
export class ModelUnauthenticated extends Error {
  override name = 'ModelUnauthenticated';
  static readonly retry = 'next route';
}

/** Too many requests or tokens a minute. Retrying helps, after the time the provider asks for. */
export class ModelRateLimited extends Error {
  override name = 'ModelRateLimited';
  static readonly retry = 'wait';
}

/** The provider, or the way to it, failed or fell silent. Retrying helps. */
export class ModelUnavailable extends Error {
  override name = 'ModelUnavailable';
  static readonly retry = 'wait';
}

/** The reply was cut at the token limit. The same request again would be cut again: raise the limit. */
export class ModelReplyTruncated extends Error {
  override name = 'ModelReplyTruncated';
  static readonly retry = 'next route';
}

/** The model declined to answer. */
export class ModelRefused extends Error {
  override name = 'ModelRefused';
  static readonly retry = 'next route';
}

/** The prompt, with room for the reply, does not fit into what the model can read. Another route's may. */
export class ModelContextTooLong extends Error {
  override name = 'ModelContextTooLong';
  static readonly retry = 'next route';
}

/** The job's money or tokens are used up. It ends with the best it has. */
export class BudgetExhausted extends Error {
  override name = 'BudgetExhausted';
  static readonly retry = 'next route';
}

/** What is left of the budget is held for requests under way. Trying again helps once they have ended. */
export class BudgetHeld extends Error {
  override name = 'BudgetHeld';
  static readonly retry = 'wait';
}

/** The job's money is limited, and what the model costs is not known. */
export class PriceUnknown extends Error {
  override name = 'PriceUnknown';
  static readonly retry = 'next route';
}

const errors = [
  SandboxUnavailable,
  NoSandbox,
  PackagesUnavailable,
  JobRejected,
  LessonFailed,
  ConfigWrong,
  StoreRefused,
  StoreUnavailable,
  ArtifactDamaged,
  StorageFull,
  PayloadTooLarge,
  NotFinite,
  WrongStore,
  ForgedPayload,
  ModelRequestRejected,
  ModelQuotaExceeded,
  ModelWindowClosed,
  ModelBatched,
  RouteUnavailable,
  ModelReplyUnusable,
  ModelUnauthenticated,
  ModelRateLimited,
  ModelUnavailable,
  ModelReplyTruncated,
  ModelRefused,
  ModelContextTooLong,
  BudgetExhausted,
  BudgetHeld,
  PriceUnknown,
] as const satisfies readonly { name: string; retry: Retry }[];

/** Returns the names of the errors that are to be tried again in one of these ways. */
export const errorsToRetry = (...ways: Retry[]): string[] =>
  errors.filter(({ retry }) => ways.includes(retry)).map(({ name }) => name);

/** Errors that trying the same again cannot mend. */
export const finalErrors: readonly string[] = errorsToRetry('never', 'next route');

/** Errors of models: the job goes on by another route, or without one. */
export const modelErrors: readonly string[] = errorsToRetry('next route', 'wait');
