import { type Context, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { Usage } from '../../domain/usage.ts';
import type { Message, Model } from '../model.ts';
import { asModelFailure } from './failure.ts';

/** OpenTelemetry's names for what models do: the convention is in development, so this is the one place that knows them. */
export const attributes = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  maxTokens: 'gen_ai.request.max_tokens',
  temperature: 'gen_ai.request.temperature',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  system: 'gen_ai.system_instructions',
  input: 'gen_ai.input.messages',
  output: 'gen_ai.output.messages',
  errorType: 'error.type',
} as const;

/** The convention's names of providers, where they are not ours. */
const providerNames: Record<string, string> = { gemini: 'gcp.gemini', google: 'gcp.gemini' };

export interface ModelTracing {
  tracer: Tracer;
  /** Where a request belongs: the span around it. Asked at every request. */
  parent: () => Context;
  /** Prompts and replies go into the spans as well. */
  content: boolean;
  /** Takes secrets out of a text. */
  clean: (text: string) => string;
}

/** `model` with a span for each request: who was asked for what, what it used, how it ended. */
export const traced = (model: Model, { tracer, parent, content, clean }: ModelTracing): Model => ({
  provider: model.provider,
  async generate(request, options) {
    const shown = (name: string, value: unknown): Record<string, string> =>
      content ? { [name]: clean(JSON.stringify(value)) } : {};
    const span = tracer.startSpan(
      `chat ${request.model}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          [attributes.operation]: 'chat',
          [attributes.provider]: providerNames[model.provider] ?? model.provider,
          [attributes.requestModel]: request.model,
          [attributes.maxTokens]: request.maxTokens,
          ...(request.temperature === undefined ? {} : { [attributes.temperature]: request.temperature }),
          ...shown(attributes.system, [part(request.system)]),
          ...shown(attributes.input, request.messages.map(asMessage)),
        },
      },
      parent(),
    );
    try {
      const reply = await model.generate(request, options);
      span.setAttributes({
        [attributes.responseModel]: reply.model,
        [attributes.finishReasons]: [reply.finish.raw],
        ...responseId(reply.requestId),
        ...tokens(reply.usage),
        ...shown(attributes.output, [asMessage({ role: 'assistant', text: reply.text })]),
      });
      return reply;
    } catch (error) {
      const failure = asModelFailure(error);
      span.setAttributes({
        [attributes.errorType]: error instanceof Error ? error.name : 'unknown',
        ...responseId(failure?.requestId ?? null),
        ...tokens(failure?.usage ?? null),
      });
      span.setStatus({ code: SpanStatusCode.ERROR, message: clean(failure?.message ?? '') });
      throw error;
    } finally {
      span.end();
    }
  },
});

const part = (content: string) => ({ type: 'text', content });
const asMessage = ({ role, text }: Message) => ({ role, parts: [part(text)] });
const responseId = (id: string | null) => (id === null ? {} : { [attributes.responseId]: id });
const tokens = (usage: Usage | null) =>
  usage === null ? {} : { [attributes.inputTokens]: usage.input, [attributes.outputTokens]: usage.output };
