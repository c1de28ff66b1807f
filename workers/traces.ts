import { createHash } from 'node:crypto';
import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace';
import { parentId, parseJobId } from '../domain/job-id.ts';
import type { Log } from './log.ts';

/** A worker keeps neither a job nor its own end waiting longer than this for a collector. */
const patienceMs = 3_000;

/** Where spans are made and sent from, in batches, beside the work. */
export interface Traces {
  tracer: Tracer;
  /** Records the span of a job that has ended. Times are milliseconds since 1970. */
  recordJob(jobId: string, about: { status: string; startedAt: number; endedAt: number }): void;
  /** Sends what is left; gives up after three seconds. Never throws. */
  close(): Promise<void>;
}

/**
 * Opens the way to the collector that OpenTelemetry's own variables name. It is not registered for the whole process. Only our
 * code makes spans: the libraries of providers send no trace to their servers. A collector that cannot be reached
 * is told of once.
 */
export function openTraces(log: Log): Traces {
  tellOnce(log);
  const random = new RandomIdGenerator();
  /** The IDs of the next span, where they are not to be random. */
  let planned: { traceId: string; spanId: string } | null = null;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'crucible' }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    idGenerator: {
      generateTraceId: () => planned?.traceId ?? random.generateTraceId(),
      generateSpanId: () => planned?.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ timeoutMillis: patienceMs }),
        exportTimeoutMillis: patienceMs,
      }),
    ],
  });
  const tracer = provider.getTracer('crucible');
  return {
    tracer,
    recordJob(jobId, { status, startedAt, endedAt }) {
      planned = jobIds(jobId);
      const parent = parentId(jobId);
      const span = tracer.startSpan(
        jobName(jobId),
        { startTime: startedAt, attributes: { 'crucible.job': jobId, 'crucible.status': status } },
        parent === null ? ROOT_CONTEXT : jobContext(parent),
      );
      planned = null;
      if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(endedAt);
    },
    async close() {
      await provider
        .shutdown()
        .catch((error: unknown) => diag.error(error instanceof Error ? error.message : String(error)));
    },
  };
}

/**
 * Returns the job as a parent of spans. Its IDs are hashes of its name: activities on any worker find the same trace without being told. A
 * pipeline's stages, and later verifications, are in the trace of the job they belong to.
 */
export const jobContext = (jobId: string): Context =>
  trace.setSpanContext(ROOT_CONTEXT, {
    ...jobIds(jobId),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });

const jobIds = (jobId: string): { traceId: string; spanId: string } => ({
  traceId: hash(`trace ${parseJobId(jobId).top}`).slice(0, 32),
  spanId: hash(`span ${jobId}`).slice(0, 16),
});

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

const jobName = (jobId: string): string => {
  const { kind, name, below } = parseJobId(jobId);
  return below.at(-1) ?? `${kind} ${name}`;
};

/** Spans are lost, not jobs: the first loss is worth a warning, the rest are detail. */
function tellOnce(log: Log): void {
  let told = false;
  const tell = (message: string): void => {
    log[told ? 'debug' : 'warn'](
      { problem: message },
      'traces cannot be sent; the work goes on without them',
    );
    told = true;
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
