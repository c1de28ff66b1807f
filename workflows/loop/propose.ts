import type { AskingJob } from '../../activities/propose/questions/questions.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { ModelDecision, NextDecision } from '../../domain/decision.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { Extension, Rest } from '../../domain/message.schema.ts';
import { questionKey } from '../../domain/search-policy.ts';
import { proposedStep, proposeStep } from '../../domain/step.ts';
import type { RunningJob } from '../job/frame.ts';
import { proposeOther } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { askRoutes } from './ask.ts';
import type { Proposed } from './search.ts';

/** Has decisions made into candidates. */
export interface Proposer {
  /**
   * Returns the candidate that a decision leads to: a strategy's or a fix's, made in the sandbox, or a model's. `none`: the strategy or fix does
   * not apply, or no route gave a usable program. `later`: no route may be asked now.
   */
  propose(decision: NextDecision, id: string): Promise<Proposed>;
  /** Why no more is to be proposed: the money is spent, or models fail one after another. Null to go on. */
  givenUp(): string | null;
}

export interface ProposerSetup {
  /** What makes a candidate of a strategy; null where that turns out not to apply. */
  byStrategy(strategy: string, id: string): Promise<Candidate | null>;
  /** What makes a candidate of its parent by the parent's diagnosis; null where that turns out not to fit. */
  byFix(parent: string, id: string): Promise<Candidate | null>;
  /** What makes a candidate of a file that somebody brought. */
  byHand(decision: Extract<NextDecision, { kind: 'human' }>, id: string): Promise<Candidate>;
  /** A case set that shows what a program is given; null where there is none. */
  sample: Artifact | null;
}

/** Returns what proposes candidates for a job, and remembers how models did. */
export function createProposer<J extends AskingJob>(
  running: RunningJob<J>,
  { byStrategy, byFix, byHand, sample }: ProposerSetup,
): Proposer {
  const { job, input, steering } = running;
  /** Why nothing can be asked, and the budget for which that is so: another may do. */
  let exhausted: { why: string; budget: Extension } | null = null;
  let fruitless = 0;
  let askedWith = steering.budget;
  /** Different questions, since the last program, that models gave none for. */
  const inVain = new Set<string>();
  let lastReason = '';
  /** How often in a row no route was open yet. */
  let closed = 0;
  const afterThat = ({ until, why }: Rest): Rest => {
    const { closedAgainMs, longestClosedAgainMs } = defaults.model;
    const least = closed === 0 ? 0 : Math.min(closedAgainMs * 2 ** (closed - 1), longestClosedAgainMs);
    return { until: Math.max(until, Date.now() + least), why };
  };
  const isExhausted = (): boolean => exhausted?.budget === steering.budget;

  async function byModel(decision: ModelDecision, id: string): Promise<Proposed> {
    const asked = await askRoutes(running, {
      role: decision.kind,
      about: id,
      step: proposeStep(id),
      ask: ({ proposeByModel }, attempt, doing) =>
        summarized(doing, proposeByModel, {
          ...attempt,
          ...{ job, id, decision, sample, files: input.files },
          ...(input.from === undefined ? {} : { from: input.from }),
        }),
    });
    if (asked.kind === 'later') {
      steering.rest(asked.batched ? asked.rest : afterThat(asked.rest));
      if (!asked.batched) closed += 1;
      return 'later';
    }
    closed = 0;
    if (asked.kind === 'answered') {
      fruitless = 0;
      inVain.clear();
      return asked.answer;
    }
    if (asked.reason !== '') lastReason = asked.reason;
    if (asked.exhausted !== null) exhausted = { why: asked.exhausted, budget: steering.budget };
    if (isExhausted()) return 'later';
    fruitless += 1;
    inVain.add(decision.kind === 'draft' ? id : questionKey(decision));
    return 'none';
  }

  /** What a reply has beside its first fix costs nothing more. */
  const beside = (parent: string, { of, index }: { of: string; index: number }, id: string) =>
    proposeOther({ ...running.placeOf(proposedStep(id)), id, parent, of, index });

  return {
    async propose(decision, id) {
      if (decision.kind === 'human') return byHand(decision, id);
      if (decision.kind === 'fit')
        throw new Error('expected a decision about a program, got one about a model');
      if (decision.kind === 'strategy') return (await byStrategy(decision.strategy, id)) ?? 'none';
      if (decision.kind === 'fix') return (await byFix(decision.parent, id)) ?? 'none';
      if (decision.kind === 'debug' && decision.other !== undefined)
        return (await beside(decision.parent, decision.other, id)) ?? 'none';
      return byModel(decision, id);
    },
    givenUp() {
      // Whoever raised the budget, or helped a job that waited, wants models to be asked again.
      if (askedWith !== steering.budget) inVain.clear();
      askedWith = steering.budget;
      if (isExhausted()) return exhausted?.why ?? null;
      return inVain.size < defaults.model.fruitlessProposals
        ? null
        : `models gave no program ${fruitless} times in a row; the last reason: ${lastReason}`;
    },
  };
}
