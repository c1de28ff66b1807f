import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createCaseActivities, type PreparedCases } from '../../activities/try/cases.ts';
import { createMeasureActivities, type Measured } from '../../activities/try/measure.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { timedCases } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Interval } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { median } from '../../domain/speedup.ts';
import type { Measurement } from '../../domain/trial.schema.ts';
import { openStore } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { answersExam } from '../support/answers-exam.ts';

/** The candidate does its work so many times less than the baseline: the truth that its interval is to hold. */
const truths = [1, 1.5, 20] as const;

/** Steps of the loop of the slower program of each pair, so that a measurement of 20× is not all asking. */
const steps: Record<(typeof truths)[number], number> = { 1: 60_000, 1.5: 60_000, 20: 240_000 };

const source = (count: number): string => `def answer(x):
    for _ in range(${Math.round(count)}):
        x = (x * 1103515245 + 12345) % 2147483648
    return x
`;
const generator = 'def make_case(seed):\n    return (seed % 2147483648,)\n';

/** What a measurement found of a pair whose true ratio is known. */
interface Found {
  truth: number;
  speedup: Interval;
  /** What came of measuring again, as a job does before it claims anything; null where nothing was to be claimed. */
  again: Interval | null;
  askingMs: number;
}

export interface Honesty {
  name: 'honesty';
  claimed_quiet: number;
  claimed_loaded: number;
  verified: number;
  coverage_quiet: number;
  coverage_loaded: number;
  asking_ms: number;
}

/**
 * How often a measurement claims a gain that is not there, and how often the truth lies within its interval: programs of known ratio
 * measured by the activity and the sandbox of real jobs, `count` times 1× and as often all three ratios in turns, on the machine as
 * it is and with a program that never rests beside it.
 */
export async function measureHonesty(count: number): Promise<Honesty> {
  const quiet = await measureAll(count, 'quiet');
  const load = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  try {
    const loaded = await measureAll(count, 'loaded');
    const same = [...quiet, ...loaded].filter(({ truth }) => truth === 1);
    return {
      name: 'honesty',
      claimed_quiet: share(quiet.filter(isSame), claims),
      claimed_loaded: share(loaded.filter(isSame), claims),
      verified: share(same, ({ again }) => again !== null && again.low > 1),
      coverage_quiet: coverageOf(quiet),
      coverage_loaded: coverageOf(loaded),
      asking_ms: Number(median(quiet.map(({ askingMs }) => askingMs)).toPrecision(3)),
    };
  } finally {
    end(load);
  }
}

const isSame = ({ truth }: Found): boolean => truth === 1;
const claims = ({ speedup }: Found): boolean => speedup.low > 1;
const covers = ({ truth, speedup }: Found): boolean => speedup.low <= truth && truth <= speedup.high;
const share = (all: readonly Found[], of: (each: Found) => boolean): number =>
  Number((all.filter(of).length / Math.max(1, all.length)).toFixed(4));

/** Each ratio counts the same, however often it was measured. */
const coverageOf = (all: readonly Found[]): number => {
  const each = truths.map((truth) =>
    share(
      all.filter((found) => found.truth === truth),
      covers,
    ),
  );
  return Number((each.reduce((sum, one) => sum + one, 0) / each.length).toFixed(4));
};

const end = (child: ChildProcess): void => void child.kill('SIGKILL');

async function measureAll(count: number, how: string): Promise<Found[]> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-honesty-'));
  const config = { ...readConfig(process.env), home };
  const store = await openStore(home);
  const { sandbox } = await openSandbox(config, store);
  const { prepareCases } = createCaseActivities({ store, sandbox });
  const { measure } = createMeasureActivities({ store, sandbox });
  const job = OptimizeJob.parse({
    ...{ kind: 'optimize', name: 'honesty', program: 'answer.py', function: 'answer', cases: 'cases.py' },
    cores: 1,
  });
  const files = await store.blobs.put(
    JSON.stringify({
      'answer.py': await store.blobs.put(source(steps[1])),
      'cases.py': await store.blobs.put(generator),
    }),
  );
  const exam = answersExam(job, files, files);
  const programOf = async (count: number): Promise<Artifact> => {
    const program: Program = {
      files: { 'answer.py': await store.blobs.put(source(count)) },
      entry: { kind: 'function', module: 'answer.py', name: 'answer' },
      build: null,
    };
    return store.blobs.put(JSON.stringify(program));
  };
  let number = 0;
  const at = () => ({ storeId: store.id, jobId: 'honesty', step: `${number++}`, exam });

  async function measured(truth: (typeof truths)[number], cases: PreparedCases, earlier: Measurement | null) {
    const input = {
      ...at(),
      baseline: await programOf(steps[truth]),
      candidate: await programOf(steps[truth] / truth),
      ...{ cases, pairs: defaults.pairs, batch: 4, noiseFloor: 0, earlier },
    };
    const found: Measured = await inActivity(measure, input);
    if (found.kind === 'failed')
      throw new Error(`expected a measurement of ${truth}×, got ${JSON.stringify(found.outcome)}`);
    return found.measurement;
  }

  try {
    const timings = timedCases({ batch: 4 });
    const cases = await inActivity(prepareCases, { ...at(), checks: 1, timings });
    const found: Found[] = [];
    const rounds = [
      ...Array.from({ length: Math.ceil(count / 3) }, () => truths).flat(),
      ...Array.from({ length: count - Math.ceil(count / 3) }, () => 1 as const),
    ];
    for (const [index, truth] of rounds.entries()) {
      const first = await measured(truth, cases, null);
      const again = first.speedup.low > 1 ? await measured(truth, cases, first) : null;
      const { speedup, askingMs } = first;
      found.push({ truth, speedup, again: again?.speedup ?? null, askingMs: askingMs.value });
      if ((index + 1) % 20 === 0) console.error(`${how}: ${index + 1} of ${rounds.length} measured`);
    }
    table(how, found);
    return found;
  } finally {
    await sandbox.sweep({ all: true });
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
}

function table(how: string, found: readonly Found[]): void {
  console.log(`\n${how}`);
  console.table(
    Object.fromEntries(
      truths.map((truth) => {
        const all = found.filter((each) => each.truth === truth);
        const values = all.map(({ speedup }) => speedup.value);
        const widths = all.map(({ speedup: { low, high } }) => (high - low) / (high + low));
        return [
          `${truth}×`,
          {
            measured: all.length,
            'middle of all': `${median(values).toPrecision(3)}×`,
            lowest: `${Math.min(...values).toPrecision(3)}×`,
            highest: `${Math.max(...values).toPrecision(3)}×`,
            'half width': `${(100 * median(widths)).toFixed(1)} %`,
            covered: share(all, covers),
            claimed: share(all, claims),
            verified: share(all, ({ again }) => again !== null && again.low > 1),
          },
        ];
      }),
    ),
  );
}

/** Activities look at their own heartbeat: outside a worker they need a stand-in for it. */
const inActivity = <Input, Result>(
  activity: (input: Input) => Promise<Result>,
  input: Input,
): Promise<Result> =>
  new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') }).run(activity, input);

/** `npm run bench -- honesty [COUNT]` */
export async function run(): Promise<void> {
  const count = Number(process.argv[3] ?? 200);
  if (!Number.isInteger(count) || count < 3)
    throw new Error(`expected how often to measure, a whole number from 3 up, got ${process.argv[3]}`);
  const result = await measureHonesty(count);
  console.log(JSON.stringify(result));
}
