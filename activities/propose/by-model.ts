import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { candidateNumber } from '../../domain/candidate.ts';
import type { ModelDecision } from '../../domain/decision.schema.ts';
import type { ExtensionTool } from '../../domain/extension.schema.ts';
import type { Entry, Program } from '../../domain/program.schema.ts';
import { proposedStep, stepKey, unrepaired } from '../../domain/step.ts';
import { promptsIn, repairRequest } from '../../llm/prompts/prompts.ts';
import { applyReply, ReplyProblem, type WrittenProgram } from '../../llm/prompts/replies/apply.ts';
import type { ProgramReply } from '../../llm/prompts/replies/program.ts';
import { readTree, writeJson } from '../../store/documents.ts';
import { type AskContext, createAsk, type KeptRequest } from '../ask/ask.ts';
import { takeStep } from '../context.ts';
import { hintsOf } from './hints.ts';
import { type OtherFix, otherFixes } from './other-fixes.ts';
import { asksForFixes, type ProgramQuestion, proposedIn, type QuestionInput } from './questions/question.ts';
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
        const { request, parent, known, entryAt, module } = await askedFor(input);
        const how = {
          ...{ route, maxTokens: job.models.programTokens, temperature: job.models.temperature },
          ...{ tries: job.models.tries, isLast: input.isLast, sample: candidateNumber({ id }) },
          cache: !job.models.cache ? ('off' as const) : input.fresh ? ('refresh' as const) : ('use' as const),
          batch: job.models.batch ?? false,
          unknownPrices: job.budget.unknownPrices,
        };
        const read = async (replies: readonly ProgramReply[]): Promise<Proposal[]> =>
          usable(replies, async (reply) => {
            const written = applyReply(reply, request.parent);
            expectTool(written, module?.tool);
            await expectNew(jobId, id, written, [...known, ...(await proposedIn(store, jobId))]);
            return { written, idea: reply.idea };
          });
        const [first, ...others] = asksForFixes(request)
          ? await ask(input, { ...request, ...how, read: ({ fixes }) => read(fixes) }, pulse)
          : await ask(input, { ...request, ...how, read: (reply) => read([reply]) }, pulse);
        if (first === undefined)
          throw new Error(`${id}: expected a program of a reply that was read, got none`);
        const { written, idea } = first;
        if (others.length > 0) await keepOthers(input, others, entryAt);
        return {
          id,
          parents: parent === null ? parentsOf(decision) : [parent],
          operator: decision.kind,
          title: shorten(idea, 80),
          note: shorten(`${route}: ${idea}`, 500),
          program: await keepProgram(written, entryAt(written.entry), module?.beside),
        };
      });
    },
  };

  /** Keeps the fixes that a reply has beside its first, for `proposeOther`. */
  async function keepOthers(
    { jobId, id, route }: ProposeInput,
    others: readonly Proposal[],
    entryAt: ProgramQuestion['entryAt'],
  ): Promise<void> {
    const kept: OtherFix[] = [];
    for (const { written, idea } of others)
      kept.push({
        ...{ title: shorten(idea, 80), note: shorten(`${route}: ${idea}`, 500) },
        program: await keepProgram(written, entryAt(written.entry)),
      });
    await store.ledger.remember(otherFixes(jobId, id), kept);
  }

  async function keepProgram(
    { files, build }: WrittenProgram,
    entry: Entry,
    beside: Tree = {},
  ): Promise<Artifact> {
    const kept = files.map(async ({ path, content }) => [path, await store.blobs.put(content)] as const);
    const program: Program = {
      files: { ...Object.fromEntries(await Promise.all(kept)), ...beside },
      ...{ entry, build },
    };
    return writeJson(store.blobs, program);
  }

  /**
   * What the model is asked. It is a question about the trials so far, or the last one again with what was
   * wrong with its reply.
   */
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
    const [text, problem] = [kept.reply.text, kept.problem ?? ''];
    const asking = { system, messages, prompt };
    const request = asksForFixes(question.request)
      ? repairRequest({ ...question.request, ...asking }, text, problem, own)
      : repairRequest({ ...question.request, ...asking }, text, problem, own);
    return { ...question, request };
  }
};

/** Throws `ReplyProblem` where a module is to be built by something else. */
function expectTool({ build }: WrittenProgram, tool: ExtensionTool | undefined): void {
  if (tool !== undefined && build?.tool !== tool)
    throw new ReplyProblem([`build: expected ${tool}, got ${build?.tool ?? 'none'}`]);
}

/** A program that a reply makes, and what it tries. */
interface Proposal {
  written: WrittenProgram;
  idea: string;
}

/** Returns what `make` makes of those replies that it can be made of. Throws `ReplyProblem` where that is none. */
async function usable(
  replies: readonly ProgramReply[],
  make: (reply: ProgramReply) => Promise<Proposal>,
): Promise<Proposal[]> {
  const made: Proposal[] = [];
  const problems: string[] = [];
  for (const reply of replies)
    try {
      made.push(await make(reply));
    } catch (error) {
      if (!(error instanceof ReplyProblem)) throw error;
      problems.push(...error.problems);
    }
  if (made.length === 0) throw new ReplyProblem(problems);
  return made;
}

const parentsOf = (decision: ModelDecision): string[] =>
  decision.kind === 'draft' ? [] : decision.kind === 'debug' ? [decision.parent] : decision.parents;

const shorten = (text: string, limit: number): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
};
