import { z } from 'zod';
import {
  ModelContextTooLong,
  ModelQuotaExceeded,
  ModelRateLimited,
  ModelRefused,
  ModelReplyTruncated,
  ModelReplyUnusable,
  ModelRequestRejected,
  ModelUnauthenticated,
  ModelUnavailable,
} from '../../domain/errors.ts';
import type { Usage } from '../../domain/usage.ts';
import { Silence } from './deadlines.ts';

/** What every error of a model carries besides its message; null where the provider did not say. */
export interface FailureDetails {
  /** HTTP status. */
  status: number | null;
  /** How long the provider asks to wait. */
  retryAfterMs: number | null;
  requestId: string | null;
  /** Tokens that were spent all the same, as far as the provider said. */
  usage: Usage | null;
  /** What the provider says it cost all the same, in millionths of a dollar. */
  chargedMicroUsd: number | null;
  /** The text of a reply that came whole and could not be used. */
  reply: string | null;
}

const kinds = [
  ModelRequestRejected,
  ModelContextTooLong,
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

/** `error`, or the one of its causes, that a model threw, with its details; undefined where none did. */
export function asModelFailure(error: unknown): ModelFailure | undefined {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause)
    if (kinds.some((kind) => inner instanceof kind) && 'retryAfterMs' in inner)
      return inner as unknown as ModelFailure; // only `modelFailure` sets these properties, all at once
  return undefined;
}

/** The provider and model that a failure is about, and what must not be seen in its message. */
export interface Counterpart {
  provider: string;
  model: string;
  /** The environment variable that holds the key. */
  keyVariable: string;
  key: string | null;
}

/** Returns an error of these kinds with its details; the message names the counterpart and never shows a key. */
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
    chargedMicroUsd: null,
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
  readonly headers: Headers | null;
  readonly requestId: string | null;
  /** The wait it asks for in its body; that of the headers is read from them. */
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    fault: {
      status?: number | null | undefined;
      codes?: readonly unknown[];
      headers?: Headers | null | undefined;
      requestId?: string | null | undefined;
      retryAfterMs?: number | null;
    } = {},
  ) {
    super(message);
    this.status = fault.status ?? null;
    this.codes = (fault.codes ?? []).filter((code) => typeof code === 'string' && code !== '') as string[];
    this.headers = fault.headers ?? null;
    this.requestId = fault.requestId ?? null;
    this.retryAfterMs = fault.retryAfterMs ?? null;
  }
}

/**
 * Returns the error for a stream that ended without saying so. It was cut off where it had begun, and was no
 * stream at all where it had not.
 */
export const endedEarly = (events: number): Error =>
  events === 0
    ? new SyntaxError('expected a stream of events, got none')
    : new ProviderFault(`the stream ended after ${events} events, before the reply was complete`);

const quotaCodes = new Set([
  ...['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active', 'quota_exceeded'],
  ...['billing_error', 'enforced_spend_limit_reached', 'contract_spend_limit_reached'],
  ...['linked_organization_spend_limit_reached', 'linked_organization_billing_unavailable'],
]);
const keyCodes = new Set(['invalid_api_key', 'authentication_error', 'API_KEY_INVALID', 'UNAUTHENTICATED']);
const rateCodes = new Set([
  ...['rate_limit_exceeded', 'rate_limit_error', 'ramp_limit_exceeded', 'RESOURCE_EXHAUSTED'],
]);
const refusalCodes = new Set([
  ...['content_filter', 'content_policy_violation', 'bio_policy', 'misalignment_policy_violation'],
]);
const contextCodes = new Set([
  ...['context_length_exceeded', 'request_too_large', 'exceed_context_size_error'],
]);
/** Codes that come inside a stream, where there is no status. */
const rejectionCodes = new Set([
  ...['invalid_request_error', 'invalid_prompt', 'permission_error', 'not_found_error'],
  ...['data_residency_mismatch', 'INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'PERMISSION_DENIED', 'NOT_FOUND'],
]);
/** Statuses of the 4xx that a second try can cure: time-out, conflict, too early, client closed. */
const passingStatuses = new Set([408, 409, 425, 499]);

const anyOf = (...patterns: RegExp[]): RegExp =>
  new RegExp(patterns.map(({ source }) => source).join('|'), 'i');

/**
 * Providers report an empty account as 429, 400 or 403. Only the code, or the wording, tells it from the rest.
 */
const quotaWording = anyOf(
  /credit balance is too low|insufficient (credits|balance)|(credits?|balance) (is|are) (depleted|exhausted)/,
  /key limit exceeded|spending (cap|limit)|free-models-per-day/,
);
/** That of OpenAI, Anthropic, Google, xAI, Groq, vLLM, SGLang, llama.cpp, LM Studio and TGI. */
const contextWording = anyOf(
  /(prompt|input) is too long|maximum (context|prompt|model) length|context (window|limit|length)/,
  /available context size|input token count.*exceeds|reduce the length of|`inputs` tokens/,
);
/** More tokens in one request than a minute may have: waiting cannot help. */
const oversizedWording = /request too large for/i;

/** The one place that decides what a fault is. */
function kindOf({ status, codes, message }: ProviderFault): FailureKind {
  const among = (known: Set<string>) => codes.some((code) => known.has(code));
  if (status === 402 || among(quotaCodes) || quotaWording.test(message)) return ModelQuotaExceeded;
  if (among(refusalCodes)) return ModelRefused;
  if (status === 401 || among(keyCodes)) return ModelUnauthenticated;
  if (status === 413 || among(contextCodes) || oversizedWording.test(message)) return ModelContextTooLong;
  if (status === 429 || among(rateCodes)) return ModelRateLimited;
  const rejected = status === null ? among(rejectionCodes) : status >= 400 && status < 500;
  if (rejected && contextWording.test(message)) return ModelContextTooLong;
  return rejected && (status === null || !passingStatuses.has(status))
    ? ModelRequestRejected
    : ModelUnavailable;
}

/** What was known of a reply when its request failed. */
export type SoFar = Pick<FailureDetails, 'usage' | 'chargedMicroUsd' | 'requestId'>;

/**
 * Returns the error to throw for what a request threw, with what it had cost by then. It is one of the kinds, or `error` itself where
 * that is a bug. The cause is left out on purpose: its text would take keys and request bodies into logs and histories.
 */
export function explainFailure(error: unknown, about: Counterpart, soFar: SoFar): unknown {
  const { usage, chargedMicroUsd, requestId } = soFar;
  const costs = { usage, chargedMicroUsd, requestId };
  const failure = asModelFailure(error);
  if (failure !== undefined) return failure;
  if (error instanceof Silence) return modelFailure(ModelUnavailable, about, error.message, costs);
  if (error instanceof ProviderFault) return explainFault(error, about, costs);
  if (error instanceof SyntaxError || error instanceof z.ZodError)
    return modelFailure(
      ModelReplyUnusable,
      about,
      `the stream is not what was agreed: ${firstIssue(error)}`,
      costs,
    );
  const network = networkReason(error);
  if (network !== undefined)
    return modelFailure(ModelUnavailable, about, `the connection failed: ${network}`, costs);
  return error;
}

function explainFault(fault: ProviderFault, about: Counterpart, costs: SoFar): ModelFailure {
  const Kind = kindOf(fault);
  const now = Date.now();
  const { status, codes } = fault;
  const retryAfterMs =
    fault.retryAfterMs ??
    parseRetryAfter(fault.headers, now) ??
    (Kind === ModelRateLimited ? parseRateReset(fault.headers) : null) ??
    (Kind === ModelRateLimited || Kind === ModelQuotaExceeded ? parseWindow(fault, now) : null);
  // Before it is cut: half a key would not be known for one.
  const said = redact(fault.message.slice(0, 10_000), about.key).slice(0, 500);
  const got = [status, codes[0], said].filter((part) => part).join(' ');
  const wait = retryAfterMs === null ? '' : `; it asks to wait ${retryAfterMs} ms`;
  const messages = new Map<FailureKind, string>([
    // The provider's own words are left out here: they tend to quote the key.
    [
      ModelUnauthenticated,
      `${about.keyVariable} was not accepted (${status ?? codes[0]}): set it to a valid key`,
    ],
    [ModelQuotaExceeded, `the account behind ${about.keyVariable} has nothing left: ${got}`],
    [ModelRateLimited, `too many requests: ${got}${wait}`],
    [ModelContextTooLong, `the prompt does not fit: ${got}`],
    [ModelRequestRejected, `the request was rejected: ${got}`],
    [ModelRefused, `the request was refused: ${got}`],
    [ModelUnavailable, `not available: ${got}${wait}`],
  ]);
  return modelFailure(Kind, about, messages.get(Kind) ?? got, {
    ...{ ...costs, status, retryAfterMs },
    requestId: fault.requestId ?? costs.requestId,
  });
}

/**
 * Milliseconds that `retry-after-ms`, or `retry-after` in seconds or as an HTTP date, asks to wait; null where neither
 * says. `now` in milliseconds since 1970.
 */
function parseRetryAfter(headers: Headers | null, now: number): number | null {
  const ms = headers?.get('retry-after-ms')?.trim();
  if (ms !== undefined && /^\d+(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms));
  const after = headers?.get('retry-after')?.trim();
  if (after === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(after)) return Math.ceil(Number(after) * 1000);
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/**
 * Returns the milliseconds until the limit that was hit is whole again; null where no header says. OpenAI sends it as
 * `x-ratelimit-reset-requests` and `-tokens` (`1s`, `6m0s`, `20ms`). That is longer than needed: it is used where no `retry-after` came.
 */
export function parseRateReset(headers: Headers | null): number | null {
  const noRequests = headers?.get('x-ratelimit-remaining-requests')?.trim() === '0';
  const [first, second] = noRequests ? ['requests', 'tokens'] : ['tokens', 'requests'];
  return (
    parseDuration(headers?.get(`x-ratelimit-reset-${first}`)) ??
    parseDuration(headers?.get(`x-ratelimit-reset-${second}`))
  );
}

/** Headers that say when a quota is open again, in seconds or milliseconds since 1970. */
const windowHeaders = ['x-ratelimit-reset', 'anthropic-ratelimit-unified-reset'];
const inWords =
  /(?:try again|retry|resets?|available)(?: again)? (?:in|after) ((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)/i;
const atTime =
  /(?:try again|resets?|available)(?: again)? (?:at|on|after) (\d{4}-\d\d-\d\d[T ][\d:.]+ ?(?:Z|UTC|[+-]\d\d:?\d\d))/i;

/**
 * Returns the milliseconds until a quota is open again, by a header or by the provider's words. Null where
 * neither says.
 */
export function parseWindow(
  { headers, message }: Pick<ProviderFault, 'headers' | 'message'>,
  now: number,
): number | null {
  for (const name of windowHeaders) {
    const text = headers?.get(name)?.trim() ?? '';
    const at = /^\d{10,13}$/.test(text) ? Number(text) * (text.length <= 10 ? 1000 : 1) : Number.NaN;
    if (at > now) return at - now;
  }
  const waits = parseDuration(inWords.exec(message)?.[1]);
  if (waits !== null) return waits;
  const at = Date.parse((atTime.exec(message)?.[1] ?? '').replace(/ ?UTC$/, 'Z').replace(' ', 'T'));
  return at > now ? at - now : null;
}

const unitsMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Milliseconds of `1h2m3.5s`, as Go and protocol buffers write durations; null for anything else. */
export function parseDuration(text: string | null | undefined): number | null {
  const trimmed = text?.trim() ?? '';
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(trimmed)) return null;
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  return Math.ceil(
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitsMs[unit as keyof typeof unitsMs], 0),
  );
}

/** `text` without the configured key and without anything that looks like one. */
export function redact(text: string, key: string | null): string {
  const known = key === null || key === '' ? text : text.replaceAll(key, '[key]');
  return known
    .replace(/\b(?!E2B_API_KEY\b)(sk|pk|rk|e2b|gsk|xai|hf)[-_][\w*.-]{6,}/gi, '[key]')
    .replace(/\b(AIza|AQ\.)[\w-]{10,}/g, '[key]')
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

/**
 * Returns what the network reported, if `error` is one of the network. Node's carry a code or wrap one that does; `fetch` throws
 * its own.
 */
function networkReason(error: unknown): string | undefined {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause)
    if ('code' in inner && typeof inner.code === 'string') return `${inner.code} ${inner.message}`;
  return error instanceof TypeError && error.message === 'fetch failed'
    ? String(error.cause ?? error.message)
    : undefined;
}
