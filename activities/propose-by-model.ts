import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { candidateNumber } from '../domain/candidate.ts';
import { CaseSet } from '../domain/case-set.schema.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { Program } from '../domain/program.schema.ts';
import type { NextDecision } from '../domain/search-policy.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { Trial } from '../domain/trial.schema.ts';
import type { TriedProgram } from '../llm/prompt-kind.ts';
import {
  type OwnPrompts,
  type ProgramRequest,
  promptRequest,
  promptsIn,
  repairRequest,
} from '../llm/prompts.ts';
import { applyReply, type ShownProgram, type WrittenProgram } from '../llm/replies/apply.ts';
import { type AskContext, createAsk, type KeptRequest } from './ask.ts';
import { readJson, readProgram, readTree, takeStep, writeJson } from './context.ts';

export interface ProposeInput extends Place {
  job: OptimizeJob;
  id: string;
  route: string;
  decision: Exclude<NextDecision, { kind: 'recipe' }>;
  /** A case set: what the arguments look like. */
  sample: Artifact | null;
  /** The step whose reply could not be used and is to be repaired; null for a question of its own. */
  repairs: string | null;
  /** The job's files, where its own prompts are. */
  files: Artifact;
  /** Take nothing over from earlier jobs. */
  fresh: boolean;
  /** Whether no route is asked after this one. */
  isLast: boolean;
}

/** What a program may import, in every sandbox. */
const packages = ['numpy', 'scipy', 'numba', 'pillow'];

export type ModelActivities = ReturnType<typeof createModelActivities>;

export const createModelActivities = (context: AskContext) => {
  const { store } = context;
  const ask = createAsk(context);

  return {
    /** Asks one route for a program. The reply is kept before it is used: a retry finds it and pays nothing. */
    async proposeByModel(input: ProposeInput): Promise<Candidate> {
      const { job, id, route, decision } = input;
      // One step for all routes and repairs: whichever gives the candidate first, that is the one.
      const proposed = { ...input, step: input.step.replace(/\/propose.*$/, '/proposed') };
      return takeStep<Candidate>(store, proposed, 'propose', async (pulse) => {
        const request = await requestFor(input);
        const { written, idea } = await ask(
          input,
          {
            ...request,
            route,
            maxTokens: job.models.programTokens,
            temperature: job.models.temperature,
            tries: job.models.tries,
            isLast: input.isLast,
            sample: candidateNumber({ id }),
            cache: !job.models.cache ? 'off' : input.fresh ? 'refresh' : 'use',
            unknownPrices: job.budget.unknownPrices,
            read: (reply) => ({ written: applyReply(reply, request.parent), idea: reply.idea }),
          },
          pulse,
        );
        return {
          id,
          parents:
            decision.kind === 'draft' ? [] : decision.kind === 'debug' ? [decision.parent] : decision.parents,
          operator: decision.kind,
          title: shorten(idea, 80),
          note: shorten(`${route}: ${idea}`, 500),
          program: await keepProgram(job, written),
        };
      });
    },
  };

  async function keepProgram(job: OptimizeJob, { files, entry, build }: WrittenProgram): Promise<Artifact> {
    const kept = files.map(async ({ path, content }) => [path, await store.blobs.put(content)] as const);
    const program: Program = {
      files: Object.fromEntries(await Promise.all(kept)),
      entry:
        job.function === undefined
          ? { kind: 'script', path: entry, args: job.args }
          : { kind: 'function', module: entry, name: job.function },
      build,
    };
    return writeJson(store.blobs, program);
  }

  /** What the model is asked: a question about the trials so far, or the last one again with what was wrong with its reply. */
  async function requestFor(input: ProposeInput): Promise<ProgramRequest> {
    const { job, files, repairs } = input;
    const own =
      job.prompts === undefined
        ? {}
        : await promptsIn(await readTree(store.blobs, files), job.prompts, store.blobs);
    const request = await questionFor(input, own);
    if (repairs === null) return request;
    const asked = await store.ledger.requestsOf(stepKey({ ...input, step: repairs }));
    const reply = asked.findLast((each) => each.reply !== null)?.reply;
    if (reply == null) throw new Error(`${repairs}: expected a reply to repair, found none`);
    const { prompt, ...kept } = JSON.parse(await store.blobs.text(reply)) as KeptRequest; // written by `ask`
    const { system, messages } = kept.request;
    return repairRequest({ ...request, system, messages, prompt }, kept.reply.text, kept.problem ?? '', own);
  }

  async function questionFor(input: ProposeInput, own: OwnPrompts): Promise<ProgramRequest> {
    const { job, decision, sample, jobId } = input;
    const trials = (await store.ledger.trials(jobId)).map((each) => each.trial);
    const [baseline] = trials;
    if (baseline === undefined || baseline.measurement === null)
      throw new Error(`job ${jobId}: expected a measured baseline before a proposal, found none`);
    const original = await shown(baseline.candidate.program);
    const task = {
      original: { files: [...original.files].sort((one) => (one.path === job.program ? -1 : 1)) },
      baselineMs: baseline.measurement.baselineMs.value,
      tolerance: job.tolerance,
      cores: job.cores,
      packages,
      tried: trials.slice(1).map(tried),
      hint: null,
    };
    const ofFunction = {
      function: job.function ?? '',
      argumentTypes:
        sample === null ? '' : ((await readJson(store.blobs, sample, CaseSet)).described[0] ?? ''),
    };
    const ofScript = { script: job.program, args: job.args, outputs: job.outputs };
    const isFunction = job.function !== undefined;

    const parent = trials.findLast(({ candidate }) => candidate.id === parentOf(decision));
    if (decision.kind === 'debug' && parent !== undefined && 'reason' in parent.outcome) {
      const log = parent.artifacts['build log'] ?? parent.artifacts.stderr;
      const failed = {
        ...(await shown(parent.candidate.program)),
        outcome: parent.outcome.kind,
        reason: parent.outcome.reason,
        log: log === undefined ? '' : await store.blobs.text(log),
      };
      return isFunction
        ? promptRequest('debug-function', { ...task, ...ofFunction, failed }, own)
        : promptRequest('debug-script', { ...task, ...ofScript, failed }, own);
    }
    const best =
      parent === undefined || parent.candidate.id === 'c-0'
        ? null
        : {
            ...(await shown(parent.candidate.program)),
            speedup: parent.outcome.kind === 'scored' ? parent.outcome.metric.value : 1,
          };
    return isFunction
      ? promptRequest('improve-function', { ...task, ...ofFunction, best }, own)
      : promptRequest('improve-script', { ...task, ...ofScript, best }, own);
  }

  /** The files of a program that a model can read. */
  async function shown(artifact: Artifact): Promise<ShownProgram> {
    const { files } = await readProgram(store.blobs, artifact);
    const texts = Object.entries(files).filter(([path]) => /\.(py|cpp|h|hpp)$/.test(path));
    return {
      files: await Promise.all(
        texts.map(async ([path, file]) => ({ path, content: await store.blobs.text(file) })),
      ),
    };
  }
};

const parentOf = (decision: ProposeInput['decision']): string | undefined =>
  decision.kind === 'debug' ? decision.parent : decision.kind === 'improve' ? decision.parents[0] : undefined;

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
