import { hostname } from 'node:os';
import { z } from 'zod';
import type { Artifact } from '../domain/artifact.schema.ts';
import { CaseSet } from '../domain/case-set.schema.ts';
import { defaults } from '../domain/defaults.ts';
import { JobRejected } from '../domain/errors.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { Limits } from '../domain/limits.schema.ts';
import type { Interval, Outcome } from '../domain/outcome.schema.ts';
import { medianInterval, relativeHalfWidth, speedupOf, tooQuickToMeasure } from '../domain/speedup.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { Measurement } from '../domain/trial.schema.ts';
import { ConductResult, type Player, Sample, type SampleResult } from '../sandbox/sandbox.ts';
import type { Cases } from './cases.ts';
import { type ActivityContext, readJson, readProgram, takeStep, writeJson } from './context.ts';
import { idlePlayer, playerOf, writtenOf } from './player.ts';
import { answerMb, outcomeOfPlayer } from './run.ts';

export interface MeasureInput extends Place {
  job: OptimizeJob;
  files: Artifact;
  baseline: Artifact;
  candidate: Artifact;
  cases: Cases | null;
  pairs: number;
  batch: number;
  /** Of the host, from the baseline against itself; stamped on the measurement. */
  noiseFloor: number;
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
  async function measure(input: MeasureInput): Promise<Measured> {
    const { job, files, cases, pairs, batch, noiseFloor, ...place } = input;
    return takeStep<Measured>(store, place, 'measure', async ({ signal }) => {
      const inputs = cases === null ? null : await readJson(store.blobs, cases.caseSet, CaseSet);
      const samples = plan(inputs?.expected.length ?? null, pairs, batch);
      const player = async (name: 'baseline' | 'candidate') =>
        playerOf(store.blobs, name, job, files, await readProgram(store.blobs, input[name]));
      // The candidate comes last: no code of its own runs before the others are ready.
      const players = [
        await player('baseline'),
        // It holds an answer to a case that is not timed.
        ...(inputs?.expected.slice(0, 1).map(({ answer }) => idlePlayer(answer)) ?? []),
        await player('candidate'),
      ];
      // A script answers the same question every time, so each time it starts where nothing has been before it.
      const rounds = cases === null ? samples.map((sample) => [sample]) : [samples];
      const until = Date.now() + measuringMs(job);
      const results: ConductResult[] = [];
      for (const [index, round] of rounds.entries()) {
        if (index > 0 && Date.now() >= until)
          return { kind: 'failed', outcome: tooLong(job, samples.length) };
        const result = await sandbox.conduct(
          {
            key: index === 0 ? stepKey(place) : `${stepKey(place)}/${index}`,
            label: place.step,
            players: players.filter(({ name }) => round.some((sample) => sample.player === name)),
            cases: inputs?.cases ?? [],
            samples: round,
            answerMb: cases === null ? 1 : answerMb(cases),
            limits: { ...shared(job.limits), wallMs: Math.max(1, until - Date.now()) },
            sampleMs: job.limits.wallMs,
            exclusive: true,
          },
          signal,
        );
        const outcome = outcomeOfRound(result, round.length, input);
        if (outcome !== null) return { kind: 'failed', outcome };
        results.push({ ...result, samples: result.samples.map((sample) => withoutPlaced(sample, players)) });
      }
      const conducted = joined(results);
      return {
        kind: 'measured',
        measurement: {
          ...statistics(conducted),
          noiseFloor,
          host: hostname(),
          samples: await writeJson(store.blobs, times(conducted)),
        },
        conducted: await writeJson(store.blobs, { plan: samples, ...conducted } satisfies Conducted),
      };
    });
  }

  return {
    measure,
    /**
     * Measures the baseline against itself on this host: what comes out is the host's noise floor. Throws `JobRejected` where the
     * baseline is too quick for any candidate to be seen to be faster.
     */
    async claimBench(input: MeasureInput): Promise<Measured> {
      const measured = await measure(input);
      if (measured.kind === 'failed') return measured;
      const { measurement } = measured;
      const tooQuick = tooQuickToMeasure(measurement);
      if (tooQuick !== null) throw new JobRejected(`${input.job.function ?? input.job.program} ${tooQuick}`);
      return {
        ...measured,
        measurement: { ...measurement, noiseFloor: relativeHalfWidth(measurement.speedup) },
      };
    },
  };
};

/** Baseline and candidate stand side by side, and each may use what it may use alone. */
const shared = (limits: Limits): Limits => ({
  ...limits,
  memoryMb: 2 * limits.memoryMb,
  processes: 2 * limits.processes,
});

/** What a script wrote in a sample, without what was there before it. */
function withoutPlaced(sample: SampleResult, players: readonly Player[]): SampleResult {
  const placed = players.find(({ name }) => name === sample.player)?.workspace ?? {};
  return { ...sample, outputs: writtenOf(sample.outputs, placed) };
}

/** The whole of a measurement may take as long as this many single runs, and this much longer than one: its activity ends then. */
const runsPerMeasurement = 4;
const beyondOneRunMs = 9 * 60_000;
const measuringMs = ({ limits: { wallMs } }: OptimizeJob): number =>
  Math.min(wallMs * runsPerMeasurement, wallMs + beyondOneRunMs);

const tooLong = (job: OptimizeJob, runs: number): Outcome => ({
  kind: 'timedOut',
  reason: `measuring takes ${runs} runs one after another, which did not fit into ${Math.round(measuringMs(job) / 1000)} s: give the program less work`,
});

/**
 * Warm-ups, then pairs in alternating order, each on inputs that no player has seen. `checked` cases at the front belong to
 * the check that went before; null: a script, which has no cases.
 */
function plan(checked: number | null, pairs: number, batch: number): Sample[] {
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
    const cases = Array.from({ length: batch }, (_, index) => checked + 2 + pair * batch + index);
    const order = pair % 2 === 0 ? ['idle', 'baseline', 'candidate'] : ['idle', 'candidate', 'baseline'];
    return order.map((player) => ({ player, cases, timed: true }));
  });
  return [warm('baseline', 0), warm('idle', 0), warm('candidate', 0), warm('candidate', 1), ...timed.flat()];
}

/**
 * Why a round came to no end; null where it did. What fails beside a candidate had got through alone when the bench was
 * claimed, so it is the candidate that is refused.
 */
function outcomeOfRound(
  conducted: ConductResult,
  planned: number,
  { baseline, candidate }: MeasureInput,
): Outcome | null {
  if (conducted.samples.length === planned) return null;
  const failed = conducted.players.find(
    ({ error, ending }) => error !== null || ending.kind !== 'exited' || ending.code !== 0,
  );
  const outcome = failed && outcomeOfPlayer(conducted, failed.name, planned);
  if (!failed || !outcome)
    throw new Error(
      `expected ${planned} samples or a player that failed, got ${conducted.samples.length} samples`,
    );
  if (failed.name === 'candidate' || candidate === baseline) return outcome;
  const why = 'reason' in outcome ? outcome.reason : outcome.kind;
  return { kind: 'rejected', reason: `beside it, the ${failed.name} player did not get through: ${why}` };
}

/** Rounds as one: samples in their order, of each player the last that is known. */
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

function statistics(
  conducted: ConductResult,
): Pick<Measurement, 'baselineMs' | 'candidateMs' | 'speedup' | 'pairs' | 'askingMs'> {
  const { confidence } = defaults;
  const timesOf = (player: string): number[] =>
    times(conducted)
      .filter((each) => each.player === player)
      .map((each) => each.ms);
  const baseline = timesOf('baseline');
  const candidate = timesOf('candidate');
  const idle = timesOf('idle');
  const none: Interval = { value: 0, low: 0, high: 0 };
  const askingMs = idle.length === 0 ? none : medianInterval(idle, confidence);
  const pairs = baseline.map((baselineMs, index) => {
    const candidateMs = candidate[index];
    if (candidateMs === undefined)
      throw new Error(`expected ${baseline.length} samples of the candidate, got ${candidate.length}`);
    return { baselineMs, candidateMs };
  });
  return {
    baselineMs: medianInterval(baseline, confidence),
    candidateMs: medianInterval(candidate, confidence),
    speedup: speedupOf(pairs, askingMs.value, confidence),
    pairs: pairs.length,
    askingMs,
  };
}

/** Milliseconds an input, in the order they were taken. */
const times = ({ samples }: ConductResult): { player: string; ms: number }[] =>
  samples
    .filter((sample) => sample.timed)
    .map(({ player, ns, answers }) => ({ player, ms: msOf(ns) / Math.max(1, answers.length) }));
