import type { Candidate } from '../domain/candidate.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import { candidatesIn, type Journal, rowOf } from '../domain/journal.ts';
import type { ChecksJudging, Exam } from '../domain/judging.ts';
import type { SolveJob } from '../domain/kinds/solve.schema.ts';
import { checksText } from '../domain/leaderboard.ts';
import { best, closest, objectiveOf } from '../domain/objective.ts';
import { mend, refine } from '../domain/search-policy.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { type Conclusion, runJob } from './job/frame.ts';
import { extension, failed } from './loop/extension.ts';
import { given } from './loop/given.ts';
import { searchByScore } from './loop/search-by-score.ts';
import { searchFor } from './loop/search-for.ts';
import { runTrial } from './loop/trial.ts';

/**
 * Runs the job's script, or its recipe, and has its outputs checked. A task in words has models write programs until one passes. A job
 * without a program that passes its checks fails. With an `objective` programs are scored, and the best is improved.
 */
export async function solve(input: JobInput<SolveJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job } = running;
    if (job.module !== undefined) return extension(running, job.module);
    const isGiven = [job.task, job.fix, job.objective].every((each) => each === undefined);
    if (isGiven) running.steering.refuse(() => 'it runs one program, and that is under way');
    const { program, exam: asked } = await given(running);
    const { judging } = asked;
    if (judging.kind === 'score') return searchByScore(running, { program, exam: asked });
    const checked = { ...asked, judging };
    const exam = job.fix && program !== null ? keeping(checked, program, null) : checked;
    if (program !== null) running.tell(`running ${program.title}`);
    const first = program === null ? null : await runTrial(running, program, 'trial', exam);
    if (first !== null && (isGiven || first.outcome.kind === 'passed')) return ranOnce(job, first);

    const { journal, stopped } = await searchFor(running, {
      ...{ original: program?.program ?? null, policy: job.fix ? mend : refine, sample: null, atOnce: 1 },
      exam: job.fix && first !== null ? keeping(exam, first.candidate, first) : exam,
      first: first === null ? [] : [rowOf(first, objectiveOf(job))],
      models: input.routes.draft.length + input.routes.debug.length > 0,
    });
    return solved(job, journal, stopped);
  });
}

/** Returns the exam of a program's fixes, once it was run: they do what it did before it failed. */
const keeping = (exam: Exam<ChecksJudging>, { program }: Candidate, tried: Trial | null): typeof exam => ({
  ...exam,
  judging: { ...exam.judging, keeps: { original: program, gave: tried?.artifacts['what it gave'] ?? null } },
});

/** What a job came to whose own program was all it took, or all there is. */
function ranOnce(job: SolveJob, { candidate: { title }, outcome, artifacts }: Trial): Conclusion {
  if (outcome.kind !== 'passed')
    throw failed(`${title} ended as ${outcome.kind}: ${'reason' in outcome ? outcome.reason : 'not judged'}`);
  return {
    summary: job.fix
      ? `${title} passes as it is: nothing was changed`
      : !isChecked(job)
        ? `${title} ran to its end; it names no outputs, so what it printed is what it gave`
        : `${title} ran and its outputs passed every check`,
    ...{ best: null, refused: 0, product: artifacts.outputs ?? null },
  };
}

/** What a search came to: a program that passes, or the one that came nearest. */
function solved(job: SolveJob, journal: Journal, stopped: string): Conclusion {
  const objective = objectiveOf(job);
  const tried = candidatesIn(journal);
  const top = best(journal, objective);
  if (top !== undefined) {
    const how = isChecked(job) ? 'passed every check' : 'ran to its end';
    if (job.fix) return { ...concluded, summary: `fixed: ${top.id} ${how}, twice: ${top.title}` };
    const own = tried.find(({ id }) => id === 'c-0');
    const among = own === undefined ? '' : `, ${own.title} among them`;
    const summary = `solved in ${tried.length}${among}: ${top.id} ${how}: ${top.title}`;
    return { ...concluded, summary };
  }
  if (job.fix) throw failed(`not fixed: ${tried.length - 1} fixes were tried; stopped because ${stopped}`);
  const near = closest(tried, objective) ?? tried.at(-1);
  const found = near?.passed == null ? near?.outcome : checksText(near.passed);
  const nearest = near === undefined ? '' : `: ${near.id} came nearest (${found}): ${near.title}`;
  throw failed(`not solved in ${tried.length}${nearest}; stopped because ${stopped}`);
}

const concluded = { best: null, refused: 0, product: null };

const isChecked = ({ outputs, check }: SolveJob): boolean => outputs.length > 0 || check !== undefined;
