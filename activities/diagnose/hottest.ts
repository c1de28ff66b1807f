import { isForeign, withShortPaths } from '../try/reason.ts';
import { type Frame, framesIn } from './failure.ts';

/** The line of a program's own that it stood at in most of the samples of a run. */
export interface Hottest extends Pick<Frame, 'path' | 'line' | 'within'> {
  /** The share of the samples, more than 0 and at most 1. */
  share: number;
  /** How long it was sampled. */
  ms: number;
}

/** A thread that stands here does nothing itself. */
const waiting =
  /(?:^|\/)(?:threading|queue|selectors|subprocess|socket)\.py$|\/multiprocessing\/|\/concurrent\/futures\//;

/** Fewer samples say nothing. */
const leastSamples = 20;

/**
 * Returns the line at which most of what Python's watchdog wrote stands. Null where that is too little, or the
 * program stands nowhere in its own files.
 */
export function hottestIn(written: string, ms: number): Hottest | null {
  // The last one may have been cut.
  const samples = withShortPaths(written)
    .split(/^Timeout \(.*\)!$/m)
    .slice(1, -1);
  const counts = new Map<string, { frame: Frame; count: number }>();
  for (const sample of samples)
    for (const frame of standing(sample)) {
      const key = `${frame.path}:${frame.line}`;
      counts.set(key, { frame, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  const [top] = [...counts.values()].sort((one, other) => other.count - one.count);
  if (samples.length < leastSamples || top === undefined) return null;
  const { path, line, within } = top.frame;
  return { path, line, within, share: top.count / samples.length, ms };
}

/** Returns where the threads of one sample stand, each once: those that work, or the main one where none does. */
function standing(sample: string): Frame[] {
  const stacks = sample
    .split(/^(?:Current t|T)hread .*\(most recent call first\):$/m)
    .slice(1)
    .map((stack) => framesIn(stack.split('\n')));
  const working = stacks.filter(([inner]) => inner !== undefined && !waiting.test(inner.path));
  const looked = working.length > 0 ? working : stacks.slice(-1);
  const own = looked.flatMap((frames) => frames.find(({ path }) => !isForeign(path)) ?? []);
  return [...new Map(own.map((frame) => [`${frame.path}:${frame.line}`, frame])).values()];
}
