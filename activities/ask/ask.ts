import { z } from 'zod';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import {
  ArtifactDamaged,
  ModelBatched,
  ModelReplyUnusable,
  ModelUnavailable,
  PriceUnknown,
  RouteUnavailable,
} from '../../domain/errors.ts';
import { parseRoute } from '../../domain/route.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import type { BatchedEnd, Batching } from '../../llm/batching.ts';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import { batchingOf, limitsOf, modelIn } from '../../llm/catalogue/catalogue.ts';
import { costOf, credible, type Estimate, estimateOf, type Taken } from '../../llm/catalogue/prices.ts';
import type { Model, ModelReply, ModelRequest } from '../../llm/model.ts';
import { ReplyProblem } from '../../llm/prompts/replies/apply.ts';
import { asModelFailure, type ModelFailure, modelFailure } from '../../llm/providers/failure.ts';
import { type ReplySchema, readValue } from '../../llm/reply-schema.ts';
import { writeJson } from '../../store/documents.ts';
import { failpoint } from '../../store/failpoint.ts';
import type { AccountRecord } from '../../store/ledger/accounts.ts';
import type { Store } from '../../store/store.ts';
import type { Pulse } from '../context.ts';
import {
  afterFailure,
  afterRefusal,
  finalFailure,
  isRefusal,
  rateLimitWaitMs,
  routeOutcomeOf,
  untilLater,
  windowOf,
} from './ask-again.ts';
import { advanceBatched } from './batched.ts';
import { replyKey } from './reply-key.ts';
import { showReply } from './reply-so-far.ts';
import { warnOfBudget, warnOfCost, warnOfFailures, warnOfUsage } from './warn.ts';

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
  /** Whether no route is asked after this one: then it is waited for. */
  isLast: boolean;
  /** Tells apart questions that are asked alike on purpose, to have different replies. */
  sample: number;
  /** `refresh`: ask anew, and remember the reply. */
  cache: 'use' | 'refresh' | 'off';
  /**
   * Whether it goes with others in a batch, where its provider takes those. Whoever asks then comes back for
   * the reply.
   */
  batch: boolean;
  /** Under a limit in dollars: whether a model whose price is not known is asked. */
  unknownPrices: 'refuse' | 'allow';
  /** Turns the value into what is wanted. Throws `ReplyProblem` where it cannot be used. */
  read(value: Value): Result | Promise<Result>;
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

/** Why a provider refused a request for what it says. */
const Refused = z.object({ name: z.string(), message: z.string() });
type Refused = z.infer<typeof Refused>;

export interface AskContext {
  store: Store;
  catalogue: Catalogue;
  modelOf: (route: string) => Model;
  /** Null where the route's provider takes none. */
  batchesOf: (route: string) => Batching | null;
}

/**
 * Asks one route, and pays at most once: a reply on record, or in the cache, is taken instead. A request is put
 * on record with what it may cost before it is sent. So is its reply before it is used. Errors say how Temporal
 * is to go on: again after a wait, or not at all. The workflow then takes the next route, has the reply
 * repaired, or ends the search.
 */
export type Ask = <Value, Result>(
  place: Place,
  question: Question<Value, Result>,
  pulse: Pulse,
) => Promise<Result>;

export function createAsk({ store, catalogue, modelOf, batchesOf }: AskContext): Ask {
  const { ledger, blobs } = store;

  return async (place, question, pulse) => {
    const key = stepKey(place);
    const { jobId } = place;
    const { route, prompt, schema } = question;
    const { provider, model } = parseRoute(route);
    const counterpart = { provider, model, keyVariable: '', key: null };
    const { maxOutput, takesTemperature } = modelIn(catalogue, route);
    const request: ModelRequest<z.infer<typeof schema.schema>> = {
      system: question.system,
      messages: question.messages,
      schema,
      model,
      maxTokens: Math.min(question.maxTokens, maxOutput),
      temperature: takesTemperature ? question.temperature : undefined,
    };

    const before = await ledger.requestsOf(key);
    const paid =
      before.find(({ status }) => status === 'done') ?? before.findLast(({ reply }) => reply !== null);
    if (paid?.reply != null) {
      // A reply that was paid for stands, also where it could not be used: asked again, it would be paid again.
      if (paid.status === 'failed') throw finalFailure(paid.error ?? '', paid.problem ?? '');
      const known = await readKnown(paid.reply);
      if (known.kind === 'fits') return known.result;
      if (known.kind === 'unfit') throw finalFailure(ModelReplyUnusable.name, known.problem);
    }

    const cacheKey = replyKey(provider, request, question.sample);
    const cached = question.cache === 'use' ? await ledger.recallReply(cacheKey) : undefined;
    if (cached !== undefined) {
      const known = await readKnown(cached);
      if (known.kind === 'fits') {
        await ledger.recordCached({ key, jobId, route, prompt, reply: cached });
        return known.result;
      }
    }

    const refusedKey = `refused ${jobId} ${replyKey(provider, request, 0)}`;
    const refused = Refused.safeParse(await ledger.recall(refusedKey)).data;
    if (refused !== undefined)
      throw finalFailure(refused.name, `${refused.message}; the same request is not sent again`);

    if (before.filter(({ status }) => status === 'ambiguous').length >= defaults.model.mostLost)
      throw new RouteUnavailable(
        `${route}: ${defaults.model.mostLost} requests were sent, and their workers died`,
      );
    const batching = question.batch ? batchesOf(route) : null;
    const priceShare = batching === null ? 1 : batchingOf(catalogue, provider).priceShare;
    const estimate = reduced(estimateOf(catalogue, route, request), priceShare);
    const answering = modelOf(route);
    const number = await start();
    failpoint('call-begun');
    const soFar = showReply(ledger, { key, jobId, route }, pulse);
    try {
      return await accept(await generate());
    } finally {
      await soFar.end();
    }

    async function generate() {
      try {
        const reply =
          batching === null
            ? await answering.generate(request, { signal: pulse.signal, onDelta: soFar.add })
            : batching.replyOf(request, await endIn(batching));
        failpoint('call-answered');
        return reply;
      } catch (error) {
        const failure = asModelFailure(error);
        const isPlatforms = batching !== null || pulse.signal.aborted;
        if (failure === undefined && isPlatforms) throw error;
        throw await fail(failure ?? unexpected(error));
      }
    }

    /** How the request ended in its batch. Throws what has the job rest where it has not. */
    async function endIn(batching: Batching): Promise<BatchedEnd> {
      const asked = { key, request: number, signal: pulse.signal };
      const stands = await advanceBatched(store, catalogue, batching, asked);
      if (stands.kind === 'ended') return stands.end;
      throw untilLater(ModelBatched.name, stands.why, stands.until);
    }

    /**
     * A reply that was paid for before. It may be lost by now, or be no answer to what the program is by now.
     */
    async function readKnown(artifact: Artifact) {
      try {
        const kept = JSON.parse(await blobs.text(artifact)) as KeptRequest; // written by `keep` alone
        return { kind: 'fits', result: await question.read(readValue(kept.reply.text, schema)) } as const;
      } catch (error) {
        if (error instanceof ArtifactDamaged) return { kind: 'lost' } as const;
        if (error instanceof ReplyProblem || error instanceof z.ZodError || error instanceof SyntaxError)
          return { kind: 'unfit', problem: error.message } as const;
        throw error;
      }
    }

    /** Puts the request on record with what it may cost; returns which of the call's requests it is. */
    async function start(): Promise<number> {
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
        ...(batching === null
          ? { admission: { provider, limits: limitsOf(catalogue, provider), tokens: estimate.tokens } }
          : { queued: await bodyIn(batching) }),
      });
      if (begun.kind === 'started') return begun.request;
      const isBudget = begun.kind === 'exhausted' || begun.kind === 'held';
      throw afterRefusal(begun, question, isBudget ? await accountsOf(jobId) : []);
    }

    async function bodyIn(batching: Batching): Promise<{ body: Artifact; bytes: number }> {
      const text = JSON.stringify(batching.bodyOf(request));
      return { body: await blobs.put(text), bytes: Buffer.byteLength(text) };
    }

    /** Reads a reply, and puts it on record before it is used, whatever reading it comes to. */
    async function accept(reply: ModelReply<z.infer<typeof schema.schema>>) {
      if (reply.kind !== 'value') throw new Error(`${key}: expected a value of ${schema.name}, got text`);
      let result: Awaited<ReturnType<typeof question.read>>;
      try {
        result = await question.read(reply.value);
      } catch (error) {
        if (error instanceof ReplyProblem) {
          const { usage, chargedMicroUsd, requestId, text } = reply;
          const details = { usage, chargedMicroUsd, requestId, reply: text };
          throw await fail(modelFailure(ModelReplyUnusable, counterpart, error.message, details));
        }
        // A mistake of our own: with the reply on record, a mended worker goes on from it.
        await finish(reply);
        throw error;
      }
      await finish(reply);
      return result;
    }

    async function finish(reply: ModelReply): Promise<void> {
      const { text, requestId, finish: ended, model: answered } = reply;
      const { usage, microUsd } = await takenBy(reply);
      const kept = await keep({ text, usage, requestId, model: answered, finish: ended }, null);
      await ledger.finishCall(key, number, { usage, microUsd, reply: kept, firstTokenMs: soFar.firstMs() });
      failpoint('call-kept');
      if (question.cache !== 'off') await ledger.rememberReply(cacheKey, kept);
      await ledger.noteRoute(route, 'answered');
      if (microUsd !== null) await warnOfCost(ledger, jobId, route, microUsd);
      for (const account of await accountsOf(jobId)) await warnOfBudget(ledger, account);
    }

    /** What a request cost: nothing is known where the server says what cannot be, and then its estimate counts. */
    async function takenBy(said: Taken) {
      const { doubts, ...taken } = credible(estimate, said);
      if (doubts.length > 0) await warnOfUsage(ledger, jobId, route, doubts.join(', and '));
      const microUsd = costOf(catalogue, route, taken);
      const isCharged = taken.chargedMicroUsd !== null || microUsd === null;
      return { usage: taken.usage, microUsd: isCharged ? microUsd : Math.ceil(microUsd * priceShare) };
    }

    /**
     * Returns an error that no model gave, such as one of its library, as a failure. Its words hold no key.
     */
    function unexpected(error: unknown): ModelFailure {
      const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return modelFailure(ModelUnavailable, counterpart, said);
    }

    /** Puts a failure on record, and says how Temporal is to take it. */
    async function fail(failure: ModelFailure): Promise<Error> {
      const { name, message, requestId, reply: text } = failure;
      const { usage, microUsd } = await takenBy(failure);
      const reply = text === null ? null : { text, usage, requestId, model, finish: null };
      const broke = reply === null && soFar.firstMs() !== null && failure.chargedMicroUsd === null;
      await ledger.failCall(key, number, {
        error: name,
        problem: message,
        // Of a reply that broke off it is not known what it cost: its estimate counts.
        ...(broke ? {} : { usage, microUsd }),
        reply: reply === null ? null : await keep(reply, message),
        firstTokenMs: soFar.firstMs(),
        retryAfterMs: failure.retryAfterMs,
      });
      if (name === 'ModelRateLimited' && windowOf(failure, 0) === null)
        await ledger.slowDown(provider, Date.now() + rateLimitWaitMs(failure));
      if (isRefusal(failure)) await ledger.remember(refusedKey, { name, message } satisfies Refused);
      const outcome = routeOutcomeOf(failure);
      if (outcome !== null) await ledger.noteRoute(route, outcome);
      await warnOfFailures(ledger, jobId, route);
      return afterFailure(failure, before, question.tries);
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
  };

  /** What a request takes at most where its price is lower. */
  function reduced(estimate: Estimate, priceShare: number): Estimate {
    const { microUsd } = estimate;
    return { ...estimate, microUsd: microUsd === null ? null : Math.ceil(microUsd * priceShare) };
  }

  /** The job's account and those above it. */
  async function accountsOf(jobId: string): Promise<AccountRecord[]> {
    const account = await ledger.account(jobId);
    if (account === undefined) return [];
    return account.parent === null ? [account] : [account, ...(await accountsOf(account.parent))];
  }
}
