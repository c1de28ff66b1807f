import type { ApiError, GoogleGenAI } from '@google/genai/web';
import { z } from 'zod';
import type { Usage } from '../../domain/usage.ts';
import type { Finish, Model, ModelRequest } from '../model.ts';
import { ProviderFault, parseDuration } from './failure.ts';
import {
  type AdapterOptions,
  createStreamingModel,
  SaidNumber,
  type StreamEvent,
} from './streaming-model.ts';

/** Google's models by the Gemini API; a base URL ends before the version, `/v1/models/…`. */
export function createGoogleModel(options: AdapterOptions): Model {
  let client: Promise<GoogleGenAI> | undefined;
  return createStreamingModel(
    {
      name: 'google',
      keyVariable: 'GEMINI_API_KEY',
      async *stream(request, signal) {
        client ??= connectGoogle(options);
        yield* streamContent(await client, request, signal);
      },
      explain: explainGoogle,
    },
    options,
  );
}

/**
 * Returns the library's client. Its entry for browsers is the small one, and reads nothing from the
 * environment. The entry for Node would take `GOOGLE_API_KEY`, a project and a base URL from there.
 */
export async function connectGoogle({
  key,
  baseUrl,
  fetch: send = fetch,
}: AdapterOptions): Promise<GoogleGenAI> {
  const { GoogleGenAI } = await import('@google/genai/web');
  return new GoogleGenAI({
    apiKey: key ?? 'none',
    httpOptions: {
      ...(baseUrl === null ? {} : { baseUrl }),
      // The library's own errors leave out the headers, and with them how long to wait.
      async fetch(input, init) {
        const response = await send(input, init);
        if (!response.ok) throw faultOf(response.status, await response.text(), response.headers);
        return response;
      },
    },
  });
}

const ErrorDetail = z.object({
  /** `ErrorInfo`: `API_KEY_INVALID`. */
  reason: z.string().nullish(),
  /** `RetryInfo`: `12s`. */
  retryDelay: z.string().nullish(),
  /** `QuotaFailure`. */
  violations: z.array(z.object({ quotaId: z.string(), quotaValue: z.string() }).partial()).nullish(),
});

const ErrorBody = z.object({
  error: z.object({
    code: z.number().nullish(),
    message: z.string(),
    status: z.string().nullish(),
    details: z.array(ErrorDetail).nullish(),
  }),
});

/** Returns the fault that an error's body tells of: JSON, alone or in a list, or anything else. */
function faultOf(status: number | null, body: string, headers: Headers | null): ProviderFault {
  const parsed = z
    .union([ErrorBody, z.tuple([ErrorBody]).transform(([only]) => only)])
    .safeParse(asJson(body));
  if (!parsed.success) return new ProviderFault(body, { status, headers });
  const { error } = parsed.data;
  const details = error.details ?? [];
  const violations = details.flatMap((detail) => detail.violations ?? []);
  // Both are 429. What is used up for the day, or was never granted, does not come back within minutes.
  const usedUp = violations.some(
    ({ quotaId, quotaValue }) => quotaId?.includes('PerDay') || quotaValue === '0',
  );
  return new ProviderFault(error.message, {
    status: status ?? error.code,
    codes: [...(usedUp ? ['quota_exceeded'] : []), ...details.map(({ reason }) => reason), error.status],
    headers,
    retryAfterMs: parseDuration(details.find((detail) => detail.retryDelay)?.retryDelay),
  });
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Inside a stream the library throws an `ApiError`, whose message is `got status: …` and the error as JSON. */
export function explainGoogle(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ApiError') return error;
  const { status, message } = error as ApiError; // by its name: the library is loaded only where it is used
  return faultOf(status, message.slice(message.indexOf('{')), null);
}

/** The parts we read of a stream's chunks. */
export const Chunk = z
  .object({
    candidates: z
      .array(
        z.object({
          content: z
            .object({
              parts: z.array(z.object({ text: z.string(), thought: z.boolean() }).partial()).nullish(),
            })
            .nullish(),
          finishReason: z.string().nullish(),
        }),
      )
      .nullish(),
    promptFeedback: z.object({ blockReason: z.string().nullish() }).nullish(),
    usageMetadata: z
      .object({
        promptTokenCount: SaidNumber,
        cachedContentTokenCount: SaidNumber,
        candidatesTokenCount: SaidNumber,
        thoughtsTokenCount: SaidNumber,
      })
      .nullish(),
    modelVersion: z.string().nullish(),
    responseId: z.string().nullish(),
  })
  .refine(
    (chunk) => chunk.candidates ?? chunk.promptFeedback ?? chunk.usageMetadata,
    'expected candidates, promptFeedback or usageMetadata',
  );
type Chunk = z.infer<typeof Chunk>;

/** Returns what was said, as the Gemini API has it. */
export const contentsOf = ({ messages }: ModelRequest) =>
  messages.map(({ role, text }) => ({ role: role === 'assistant' ? 'model' : 'user', parts: [{ text }] }));

/** Returns how it is to be answered. */
export const contentConfig = ({ system, maxTokens, temperature, schema }: ModelRequest) => ({
  ...(system === '' ? {} : { systemInstruction: system }),
  maxOutputTokens: maxTokens,
  ...(temperature === undefined ? {} : { temperature }),
  ...(schema === undefined
    ? {}
    : { responseMimeType: 'application/json', responseJsonSchema: jsonSchemaOf(schema.schema) }),
});

async function* streamContent(
  client: GoogleGenAI,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  // The library stops reading where we stop, but does not hang up.
  const done = new AbortController();
  try {
    const chunks = await client.models.generateContentStream({
      model: request.model,
      contents: contentsOf(request),
      config: {
        ...contentConfig(request),
        // By default the library sends further requests of its own where a reply is interrupted.
        automaticContinuation: false,
        abortSignal: AbortSignal.any([signal, done.signal]),
      },
    });
    for await (const raw of chunks) {
      const event = eventOf(Chunk.parse(raw));
      yield event;
      if (event.finish !== undefined && event.usage != null) return;
    }
  } catch (error) {
    // How the library says that a stream ended in the midst of an event, or was none.
    if (!(error instanceof Error && error.message === 'Incomplete JSON segment at the end')) throw error;
  } finally {
    done.abort();
  }
}

export function eventOf({
  candidates,
  promptFeedback,
  usageMetadata,
  modelVersion,
  responseId,
}: Chunk): StreamEvent {
  const [candidate] = candidates ?? [];
  const parts = candidate?.content?.parts ?? [];
  const event: StreamEvent = {
    // Thoughts are shown, where they are, as parts beside the text.
    text: parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join(''),
    usage: usageMetadata ? contentUsage(usageMetadata) : null,
    requestId: responseId ?? null,
    model: modelVersion ?? null,
  };
  const blocked = promptFeedback?.blockReason;
  if (blocked)
    return {
      ...event,
      finish: { unified: 'refusal', raw: blocked },
      refusal: `the prompt is blocked: ${blocked}`,
    };
  if (candidate?.finishReason) event.finish = contentFinish(candidate.finishReason);
  return event;
}

function contentFinish(raw: string): Finish {
  if (raw === 'STOP') return { unified: 'stop', raw };
  if (raw === 'MAX_TOKENS') return { unified: 'length', raw };
  const refused = ['SAFETY', 'RECITATION', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'];
  return { unified: refused.includes(raw) ? 'refusal' : 'other', raw };
}

/** Google counts thoughts beside the candidates; we count them in the output. Its prompt holds what is cached. */
function contentUsage(counts: NonNullable<Chunk['usageMetadata']>): Usage | null {
  if (counts.promptTokenCount == null) return null;
  const reasoning = counts.thoughtsTokenCount ?? 0;
  return {
    input: counts.promptTokenCount,
    cached: counts.cachedContentTokenCount ?? 0,
    written: 0,
    output: (counts.candidatesTokenCount ?? 0) + reasoning,
    reasoning,
  };
}

/** `schema` in the keywords that Gemini knows; what they cannot say is checked on the reply. */
function jsonSchemaOf(schema: z.ZodType): unknown {
  const { $schema, ...known } = z.toJSONSchema(schema, {
    override({ jsonSchema }) {
      const { const: only } = jsonSchema;
      if (typeof only === 'string' || typeof only === 'number') jsonSchema.enum = [only];
      delete jsonSchema.const;
      delete jsonSchema.exclusiveMinimum;
      delete jsonSchema.exclusiveMaximum;
    },
  });
  return known;
}
