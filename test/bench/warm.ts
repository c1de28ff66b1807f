import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Limits } from '../../domain/limits.schema.ts';
import { median } from '../../domain/speedup.ts';
import type { RunResult } from '../../sandbox/sandbox.ts';
import { openStore } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';

const rounds = 41;
const coldRounds = 5;

const preload = 'import numba, numpy, scipy.optimize, scipy.stats\ntable = numpy.ones((200_000, 20))\n';
/** Says how long it took itself: the rest is overhead. */
const program = `import time
began = time.perf_counter()
import ready
with open('out.npy', 'wb') as file: ready.numpy.save(file, ready.table[:1000].sum(axis=1))
print((time.perf_counter() - began) * 1000)
`;

/** A small program that needs the scientific libraries and a table: in a sandbox of its own that imports them, and as a trial of a warm one. */
export async function run(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const store = await openStore(home);
  const { sandbox, why } = await openSandbox({ ...readConfig(process.env), home }, store);
  const limits = Limits.parse({ wallMs: 60_000, memoryMb: 1_024 });
  const files = { 'main.py': await store.blobs.put(program), 'ready.py': await store.blobs.put(preload) };
  const common = () => ({ key: randomUUID(), label: 'bench', outputs: ['*.npy'], limits });
  const never = new AbortController().signal;
  const key = randomUUID();
  const warm = { key, preload: 'ready.py', files, limits };
  const python = '/opt/crucible/python/bin/python3';

  async function timed(act: () => Promise<RunResult>): Promise<{ all: number; above: number }> {
    const began = performance.now();
    const { ending, stdout, stderr } = await act();
    const all = performance.now() - began;
    if (ending.kind !== 'exited' || ending.code !== 0)
      throw new Error(`the program did not end well: ${JSON.stringify(ending)} ${stderr.tail}`);
    return { all, above: all - Number(stdout.tail) };
  }

  try {
    const cold: number[] = [];
    for (let round = 0; round < coldRounds; round++)
      cold.push(
        (await timed(() => sandbox.run({ ...common(), argv: [python, 'main.py'], workspace: files }, never)))
          .all,
      );
    const trial = () => sandbox.runWarm({ ...common(), argv: ['/base/main.py'], warm }, never);
    const opened = await timed(trial);
    const above: number[] = [];
    for (let round = 0; round < rounds; round++) above.push((await timed(trial)).above);
    const [coldMs, openMs, overheadMs] = [median(cold), opened.all, median(above)].map(Math.round);
    console.log(why);
    console.log(`a sandbox of its own, with its imports   ${coldMs} ms (median of ${coldRounds})`);
    console.log(`the first trial, which opens a warm one  ${openMs} ms`);
    console.log(`a trial, above its own work              ${overheadMs} ms (median of ${rounds})`);
    console.log(
      JSON.stringify({ name: 'warm', trial_overhead_ms: overheadMs, cold_ms: coldMs, open_ms: openMs }),
    );
  } finally {
    await sandbox.cool(key);
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
}
