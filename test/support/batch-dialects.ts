import type { IncomingHttpHeaders } from 'node:http';
import type { Usage } from '../../domain/usage.ts';
import type { BatchProtocol } from './batch-server.ts';
import { anthropic } from './model-servers/anthropic.ts';
import { type Asked, type Body, type Dialect, demand } from './model-servers/dialect.ts';
import { google } from './model-servers/google.ts';
import { responses } from './model-servers/responses.ts';

/** How a request of a batch ended, as its service keeps it. */
export type Ended =
  | { kind: 'succeeded'; body: unknown }
  | { kind: 'error'; status: number; code: string; message: string }
  | { kind: 'expired' | 'canceled' };

/** A batch that a service has. */
export interface Held {
  id: string;
  /** What the client called it; null where the protocol has no place for that. */
  name: string | null;
  model: string;
  requests: readonly { id: string; asked: Asked }[];
  createdAt: number;
  state: 'underWay' | 'ended' | 'expired' | 'canceled';
  ends: Map<string, Ended>;
}

type Read =
  | { kind: 'file' | 'content' | 'look' | 'results' | 'cancel'; id: string }
  | { kind: 'list'; after: string | null }
  | { kind: 'submit'; name: string | null; model: string; requests: Held['requests'] };

interface Came {
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** What was uploaded, and what is to be fetched. */
  files: Map<string, string>;
}

/** A provider's batches as its service speaks of them. */
export interface BatchDialect extends Pick<Dialect, 'basePath' | 'keyHeader' | 'keyValue' | 'errorBody'> {
  /** What is wanted. Throws an `Error` with what the real service would object to. */
  read(came: Came): Read;
  idOf(number: number): string;
  fileMade(id: string): unknown;
  batch(held: Held, baseUrl: string, files: Map<string, string>): unknown;
  list(page: readonly Held[], isLast: boolean, files: Map<string, string>): unknown;
  /** Lines of JSON. */
  results(held: Held): string;
  reply(said: { text: string; finish: 'stop' | 'refusal' }, model: string, usage: Usage): unknown;
}

const json = (body: Buffer): Body => JSON.parse(body.toString('utf8'));
const none = (): never => {
  throw new Error('unknown path');
};

/** The last event of a stream has what the whole has. */
const closing = (dialect: Dialect, said: Parameters<BatchDialect['reply']>[0], model: string, usage: Usage) =>
  dialect.closing({ kind: 'text', ...said }, usage, { model, requestId: 'req_1' }).map((event) => {
    return 'payload' in event ? (event.payload as Body) : {};
  });

const idPattern = /^[a-zA-Z0-9_-]{1,64}$/;
function demandIds(ids: readonly string[]): void {
  for (const id of ids) demand(idPattern.test(id), `custom_id: ${id} does not match ${idPattern}`);
  demand(new Set(ids).size === ids.length, 'custom_id must be unique within a batch');
}

const anthropicBatches: BatchDialect = {
  ...anthropic,
  keyHeader: 'authorization',
  read({ path, method, headers, body }) {
    demand(headers['anthropic-version'], 'anthropic-version: header is required');
    const [, id, act, query] =
      /^\/v1\/messages\/batches(?:\/(\w+))?(?:\/(\w+))?(?:\?(.*))?$/.exec(path) ?? none();
    if (act === 'cancel' || act === 'results') return { kind: act, id: id ?? '' };
    if (id !== undefined) return { kind: 'look', id };
    if (method === 'GET') return { kind: 'list', after: new URLSearchParams(query ?? '').get('after_id') };
    const { requests } = json(body);
    demand(Array.isArray(requests) && requests.length > 0, 'requests: at least one');
    demandIds(requests.map((each: Body) => each.custom_id));
    const read = requests.map(({ custom_id, params }: Body) => ({
      id: custom_id,
      asked: anthropic.read({ path: '/v1/messages', headers, body: params }),
    }));
    return { kind: 'submit', name: null, model: read[0].asked.model, requests: read };
  },
  idOf: (number) => `msgbatch_${number}`,
  fileMade: none,
  batch: (held, baseUrl) => anthropicBatch(held, baseUrl),
  list: (page, isLast) => ({
    data: page.map((held) => anthropicBatch(held, '')),
    ...{ has_more: !isLast, first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null },
  }),
  // In no order: here in that of their IDs, backwards.
  results: ({ ends }) =>
    [...ends]
      .sort()
      .reverse()
      .map(([custom_id, end]) => `${JSON.stringify({ custom_id, result: anthropicResult(end) })}\n`)
      .join(''),
  reply(said, model, usage) {
    const [, delta] = closing(anthropic, said, model, usage);
    return {
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model },
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 's' },
        ...(said.text === '' ? [] : [{ type: 'text', text: said.text }]),
      ],
      ...delta.delta,
      usage: delta.usage,
    };
  },
};

function anthropicBatch(held: Held, baseUrl: string): unknown {
  const { id, requests, ends, state, createdAt } = held;
  const count = (kind: Ended['kind']): number => [...ends.values()].filter((end) => end.kind === kind).length;
  const isOver = state !== 'underWay';
  return {
    ...{ id, type: 'message_batch', processing_status: isOver ? 'ended' : 'in_progress' },
    request_counts: {
      processing: isOver ? 0 : requests.length,
      ...{ succeeded: count('succeeded'), errored: count('error') },
      ...{ canceled: count('canceled'), expired: count('expired') },
    },
    ...{ created_at: new Date(createdAt).toISOString(), ended_at: null, archived_at: null },
    expires_at: new Date(createdAt + 86_400_000).toISOString(),
    cancel_initiated_at: null,
    results_url: isOver ? `${baseUrl}/v1/messages/batches/${id}/results` : null,
  };
}

function anthropicResult(end: Ended): unknown {
  if (end.kind === 'succeeded') return { type: 'succeeded', message: end.body };
  if (end.kind !== 'error') return { type: end.kind };
  const { code, message } = end;
  return { type: 'errored', error: { type: 'error', error: { type: code, message }, request_id: 'req_1' } };
}

const openAiBatches: BatchDialect = {
  ...responses,
  read({ path, method, headers, body, files }) {
    if (path === '/v1/files' && method === 'POST') {
      const id = `file-${files.size + 1}`;
      files.set(id, fileIn(body));
      return { kind: 'file', id };
    }
    const [, fileId] = /^\/v1\/files\/([\w-]+)\/content$/.exec(path) ?? [];
    if (fileId !== undefined) return { kind: 'content', id: fileId };
    const [, id, act, query] = /^\/v1\/batches(?:\/(\w+))?(?:\/(\w+))?(?:\?(.*))?$/.exec(path) ?? none();
    if (act === 'cancel') return { kind: act, id: id ?? '' };
    if (id !== undefined) return { kind: 'look', id };
    if (method === 'GET') return { kind: 'list', after: new URLSearchParams(query ?? '').get('after') };
    const { input_file_id, endpoint, completion_window, metadata } = json(body);
    demand(endpoint === '/v1/responses' && completion_window === '24h', 'endpoint and completion_window');
    const lines = (files.get(input_file_id) ?? none())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    demandIds(lines.map((line) => line.custom_id));
    const requests = lines.map((line) => {
      demand(line.method === 'POST' && line.url === endpoint, 'method and url of each line');
      return { id: line.custom_id, asked: responses.read({ path: endpoint, headers, body: line.body }) };
    });
    const model = requests[0]?.asked.model ?? none();
    demand(
      requests.every(({ asked }) => asked.model === model),
      'one model a batch',
    );
    return { kind: 'submit', name: metadata?.crucible ?? null, model, requests };
  },
  idOf: (number) => `batch_${number}`,
  fileMade: (id) => ({ id, object: 'file', purpose: 'batch', filename: 'f', bytes: 1, created_at: 1 }),
  batch: (held, _baseUrl, files) => openAiBatch(held, files),
  list: (page, isLast, files) => ({
    object: 'list',
    data: page.map((held) => openAiBatch(held, files)),
    ...{ has_more: !isLast, first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null },
  }),
  results: none,
  reply(said, model, usage) {
    const { response } = closing(responses, said, model, usage).at(-1);
    const part =
      said.finish === 'refusal'
        ? { type: 'refusal', refusal: 'I will not do that.' }
        : { type: 'output_text', text: said.text, annotations: [] };
    return {
      ...response,
      output: [
        { type: 'reasoning', id: 'rs_1', summary: [] },
        { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [part] },
      ],
    };
  },
};

/** The one file of a form. */
function fileIn(form: Buffer): string {
  const text = form.toString('utf8');
  const [boundary = ''] = text.split('\r\n', 1);
  const part = text.split(boundary).find((each) => each.includes('filename=')) ?? none();
  demand(text.includes('name="purpose"\r\n\r\nbatch'), 'purpose must be batch');
  return part.slice(part.indexOf('\r\n\r\n') + 4, -2);
}

function openAiBatch(held: Held, files: Map<string, string>): unknown {
  const { id, name, requests, ends, state, createdAt } = held;
  const status = { underWay: 'in_progress', ended: 'completed', expired: 'expired', canceled: 'cancelled' };
  const lines = [...ends].reverse().map(([custom_id, end]) => ({ custom_id, end }));
  const keep = (file: string, kept: unknown[]): string | undefined => {
    if (kept.length === 0) return undefined;
    files.set(file, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return file;
  };
  const response = (status_code: number, body: unknown) => ({ status_code, request_id: 'req_1', body });
  const good = lines.flatMap(({ custom_id, end }) =>
    end.kind === 'succeeded' ? [{ custom_id, response: response(200, end.body), error: null }] : [],
  );
  const bad = lines.flatMap(({ custom_id, end }): unknown[] => {
    if (end.kind === 'error')
      return [{ custom_id, response: response(end.status, responses.errorBody(end)), error: null }];
    // What was cancelled has no line at all.
    return end.kind === 'expired'
      ? [{ custom_id, response: null, error: { code: 'batch_expired', message: 'It expired.' } }]
      : [];
  });
  return {
    ...{ id, object: 'batch', endpoint: '/v1/responses', input_file_id: 'file-1', completion_window: '24h' },
    ...{ status: status[state], created_at: Math.floor(createdAt / 1_000), errors: null },
    metadata: name === null ? null : { crucible: name },
    ...{ output_file_id: keep(`file-out-${id}`, good), error_file_id: keep(`file-err-${id}`, bad) },
    request_counts: { total: requests.length, completed: good.length, failed: bad.length },
  };
}

const googleBatches: BatchDialect = {
  ...google,
  read({ path, method, headers, body }) {
    const [, model] = /^\/v1\/models\/([^/]+):batchGenerateContent$/.exec(path) ?? [];
    if (model !== undefined) return googleSubmit(json(body).batch, model, headers);
    const [, id, act, query] = /^\/v1\/batches(?:\/(\w+))?(?::(\w+))?(?:\?(.*))?$/.exec(path) ?? none();
    if (act === 'cancel') return { kind: act, id: `batches/${id}` };
    if (id !== undefined) return { kind: 'look', id: `batches/${id}` };
    demand(method === 'GET', 'unknown method');
    return { kind: 'list', after: new URLSearchParams(query ?? '').get('pageToken') };
  },
  idOf: (number) => `batches/b${number}`,
  fileMade: none,
  batch: googleBatch,
  list: (page, isLast) => ({
    operations: page.map(googleBatch),
    ...(isLast ? {} : { nextPageToken: page.at(-1)?.id }),
  }),
  results: none,
  reply(said, model, usage) {
    const [last] = closing(google, said, model, usage);
    const [candidate] = last.candidates;
    const parts = [{ text: 'Hm.', thought: true }, ...(said.text === '' ? [] : [{ text: said.text }])];
    return { ...last, candidates: [{ ...candidate, content: { role: 'model', parts } }] };
  },
};

function googleSubmit(batch: Body, model: string, headers: IncomingHttpHeaders): Read {
  const { displayName, inputConfig } = batch;
  const requests = inputConfig.requests.requests.map(({ request, metadata }: Body) => ({
    id: metadata.id,
    asked: google.read({
      path: `/v1/models/${model}:streamGenerateContent?alt=sse`,
      ...{ headers, body: request },
    }),
  }));
  return { kind: 'submit', name: displayName, model, requests };
}

function googleBatch(held: Held): unknown {
  const { id, name, model, requests, ends, state, createdAt } = held;
  const states = { underWay: 'RUNNING', ended: 'SUCCEEDED', expired: 'EXPIRED', canceled: 'CANCELLED' };
  const answered = requests.flatMap(({ id: own }): unknown[] => {
    const end = ends.get(own);
    const metadata = { id: own };
    if (end?.kind === 'succeeded') return [{ response: end.body, metadata }];
    if (end?.kind === 'error') return [{ error: { code: Number(end.code), message: end.message }, metadata }];
    return [];
  });
  return {
    name: id,
    done: state !== 'underWay',
    metadata: {
      '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
      ...{ name: id, displayName: name, model: `models/${model}`, state: `BATCH_STATE_${states[state]}` },
      createTime: new Date(createdAt).toISOString(),
      ...(answered.length === 0 ? {} : { output: { inlinedResponses: { inlinedResponses: answered } } }),
    },
  };
}

export const batchDialects: Record<BatchProtocol, BatchDialect> = {
  responses: openAiBatches,
  anthropic: anthropicBatches,
  google: googleBatches,
};
