/** The sandbox, its engine or its host failed, not the program in it. Retrying helps. */
export class SandboxUnavailable extends Error {
  override name = 'SandboxUnavailable';
}

/** No isolation can be had on this machine, so nothing is run. Retrying cannot help. */
export class NoSandbox extends Error {
  override name = 'NoSandbox';
}

/** The job cannot be run as written. The message names the field. */
export class JobRejected extends Error {
  override name = 'JobRejected';
}

/** A setting of the environment, or the user's catalogue, cannot be used. The message names it. */
export class ConfigWrong extends Error {
  override name = 'ConfigWrong';
}

/** The store was written by another Crucible, whose rows this one could misread. The message says what to do. */
export class StoreRefused extends Error {
  override name = 'StoreRefused';
}

/** An artifact is missing, or its bytes do not match its name. */
export class ArtifactDamaged extends Error {
  override name = 'ArtifactDamaged';
}

/** The disk is full: nothing was half-written, and retrying helps once there is room. */
export class StorageFull extends Error {
  override name = 'StorageFull';
}

/** An activity was given, or gave back, more than a workflow history should hold. */
export class PayloadTooLarge extends Error {
  override name = 'PayloadTooLarge';
}

/** A number that is to be kept is none: NaN, or without end. Retrying cannot help. */
export class NotFinite extends Error {
  override name = 'NotFinite';
}

/** A worker was offered a task of a job that lives in another store. */
export class WrongStore extends Error {
  override name = 'WrongStore';
}

/** A history holds what no worker or client of this store has said. It is not believed; trying again would find the same. */
export class ForgedPayload extends Error {
  override name = 'ForgedPayload';
}

/** The provider refused the request. Retrying cannot help. */
export class ModelRequestRejected extends Error {
  override name = 'ModelRequestRejected';
}

/** The account behind the key has no quota or money left. */
export class ModelQuotaExceeded extends Error {
  override name = 'ModelQuotaExceeded';
}

/** A route failed as often as it may; the next route is taken. */
export class RouteUnavailable extends Error {
  override name = 'RouteUnavailable';
}

/** The model answered, but not with what was asked for. */
export class ModelReplyUnusable extends Error {
  override name = 'ModelReplyUnusable';
}

/** The provider does not know the key, or there is none. The message names the variable to set, never the key. */
export class ModelUnauthenticated extends Error {
  override name = 'ModelUnauthenticated';
}

/** Too many requests or tokens a minute. Retrying helps, after the time the provider asks for. */
export class ModelRateLimited extends Error {
  override name = 'ModelRateLimited';
}

/** The provider, or the way to it, failed or fell silent. Retrying helps. */
export class ModelUnavailable extends Error {
  override name = 'ModelUnavailable';
}

/** The reply was cut at the token limit. The same request again would be cut again: raise the limit. */
export class ModelReplyTruncated extends Error {
  override name = 'ModelReplyTruncated';
}

/** The model declined to answer. */
export class ModelRefused extends Error {
  override name = 'ModelRefused';
}

/** The prompt, with room for the reply, does not fit into what the model can read. Another route's may. */
export class ModelContextTooLong extends Error {
  override name = 'ModelContextTooLong';
}

/** The job's money or tokens are used up. It ends with the best it has. */
export class BudgetExhausted extends Error {
  override name = 'BudgetExhausted';
}

/** What is left of the budget is held for requests under way. Trying again helps once they have ended. */
export class BudgetHeld extends Error {
  override name = 'BudgetHeld';
}

/** The job's money is limited, and what the model costs is not known. */
export class PriceUnknown extends Error {
  override name = 'PriceUnknown';
}

/** Failures of one route of which another try is no help; another route may be. */
export const finalForRoute = [
  ModelContextTooLong,
  ModelQuotaExceeded,
  ModelRefused,
  ModelReplyTruncated,
  ModelReplyUnusable,
  ModelRequestRejected,
  ModelUnauthenticated,
  PriceUnknown,
  RouteUnavailable,
] as const;

/** Failures that are waited out; one of them is the last word only where the time was up. */
export const waitedOut = [BudgetHeld, ModelRateLimited, ModelUnavailable] as const;

/** Failures that trying again cannot mend, by the class that is thrown. */
export const finalFailures = [
  JobRejected,
  NoSandbox,
  NotFinite,
  PayloadTooLarge,
  BudgetExhausted,
  ...finalForRoute,
] as const;
