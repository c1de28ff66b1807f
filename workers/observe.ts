import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { ApplicationFailure, log as activityLog } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { JobActivities } from '../activities/job.ts';
import type { Model, ModelReply } from '../llm/model.ts';
import { attributes, traced } from '../llm/providers/spans.ts';
import type { Clean } from './clean.ts';
import type { Metrics } from './metrics.ts';
import { jobContext, type Traces } from './traces.ts';

/** How activities and model requests of a process are seen from outside. */
export interface Observing {
  clean: Clean;
  metrics: Pick<Metrics, 'ended' | 'answered' | 'unanswered'>;
  /** Null where no collector is configured. */
  traces: Traces | null;
  /** Prompts and replies go into the spans as well. */
  content: boolean;
  /** When a job was started, milliseconds since 1970; undefined where it is not known. */
  startedAt: (jobId: string) => Promise<number | undefined>;
  /** What a reply cost, millionths of a dollar; null where that is not known. */
  costOf: (route: string, reply: ModelReply) => number | null;
}

/** The activity that ends a job. */
const closing = 'closeJob' satisfies keyof JobActivities;

/** The span around what this asynchronous flow does. */
const around = new AsyncLocalStorage<Context>();

/**
 * Says in every line of an activity which job, step and attempt it is of. Puts a span around it where there are traces. When
 * a job is closed its own span is recorded: what holds the others together.
 */
export const observeActivities =
  ({ clean, traces, metrics, startedAt }: Observing): ActivityInterceptorsFactory =>
  ({ info }) => {
    const activity = info.activityType;
    let place: { jobId?: string; step?: string } = {};
    return {
      outbound: {
        getLogAttributes: () => ({
          job: place.jobId ?? info.workflowExecution?.workflowId,
          ...(place.step === undefined ? {} : { step: place.step }),
          ...{ activity, attempt: info.attempt },
        }),
      },
      inbound: {
        async execute(input, next) {
          place = placeOf(input.args[0]);
          const act = async (): Promise<unknown> => {
            const result = await next(input);
            metrics.ended(activity, input.args[0]);
            return result;
          };
          if (traces === null) return act();
          const jobId = place.jobId ?? info.workflowExecution?.workflowId ?? activity;
          const job = jobContext(jobId);
          const span = traces.tracer.startSpan(
            activity,
            {
              attributes: {
                'crucible.job': jobId,
                'crucible.step': place.step ?? '',
                'crucible.attempt': info.attempt,
              },
            },
            job,
          );
          try {
            const result = await around.run(trace.setSpan(job, span), act);
            if (activity === closing) {
              const from = await startedAt(jobId).catch(() => undefined);
              const status = statusIn(input.args[0]);
              if (from !== undefined)
                traces.recordJob(jobId, { status, startedAt: from, endedAt: Date.now() });
            }
            return result;
          } catch (error) {
            span.setAttribute(attributes.errorType, typeOf(error));
            const message = error instanceof Error ? error.message : String(error);
            span.setStatus({ code: SpanStatusCode.ERROR, message: clean.text(message) });
            throw error;
          } finally {
            span.end();
          }
        },
      },
    };
  };

/** Returns the model with a line in the log for each request, and a span where there are traces. */
export function observeModel(
  route: string,
  model: Model,
  { clean, traces, metrics, content, costOf }: Observing,
): Model {
  const parent = (): Context => around.getStore() ?? ROOT_CONTEXT;
  const seen =
    traces === null ? model : traced(model, { tracer: traces.tracer, parent, content, clean: clean.text });
  return {
    provider: model.provider,
    async generate(request, options) {
      const began = Date.now();
      try {
        const reply = await seen.generate(request, options);
        const microUsd = costOf(route, reply);
        metrics.answered(route, reply, microUsd);
        activityLog.info('model answered', {
          route,
          ms: Date.now() - began,
          input: reply.usage?.input ?? null,
          cached: reply.usage?.cached ?? null,
          output: reply.usage?.output ?? null,
          microUsd,
        });
        return reply;
      } catch (error) {
        metrics.unanswered(route, typeOf(error));
        activityLog.info('model did not answer', { route, ms: Date.now() - began, reason: typeOf(error) });
        throw error;
      }
    },
  };
}

/** The job and the step that an activity's argument names. */
export const placeOf = (argument: unknown): { jobId?: string; step?: string } => {
  const given = typeof argument === 'object' && argument !== null ? argument : {};
  return {
    ...('jobId' in given && typeof given.jobId === 'string' ? { jobId: given.jobId } : {}),
    ...('step' in given && typeof given.step === 'string' ? { step: given.step } : {}),
  };
};

/** How a job is closed, by what the activity that does it is given. */
const statusIn = (given: unknown): string =>
  typeof given === 'object' && given !== null && 'status' in given ? String(given.status) : 'unknown';

const typeOf = (error: unknown): string =>
  error instanceof ApplicationFailure
    ? (error.type ?? error.name)
    : error instanceof Error
      ? error.name
      : 'unknown';
