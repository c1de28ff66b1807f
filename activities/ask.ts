import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import { z } from 'zod';
import type { Artifact } from '../domain/artifact.schema.ts';
import { defaults } from '../domain/defaults.ts';
import {
  ArtifactDamaged,
  BudgetExhausted,
  ModelReplyUnusable,
  PriceUnknown,
  RouteUnavailable,
} from '../domain/errors.ts';
import { parseRoute } from '../domain/route.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { Usage } from '../domain/usage.ts';
import { type Catalogue, limitsOf, modelIn } from '../llm/catalogue.ts';
import { asModelFailure, type ModelFailure, modelFailure } from '../llm/failure.ts';
import type { Model, ModelReply, ModelRequest } from '../llm/model.ts';
import { estimateOf, priceOf } from '../llm/prices.ts';
import { ReplyProblem } from '../llm/replies/apply.ts';
import { type ReplySchema, readValue } from '../llm/reply-schema.ts';
import type { RouteOutcome } from '../store/ledger/breakers.ts';
import type { CallStart } from '../store/ledger/model-calls.ts';
import type { Store } from '../store/store.ts';
import { type Pulse, writeJson } from './context.ts';

/** One logical call of a model: what is asked, and what its reply is read as. */
export interface Question<Value, Result> {
  route: string;
  /** Which text is asked: `improve-function@2`. */
  prompt: string;
  system: string;
  messages: ModelRequest['messages'];
  schema: ReplySchema<Value>;
  maxTokens: number;
  temperature: number;
  /** Requests that may fail. */
  tries: number;
  /** Tells apart questions that are asked alike on purpose, to have different replies. */
  sample: number;
  /** `refresh`: ask anew, and remember the reply. */
  cache: 'use' | 'refresh' | 'off';
  /** Under a limit in dollars: whether a model whose price is not known is asked. */
  unknownPrices: 'refuse' | 'allow';
  /** Turns the value into what is wanted. Throws `ReplyProblem` where it cannot be used. */
  read(value: Value): Result;
}

/** A request as it went: kept as an artifact, shown by `crucible show --prompt`, and repaired from. */
export interface KeptRequest {
  prompt: string;
  request: Pick<ModelRequest, 'system' | 'messages' | 'model' | 'maxTokens'> & {
    temperature: number | null;
    /** The name of the reply's schema. */
    schema: string;
  };
  reply: Pick<ModelReply, 'text' | 'usage' | 'requestId' | 'model'> & { finish: ModelReply['finish'] | null };
  /** Why the reply could not be used. */
  problem: string | null;
}

export interface AskContext {
  store: Store;
  catalogue: Catalogue;
  modelOf: (route: string) => Model;
}

/**
 * Asks one route, and pays at most once: a reply on record, or in the cache, is taken instead. A request is put on record with what
 * it may cost before it is sent, and its reply before it is used. Errors say how Temporal is to go on: again after a wait, or not
 * at all; the workflow then takes the next route, has the reply repaired, or ends the search.
 */
export type Ask = <Value, Result>(
  place: Place,
  question: Question<Value, Result>,
  pulse: Pulse,
) => Promise<Result>;

export function createAsk({ store, catalogue, modelOf }: AskContext): Ask {
  const { ledger, blobs } = store;

  return async (place, question, pulse) => {
    const key = stepKey(place);
    const { jobId } = place;
    const { route, prompt, schema } = question;
    const { provider, model } = parseRoute(route);
    const counterpart = { provider, model, keyVariable: '', key: null };
    const known = modelIn(catalogue, route);
    const request: ModelRequest<z.infer<typeof schema.schema>> = {
      system: question.system,
      messages: question.messages,
      schema,
      model,
      maxTokens: Math.min(question.maxTokens, known.maxOutput),
      temperature: known.takesTemperature ? question.temperature : undefined,
    };

    const before = await ledger.requestsOf(key);
    const paid =
      before.find(({ status }) => status === 'done') ?? before.findLast(({ reply }) => reply !== null);
    if (paid?.reply != null) {
      // A reply that was paid for stands, also where it could not be used: asked again, it would be paid again.
      if (paid.status === 'failed') throw final(paid.error ?? '', paid.problem ?? '');
      return readText(paid.reply);
    }

    const cacheKey = cacheKeyOf(provider, request, question.sample);
    const cached = question.cache === 'use' ? await ledger.recallReply(cacheKey) : undefined;
    if (cached !== undefined) {
      const known = await readText(cached.reply).then(
        (result) => ({ result }),
        (error: unknown) => {
          // It was lost, or is no answer to what the program is by now: the question is asked.
          if (error instanceof ArtifactDamaged || error instanceof ReplyProblem) return null;
          throw error;
        },
      );
      if (known !== null) {
        await ledger.recordCached({ key, jobId, route, prompt, reply: cached.reply });
        return known.result;
      }
    }

    const number = await start();
    const partial = showPartials();
    try {
      const reply = await modelOf(route).generate(request, { signal: pulse.signal, onDelta: partial.add });
      const result = readReply(reply);
      await finish(reply);
      return result;
    } catch (error) {
      const failure = asModelFailure(error);
      if (failure === undefined) throw error;
      throw await fail(failure);
    } finally {
      await partial.end();
    }

    /** A reply that was checked when it came. */
    async function readText(artifact: Artifact) {
      const kept = JSON.parse(await blobs.text(artifact)) as KeptRequest; // written by `keep` alone
      return question.read(readValue(kept.reply.text, schema));
    }

    /** Puts the request on record with what it may cost; returns which of the call's requests it is. */
    async function start(): Promise<number> {
      const estimate = estimateOf(catalogue, route, request);
      const refuses = estimate.microUsd === null && question.unknownPrices === 'refuse';
      if (refuses && (await ledger.remaining(jobId)).microUsd !== null)
        throw new PriceUnknown(
          `${route}: the job has a budget in dollars, and the price of this model is not known. Add it to models.yaml, give the budget in tokens, or set budget.unknownPrices: allow`,
        );
      const begun = await ledger.startCall({
        ...{ key, jobId, route, prompt },
        estimate: {
          accountId: jobId,
          amounts: { microUsd: Math.ceil(estimate.microUsd ?? 0), tokens: estimate.tokens },
        },
        admission: { provider, limits: limitsOf(catalogue, provider), tokens: estimate.tokens },
      });
      if (begun.kind === 'started') return begun.request;
      throw await refusal(begun, jobId, route);
    }

    function readReply(reply: ModelReply<z.infer<typeof schema.schema>>) {
      if (reply.kind !== 'value') throw new Error(`${key}: expected a value of ${schema.name}, got text`);
      try {
        return question.read(reply.value);
      } catch (error) {
        if (!(error instanceof ReplyProblem)) throw error;
        const { usage, requestId, text } = reply;
        throw modelFailure(ModelReplyUnusable, counterpart, error.message, { usage, requestId, reply: text });
      }
    }

    async function finish(reply: ModelReply): Promise<void> {
      const { text, usage, requestId, finish: ended, model: answered } = reply;
      const kept = await keep({ text, usage, requestId, model: answered, finish: ended }, null);
      const microUsd = costOf(usage, reply.chargedMicroUsd);
      await ledger.finishCall(key, number, { usage, microUsd, reply: kept, firstTokenMs: partial.firstMs() });
      if (question.cache !== 'off') await ledger.rememberReply(cacheKey, { reply: kept, usage, microUsd });
      await ledger.noteRoute(route, 'answered');
      if (microUsd !== null) await warnOfCost(microUsd);
    }

    /** Puts a failure on record, and says how Temporal is to take it. */
    async function fail(failure: ModelFailure): Promise<Error> {
      const { name, message, usage, requestId, reply: text } = failure;
      const reply = text === null ? null : { text, usage, requestId, model, finish: null };
      await ledger.failCall(key, number, {
        error: name,
        problem: message,
        usage,
        microUsd: costOf(usage, failure.chargedMicroUsd),
        reply: reply === null ? null : await keep(reply, message),
        firstTokenMs: partial.firstMs(),
        retryAfterMs: failure.retryAfterMs,
      });
      const outcome = outcomeOf(failure);
      if (outcome !== null) await ledger.noteRoute(route, outcome);
      await warnOfFailures();
      if (reply !== null) return final(name, message);
      return retryOf(failure);
    }

    /**
     * After the provider's own wait where it named one, after the default delays otherwise, and not again once the route had
     * its tries. Rate limits do not count as tries; they hold back everyone who asks this provider.
     */
    async function retryOf(failure: ModelFailure): Promise<Error> {
      const { retryDelaysMs, rateLimitDelayMs } = defaults.model;
      if (failure.name === 'ModelRateLimited') {
        const delayMs = failure.retryAfterMs ?? rateLimitDelayMs;
        await ledger.slowDown(provider, Date.now() + delayMs);
        return later(failure.name, failure.message, jittered(delayMs));
      }
      if (!isPassing(failure)) return failure;
      const earlier = before.filter(
        ({ status, error }) => status === 'failed' && error !== 'ModelRateLimited',
      );
      const tries = earlier.length + 1;
      if (tries >= question.tries) return new RouteUnavailable(`${failure.message} (tried ${tries} times)`);
      return later(
        'ModelUnavailable',
        failure.message,
        failure.retryAfterMs ?? retryDelaysMs[tries - 1] ?? retryDelaysMs.at(-1) ?? 0,
      );
    }

    function keep(reply: KeptRequest['reply'], problem: string | null): Promise<Artifact> {
      const { schema: _, temperature = null, ...asked } = request;
      const kept: KeptRequest = {
        prompt,
        request: { ...asked, temperature, schema: schema.name },
        reply,
        problem,
      };
      return writeJson(blobs, kept);
    }

    /** Whole micro-dollars; what the provider says it charged comes before what a table says. */
    function costOf(usage: Usage | null, charged: number | null): number | null {
      const microUsd = charged ?? (usage === null ? null : priceOf(catalogue, route, usage, new Date()));
      return microUsd === null ? null : Math.ceil(microUsd);
    }

    async function warnOfCost(microUsd: number): Promise<void> {
      const usual = await ledger.medianOf(route);
      const { unusualCalls, unusualFactor } = defaults.model;
      if (usual.calls < unusualCalls || usual.microUsd === null) return;
      if (microUsd > unusualFactor * usual.microUsd)
        await warn(
          `cost ${route}`,
          `${route}: a call cost $${microUsd / 1e6}, usual are $${usual.microUsd / 1e6}`,
        );
    }

    async function warnOfFailures(): Promise<void> {
      const usual = await ledger.medianOf(route);
      const { unusualCalls, unusualFailures } = defaults.model;
      if (usual.calls >= unusualCalls && usual.failedShare > unusualFailures)
        await warn(
          `failures ${route}`,
          `${route}: ${Math.round(usual.failedShare * 100)} % of its last ${usual.calls} requests failed`,
        );
    }

    async function warn(what: string, text: string): Promise<void> {
      if (await ledger.warnOnce(`${jobId} ${what}`))
        await ledger.say(jobId, `${jobId}#warning/${what}`, `warning: ${text}`, Date.now());
    }

    /** Shows the text so far to those who watch, now and then; none of it reaches the workflow's history. */
    function showPartials() {
      const begun = Date.now();
      let text = '';
      let first: number | null = null;
      let shown = 0;
      let writing: Promise<void> = Promise.resolve();
      return {
        firstMs: () => first,
        add(delta: string): void {
          const now = Date.now();
          first ??= now - begun;
          text += delta;
          pulse.details = { characters: text.length };
          if (now - shown < partialEveryMs) return;
          shown = now;
          writing = ledger.showPartial(key, { jobId, route, text, at: now }).catch(() => undefined);
        },
        async end(): Promise<void> {
          await writing;
          if (shown > 0) await ledger.clearPartial(key);
        },
      };
    }
  };

  async function refusal(
    begun: Exclude<CallStart, { kind: 'started' }>,
    jobId: string,
    route: string,
  ): Promise<Error> {
    switch (begun.kind) {
      case 'wait':
        return later('ModelRateLimited', `${route}: at its limit for now`, jittered(begun.ms));
      case 'open':
        return new RouteUnavailable(
          `${route}: failed too often; it is tried again in ${Math.ceil((begun.untilMs - Date.now()) / 1000)} s`,
        );
      case 'held':
        return later('BudgetHeld', 'what is left of the budget is held for calls under way', heldDelayMs);
      case 'exhausted':
        return new BudgetExhausted(await leftOf(jobId));
    }
  }

  /** What of an exhausted budget is spent, in words. */
  async function leftOf(accountId: string): Promise<string> {
    const account = await ledger.account(accountId);
    if (account === undefined) return 'the budget has no room for another call';
    const { cap, spent, parent } = account;
    if (cap.microUsd === null && cap.tokens === null && parent !== null) return leftOf(parent);
    const parts = [
      cap.microUsd === null ? '' : `$${(spent.microUsd / 1e6).toFixed(4)} of $${cap.microUsd / 1e6}`,
      cap.tokens === null
        ? ''
        : `${spent.tokens.toLocaleString('en')} of ${cap.tokens.toLocaleString('en')} tokens`,
    ];
    return `${parts.filter(Boolean).join(' and ')} spent; the next call may cost more than is left`;
  }
}

const partialEveryMs = 500;
const heldDelayMs = 2_000;
const longestMessage = 1_000;

/** Up to a quarter longer, so that those who wait for the same do not come back together. */
const jittered = (ms: number): number => Math.ceil(ms * (1 + Math.random() / 4));

/** Temporal tries again after `delayMs`. */
const later = (type: string, message: string, delayMs: number): ApplicationFailure =>
  ApplicationFailure.create({ type, message, nextRetryDelay: delayMs, nonRetryable: false });

/** Whatever is wrong with a reply is on record, and goes into its repair; what stands in a history has to be short. */
const final = (type: string, message: string): ApplicationFailure =>
  ApplicationFailure.create({
    type,
    message: message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`,
    nonRetryable: true,
  });

/** Whether another try may help: the provider was not there, or what came was no reply at all that could be repaired. */
const isPassing = ({ name, reply }: ModelFailure): boolean =>
  name === 'ModelUnavailable' || (name === 'ModelReplyUnusable' && reply === null);

/** What a failure says of its route; null for nothing. */
function outcomeOf(failure: ModelFailure): RouteOutcome | null {
  if (failure.name === 'ModelRateLimited') return null;
  if (isPassing(failure)) return 'failed';
  return failure.name === 'ModelQuotaExceeded' || failure.name === 'ModelUnauthenticated'
    ? 'broken'
    : 'answered';
}

/** By all that a reply depends on. */
function cacheKeyOf(provider: string, request: ModelRequest, sample: number): string {
  const { schema, ...sent } = request;
  const asked = schema === undefined ? null : { name: schema.name, schema: jsonSchemaOf(schema) };
  return createHash('sha256')
    .update(JSON.stringify([provider, sent, asked, sample]))
    .digest('hex');
}

/** Schemas are few and constant. */
const jsonSchemas = new WeakMap<ReplySchema<unknown>, unknown>();
function jsonSchemaOf(schema: ReplySchema<unknown>): unknown {
  const known = jsonSchemas.get(schema) ?? z.toJSONSchema(schema.schema);
  jsonSchemas.set(schema, known as object);
  return known;
}
