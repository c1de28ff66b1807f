import type OpenAI from 'openai';
import { toFile } from 'openai';
import { z } from 'zod';
import type { BatchedEnd, Batching, BatchStanding, FoundBatch, LostBatch } from '../batching.ts';
import { createBatching } from './batches.ts';
import {
  explainOpenAi,
  openAiClient,
  ResponsesUsage,
  responseFinish,
  responsesBody,
  responsesUsage,
} from './openai.ts';
import type { AdapterOptions, StreamEvent } from './streaming-model.ts';

/** Clocks differ. */
const skewMs = 2 * 60_000;
const endpoint = '/v1/responses';

/** OpenAI's batches of responses: a file goes up, a batch is made of it, and files come down. A batch carries our ID as metadata. */
export function createOpenAiBatches(options: AdapterOptions): Batching {
  const client = openAiClient(options, 'https://api.openai.com/v1');
  return createBatching(
    {
      ...{ name: 'openai', keyVariable: 'OPENAI_API_KEY', explain: explainOpenAi },
      ...{ bodyOf: responsesBody, eventsOf: responseEvents },
      async submit(id, _model, requests, signal) {
        const lines = requests.map(({ id: custom_id, body }) =>
          JSON.stringify({ custom_id, method: 'POST', url: endpoint, body }),
        );
        const file = await client.files.create(
          { file: await toFile(Buffer.from(`${lines.join('\n')}\n`), `${id}.jsonl`), purpose: 'batch' },
          { signal },
        );
        const made = await client.batches.create(
          { input_file_id: file.id, endpoint, completion_window: '24h', metadata: { crucible: id } },
          { signal },
        );
        return made.id;
      },
      find: (lost, signal) => find(client, lost, signal),
      look: (name, requests, signal) => look(client, name, requests, signal),
      async cancel(name, signal) {
        await client.batches.cancel(name, { signal });
      },
    },
    options,
  );
}

async function find(client: OpenAI, { id, since }: LostBatch, signal: AbortSignal): Promise<FoundBatch> {
  for await (const batch of client.batches.list({ limit: 100 }, { signal })) {
    if (batch.created_at * 1_000 < since - skewMs) break;
    if (batch.metadata?.crucible === id) return { kind: 'found', name: batch.id };
  }
  return { kind: 'none' };
}

async function look(
  client: OpenAI,
  name: string,
  requests: readonly string[],
  signal: AbortSignal,
): Promise<BatchStanding> {
  const batch = await client.batches.retrieve(name, { signal });
  const { status, request_counts } = batch;
  const rest = status === 'failed' ? notTaken(batch) : restOf(status);
  if (rest === null)
    return { kind: 'underWay', done: (request_counts?.completed ?? 0) + (request_counts?.failed ?? 0) };
  const ends = new Map<string, BatchedEnd>(requests.map((id) => [id, rest]));
  for (const fileId of [batch.output_file_id, batch.error_file_id]) {
    if (!fileId) continue;
    const text = await (await client.files.content(fileId, { signal })).text();
    for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
      const { custom_id, ...result } = ResultLine.parse(JSON.parse(line));
      ends.set(custom_id, endOf(result));
    }
  }
  return { kind: 'ended', ends };
}

/**
 * Returns what requests without a line of their own came to, by the status of a batch. Null where it is not
 * over.
 */
function restOf(status: OpenAI.Batch['status']): BatchedEnd | null {
  if (status === 'completed' || status === 'expired') return { kind: 'expired' };
  return status === 'cancelled' ? { kind: 'canceled' } : null;
}

/** The file was refused: no request of it was answered. */
function notTaken({ errors }: OpenAI.Batch): BatchedEnd {
  const [first] = errors?.data ?? [];
  const where = first?.line ? ` (line ${first.line})` : '';
  const message = `${first?.message ?? 'the batch was refused'}${where}`;
  return { kind: 'errored', status: 400, codes: first?.code ? [first.code] : [], message };
}

const ResultLine = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.number(), body: z.unknown() }).nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});

const ErrorBody = z.object({
  error: z.object({ code: z.string().nullish(), type: z.string().nullish(), message: z.string().nullish() }),
});

function endOf({ response, error }: Omit<z.infer<typeof ResultLine>, 'custom_id'>): BatchedEnd {
  if (response != null && response.status_code < 300) return { kind: 'succeeded', body: response.body };
  if (error?.code === 'batch_expired') return { kind: 'expired' };
  if (error?.code === 'batch_cancelled') return { kind: 'canceled' };
  const said = ErrorBody.safeParse(response?.body).data?.error ?? error;
  const codes = [said?.code, said && 'type' in said ? said.type : null].filter((code) => code != null);
  return {
    ...{ kind: 'errored', status: response?.status_code ?? null, codes: codes.map(String) },
    message: said?.message ?? 'it failed, and nothing says why',
  };
}

/** The parts we read of a whole response. */
const WholeResponse = z.object({
  id: z.string(),
  model: z.string().nullish(),
  status: z.string().nullish(),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
  output: z.array(
    z.object({
      content: z
        .array(z.object({ type: z.string(), text: z.string().nullish(), refusal: z.string().nullish() }))
        .nullish(),
    }),
  ),
  usage: ResponsesUsage.nullish(),
});

function responseEvents(body: unknown): StreamEvent[] {
  const { id, model, status, incomplete_details, output, usage } = WholeResponse.parse(body);
  const parts = output.flatMap(({ content }) => content ?? []);
  const joined = (type: string, key: 'text' | 'refusal'): string =>
    parts.map((part) => (part.type === type ? (part[key] ?? '') : '')).join('');
  return [
    {
      ...{ text: joined('output_text', 'text'), refusal: joined('refusal', 'refusal') },
      ...{ requestId: id, model: model ?? null, usage: usage ? responsesUsage(usage) : null },
      finish: responseFinish(`response.${status}`, incomplete_details?.reason ?? null),
    },
  ];
}
