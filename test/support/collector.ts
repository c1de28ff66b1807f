import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector receives it; times and IDs as OTLP's JSON has them. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  kind: number;
  attributes: Record<string, unknown>;
  status: { code?: number; message?: string };
  startMs: number;
  endMs: number;
  service: unknown;
}

/** A local collector that takes OTLP as JSON over HTTP. */
export interface Collector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  endpoint: string;
  spans: ReceivedSpan[];
  /** All that was received, as it came. */
  bodies: string[];
  close(): Promise<void>;
}

type Value = Record<string, unknown> & { arrayValue?: { values: Value[] } };
interface KeyValue {
  key: string;
  value: Value;
}
interface Exported {
  resourceSpans: {
    resource: { attributes: KeyValue[] };
    scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes'> & Times & { attributes: KeyValue[] })[] }[];
  }[];
}
interface Times {
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

/** Starts it; with `silent` it takes what is sent and never answers. */
export async function startCollector({ silent = false } = {}): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    if (request.url !== '/v1/traces' || silent) return;
    spans.push(...read(JSON.parse(body)));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    spans,
    bodies,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const read = ({ resourceSpans }: Exported): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap((scope) => scope.spans)
      .map(({ startTimeUnixNano, endTimeUnixNano, attributes, ...span }) => ({
        ...span,
        attributes: valuesOf(attributes),
        startMs: Number(BigInt(startTimeUnixNano) / 1_000_000n),
        endMs: Number(BigInt(endTimeUnixNano) / 1_000_000n),
        service: valuesOf(resource.attributes)['service.name'],
      })),
  );

const valuesOf = (attributes: KeyValue[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

const plain = (value: Value): unknown =>
  value.arrayValue === undefined ? Object.values(value)[0] : value.arrayValue.values.map(plain);
