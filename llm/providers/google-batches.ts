import type { BatchJob, GoogleGenAI, InlinedRequest, InlinedResponse } from '@google/genai/web';
import type { BatchedEnd, Batching, BatchStanding, FoundBatch, LostBatch } from '../batching.ts';
import { createBatching } from './batches.ts';
import { Chunk, connectGoogle, contentConfig, contentsOf, eventOf, explainGoogle } from './google.ts';
import type { AdapterOptions } from './streaming-model.ts';

/** Clocks differ. */
const skewMs = 2 * 60_000;

/** Gemini's batches of inlined requests. A batch carries our ID as the name that people see. */
export function createGoogleBatches(options: AdapterOptions): Batching {
  let connected: Promise<GoogleGenAI> | undefined;
  const client = (): Promise<GoogleGenAI> => {
    connected ??= connectGoogle(options);
    return connected;
  };
  return createBatching(
    {
      ...{ name: 'google', keyVariable: 'GEMINI_API_KEY', explain: explainGoogle },
      bodyOf: (request) => ({ contents: contentsOf(request), config: contentConfig(request) }),
      eventsOf: (body) => [eventOf(Chunk.parse(body))],
      async submit(id, model, requests, signal) {
        const src = requests.map(({ id: own, body }) => ({
          ...(body as InlinedRequest), // made by `bodyOf`
          metadata: { id: own },
        }));
        const { batches } = await client();
        const made = await batches.create({ model, src, config: { displayName: id, abortSignal: signal } });
        return nameOf(made);
      },
      async find(lost, signal) {
        return find(await client(), lost, signal);
      },
      async look(name, requests, signal) {
        const { batches } = await client();
        return standingOf(await batches.get({ name, config: { abortSignal: signal } }), requests);
      },
      async cancel(name, signal) {
        await (await client()).batches.cancel({ name, config: { abortSignal: signal } });
      },
    },
    options,
  );
}

async function find(
  { batches }: GoogleGenAI,
  { id, since }: LostBatch,
  signal: AbortSignal,
): Promise<FoundBatch> {
  for await (const job of await batches.list({ config: { pageSize: 100, abortSignal: signal } })) {
    if (Date.parse(job.createTime ?? '') < since - skewMs) break;
    if (job.displayName === id) return { kind: 'found', name: nameOf(job) };
  }
  return { kind: 'none' };
}

function nameOf({ name }: BatchJob): string {
  if (name === undefined) throw new SyntaxError('expected a batch with a name, got one without');
  return name;
}

/** What requests without a response came to, by the state of a batch that is over. */
const over = {
  JOB_STATE_SUCCEEDED: 'expired',
  JOB_STATE_PARTIALLY_SUCCEEDED: 'expired',
  JOB_STATE_EXPIRED: 'expired',
  JOB_STATE_CANCELLED: 'canceled',
} as const;

function standingOf({ state, dest, error }: BatchJob, requests: readonly string[]): BatchStanding {
  const isOver = state !== undefined && state in over;
  if (!isOver && state !== 'JOB_STATE_FAILED') return { kind: 'underWay', done: 0 };
  const rest: BatchedEnd = isOver
    ? { kind: over[state as unknown as keyof typeof over] }
    : { kind: 'errored', status: error?.code ?? null, codes: [], message: error?.message ?? 'it failed' };
  const ends = new Map<string, BatchedEnd>(requests.map((id) => [id, rest]));
  // Where nothing says whose a response is, its place does.
  for (const [place, response] of (dest?.inlinedResponses ?? []).entries()) {
    const id = response.metadata?.id ?? requests[place];
    if (id !== undefined) ends.set(id, endOf(response));
  }
  return { kind: 'ended', ends };
}

function endOf({ response, error }: InlinedResponse): BatchedEnd {
  if (response !== undefined) return { kind: 'succeeded', body: response };
  const { code, message } = error ?? {};
  // The codes of gRPC, in the words of its HTTP errors.
  const word = code === undefined ? undefined : grpc[code];
  return {
    ...{ kind: 'errored', status: null, codes: word === undefined ? [] : [word] },
    message: message ?? 'it failed, and nothing says why',
  };
}

const grpc: Record<number, string> = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  16: 'UNAUTHENTICATED',
};
