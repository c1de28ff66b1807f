import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { pythonWithNumpy } from '../support/python.ts';

const run = promisify(execFile);
const folder = join(import.meta.dirname, 'python');

interface Row {
  title: string;
  /** The traceback of a failed test. */
  problem: string | null;
}

/** Runs the Python test module `test/guest/python/<name>.py` and reports each of its tests as one of ours; `layer` is a folder of packages. */
export async function pythonTests(
  name: string,
  { modules = [], layer }: { modules?: readonly string[]; layer?: string } = {},
): Promise<void> {
  const options = {
    timeout: 300_000,
    maxBuffer: 64 << 20,
    env: {
      ...process.env,
      ...(layer === undefined
        ? {}
        : { TEST_LAYER: layer, LD_LIBRARY_PATH: `${layer}/.lib`, OMP_NUM_THREADS: '1' }),
    },
  };
  const { stdout } = await run(
    await pythonWithNumpy(modules),
    ['-I', '-B', join(folder, 'run.py'), name],
    options,
  );
  const rows: Row[] = JSON.parse(stdout);
  if (rows.length === 0) throw new Error(`${name}.py: expected tests, found none`);
  for (const { title, problem } of rows) {
    test(title, () => {
      expect(problem ?? '').toBe('');
    });
  }
}
