import { z } from 'zod';
import {
  ModelQuotaExceeded,
  ModelRateLimited,
  ModelRefused,
  ModelReplyTruncated,
  ModelReplyUnusable,
  ModelRequestRejected,
  ModelUnauthenticated,
  ModelUnavailable,
} from '../domain/errors.ts';
import { Silence } from './deadlines.ts';
import type { Usage } from './model.ts';

/** What every error of a model carries besides its message; null where the provider did not say. */
export interface FailureDetails {
  /** HTTP status. */
  status: number | null;
  /** How long the provider asks to wait. */
  retryAfterMs: number | null;
  requestId: string | null;
  /** Tokens that were spent all the same. */
  usage: Usage | null;
  /** The text that came, where it came and could not be used. */
  reply: string | null;
}

const kinds = [
  ModelRequestRejected,
  ModelUnauthenticated,
  ModelQuotaExceeded,
  ModelRateLimited,
  ModelUnavailable,
  ModelReplyTruncated,
  ModelRefused,
  ModelReplyUnusable,
] as const;
type FailureKind = (typeof kinds)[number];
export type ModelFailure = InstanceType<FailureKind> & FailureDetails;

/** `error` with its details if a model threw it, else undefined. */
export const asModelFailure = (error: unknown): ModelFailure | undefined =>
  kinds.some((kind) => error instanceof kind) && error instanceof Error && 'retryAfterMs' in error
    ? (error as ModelFailure) // only `modelFailure` sets these properties, all at once
    : undefined;

/** Whom a failure is about, and what must not be seen in its message. */
export interface Counterpart {
  provider: string;
  model: string;
  /** The environment variable that holds the key. */
  keyVariable: string;
  key: string | null;
}

/** An error of the eight kinds with its details; the message names the counterpart and never shows a key. */
export function modelFailure(
  Kind: FailureKind,
  { provider, model, key }: Counterpart,
  message: string,
  details: Partial<FailureDetails> = {},
): ModelFailure {
  const none: FailureDetails = {
    status: null,
    retryAfterMs: null,
    requestId: null,
    usage: null,
    reply: null,
  };
  return Object.assign(new Kind(`${provider}/${model}: ${redact(message, key)}`), none, details);
}

/** What a provider reported, in the terms all of them share. */
export class ProviderFault extends Error {
  override name = 'ProviderFault';
  readonly status: number | null;
  /** The provider's codes and types, the most telling first. */
  readonly codes: readonly string[];
  readonly headers: Headers | undefined;
  readonly requestId: string | null;

  constructor(
    message: string,
    fault: {
      status?: number | undefined;
      codes?: readonly (string | null | undefined)[];
      headers?: Headers | undefined;
      requestId?: string | null | undefined;
    },
  ) {
    super(message);
    this.status = fault.status ?? null;
    this.codes = (fault.codes ?? []).filter((code) => typeof code === 'string' && code !== '') as string[];
    this.headers = fault.headers;
    this.requestId = fault.requestId ?? null;
  }
}

/** The error for a stream that ended without saying so: cut off where it had begun, no stream at all where it had not. */
export const endedEarly = (events: number): Error =>
  events === 0
    ? new SyntaxError('expected a stream of events, got none')
    : new ProviderFault(`the stream ended after ${events} events, before the reply was complete`, {});

const quotaCodes = new Set([
  ...['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active', 'quota_exceeded'],
  ...['billing_error', 'enforced_spend_limit_reached', 'contract_spend_limit_reached'],
  ...['linked_organization_spend_limit_reached', 'linked_organization_billing_unavailable'],
]);
const keyCodes = new Set(['invalid_api_key', 'authentication_error']);
const rateCodes = new Set(['rate_limit_exceeded', 'rate_limit_error', 'ramp_limit_exceeded']);
const refusalCodes = new Set([
  ...['content_filter', 'content_policy_violation', 'bio_policy', 'misalignment_policy_violation'],
]);
/** Codes that come inside a stream, where there is no status. */
const rejectionCodes = new Set([
  ...['invalid_request_error', 'invalid_prompt', 'permission_error', 'not_found_error', 'request_too_large'],
  ...['context_length_exceeded', 'data_residency_mismatch'],
]);
/** Statuses of the 4xx that a second try can cure: time-out, conflict, too early, client closed. */
const passingStatuses = new Set([408, 409, 425, 499]);

/** The one place that decides what a fault is. */
function kindOf({ status, codes, message }: ProviderFault): FailureKind {
  const among = (known: Set<string>) => codes.some((code) => known.has(code));
  // Providers report an empty account as 429 or 400, where only the code, or the wording, tells it from the rest.
  if (status === 402 || among(quotaCodes) || /credit balance is too low/i.test(message))
    return ModelQuotaExceeded;
  if (among(refusalCodes)) return ModelRefused;
  if (status === 401 || among(keyCodes)) return ModelUnauthenticated;
  if (status === 429 || among(rateCodes)) return ModelRateLimited;
  if (status === null) return among(rejectionCodes) ? ModelRequestRejected : ModelUnavailable;
  return status >= 400 && status < 500 && !passingStatuses.has(status)
    ? ModelRequestRejected
    : ModelUnavailable;
}

/**
 * The error to throw for whatever a request threw: one of the eight kinds, or `error` itself where it is a bug.
 * The cause is left out on purpose: its text would take keys and request bodies into logs and workflow histories.
 */
export function explainFailure(error: unknown, about: Counterpart): unknown {
  if (asModelFailure(error) !== undefined) return error;
  if (error instanceof Silence) return modelFailure(ModelUnavailable, about, error.message);
  if (error instanceof ProviderFault) return explainFault(error, about);
  if (error instanceof SyntaxError || error instanceof z.ZodError)
    return modelFailure(ModelReplyUnusable, about, `the stream is not what was agreed: ${firstIssue(error)}`);
  const network = networkReason(error);
  if (network !== undefined)
    return modelFailure(ModelUnavailable, about, `the connection failed: ${network}`);
  return error;
}

function explainFault(fault: ProviderFault, about: Counterpart): ModelFailure {
  const Kind = kindOf(fault);
  const retryAfterMs = fault.headers === undefined ? null : parseRetryAfter(fault.headers, Date.now());
  const got = [fault.status, fault.codes[0], fault.message.slice(0, 500)].filter((part) => part).join(' ');
  const wait = retryAfterMs === null ? '' : `; it asks to wait ${retryAfterMs} ms`;
  const messages = new Map<FailureKind, string>([
    // The provider's own words are left out here: they tend to quote the key.
    [
      ModelUnauthenticated,
      `the key was not accepted (${fault.status ?? fault.codes[0]}); set ${about.keyVariable} to a valid one`,
    ],
    [ModelQuotaExceeded, `the account behind ${about.keyVariable} has nothing left: ${got}`],
    [ModelRateLimited, `too many requests: ${got}${wait}`],
    [ModelRequestRejected, `the request was rejected: ${got}`],
    [ModelRefused, `the request was refused: ${got}`],
    [ModelUnavailable, `not available: ${got}${wait}`],
  ]);
  return modelFailure(Kind, about, messages.get(Kind) ?? got, {
    status: fault.status,
    retryAfterMs,
    requestId: fault.requestId,
  });
}

/** The wait that `retry-after-ms`, or `retry-after` in seconds or as an HTTP date, asks for; null where there is none. */
export function parseRetryAfter(headers: Headers, now: number): number | null {
  const ms = headers.get('retry-after-ms')?.trim();
  if (ms !== undefined && /^\d+(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms));
  const after = headers.get('retry-after')?.trim();
  if (after === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(after)) return Math.ceil(Number(after) * 1000);
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** `text` without the configured key and without anything that looks like one. */
export function redact(text: string, key: string | null): string {
  const known = key === null || key === '' ? text : text.replaceAll(key, '[key]');
  return known
    .replace(/\b(sk|pk|rk|e2b|gsk|xai|hf)[-_][\w*.-]{6,}/gi, '[key]')
    .replace(/\bAIza[\w-]{10,}/g, '[key]')
    .replace(/\b(bearer|basic)\s+[\w.~+/=*-]{6,}/gi, '$1 [key]')
    .replace(
      /\b(x-api-key|api[-_ ]?key|authorization|token|secret)(["']?\s*[:=]\s*["']?)[^\s"',;]{6,}/gi,
      '$1$2[key]',
    )
    .replace(/(\/\/)[^/\s@]+@/g, '$1[key]@');
}

/** In words, the first thing that a parser found wrong. */
export function firstIssue(error: SyntaxError | z.ZodError): string {
  const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
  return issue === undefined ? error.message : `${issue.path.join('.') || 'the whole'}: ${issue.message}`;
}

/** What the network reported, if `error` is one of Node's network errors, which carry a code, or wrap one that does. */
function networkReason(error: unknown): string | undefined {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause)
    if ('code' in inner && typeof inner.code === 'string') return `${inner.code} ${inner.message}`;
  return undefined;
}
