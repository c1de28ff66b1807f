import { ApplicationFailure } from '@temporalio/activity';
import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { CaseSet } from '../domain/case-set.schema.ts';
import { defaults } from '../domain/defaults.ts';
import { RouteUnavailable } from '../domain/errors.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { Program } from '../domain/program.schema.ts';
import type { NextDecision } from '../domain/search-policy.ts';
import { jobOfStep, type Place, stepKey } from '../domain/step.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { asModelFailure, type ModelFailure } from '../llm/failure.ts';
import {
  debugFunction,
  type FunctionTask,
  improveFunction,
  type ProgramRequest,
  type ShownProgram,
  type TriedProgram,
} from '../llm/function-prompts.ts';
import type { Model, ModelReply } from '../llm/model.ts';
import { buildOf, type ProgramReply } from '../llm/program-reply.ts';
import { parseRoute } from '../llm/routes.ts';
import type { Store } from '../store/store.ts';
import { readJson, readProgram, takeStep, writeJson } from './context.ts';

export interface ProposeInput extends Place {
  job: OptimizeJob;
  id: string;
  route: string;
  decision: Exclude<NextDecision, { kind: 'recipe' }>;
  /** A case set: what the arguments look like. */
  sample: Artifact | null;
}

/** What a program may import, in every sandbox. */
const packages = ['numpy', 'scipy', 'numba', 'pillow'];

export type ModelActivities = ReturnType<typeof createModelActivities>;

export const createModelActivities = ({
  store,
  modelOf,
}: {
  store: Store;
  modelOf: (route: string) => Model;
}) => {
  const shown = async (artifact: Artifact): Promise<ShownProgram> => {
    const { files } = await readProgram(store.blobs, artifact);
    const texts = Object.entries(files).filter(([path]) => /\.(py|cpp|h|hpp)$/.test(path));
    return {
      files: await Promise.all(
        texts.map(async ([path, file]) => ({ path, content: await store.blobs.text(file) })),
      ),
    };
  };

  /** What the model is asked, from the trials so far. */
  async function requestFor({ job, decision, sample, jobId }: ProposeInput): Promise<ProgramRequest> {
    const trials = (await store.ledger.trials(jobId)).map((each) => each.trial);
    const [baseline] = trials;
    if (baseline === undefined || baseline.measurement === null)
      throw new Error(`job ${jobId}: expected a measured baseline before a proposal, found none`);
    const cases = sample === null ? null : await readJson(store.blobs, sample, CaseSet);
    const program = await readProgram(store.blobs, baseline.candidate.program);
    const source = program.files[job.program];
    const task: FunctionTask = {
      function: job.function ?? job.program,
      source: source === undefined ? '' : await store.blobs.text(source),
      argumentTypes: cases?.described[0] ?? 'none: it is a script',
      baselineMs: baseline.measurement.baselineMs.value,
      tolerance: job.tolerance,
      cores: job.cores,
      packages,
      tried: trials.slice(1).map(tried),
      hint: null,
    };
    const parentId =
      decision.kind === 'debug'
        ? decision.parent
        : decision.kind === 'improve'
          ? decision.parents[0]
          : undefined;
    const parent = trials.findLast((trial) => trial.candidate.id === parentId);
    if (parent === undefined || parent.candidate.id === 'c-0')
      return improveFunction({ ...task, best: null });
    const { outcome } = parent;
    if (decision.kind === 'debug' && 'reason' in outcome) {
      const log = parent.artifacts['build log'] ?? parent.artifacts.stderr;
      const failed = {
        ...(await shown(parent.candidate.program)),
        outcome: outcome.kind,
        reason: outcome.reason,
        log: log === undefined ? '' : await store.blobs.text(log),
      };
      return debugFunction({ ...task, failed });
    }
    const speedup = outcome.kind === 'scored' ? outcome.metric.value : 1;
    return improveFunction({ ...task, best: { ...(await shown(parent.candidate.program)), speedup } });
  }

  /** One physical request, on record before it is sent and before its reply is used. */
  async function ask(
    place: Place,
    route: string,
    request: ProgramRequest,
    signal: AbortSignal,
  ): Promise<ProgramReply> {
    const key = stepKey(place);
    const finished = await store.ledger.finishedCall(key);
    if (finished?.reply != null) return readReply(store, finished.reply);
    const begun = await store.ledger.startCall({ key, jobId: place.jobId, route });
    if (begun.kind !== 'started') throw new Error(`call ${key}: expected it to start, it was ${begun.kind}`);
    try {
      const { model } = parseRoute(route);
      const { temperature, programTokens } = defaults.model;
      const reply = await modelOf(route).generate(
        { ...request, model, temperature, maxTokens: programTokens },
        { signal },
      );
      const stored = await store.blobs.put(
        JSON.stringify({ request: { ...request, schema: request.schema?.name }, reply }),
      );
      await store.ledger.finishCall(key, begun.request, {
        usage: { ...reply.usage },
        tokens: (reply.usage?.input ?? 0) + (reply.usage?.output ?? 0),
        microUsd: null,
        reply: stored,
      });
      return programOf(reply);
    } catch (error) {
      const failure = asModelFailure(error);
      if (failure === undefined) throw error;
      await store.ledger.failCall(key, begun.request, failure.name);
      throw await retryOf(key, failure);
    }
  }

  /**
   * How Temporal is to take a failure: after the provider's own wait where it named one, after the default delays otherwise, and
   * not again once a route had its tries. Rate limits do not count as tries.
   */
  async function retryOf(key: string, failure: ModelFailure): Promise<Error> {
    const calls = (await store.ledger.calls(jobOfStep(key))).filter((call) => call.key === key);
    const counted = calls.filter(
      (call) => call.status === 'failed' && call.error !== 'ModelRateLimited',
    ).length;
    const { triesPerRoute, retryDelaysMs } = defaults.model;
    if (failure.name === 'ModelUnavailable' && counted >= triesPerRoute)
      return new RouteUnavailable(`${failure.message} (tried ${counted} times)`);
    if (failure.name !== 'ModelUnavailable' && failure.name !== 'ModelRateLimited') return failure;
    const delayMs =
      failure.retryAfterMs ?? retryDelaysMs[Math.max(0, counted - 1)] ?? retryDelaysMs.at(-1) ?? 1_000;
    return ApplicationFailure.create({
      message: failure.message,
      type: failure.name,
      nextRetryDelay: delayMs,
      nonRetryable: false,
    });
  }

  return {
    /** Asks one route for a program. The reply is kept before it is used: a retry finds it and pays nothing. */
    async proposeByModel({ job, ...input }: ProposeInput): Promise<Candidate> {
      const { id, route, decision } = input;
      return takeStep<Candidate>(store, input, 'propose', async (signal) => {
        const reply = await ask(input, route, await requestFor({ job, ...input }), signal);
        const files = Object.fromEntries(
          await Promise.all(
            reply.files.map(async ({ path, content }) => [path, await store.blobs.put(content)] as const),
          ),
        );
        const program: Program = {
          files,
          entry:
            job.function === undefined
              ? { kind: 'script', path: reply.entry, args: job.args }
              : { kind: 'function', module: reply.entry, name: job.function },
          build: buildOf(reply),
        };
        return {
          id,
          parents:
            decision.kind === 'draft' ? [] : decision.kind === 'debug' ? [decision.parent] : decision.parents,
          operator: decision.kind,
          title: shorten(reply.idea, 80),
          note: shorten(`${route}: ${reply.idea}`, 500),
          program: await writeJson(store.blobs, program),
        };
      });
    },
  };
};

const shorten = (text: string, limit: number): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
};

const tried = ({ candidate, outcome }: Trial): TriedProgram => ({
  id: candidate.id,
  title: candidate.title,
  outcome: outcome.kind,
  reason: 'reason' in outcome ? outcome.reason : null,
  speedup: outcome.kind === 'scored' ? outcome.metric.value : null,
});

function programOf(reply: ModelReply<ProgramReply>): ProgramReply {
  if (reply.kind === 'value') return reply.value;
  throw new Error('expected a program, got text: the request had no schema');
}

/** The reply of a call that was answered before; it was checked then. */
async function readReply(store: Store, artifact: Artifact): Promise<ProgramReply> {
  const { reply } = JSON.parse(await store.blobs.text(artifact)) as { reply: ModelReply<ProgramReply> };
  return programOf(reply);
}
