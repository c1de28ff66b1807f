import { ROOT_CONTEXT } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, it } from 'vitest';
import type { Model } from '../../llm/model.ts';
import { createAnthropicModel } from '../../llm/providers/anthropic.ts';
import { createOpenAiModel } from '../../llm/providers/openai.ts';
import { traced } from '../../llm/providers/spans.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import { type ModelServer, someUsage, startModelServer } from '../support/model-servers.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

const prompt = 'the program of the user';
const request = {
  model: 'stub-1',
  system: 'you improve programs',
  messages: [{ role: 'user', text: prompt }],
  maxTokens: 500,
  temperature: 0.1,
} as const;

interface Traced {
  server: ModelServer;
  collector: Collector;
  model: Model;
  /** Sends what is left to the collector. */
  flush(): Promise<void>;
}

async function start(protocol: 'chat' | 'anthropic', { content = false } = {}): Promise<Traced> {
  const server = await startModelServer(protocol);
  const collector = await startCollector();
  const provider = new TracerProvider({
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${collector.endpoint}/v1/traces` }) }),
    ],
  });
  open.push(server, collector);
  const access = { key: server.key, baseUrl: server.baseUrl };
  const asked =
    protocol === 'anthropic' ? createAnthropicModel(access) : createOpenAiModel({ ...access, protocol });
  const model = traced(asked, {
    tracer: provider.getTracer('test'),
    parent: () => ROOT_CONTEXT,
    content,
    clean: (text) => text.replaceAll(server.key, '[key]'),
  });
  return { server, collector, model, flush: () => provider.shutdown() };
}

describe.each(['chat', 'anthropic'] as const)('a request by %s', (protocol) => {
  it('is one span, which says who was asked, what was used and how it ended, and none of what was said', async () => {
    const { server, collector, model, flush } = await start(protocol);
    server.answers = [{ kind: 'text', text: 'a private reply' }];
    const reply = await model.generate(request);
    expect(reply.text).toBe('a private reply');
    await flush();
    expect(collector.spans).toHaveLength(1);
    expect(collector.spans[0]).toMatchObject({ name: 'chat stub-1', kind: 3, status: { code: 0 } });
    expect(collector.spans[0]?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': protocol === 'chat' ? 'openai' : 'anthropic',
      'gen_ai.request.model': 'stub-1',
      'gen_ai.request.max_tokens': 500,
      'gen_ai.request.temperature': 0.1,
      'gen_ai.response.model': 'stub-1',
      'gen_ai.response.id': server.requestId,
      'gen_ai.response.finish_reasons': [protocol === 'chat' ? 'stop' : 'end_turn'],
      'gen_ai.usage.input_tokens': someUsage.input,
      'gen_ai.usage.output_tokens': someUsage.output,
    });
    expect(collector.bodies.join('')).not.toMatch(/private reply|program of the user|you improve/);
    expect(server.requests[0]?.headers).not.toHaveProperty('traceparent');
  });

  it('that failed is a span with the kind of the failure and what was spent, and no key', async () => {
    const { server, collector, model, flush } = await start(protocol);
    server.answers = [
      { kind: 'status', status: 500, message: `server broke on ${server.key}` },
      { kind: 'text', text: 'cut', finish: 'length' },
    ];
    await expect(model.generate(request)).rejects.toThrow('not available');
    await expect(model.generate(request)).rejects.toThrow('cut at 90 tokens');
    await flush();
    const [broken, cut] = collector.spans;
    expect(broken?.attributes['error.type']).toBe('ModelUnavailable');
    expect(broken?.status).toMatchObject({ code: 2, message: expect.stringContaining('500') });
    expect(cut?.attributes).toMatchObject({
      'error.type': 'ModelReplyTruncated',
      'gen_ai.usage.output_tokens': someUsage.output,
    });
    expect(collector.bodies.join('')).not.toContain(server.key);
  });

  it('shows what was said only where that is asked for, without keys', async () => {
    const { server, collector, model, flush } = await start(protocol, { content: true });
    server.answers = [{ kind: 'text', text: 'a private reply' }];
    await model.generate({ ...request, messages: [{ role: 'user', text: `${prompt} ${server.key}` }] });
    await flush();
    const attributes = collector.spans[0]?.attributes ?? {};
    expect(JSON.parse(String(attributes['gen_ai.system_instructions']))).toEqual([
      { type: 'text', content: 'you improve programs' },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'user', parts: [{ type: 'text', content: `${prompt} [key]` }] },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: [{ type: 'text', content: 'a private reply' }] },
    ]);
  });
});
