import type Anthropic from '@anthropic-ai/sdk';
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import type { BatchedEnd, Batching, BatchStanding, FoundBatch, LostBatch } from '../batching.ts';
import {
  anthropicClient,
  explainAnthropic,
  MessageUsage,
  messageBody,
  messageFinish,
  messageUsage,
} from './anthropic.ts';
import { createBatching } from './batches.ts';
import type { AdapterOptions, StreamEvent } from './streaming-model.ts';

/** Clocks differ. */
const skewMs = 2 * 60_000;

/**
 * Message Batches. Nothing of a batch but its results tells what it holds. One whose name was lost is known for
 * sure in the end only.
 */
export function createAnthropicBatches(options: AdapterOptions): Batching {
  const client = anthropicClient(options);
  const { batches } = client.messages;
  return createBatching(
    {
      ...{ name: 'anthropic', keyVariable: 'ANTHROPIC_API_KEY', explain: explainAnthropic },
      ...{ bodyOf: messageBody, eventsOf: messageEvents },
      async submit(_id, _model, requests, signal) {
        const asked = requests.map(({ id, body }) => ({
          custom_id: id,
          params: body as MessageCreateParamsNonStreaming, // made by `messageBody`
        }));
        return (await batches.create({ requests: asked }, { signal })).id;
      },
      find: (lost, signal) => find(client, lost, signal),
      look: (name, _requests, signal) => look(client, name, signal),
      async cancel(name, signal) {
        await batches.cancel(name, undefined, { signal });
      },
    },
    options,
  );
}

async function look(client: Anthropic, name: string, signal: AbortSignal): Promise<BatchStanding> {
  const { processing_status, request_counts } = await client.messages.batches.retrieve(name, undefined, {
    signal,
  });
  const { succeeded, errored, expired, canceled } = request_counts;
  if (processing_status !== 'ended')
    return { kind: 'underWay', done: succeeded + errored + expired + canceled };
  const ends = new Map<string, BatchedEnd>();
  for await (const line of await client.messages.batches.results(name, undefined, { signal })) {
    const { custom_id, result } = ResultLine.parse(line);
    ends.set(custom_id, endOf(result));
  }
  return { kind: 'ended', ends };
}

/** One of as many requests, made since then, that nobody knows: it is the lost one where its results are. */
async function find(
  client: Anthropic,
  { since, requests, others }: LostBatch,
  signal: AbortSignal,
): Promise<FoundBatch> {
  const own = new Set(requests);
  let unsure = false;
  for await (const { id, created_at, processing_status, request_counts } of client.messages.batches.list(
    { limit: 100 },
    { signal },
  )) {
    if (Date.parse(created_at) < since - skewMs) break;
    const count = Object.values(request_counts).reduce((sum, each) => sum + each, 0);
    if (others.has(id) || count !== requests.length) continue;
    if (processing_status !== 'ended') unsure = true;
    else if (await holds(client, id, own, signal)) return { kind: 'found', name: id };
  }
  return { kind: unsure ? 'unsure' : 'none' };
}

async function holds(
  client: Anthropic,
  name: string,
  own: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const { custom_id } of await client.messages.batches.results(name, undefined, { signal }))
    return own.has(custom_id);
  return false;
}

const ResultLine = z.object({
  custom_id: z.string(),
  result: z.object({
    type: z.string(),
    message: z.unknown().optional(),
    error: z
      .object({ error: z.object({ type: z.string().nullish(), message: z.string().nullish() }).nullish() })
      .nullish(),
  }),
});

function endOf({ type, message, error }: z.infer<typeof ResultLine>['result']): BatchedEnd {
  if (type === 'succeeded') return { kind: 'succeeded', body: message };
  if (type === 'expired' || type === 'canceled') return { kind: type };
  const { type: code, message: said } = error?.error ?? {};
  return { kind: 'errored', status: null, codes: code ? [code] : [], message: said ?? type };
}

/** The parts we read of a whole message. */
const WholeMessage = z.object({
  id: z.string(),
  model: z.string(),
  content: z.array(z.object({ type: z.string(), text: z.string().nullish() })),
  stop_reason: z.string().nullish(),
  stop_details: z.object({ explanation: z.string().nullish() }).nullish(),
  usage: MessageUsage.nullish(),
});

function messageEvents(body: unknown): StreamEvent[] {
  const { id, model, content, stop_reason, stop_details, usage } = WholeMessage.parse(body);
  const finish = messageFinish(stop_reason ?? 'unfinished');
  return [
    {
      text: content.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join(''),
      ...{ finish, model, requestId: id, usage: messageUsage(usage ?? {}) },
      ...(finish.unified === 'refusal' ? { refusal: stop_details?.explanation ?? '' } : {}),
    },
  ];
}
