import { describe, expect, it } from 'vitest';
import {
  asModelFailure,
  explainFailure,
  ProviderFault,
  parseDuration,
  parseRateReset,
  parseWindow,
} from '../../llm/providers/failure.ts';

const about = { provider: 'p', model: 'm', keyVariable: 'P_KEY', key: 'quiet-rabbit-0123456789' };
const nothing = { usage: null, chargedMicroUsd: null, requestId: null };
const failureOf = (...fault: ConstructorParameters<typeof ProviderFault>) =>
  asModelFailure(explainFailure(new ProviderFault(...fault), about, nothing));

describe('durations', () => {
  it.each([
    ['1s', 1000],
    ['6m0s', 360_000],
    ['20ms', 20],
    ['1h2m3.5s', 3_723_500],
    ['0s', 0],
    [' 2s ', 2000],
    ['', null],
    ['12', null],
    ['-1s', null],
    ['1d', null],
    ['soon', null],
  ])('reads %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('the limits that OpenAI’s headers tell', () => {
  const requests = { 'x-ratelimit-reset-requests': '20s', 'x-ratelimit-remaining-requests': '0' };
  const tokens = { 'x-ratelimit-reset-tokens': '6m0s' };

  it('are those of what has run out', () => {
    expect(parseRateReset(new Headers({ ...requests, ...tokens }))).toBe(20_000);
    const left = { ...requests, 'x-ratelimit-remaining-requests': '59' };
    expect(parseRateReset(new Headers({ ...left, ...tokens }))).toBe(360_000);
    expect(parseRateReset(new Headers(left))).toBe(20_000);
    expect(parseRateReset(new Headers())).toBeNull();
  });

  it('count for a rate limit only, and only where no wait is asked for', () => {
    expect(failureOf('', { status: 429, headers: new Headers(requests) })?.retryAfterMs).toBe(20_000);
    const asking = new Headers({ ...requests, 'retry-after': '3' });
    expect(failureOf('', { status: 429, headers: asking })?.retryAfterMs).toBe(3000);
    expect(failureOf('', { status: 503, headers: new Headers(requests) })?.retryAfterMs).toBeNull();
  });
});

describe('when a quota is open again', () => {
  const now = Date.now();
  const inAnHour = now + 3_600_000;
  const windowOf = (message: string, headers: Record<string, string> = {}) =>
    parseWindow({ message, headers: new Headers(headers) }, now);

  it.each([
    ['in words, with a duration', 'Rate limit reached. Please try again in 1h0m0s.', {}],
    ['in words, with a date', `The limit resets at ${new Date(inAnHour).toISOString()}.`, {}],
    ['by a header in milliseconds since 1970', 'free-models-per-day', { 'x-ratelimit-reset': `${inAnHour}` }],
  ])('is read %s', (_, message, headers) => {
    expect(windowOf(message, headers)).toBeGreaterThan(3_590_000);
    expect(windowOf(message, headers)).toBeLessThanOrEqual(3_600_000);
  });

  it('is read by a header in seconds since 1970', () => {
    const seconds = `${Math.floor(inAnHour / 1000)}`;
    expect(windowOf('', { 'anthropic-ratelimit-unified-reset': seconds })).toBeGreaterThan(3_590_000);
  });

  it.each(['Please add money.', 'try again in a while', 'It resets at 2001-01-01T00:00:00Z.'])(
    'is not read from %s',
    (message) => expect(windowOf(message, { 'x-ratelimit-reset': '12' })).toBeNull(),
  );

  it('is told with a quota that is used up', () => {
    const headers = new Headers({ 'x-ratelimit-reset': `${Date.now() + 7_200_000}` });
    const failure = failureOf('Rate limit exceeded: free-models-per-day', { status: 429, headers });
    expect(failure).toMatchObject({ name: 'ModelQuotaExceeded' });
    expect(failure?.retryAfterMs).toBeGreaterThan(7_100_000);
  });
});

describe('a fault', () => {
  it.each([
    "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193',
    'Please reduce the length of the messages or completion.',
    'the request exceeds the available context size, try increasing it',
    'Input is too long for requested model.',
  ])('of a prompt that does not fit is known by its wording: %s', (message) => {
    expect(failureOf(message, { status: 400 })?.name).toBe('ModelContextTooLong');
    // The same words, in passing, make no other fault one of length.
    expect(failureOf(message, { status: 503 })?.name).toBe('ModelUnavailable');
    expect(failureOf(message, { status: 401 })?.name).toBe('ModelUnauthenticated');
  });

  it.each([
    [402, 'Insufficient Balance'],
    [429, 'Your prepayment credits are depleted.'],
    [429, 'Your project has exceeded its monthly spending cap.'],
    [403, 'Key limit exceeded (total limit).'],
  ])('of an empty account is known by its status or its wording: %i %s', (status, message) => {
    expect(failureOf(message, { status })?.name).toBe('ModelQuotaExceeded');
  });

  it('is told in few words, and never with a key that stands where it is cut', () => {
    const message = `${'x'.repeat(490)} ${about.key} ${'y'.repeat(5000)}`;
    const failure = failureOf(message, { status: 400 });
    expect(failure?.message.length).toBeLessThan(600);
    expect(failure?.message).not.toContain('quiet');
  });

  it('takes along what was known of the reply', () => {
    const usage = { input: 1, cached: 0, written: 0, output: 2, reasoning: 0 };
    const soFar = { usage, chargedMicroUsd: 30, requestId: 'r-1' };
    const failure = explainFailure(new ProviderFault('gone'), about, { ...soFar });
    expect(failure).toMatchObject({ name: 'ModelUnavailable', ...soFar });
    expect(explainFailure(new ProviderFault('gone', { requestId: 'r-2' }), about, soFar)).toMatchObject({
      requestId: 'r-2',
    });
  });

  it('that is a bug is left as it is', () => {
    const bug = new TypeError('x is not a function');
    expect(explainFailure(bug, about, nothing)).toBe(bug);
  });
});
