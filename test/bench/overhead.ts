import { createJobActivities } from '../../activities/job.ts';
import { createCaseActivities } from '../../activities/try/cases.ts';
import { optimizeOriginal } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { answersExam } from '../support/answers-exam.ts';
import { measureAsking } from './asking.ts';
import { type Bench, inActivity, inTurns, onBench, openedJob, plainRun } from './rounds.ts';
import type { Round } from './rounds-workflows.ts';

const rounds = 21;

const source = 'def double(value):\n    return 2 * value\n';
/** What the model gives: a program that is the original, or one that was proposed before, is refused. */
const other = (request: number): string =>
  `def double(value):\n    return value + value\n\n\nnumber = ${request}\n`;
const cases = 'def make_case(seed):\n    return (seed,)\n';

/**
 * One scripted propose → run → grade round of a trivial program, the same program by plain `docker run`, and three bare activities:
 * medians of `rounds`, taken in turns on one embedded server. Then what it costs to ask a player.
 */
export const run = (): Promise<void> =>
  onBench(
    (request) => ({ path: 'double.py', content: other(request) }),
    async (bench) => {
      const setUp = await prepare(bench);
      const script = { path: 'plain.py', content: `${source}\nprint(double(21))\n` };
      const found = await inTurns(rounds, {
        round: (number) => bench.round({ ...setUp, number }),
        docker: () => plainRun('docker', bench.folder, script),
        three: bench.threeActivities,
      });
      report(found, await measureAsking(bench.context), bench.why);
    },
  );

/** Files, cases and a measured baseline in the ledger, as a job has them when it proposes. */
async function prepare({ store, context }: Bench): Promise<Omit<Round, 'number'>> {
  const job = OptimizeJob.parse({
    ...{ kind: 'optimize', name: 'overhead', program: 'double.py', function: 'double', cases: 'cases.py' },
  });
  const { jobId, files, place } = await openedJob(store, job, { 'double.py': source, 'cases.py': cases });
  const { packProgram } = createJobActivities({ store });
  const { prepareCases } = createCaseActivities(context);
  return inActivity(async () => {
    const original = optimizeOriginal(job);
    const { candidate, seen } = await packProgram({ ...place('pack'), files, original });
    const exam = answersExam(job, files, seen);
    const made = await prepareCases({ ...place('cases'), exam, checks: 3, timings: 0 });
    const none = { value: 1, low: 1, high: 1 };
    const trial: Trial = {
      candidate,
      purpose: 'baseline',
      outcome: { kind: 'scored', metric: none, verdict: made.caseSet },
      measurement: {
        ...{ baselineMs: none, candidateMs: none, speedup: none, askingMs: none },
        ...{ noiseFloor: 0, pairs: 1, host: 'bench', samples: made.caseSet },
      },
      artifacts: {},
      timings: {},
      seeds: [],
    };
    await store.ledger.recordTrial({ jobId, index: 0, trial });
    return { storeId: store.id, jobId, job, exam, files, cases: made };
  });
}

function report(
  { round, docker, three }: Record<'round' | 'docker' | 'three', number | null>,
  asking: Record<string, number>,
  why: string,
): void {
  const result = {
    ...{ name: 'overhead', round_ms: round, docker_run_ms: docker, three_activities_ms: three },
    asking_ms: asking,
  };
  const allowed = docker === null ? null : 3 * docker + 150;
  console.log(`sandbox: ${why}; medians of ${rounds}\n`);
  console.table({
    'propose → run → grade in Crucible': {
      ms: round,
      target: allowed === null ? '' : `≤ ${allowed.toFixed(0)}`,
    },
    'the same program by docker run': { ms: docker, target: '' },
    'three bare activities': { ms: three, target: '≤ 90' },
  });
  console.log('\nwhat it costs to ask for one answer, by what the arguments are:');
  console.table(Object.fromEntries(Object.entries(asking).map(([title, ms]) => [title, { ms }])));
  console.log(JSON.stringify(result));
}
