import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, expect, it } from 'vitest';
import { createScriptedModel } from '../../llm/providers/scripted.ts';
import { createClean } from '../../workers/clean.ts';
import { createLog, temporalLogger } from '../../workers/log.ts';
import { type Observing, observeActivities, observeModel } from '../../workers/observe.ts';
import { openTraces } from '../../workers/traces.ts';
import { type Collector, startCollector } from '../support/collector.ts';

const secret = 'quiet-rabbit-0123456789abcdef';
const jobId = 'pipeline/scan/0123456789.1';
const began = Date.now() - 5_000;

let collector: Collector | undefined;
afterEach(async () => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  await collector?.close();
  collector = undefined;
});

interface Observed {
  observing: Observing;
  lines: Record<string, unknown>[];
  /** What metrics were told. */
  counted: unknown[][];
  /** Runs `act` as an activity of that type, given `argument`. */
  run<Given extends object, T>(
    type: string,
    argument: Given,
    act: (given: Given) => Promise<T>,
    attempt?: number,
  ): Promise<T>;
}

function observed(endpoint: string | null): Observed {
  const lines: Record<string, unknown>[] = [];
  const clean = createClean([secret]);
  const to = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLog({ level: 'debug', clean, plain: false, to });
  if (endpoint !== null) process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  const counted: unknown[][] = [];
  const observing: Observing = {
    clean,
    metrics: {
      ended: (activity) => void counted.push(['ended', activity]),
      answered: (route, _reply, microUsd) => void counted.push(['answered', route, microUsd]),
      unanswered: (route, reason) => void counted.push(['unanswered', route, reason]),
    },
    traces: endpoint === null ? null : openTraces(log),
    content: false,
    startedAt: async () => began,
    costOf: () => 1_200,
  };
  return {
    observing,
    lines,
    counted,
    run: (type, argument, act, attempt = 1) =>
      new MockActivityEnvironment(
        { activityType: type, attempt },
        { interceptors: [observeActivities(observing)], logger: temporalLogger(log) },
      ).run(act, argument),
  };
}

const usage = { input: 20, cached: 5, written: 0, output: 7, reasoning: 0 };

it('every line of an activity says its job, step and attempt, and a model request what it used and cost', async () => {
  const { observing, lines, counted, run } = observed(null);
  const script = createScriptedModel([{ text: 'a private reply', usage }]);
  const model = observeModel('openai/stub', script, observing);
  await run(
    'proposeByModel',
    { jobId, step: 'c-1/propose-0' },
    () => model.generate({ model: 'stub', system: '', messages: [], maxTokens: 10 }),
    2,
  );
  await expect(
    run('runProgram', { jobId, step: 'c-1/run' }, async () => {
      throw new Error(`the engine said ${secret}`);
    }),
  ).rejects.toThrow();
  // What failed is counted by Temporal's SDK.
  expect(counted).toEqual([
    ['answered', 'openai/stub', 1_200],
    ['ended', 'proposeByModel'],
  ]);
  expect(lines.find(({ msg }) => msg === 'model answered')).toMatchObject({
    ...{ level: 'info', job: jobId, step: 'c-1/propose-0', activity: 'proposeByModel', attempt: 2 },
    ...{ route: 'openai/stub', input: 20, cached: 5, output: 7, microUsd: 1_200 },
  });
  expect(lines.find(({ msg }) => msg === 'Activity failed')).toMatchObject({
    ...{ level: 'warn', job: jobId, step: 'c-1/run', activity: 'runProgram', attempt: 1 },
    error: { message: 'the engine said [key]' },
  });
  expect(JSON.stringify(lines)).not.toMatch(/private reply|quiet-rabbit/);
});

it("a job's activities on two workers, its stages and its requests to models are one trace below the job's own span", async () => {
  collector = await startCollector();
  const workers = [observed(collector.endpoint), observed(collector.endpoint)] as const;
  const stage = `${jobId}/blur`;
  const [one, other] = workers;
  const script = createScriptedModel([{ text: 'hello', usage }]);
  await one.run('openJob', { jobId, step: 'open' }, async () => null);
  await other.run('proposeByModel', { jobId: stage, step: 'c-1/propose-0' }, () =>
    observeModel('openai/stub', script, other.observing).generate({
      ...{ model: 'stub', system: '', messages: [], maxTokens: 10 },
    }),
  );
  await expect(
    one.run('runProgram', { jobId: stage, step: 'c-1/run' }, async () => {
      throw new RangeError(`told ${secret}`);
    }),
  ).rejects.toThrow();
  await one.run('closeJob', { jobId: stage, step: 'close', status: 'failed' }, async () => null);
  await other.run('closeJob', { jobId, step: 'close', status: 'finished' }, async () => null);
  await one.run('openJob', { jobId: 'solve/else/0123456789.1', step: 'open' }, async () => null);
  for (const { observing } of workers) await observing.traces?.close();

  const named = (name: string) => {
    const found = collector?.spans.find((span) => span.name === name);
    if (found === undefined) throw new Error(`expected a span ${name}`);
    return found;
  };
  const root = named('pipeline scan');
  expect(root.parentSpanId ?? '').toBe('');
  expect(root).toMatchObject({ service: 'crucible', startMs: began });
  expect(root.endMs).toBeGreaterThanOrEqual(began + 5_000);
  expect(root.attributes).toEqual({ 'crucible.job': jobId, 'crucible.status': 'finished' });
  expect(named('blur')).toMatchObject({ parentSpanId: root.spanId, status: { code: 2 } });
  expect(named('openJob').parentSpanId).toBe(root.spanId);
  expect(named('proposeByModel').parentSpanId).toBe(named('blur').spanId);
  expect(named('proposeByModel').attributes).toEqual({
    ...{ 'crucible.job': stage, 'crucible.step': 'c-1/propose-0', 'crucible.attempt': 1 },
  });
  expect(named('chat stub').parentSpanId).toBe(named('proposeByModel').spanId);
  expect(named('runProgram').attributes['error.type']).toBe('RangeError');
  expect(named('runProgram').status).toEqual({ code: 2, message: 'told [key]' });
  const elsewhere = collector.spans.filter(
    (span) => span.attributes['crucible.job'] === 'solve/else/0123456789.1',
  );
  expect(elsewhere).toHaveLength(1);
  expect(new Set(collector.spans.map((span) => span.traceId)).size).toBe(2);
  expect(elsewhere[0]?.traceId).not.toBe(root.traceId);
});

it.each([
  ['does not answer', true],
  ['is not there', false],
])(
  'a collector that %s delays no activity, is told of once and is waited for no longer than three seconds',
  async (_, answers) => {
    collector = await startCollector({ silent: true });
    const { endpoint } = collector;
    if (!answers) await collector.close();
    const { observing, lines, run } = observed(endpoint);
    const before = performance.now();
    for (let step = 0; step < 1_000; step += 1)
      await run('openJob', { jobId, step: `${step}` }, async () => step);
    const worked = performance.now();
    expect(worked - before).toBeLessThan(30_000);
    await observing.traces?.close();
    // Three seconds are waited; OpenTelemetry's own patience is ten.
    expect(performance.now() - worked).toBeLessThan(9_000);
    const told = lines.filter(({ level }) => level === 'warn');
    expect(told).toHaveLength(1);
    expect(told[0]?.msg).toContain('traces cannot be sent');
  },
);
