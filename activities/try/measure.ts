import { hostname } from 'node:os';
import { z } from 'zod';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { Exam } from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { inLine, median, tooQuickToMeasure } from '../../domain/speedup.ts';
import { disagree, pairsOf, SampleTime, statistics } from '../../domain/statistics.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import type { Measurement } from '../../domain/trial.schema.ts';
import { machineMemoryMb } from '../../sandbox/machine.ts';
import { ConductResult, Sample } from '../../sandbox/sandbox.ts';
import { readJson, readProgram, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import type { PreparedCases } from './cases.ts';
import { type HostLoad, underLoad } from './host-load.ts';
import { idlePlayer, playerOf } from './player.ts';
import { answerMb, outcomeOfPlayer } from './run.ts';

export interface MeasureInput {
  exam: Exam;
  baseline: Artifact;
  candidate: Artifact;
  cases: PreparedCases | null;
  pairs: number;
  batch: number;
  /** Of the host, from the baseline against itself; stamped on the measurement. */
  noiseFloor: number;
  /** What the same two programs gave before: what comes out covers both. */
  earlier: Measurement | null;
  /** The candidate's text is of our own making: it does not answer in a way of its own. */
  isOurs?: boolean;
}

export type Measured =
  | { kind: 'measured'; measurement: Measurement; conducted: Artifact }
  | { kind: 'failed'; outcome: Outcome };

/** A measurement with what was planned, sample by sample. */
export const Conducted = ConductResult.extend({ plan: z.array(Sample) });
export type Conducted = z.infer<typeof Conducted>;

export type MeasureActivities = ReturnType<typeof createMeasureActivities>;

const msOf = (ns: number): number => ns / 1e6;

export const createMeasureActivities = ({ store, sandbox }: ActivityContext) => {
  /** Plays all samples once. Each run of a script has a sandbox of its own. */
  async function conduct(
    input: Place & MeasureInput,
    { samples, key, until }: { samples: Sample[]; key: string; until: number },
    signal: AbortSignal,
  ): Promise<ConductResult | Outcome> {
    const { exam, cases, step } = input;
    const inputs = cases === null ? null : await readJson(store.blobs, cases.caseSet, CaseSet);
    const player = async (name: 'baseline' | 'candidate') =>
      playerOf(store.blobs, name, exam, await readProgram(store.blobs, input[name]));
    // The candidate comes last: no code of its own runs before the others are ready.
    const players = [
      await player('baseline'),
      // It holds an answer to a case that is not timed.
      ...(inputs?.expected.slice(0, 1).map(({ answer }) => idlePlayer(answer)) ?? []),
      await player('candidate'),
    ];
    // A script answers the same question every time, so each time it starts where nothing has been before it.
    const rounds = cases === null ? samples.map((sample) => [sample]) : [samples];
    const results: ConductResult[] = [];
    for (const [index, round] of rounds.entries()) {
      if (index > 0 && Date.now() >= until) return tooLong(exam, samples.length);
      const limited = round.map((sample) => withLimit(sample, input, inputs, results));
      const result = await sandbox.conduct(
        {
          key: index === 0 ? key : `${key}/${index}`,
          label: step,
          players: players.filter(({ name }) => round.some((sample) => sample.player === name)),
          cases: inputs === null ? [] : [...inputs.cases, ...(inputs.twice === null ? [] : [inputs.twice])],
          samples: limited,
          answerMb: cases === null ? 1 : answerMb(cases),
          limits: { ...shared(limitsOf(exam)), wallMs: Math.max(1, until - Date.now()) },
          environment: exam.environment,
          sampleMs: exam.limits.wallMs,
          exclusive: true,
        },
        signal,
      );
      const outcome = outcomeOfRound(result, limited, input);
      if (outcome !== null) return outcome;
      const cpuNs = cases === null ? { cpuNs: result.usage.cpuMs * 1e6 } : {};
      results.push({
        ...result,
        samples: result.samples.map((sample) => ({ ...sample, ...cpuNs })),
      });
    }
    return joined(results);
  }

  /** Measures once, and once more where that does not agree with `earlier`. */
  async function measure(input: Place & MeasureInput): Promise<Measured & { noise: number }> {
    const { exam, cases, pairs, batch, noiseFloor, earlier, isOurs, ...place } = input;
    return takeStep(store, place, 'measure', async ({ signal }) => {
      const inputs = cases === null ? null : await readJson(store.blobs, cases.caseSet, CaseSet);
      const samples = plan(inputs?.expected.length ?? null, pairs, batch, twiceOf(exam, cases, inputs));
      const began = Date.now();
      const until = began + measuringMs(exam);
      const sampleTimes =
        earlier === null ? [] : await readJson(store.blobs, earlier.samples, z.array(SampleTime));
      const results: ConductResult[] = [];
      const loads: HostLoad[] = [];
      for (;;) {
        const key = results.length === 0 ? stepKey(place) : `${stepKey(place)}/again`;
        const { result, load } = await underLoad(() => conduct(input, { samples, key, until }, signal));
        if ('kind' in result) return { kind: 'failed', outcome: result, noise: 0 };
        if (load !== null) loads.push(load);
        const run = Math.max(-1, ...sampleTimes.map((each) => each.run ?? 0)) + 1;
        sampleTimes.push(...timesOf(result, exam, load).map((each) => ({ ...each, run })));
        results.push(result);
        // Measurements of one program that do not agree say that something disturbs: one more shows by how much.
        const timeLeft = until - Date.now() > (Date.now() - began) / results.length;
        if (results.length > 1 || !disagree(statistics(sampleTimes, isOurs)) || !timeLeft) break;
      }
      const { noise, ...figures } = statistics(sampleTimes, isOurs);
      const conducted = joined(results);
      return {
        kind: 'measured',
        noise,
        measurement: {
          ...figures,
          ...(conducted.isolation.kind === 'e2b' ? {} : { load: loadOf(loads, sampleTimes, conducted) }),
          noiseFloor,
          host: hostname(),
          samples: await writeJson(store.blobs, sampleTimes),
        },
        conducted: await writeJson(store.blobs, {
          plan: results.flatMap(() => samples),
          ...conducted,
        } satisfies Conducted),
      };
    });
  }

  return {
    async measure(input: Place & MeasureInput): Promise<Measured> {
      const { noise: _, ...measured } = await measure(input);
      return measured;
    },
    /**
     * Measures the baseline against itself on this host: what comes out is the host's noise floor. Throws
     * `JobRejected` where the baseline is too quick for any candidate to be seen to be faster. `oursOnly`: no
     * model makes any.
     */
    async claimBench({
      oursOnly = false,
      ...input
    }: Place & MeasureInput & { oursOnly?: boolean }): Promise<Measured> {
      const { noise, ...measured } = await measure(input);
      if (measured.kind === 'failed') return measured;
      const { measurement } = measured;
      const tooQuick = tooQuickToMeasure(measurement, oursOnly);
      if (tooQuick !== null) throw new JobRejected(`${subjectOf(input.exam)} ${tooQuick}`);
      return { ...measured, measurement: { ...measurement, noiseFloor: noise } };
    },
  };
};

/** Returns what is measured as people call it. */
const subjectOf = ({ judging, program }: Exam): string =>
  judging.kind === 'answers' ? judging.oracle.name : program;

/** Returns the milliseconds an input took, in the order of the samples. */
function timesOf({ samples }: ConductResult, exam: Exam, load: HostLoad | null): SampleTime[] {
  const busy = load !== null && load.wanted > load.cores;
  return samples
    .filter((sample) => sample.timed)
    .map(({ player, ns, cpuNs, waitedNs, answers }) => {
      const parallel = cpuNs != null && cpuNs > ns * oneProcessor;
      // Where it is not known how long it stood in line, all that it did not run is taken for that on a busy machine.
      const inLine = waitedNs ?? (busy && cpuNs != null ? ns - cpuNs : 0);
      const aloneNs = Math.min(ns, Math.max(ns - inLine, (cpuNs ?? 0) / (parallel ? exam.cores : 1)));
      const perInput = (of: number): number => msOf(of) / Math.max(1, answers.length);
      return { player, ms: perInput(ns), aloneMs: perInput(aloneNs), ...(parallel ? { parallel } : {}) };
    });
}

/** More processor time than this share of the clock's took more than one processor. */
const oneProcessor = 1.05;

/** Returns what else the host had to do; undefined where it does not tell. */
function loadOf(
  loads: readonly HostLoad[],
  sampleTimes: readonly SampleTime[],
  { samples }: ConductResult,
): Measurement['load'] {
  const [first] = loads;
  if (first === undefined) return undefined;
  const sum = (of: (each: (typeof samples)[number]) => number): number =>
    samples.filter(({ timed }) => timed).reduce((total, each) => total + of(each), 0);
  const own =
    sum(({ ns, cpuNs }) => cpuNs ?? ns) /
    Math.max(
      1,
      sum(({ ns }) => ns),
    );
  const wanted = median(loads.map((load) => load.wanted));
  return {
    cores: first.cores,
    wanted,
    others: Math.max(0, wanted - own),
    inLine: inLine(pairsOf(sampleTimes)),
    stolen: median(loads.map((load) => load.stolen)),
  };
}

/** Returns the limits of both players together: each may use what it may use alone. */
const shared = (limits: ReturnType<typeof limitsOf>) => ({
  ...limits,
  // Both at most what the machine has; a job that wants more than that is rejected as it is.
  memoryMb: Math.max(limits.memoryMb, Math.min(2 * limits.memoryMb, machineMemoryMb())),
  processes: 2 * limits.processes,
  cpuMs: runsPerMeasurement * limits.cpuMs,
});

/**
 * The whole of a measurement may take as long as this many single runs, and this much longer than one. Its
 * activity ends then.
 */
const runsPerMeasurement = 4;
const beyondOneRunMs = 9 * 60_000;
const measuringMs = ({ limits: { wallMs } }: Exam): number =>
  Math.min(wallMs * runsPerMeasurement, wallMs + beyondOneRunMs);

/** A candidate that takes this many times as long as the baseline, or hangs, keeps everybody else waiting for nothing. */
const muchSlowerTimes = 10;
/** No candidate is ended before this: the first calls may compile. */
const leastLimitMs = { timed: 5_000, untimed: 60_000 };

const muchSlower = (limitMs: number): string =>
  `a measured run was not done after ${Math.round(limitMs / 1000)} s: the limit while others wait is ${muchSlowerTimes} times what the original takes, at least ${leastLimitMs.timed / 1000} s (${leastLimitMs.untimed / 1000} s for the first calls)`;

/**
 * Returns a sample of the candidate, whose limit follows the baseline's time where that is below the job's own.
 * That time is the oracle's for a function, and the one in `results` for a script.
 */
function withLimit(
  sample: Sample,
  { exam, baseline, candidate, batch }: MeasureInput,
  inputs: CaseSet | null,
  results: readonly ConductResult[],
): Sample {
  const known =
    inputs?.oracleSeconds.map((seconds) => seconds * 1000 * batch) ??
    results.flatMap(({ samples }) =>
      samples.filter(({ player }) => player === 'baseline').map(({ ns }) => msOf(ns)),
    );
  if (sample.player !== 'candidate' || candidate === baseline || known.length === 0) return sample;
  const least = leastLimitMs[sample.timed ? 'timed' : 'untimed'];
  const limitMs = Math.max(least, muchSlowerTimes * Math.max(...known));
  return limitMs < exam.limits.wallMs ? { ...sample, limitMs } : sample;
}

const tooLong = (exam: Exam, runs: number): Outcome => ({
  kind: 'timedOut',
  reason: `measuring takes ${runs} runs one after another, which did not fit into ${Math.round(measuringMs(exam) / 1000)} s: give the program less work`,
});

/**
 * Returns the index of the case that is asked twice, behind all others. Null where two calls of the original
 * may take too long.
 */
const twiceOf = (exam: Exam, cases: PreparedCases | null, inputs: CaseSet | null): number | null =>
  inputs === null || inputs.twice === null || (cases?.oracleMs ?? 0) > exam.limits.wallMs / 4
    ? null
    : inputs.cases.length;

/**
 * Plans warm-ups, then pairs in alternating order, each on inputs that no player has seen. `checked` cases at
 * the front belong to the check that went before. It is null for a script, which has no cases. The case `twice`
 * stands in for the baseline's warm-up, and is the last the candidate is asked. What it does from some call on
 * is so seen as well.
 */
function plan(checked: number | null, pairs: number, batch: number, twice: number | null): Sample[] {
  if (checked === null) {
    const one = (player: string, timed: boolean): Sample => ({ player, cases: [], timed });
    return Array.from({ length: pairs }, (_, pair) => {
      const [first, second] = pair % 2 === 0 ? ['baseline', 'candidate'] : ['candidate', 'baseline'];
      return [one(first ?? '', true), one(second ?? '', true)];
    }).flat();
  }
  const warm = (player: string, index: number): Sample => ({
    player,
    cases: [checked + index],
    timed: false,
  });
  const timed = Array.from({ length: pairs }, (_, pair) => {
    const cases = Array.from(
      { length: batch },
      (_, index) => checked + defaults.warmUps + pair * batch + index,
    );
    const order = pair % 2 === 0 ? ['idle', 'baseline', 'candidate'] : ['idle', 'candidate', 'baseline'];
    return order.map((player) => ({ player, cases, timed: true }));
  });
  const asked = (player: string): Sample[] =>
    twice === null ? [] : [{ player, cases: [twice], timed: false }];
  return [
    ...(twice === null ? [warm('baseline', 0)] : asked('baseline')),
    warm('idle', 0),
    ...Array.from({ length: defaults.warmUps }, (_, index) => warm('candidate', index)),
    ...timed.flat(),
    ...asked('candidate'),
  ];
}

/**
 * Returns why a round came to no end; null where it did. What fails beside a candidate had got through alone
 * when the bench was claimed. So it is the candidate that is refused.
 */
function outcomeOfRound(
  conducted: ConductResult,
  plan: readonly Sample[],
  { baseline, candidate }: MeasureInput,
): Outcome | null {
  const planned = plan.length;
  if (conducted.samples.length === planned) return null;
  const failed = conducted.players.find(
    ({ error, ending }) => error !== null || ending.kind !== 'exited' || ending.code !== 0,
  );
  const outcome = failed && outcomeOfPlayer(conducted, failed.name, planned);
  if (!failed || !outcome)
    throw new Error(
      `expected ${planned} samples or a player that failed, got ${conducted.samples.length} samples`,
    );
  const { ending } = failed;
  const limitMs = plan[conducted.samples.length]?.limitMs;
  if (ending.kind === 'timedOut' && ending.limit === 'wall' && ending.limitMs === limitMs)
    return { kind: 'timedOut', reason: muchSlower(limitMs) };
  if (failed.name === 'candidate' || candidate === baseline) return outcome;
  const why = 'reason' in outcome ? outcome.reason : outcome.kind;
  return { kind: 'rejected', reason: `beside it, the ${failed.name} player did not get through: ${why}` };
}

/** Returns the rounds as one: their samples in order, and of each player what the last round says. */
function joined(rounds: readonly ConductResult[]): ConductResult {
  const [first] = rounds;
  if (first === undefined) throw new Error('expected at least one round of a measurement, got none');
  const players = new Map(rounds.flatMap((round) => round.players.map((player) => [player.name, player])));
  const usages = rounds.map(({ usage }) => usage);
  return {
    samples: rounds.flatMap(({ samples }) => samples),
    players: [...players.values()],
    usage: {
      wallMs: usages.reduce((sum, { wallMs }) => sum + wallMs, 0),
      cpuMs: usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      peakMemoryMb: Math.max(...usages.map(({ peakMemoryMb }) => peakMemoryMb)),
    },
    isolation: first.isolation,
  };
}
