import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { candidateNumber } from '../../domain/candidate.ts';
import type { ModelDecision } from '../../domain/decision.schema.ts';
import type { Entry, Program } from '../../domain/program.schema.ts';
import { proposedStep, stepKey, unrepaired } from '../../domain/step.ts';
import { promptsIn, repairRequest } from '../../llm/prompts/prompts.ts';
import { applyReply, type WrittenProgram } from '../../llm/prompts/replies/apply.ts';
import { readTree, writeJson } from '../../store/documents.ts';
import { type AskContext, createAsk, type KeptRequest } from '../ask/ask.ts';
import { takeStep } from '../context.ts';
import { hintsOf } from './hints.ts';
import { type ProgramQuestion, proposedIn, type QuestionInput } from './questions/question.ts';
import { type AskingJob, questionOf } from './questions/questions.ts';
import { createExpectNew } from './same-program.ts';

export interface ProposeInput extends QuestionInput<AskingJob> {
  route: string;
  /** The step whose reply could not be used and is to be repaired; null for a question of its own. */
  repairs: string | null;
  /** Take nothing over from earlier jobs. */
  fresh: boolean;
  /** Whether no route is asked after this one. */
  isLast: boolean;
}

export type ModelActivities = ReturnType<typeof createModelActivities>;

export const createModelActivities = (context: AskContext) => {
  const { store } = context;
  const ask = createAsk(context);
  const expectNew = createExpectNew(store);

  return {
    /** Asks one route for a program. The reply is kept before it is used: a retry finds it and pays nothing. */
    async proposeByModel(input: ProposeInput): Promise<Candidate> {
      const { job, id, jobId, route, decision } = input;
      // One step for all routes and repairs: whichever gives the candidate first, that is the one.
      const proposed = { ...input, step: proposedStep(id) };
      return takeStep<Candidate>(store, proposed, 'propose', async (pulse) => {
        const { request, parent, known, entryAt } = await askedFor(input);
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
            read: async (reply) => {
              const program = applyReply(reply, request.parent);
              await expectNew(jobId, id, program, [...known, ...(await proposedIn(store, jobId))]);
              return { written: program, idea: reply.idea };
            },
          },
          pulse,
        );
        return {
          id,
          parents: parent === null ? parentsOf(decision) : [parent],
          operator: decision.kind,
          title: shorten(idea, 80),
          note: shorten(`${route}: ${idea}`, 500),
          program: await keepProgram(written, entryAt(written.entry)),
        };
      });
    },
  };

  async function keepProgram({ files, build }: WrittenProgram, entry: Entry): Promise<Artifact> {
    const kept = files.map(async ({ path, content }) => [path, await store.blobs.put(content)] as const);
    const program: Program = { files: Object.fromEntries(await Promise.all(kept)), entry, build };
    return writeJson(store.blobs, program);
  }

  /** What the model is asked: a question about the trials so far, or the last one again with what was wrong with its reply. */
  async function askedFor(input: ProposeInput): Promise<ProgramQuestion> {
    const { job, files, repairs } = input;
    const own =
      job.prompts === undefined
        ? {}
        : await promptsIn(await readTree(store.blobs, files), job.prompts, store.blobs);
    // A reply on record belongs to what was shown then, not to what would be shown now.
    const first = await store.ledger.requestsOf(stepKey({ ...input, step: unrepaired(input.step) }));
    const sent = first.findLast(({ reply }) => reply !== null)?.startedAt ?? Date.now();
    const trials = (await store.ledger.trials(input.jobId))
      .filter(({ createdAt }) => createdAt <= sent)
      .map(({ trial }) => trial);
    const hint = await hintsOf(store, input.jobId, sent);
    const question = await questionOf(job.kind)(store, input, trials, own, hint);
    if (repairs === null) return question;
    const asked = await store.ledger.requestsOf(stepKey({ ...input, step: repairs }));
    const reply = asked.findLast((each) => each.reply !== null)?.reply;
    if (reply == null) throw new Error(`${repairs}: expected a reply to repair, found none`);
    const { prompt, ...kept } = JSON.parse(await store.blobs.text(reply)) as KeptRequest; // written by `ask`
    const { system, messages } = kept.request;
    const before = { ...question.request, system, messages, prompt };
    return { ...question, request: repairRequest(before, kept.reply.text, kept.problem ?? '', own) };
  }
};

const parentsOf = (decision: ModelDecision): string[] =>
  decision.kind === 'draft' ? [] : decision.kind === 'debug' ? [decision.parent] : decision.parents;

const shorten = (text: string, limit: number): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
};
