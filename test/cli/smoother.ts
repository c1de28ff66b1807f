import type { Build } from '../../domain/program.schema.ts';
import type { Store } from '../../store/store.ts';
import { closeJob, interval, openJob, recordTrial, storeProgram, tree } from './kept-jobs.ts';

/** A slow function, as a user would write it. */
export const slow = `import numpy as np


def smooth(values, rounds):
    """Each value becomes the mean of itself and its neighbours, \`rounds\` times."""
    result = values.copy()
    for _ in range(rounds):
        before = result.copy()
        for i in range(1, len(values) - 1):
            result[i] = (before[i - 1] + before[i] + before[i + 1]) / 3
    return result
`;

const generator = `import numpy as np


def make_case(seed, index):
    random = np.random.default_rng(seed)
    return random.normal(size=2000 + 10 * index), 3
`;

const job = {
  kind: 'optimize',
  name: 'smoother',
  program: 'smooth.py',
  function: 'smooth',
  cases: 'data/cases.py',
} as const;

/** A finished job whose best is the program of \`files\`; with \`extensions\` it was built, with `check` its answers were judged by that. */
export async function finishedJob(
  store: Store,
  id: string,
  files: Record<string, string>,
  build: Build | null = null,
  extensions: Record<string, Uint8Array> = {},
  note = 'It does less.',
  check: string | null = null,
): Promise<void> {
  const asked = check === null ? job : { ...job, accepts: 'data/check.py' };
  const input = await openJob(store, asked, {
    id,
    files: {
      ...{ 'smooth.py': slow, 'data/cases.py': generator },
      ...(check === null ? {} : { 'data/check.py': check }),
    },
  });
  const entry = { kind: 'function', module: 'smooth.py', name: 'smooth' } as const;
  const baseline = await storeProgram(store, {
    files: await tree(store, { 'smooth.py': slow }),
    entry,
    build: null,
  });
  const written = await tree(store, { 'smooth.py': slow, ...files });
  const program = await storeProgram(store, { files: written, entry, build });
  const built = await storeProgram(store, {
    files: { ...written, ...(await tree(store, extensions)) },
    entry,
    build: null,
  });
  await recordTrial(
    store,
    id,
    { id: 'c-0', title: 'as it is', program: baseline, operator: 'baseline', parents: [] },
    interval(1),
    { purpose: 'baseline' },
  );
  const candidate = { id: 'c-1', title: 'a faster one', program, note };
  const artifacts = { program: built };
  await recordTrial(store, id, candidate, interval(120), { artifacts });
  await recordTrial(store, id, candidate, interval(118), { artifacts, purpose: 'verification' });
  await closeJob(store, input, { summary: 'a faster one is 118× faster' });
}
