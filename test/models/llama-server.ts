import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  type ChatHistoryItem,
  getLlama,
  LlamaCompletion,
  type LlamaGrammar,
  resolveChatWrapper,
  type Token,
} from 'node-llama-cpp';
import { z } from 'zod';
import { contextTokens, replyTokens } from './smollm.ts';

/**
 * `node llama-server.ts MODEL.gguf` serves a model, on the processor, by OpenAI's chat completions at a free port of this machine,
 * and prints `ready: URL`. It only streams. It answers one request at a time, the others wait; a request whose client leaves is
 * stopped. `GET /v1/requests` tells what it did so far. It ends when its standard input does, so that it outlives nobody.
 */
const modelPath = process.argv[2];
if (modelPath === undefined) throw new Error('usage: node llama-server.ts MODEL.gguf');

const shortText = (most: number) => ({ type: 'string', maxLength: most });
const none = { type: 'array', maxItems: 0, items: { type: 'string' } };

/**
 * The names the model is served by, with what its replies are held to beyond the schema that is asked for. SmolLM2 is too small to
 * write a program: it is lost in the schema, names files that cannot be, or repeats itself. As `smollm2-one-file` all that is left
 * to it are an idea and what stands in one file, so that what it writes gets to be run.
 */
const served = new Map<string, Record<string, unknown> | null>([
  ['smollm2', null],
  [
    'smollm2-one-file',
    {
      type: 'object',
      properties: {
        idea: shortText(30),
        files: {
          type: 'array',
          minItems: 1,
          maxItems: 1,
          items: { type: 'object', properties: { path: { const: 'fast.py' }, content: shortText(120) } },
        },
        edits: none,
        removed: none,
        entry: { const: 'fast.py' },
        build: { const: 'none' },
      },
    },
  ],
]);

const Ask = z.object({
  model: z.string().refine((name) => served.has(name), `expected one of ${[...served.keys()].join(', ')}`),
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
  max_tokens: z.number().int().positive().default(replyTokens),
  temperature: z.number().min(0).default(0),
  response_format: z
    .object({
      type: z.literal('json_schema'),
      json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
    })
    .optional(),
  stream: z.literal(true),
  stream_options: z.object({ include_usage: z.boolean() }).optional(),
});
type Ask = z.infer<typeof Ask>;

/** A tenth of the context stays free: a prompt that reaches into it the library would cut, and say nothing. */
const promptTokens = Math.floor(contextTokens * 0.9) - replyTokens;

/** A request that cannot be answered, in the API's terms. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true });
const model = await llama.loadModel({ modelPath });
// A second thread would spin while the first waits for a processor, of which the job under test wants its own: ten times slower.
const context = await model.createContext({ contextSize: contextTokens, threads: 1 });
const completion = new LlamaCompletion({ contextSequence: context.getSequence() });
const template = resolveChatWrapper(model);

type JsonSchema = Parameters<typeof llama.createGrammarForJsonSchema>[0];

/** The conversation in the model's own template, up to where its reply begins. Throws `Refusal` where it is too long. */
function promptOf({ messages }: Ask): Token[] {
  const chatHistory = messages.map(
    ({ role, content }): ChatHistoryItem =>
      role === 'assistant' ? { type: 'model', response: [content] } : { type: role, text: content },
  );
  chatHistory.push({ type: 'model', response: [] });
  const prompt = template.generateContextState({ chatHistory }).contextText.tokenize(model.tokenizer);
  if (prompt.length <= promptTokens) return prompt;
  throw new Refusal(
    400,
    'context_length_exceeded',
    `expected a prompt of at most ${promptTokens} tokens, got ${prompt.length}`,
  );
}

/** What keeps a reply to its schema, token by token. Throws `Refusal` where no reply can be kept to it. */
async function grammarOf({ model: name, response_format }: Ask): Promise<{ grammar?: LlamaGrammar }> {
  if (response_format === undefined) return {};
  const schema = served.get(name) ?? response_format.json_schema.schema;
  try {
    // It throws where it is given what it cannot make a grammar of.
    return { grammar: await llama.createGrammarForJsonSchema(schema as JsonSchema) };
  } catch (error) {
    throw new Refusal(400, 'invalid_json_schema', `no grammar for this schema: ${error}`);
  }
}

const done = { underWay: 0, answered: 0, promptTokens: 0, replyTokens: 0 };

async function answer(ask: Ask, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const prompt = promptOf(ask);
  const grammar = await grammarOf(ask);
  const id = `chatcmpl-${randomUUID()}`;
  const send = (part: object): void => {
    const chunk = { id, object: 'chat.completion.chunk', model: ask.model, ...part };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const choose = (delta: object, finish_reason: string | null): void =>
    send({ choices: [{ index: 0, delta, finish_reason }] });

  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': id });
  choose({ role: 'assistant', content: '' }, null);
  let replied = 0;
  const { metadata } = await completion.generateCompletionWithMeta(prompt, {
    maxTokens: Math.min(ask.max_tokens, replyTokens),
    temperature: ask.temperature,
    ...grammar,
    signal,
    onToken(tokens) {
      replied += tokens.length;
    },
    onTextChunk: (content) => choose({ content }, null),
  });
  choose({}, metadata.stopReason === 'maxTokens' ? 'length' : 'stop');
  if (ask.stream_options?.include_usage === true) {
    const usage = { prompt_tokens: prompt.length, completion_tokens: replied };
    send({ choices: [], usage: { ...usage, total_tokens: prompt.length + replied } });
  }
  done.answered += 1;
  done.promptTokens += prompt.length;
  done.replyTokens += replied;
  response.end('data: [DONE]\n\n');
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort(new Error('the client left')));
  if (request.method === 'GET' && request.url === '/v1/requests')
    return void response.end(JSON.stringify(done));
  done.underWay += 1;
  try {
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
      throw new Refusal(404, 'not_found', `${request.method} ${request.url} is not served`);
    const body = Ask.safeParse(JSON.parse(await text(request)));
    if (!body.success) throw new Refusal(400, 'invalid_request_error', z.prettifyError(body.error));
    await answer(body.data, response, left.signal);
  } catch (error) {
    if (left.signal.aborted) return;
    // One that began to stream can only be cut off.
    if (response.headersSent) return void response.destroy();
    const { status, code, message } =
      error instanceof Refusal ? error : { status: 500, code: 'server_error', message: String(error) };
    const type = status < 500 ? 'invalid_request_error' : 'server_error';
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message, type, code } }));
  } finally {
    done.underWay -= 1;
  }
}

process.stdin.resume().once('end', () => process.exit());
const server = createServer(serve).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('expected a port');
console.log(`ready: http://127.0.0.1:${address.port}/v1`);
