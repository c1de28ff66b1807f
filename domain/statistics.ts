import { z } from 'zod';
import { defaults } from './defaults.ts';
import type { Interval } from './outcome.schema.ts';
import { medianInterval, meet, noiseOf, type Pair, pooled, speedupOf } from './speedup.ts';
import type { Measurement } from './trial.schema.ts';

/** What one player took for an input, in the order in which the players took turns. */
export const SampleTime = z.object({
  player: z.string(),
  ms: z.number(),
  /** Without what it stood in line for a processor. */
  aloneMs: z.number(),
  /** Its threads used more than one processor. */
  parallel: z.boolean().optional(),
  /** Of several measurements, which one. */
  run: z.number().optional(),
});
export type SampleTime = z.infer<typeof SampleTime>;

export interface Statistics
  extends Pick<
    Measurement,
    'baselineMs' | 'candidateMs' | 'speedup' | 'pairs' | 'askingMs' | 'isOurs' | 'runs'
  > {
  /** How far from 1 the ratios were at most: of a program measured against itself. */
  noise: number;
}

/**
 * Returns what the times of one measurement, or of several of the same two programs, amount to. `isOurs`: the candidate's text is of our own
 * making.
 */
export function statistics(times: readonly SampleTime[], isOurs = false): Statistics {
  const { confidence } = defaults;
  const runs = [...Map.groupBy(times, ({ run }) => run ?? 0).values()].map((run) => {
    const pairs = pairsOf(run);
    const asking = askingOf(run);
    return { pairs, speedup: speedupOf(pairs, asking, confidence, isOurs) };
  });
  const speedups = runs.map(({ speedup }) => speedup);
  const pairs = runs.flatMap((run) => run.pairs);
  return {
    baselineMs: medianInterval(
      pairs.map(({ baseline }) => baseline.ms),
      confidence,
    ),
    candidateMs: medianInterval(
      pairs.map(({ candidate }) => candidate.ms),
      confidence,
    ),
    askingMs: askingOf(times),
    ...(isOurs ? { isOurs } : {}),
    speedup: pooled(speedups),
    pairs: pairs.length,
    ...(speedups.length > 1 ? { runs: speedups } : {}),
    noise: noiseOf(pairs, confidence),
  };
}

/** Returns whether some two of several measurements have no value in common. */
export const disagree = ({ runs = [] }: Pick<Statistics, 'runs'>): boolean =>
  runs.some((one) => runs.some((other) => !meet(one, other)));

const nothing: Interval = { value: 0, low: 0, high: 0 };

function askingOf(times: readonly SampleTime[]): Interval {
  // What it stood in line is no cost of asking.
  const idle = times.filter(({ player }) => player === 'idle').map(({ aloneMs }) => aloneMs);
  return idle.length === 0 ? nothing : medianInterval(idle, defaults.confidence);
}

/** Returns the times of baseline and candidate side by side; several measurements behind one another. */
export function pairsOf(times: readonly SampleTime[]): Pair[] {
  const of = (player: string): SampleTime[] => times.filter((each) => each.player === player);
  const candidates = of('candidate');
  return of('baseline').map((baseline, index) => {
    const candidate = candidates[index];
    if (candidate === undefined)
      throw new Error(`expected as many samples of the candidate as of the baseline, got ${index}`);
    const time = ({ ms, aloneMs }: SampleTime) => ({ ms, aloneMs });
    return {
      baseline: time(baseline),
      candidate: time(candidate),
      parallel: baseline.parallel === true || candidate.parallel === true,
    };
  });
}
