import type { Artifact } from '../../domain/artifact.schema.ts';
import type { ModelDecision, NextDecision } from '../../domain/decision.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { OptimizeJob } from '../../domain/job.schema.ts';
import { questionKey } from '../../domain/search-policy.ts';
import { proposedStep, proposeStep } from '../../domain/step.ts';
import type { RunningJob } from '../job/frame.ts';
import { sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { askRoutes } from './ask.ts';
import type { Proposed } from './search.ts';

/** Has decisions made into candidates. */
export interface Proposer {
  /**
   * Returns the candidate that a decision leads to: by a strategy in the sandbox, or by a model. `none` where a strategy turns out
   * not to apply, or no route gave a usable program; `later` where none may be asked.
   */
  propose(decision: NextDecision, id: string): Promise<Proposed>;
  /** Why no more is to be proposed: the money is spent, or models fail one after another. Null to go on. */
  givenUp(): string | null;
}

export interface ProposerSetup {
  /** The program that strategies start from. */
  original: Artifact;
  /** A case set that shows what a program is given; null where there is none. */
  sample: Artifact | null;
  /** When the job's time is over, milliseconds since 1970. */
  endsAt: number;
}

/** Returns what proposes candidates for a job, and remembers how models did. */
export function createProposer(
  running: RunningJob<OptimizeJob>,
  { original, sample, endsAt }: ProposerSetup,
): Proposer {
  const { job, input, placeOf } = running;
  let exhausted: string | null = null;
  let fruitless = 0;
  /** Different questions, since the last program, that models gave none for. */
  const inVain = new Set<string>();
  let lastReason = '';

  async function byModel(decision: ModelDecision, id: string): Promise<Proposed> {
    const asked = await askRoutes(running, {
      role: decision.kind,
      about: id,
      step: proposeStep(id),
      endsAt,
      ask: ({ proposeByModel }, attempt, doing) =>
        summarized(doing, proposeByModel, { ...attempt, job, id, decision, sample, files: input.files }),
    });
    if (asked.kind === 'answered') {
      fruitless = 0;
      inVain.clear();
      return asked.answer;
    }
    if (asked.reason !== '') lastReason = asked.reason;
    exhausted = asked.exhausted ?? exhausted;
    if (exhausted !== null) return 'later';
    fruitless += 1;
    inVain.add(decision.kind === 'draft' ? id : questionKey(decision));
    return 'none';
  }

  async function byStrategy(strategy: string, id: string): Promise<Proposed> {
    const { proposeByStrategy } = sandboxActivities(job.limits);
    const candidate = await summarized(`${id}: ${strategy}`, proposeByStrategy, {
      // The step of what models propose, too: a candidate's number stands for one program.
      ...placeOf(proposedStep(id)),
      ...{ job, id, strategy, sample },
      program: original,
    });
    return candidate ?? 'none';
  }

  return {
    propose: (decision, id) =>
      decision.kind === 'strategy' ? byStrategy(decision.strategy, id) : byModel(decision, id),
    givenUp() {
      if (exhausted !== null) return exhausted;
      return inVain.size < defaults.model.fruitlessProposals
        ? null
        : `models gave no program ${fruitless} times in a row; the last reason: ${lastReason}`;
    },
  };
}
