import type { AskingJob } from '../../activities/propose/questions/questions.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { refusedChoice } from '../../domain/choosing.ts';
import { candidatesIn, type Journal, type JournalRow } from '../../domain/journal.ts';
import type { Exam, Judging } from '../../domain/judging.ts';
import { checksText } from '../../domain/leaderboard.ts';
import { best, type Objective, objectiveOf } from '../../domain/objective.ts';
import type { SearchPolicy } from '../../domain/search-policy.ts';
import { proposedStep } from '../../domain/step.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { foundText } from '../../domain/trial.ts';
import type { RunningJob } from '../job/frame.ts';
import { endInVain, proposeByHand, recordDecision, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { createProposer } from './propose.ts';
import { search } from './search.ts';
import { runTrial } from './trial.ts';

/** What a kind of job says of its search. */
export interface Searching {
  policy: SearchPolicy;
  exam: Exam;
  /** The program that a file which somebody brings is put into; null where there is none. */
  original: Artifact | null;
  /** What was tried before anything is decided: the user's own program, a recipe's. */
  first: readonly JournalRow[];
  /** Strategies that apply, in the order worth trying, and what makes a candidate of one; unset: the kind knows none. */
  strategies?: {
    applicable: readonly string[];
    propose(strategy: string, id: string): Promise<Candidate | null>;
  };
  /** Whether a model can be asked. */
  models: boolean;
  /** A case set that shows what a program is given; null where there is none. */
  sample: Artifact | null;
  /** Trials under way at once. */
  atOnce: number;
  /** Hears of each trial that this run of the job made. */
  tried?(trial: Trial): void;
  /** Why to stop at `top`, the best so far, before the budget is used; null to go on. Unset: at the first that passes. */
  enough?(top: JournalRow | undefined): string | null;
}

/** Searches for a program that does what the job is after. Returns what was tried, and why it stopped. */
export async function searchFor<J extends AskingJob>(
  running: RunningJob<J>,
  {
    exam,
    original,
    first,
    strategies,
    sample,
    enough = () => null,
    tried: heard = () => undefined,
    ...setup
  }: Searching,
): Promise<{ journal: Journal; stopped: string }> {
  const { job, known, placeOf, steering } = running;
  const objective = objectiveOf(job);
  const byStrategy = strategies?.propose ?? (async () => null);
  const { propose, givenUp } = createProposer(running, {
    ...{ byStrategy, sample },
    byFix: (parent, id) =>
      summarized(`${id}: a fix of ${parent}`, sandboxActivities(job.limits).proposeByFix, {
        ...{ ...placeOf(proposedStep(id)), id, parent, files: exam.files },
      }),
    byHand: ({ kind: _, told: __, ...brought }, id) =>
      proposeByHand({ ...placeOf(proposedStep(id)), id, ...brought, original }),
  });
  const begun = new Set(first.map(({ id }) => id));
  const outOfTime = (): string | null =>
    Date.now() > steering.endsAt()
      ? `the ${(steering.budget.wallMs ?? 0) / 1000} s of the budget are over`
      : null;
  /** Without a goal it is after a program that is better. */
  const isReached = (top: JournalRow | undefined): boolean =>
    top !== undefined && (!('goal' in job) || job.goal === undefined || enough(top) !== null);
  let tried: Journal = [...first, ...known.journal];
  steering.refuse((message) => {
    if (message.kind === 'choose' && message.candidate !== null)
      return refusedChoice(message.candidate, tried, objective);
    return message.kind === 'hint' && !setup.models ? 'it asks no model, so nobody would read a hint' : null;
  });

  return search(
    {
      ...setup,
      strategies: strategies?.applicable ?? [],
      ...{ objective, steering, seed: job.seed, isLong: running.isLong, goOn: running.goOn },
      known: { ...known, journal: [...first, ...known.journal.filter(({ id }) => !begun.has(id))] },
      enough: (rows) => outOfTime() ?? enough(best(rows, objective)),
      waits: (rows) => job.on_failure === 'wait' && !isReached(best(rows, objective)),
      givenUp,
    },
    {
      record: (decided) => recordDecision({ ...placeOf(`c-${decided.number}/decision`), decided }),
      endInVain: (number) => endInVain({ ...placeOf(`c-${number}/in-vain`), number }),
      propose: (decision, id, rows) => {
        running.tell(
          `${candidatesIn(rows).length} of ${steering.budget.trials} trials done; proposing ${id}`,
        );
        return propose(decision, id);
      },
      async evaluate(candidate) {
        running.tell(`trying ${candidate.id}: ${candidate.title}`);
        const trial = await runTrial(running, candidate, 'trial', exam);
        heard(trial);
        return trial;
      },
      verify: ({ candidate, measurement }) => {
        running.tell(`verifying ${candidate.id} again, ${anewBy[exam.judging.kind]}`);
        return runTrial(running, candidate, 'verification', exam, measurement);
      },
      finished(row, rows) {
        tried = rows;
        running.note(noteOf(row, objective), best(rows, objective)?.metric?.value);
      },
    },
  );
}

/** How a candidate is tried again, by how it is judged. */
const anewBy: Record<Judging['kind'], string> = {
  answers: 'with new secret inputs',
  score: 'with new seeds',
  sameFiles: 'in new sandboxes',
  checks: 'in new sandboxes',
};

/** Returns what came of a candidate, in one line. */
function noteOf({ id, title, metric, outcome, passed, verified }: JournalRow, objective: Objective): string {
  const found =
    metric !== null
      ? foundText(metric, objective)
      : passed === null
        ? outcome
        : `${outcome}, ${checksText(passed)}`;
  return `${id} ${title}: ${found}${verified ? ', verified' : ''}`;
}
