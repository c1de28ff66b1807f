import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

const compiled = 'vectorize_loops';
const compiledParallel = 'vectorize_loops,parallelize';
const translated = 'use_cpp_extension';
const translatedParallel = 'use_cpp_extension,parallelize';
/** The four ways that every function is tried in. */
export const all = [compiled, compiledParallel, translated, translatedParallel];

/** What came of one way of making a function faster. */
interface Verdict {
  strategies: string;
  kind: string;
  detail?: string;
}

export interface Strategies {
  /** Makes a function of `functions/` faster in each of these ways and compares what it gives with the original. */
  verdicts(name: string, combinations: readonly string[]): Promise<Verdict[]>;
  close(): Promise<void>;
}

/** Opens a sandbox with the strategies in it. Three threads, more than this machine may have: chunks are uneven, and one may be empty. */
export async function openStrategies(): Promise<Strategies> {
  const sandbox = await openSandbox();
  const files = {
    ...(await filesBelow('strategies', 'strategy')),
    ...(await filesBelow('test/strategies', 'test')),
    ...(await filesBelow('cli/keep/exported/function/check', 'test')),
  };
  return {
    close: () => sandbox.close(),
    async verdicts(name, combinations) {
      const runner = ['/in/test/run_strategies.py', '/in/strategy', '/opt/crucible/nanobind', '/work'];
      const text = await printed(
        sandbox,
        files,
        [...runner, `/in/test/functions/${name}.py`, ...combinations],
        {
          CRUCIBLE_CORES: '3',
          NUMBA_NUM_THREADS: '3',
        },
      );
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    },
  };
}
