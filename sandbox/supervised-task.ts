import { randomUUID } from 'node:crypto';
import { Limits } from '../domain/limits.schema.ts';
import {
  type ConductResult,
  ConductSpec,
  type Ending,
  type Isolation,
  type Log,
  type RunResult,
  RunSpec,
  type Sandbox,
  type WarmRunSpec,
} from './sandbox.ts';
import {
  type CollectOptions,
  collectConduct,
  collectRun,
  places,
  type StageOptions,
  stageBase,
  stageConduct,
  stageRun,
  warmInterpreter,
} from './supervisor-job.ts';

/** A run or a measurement: the two differ in what is staged and collected, not in how their sandbox lives. */
export interface SupervisedTask<Result> {
  spec: RunSpec | ConductSpec;
  /** How it takes the host's measuring lock. */
  lock: 'shared' | 'exclusive' | 'none';
  /** Whether a staged folder `base` is shown too. */
  hasBase?: boolean;
  stage(folder: string, options: StageOptions): Promise<void>;
  collect(folder: string, options: CollectOptions): Promise<Result | null>;
  /** Returns the result where the sandbox as a whole was ended, and the supervisor with it. */
  ended(ending: Ending, isolation: Isolation): Result;
}

/** Makes the two ways to use a sandbox out of what carries out a task. `expect` throws for limits that the machine cannot keep. */
export const supervised = (
  carryOut: <Result>(task: SupervisedTask<Result>, signal: AbortSignal) => Promise<Result>,
  expect: (limits: Limits) => void = () => undefined,
): Pick<Sandbox, 'run' | 'conduct'> => ({
  async run(request, signal) {
    const spec = RunSpec.parse(request);
    expect(spec.limits);
    return carryOut(runTask(spec), signal);
  },
  async conduct(request, signal) {
    const spec = ConductSpec.parse(request);
    expect(spec.limits);
    return carryOut(conductTask(spec), signal);
  },
});

const runTask = (spec: RunSpec): SupervisedTask<RunResult> => ({
  spec,
  lock: 'shared',
  stage: (folder, how) => stageRun(folder, spec, how),
  collect: (folder, how) => collectRun(folder, spec, how),
  ended: (ending, isolation) => ({
    ...{ stdout: noLog, stderr: noLog, outputs: {}, untouched: [], written: [], refused: [] },
    ...{ ending, usage: usageOf(ending), isolation },
  }),
});

/** A request to a warm sandbox by itself: the preload, then the program, in an interpreter of its own. */
export function coldTask({ warm, ...request }: WarmRunSpec): SupervisedTask<RunResult> {
  const { wallMs, memoryMb } = warm.limits;
  const task = runTask({
    ...request,
    environment: warm.environment,
    argv: [...warmInterpreter, '--cold', `${places.base}/${warm.preload}`, ...request.argv],
    limits: {
      ...request.limits,
      wallMs: request.limits.wallMs + wallMs,
      memoryMb: Math.max(request.limits.memoryMb, memoryMb),
    },
  });
  return {
    ...task,
    hasBase: true,
    async stage(folder, how) {
      await task.stage(folder, how);
      await stageBase(folder, warm.files, how.blobs);
    },
  };
}

const conductTask = (spec: ConductSpec): SupervisedTask<ConductResult> => ({
  spec,
  lock: spec.exclusive ? 'exclusive' : 'shared',
  stage: (folder, how) => stageConduct(folder, spec, how),
  collect: (folder, how) => collectConduct(folder, spec, how),
  ended: (ending, isolation) => ({
    samples: [],
    players: spec.players.map(({ name }) => ({ name, ending, error: null, stdout: noLog, stderr: noLog })),
    ...{ usage: usageOf(ending), isolation },
  }),
});

const noLog: Log = { tail: '', artifact: null, bytes: 0, truncated: false };

/** What is known to have been used where nobody was left to measure. */
const usageOf = (ending: Ending): RunResult['usage'] => ({
  wallMs: ending.kind === 'timedOut' ? ending.limitMs : 0,
  cpuMs: 0,
  peakMemoryMb: ending.kind === 'outOfMemory' ? ending.limitMb : 0,
});

const isolatedCode = 7;

/**
 * Returns a run of a program whose exit code shows that it ran as it should. It had its own user and process
 * namespace, and no network.
 */
export const probeTask = (): SupervisedTask<RunResult> => ({
  ...runTask(
    RunSpec.parse({
      key: `probe-${randomUUID()}`,
      label: 'probe',
      argv: [
        '/bin/sh',
        '-c',
        `[ "$(id -u)" = 65532 ] && [ -d /proc/1 ] && ! grep -q eth0 /proc/net/dev && exit ${isolatedCode}`,
      ],
      limits: Limits.parse({ wallMs: 20_000, memoryMb: 64, diskMb: 16 }),
    }),
  ),
  lock: 'none',
});

/** Says what a probe found wrong; null where the sandbox isolates. */
export const probeProblem = ({ ending, stderr }: RunResult): string | null =>
  ending.kind === 'exited' && ending.code === isolatedCode
    ? null
    : `expected exit code ${isolatedCode}, got ${JSON.stringify(ending)} ${stderr.tail}`;
