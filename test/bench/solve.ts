import { createJobActivities } from '../../activities/job.ts';
import { solveExam } from '../../domain/judging.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { inActivity, inTurns, onBench, openedJob, plainRun } from './rounds.ts';

const rounds = 21;

const job = SolveJob.parse({
  ...{ kind: 'solve', name: 'bench', task: 'Write the sum of the numbers 1 to 10 to sum.txt.' },
  outputs: [{ kind: 'text', path: 'sum.txt', matches: '^55$' }],
});
/** Each reply is another program: one that was proposed before is refused. */
const program = (request: number) => ({
  path: 'main.py',
  content: `number = ${request}\nwith open('sum.txt', 'w') as file:\n    file.write(str(sum(range(11))))\n`,
});

/**
 * One scripted round of a trivial task, propose → check → run → grade, the same script by plain `docker run` or `bwrap`, and three bare
 * activities: medians of `rounds`, taken in turns on one embedded server.
 */
export const run = (): Promise<void> =>
  onBench(program, async ({ store, kind, why, folder, round, threeActivities }) => {
    const { jobId, files, place } = await openedJob(store, job, {});
    const { packInputs } = createJobActivities({ store });
    const { seen } = await inActivity(() => packInputs({ ...place('pack'), files, inputs: [], hidden: [] }));
    const exam = solveExam(job, { program: 'the program', seen, files });
    const setUp = { storeId: store.id, jobId, job, exam, files, cases: null };
    const found = await inTurns(rounds, {
      round_ms: (number) => round({ ...setUp, number }),
      sandbox_ms: () => plainRun(kind, folder, program(0)),
      three_activities_ms: threeActivities,
    });
    console.log(`sandbox: ${why}; medians of ${rounds}\n`);
    console.table({
      'propose → check → run → grade in Crucible': { ms: found.round_ms },
      'the same script by hand, in a sandbox of that kind': { ms: found.sandbox_ms },
      'three bare activities': { ms: found.three_activities_ms },
    });
    console.log(JSON.stringify({ name: 'solve', ...found }));
  });
