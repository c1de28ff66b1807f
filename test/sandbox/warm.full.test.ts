import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killIfThere } from '../../sandbox/control-group.ts';
import { learnLock } from '../../sandbox/packages.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { sandboxKinds, smallLimits } from '../support/sandbox.ts';
import { openWarmTest, type WarmTest } from '../support/warm.ts';

const { kinds, missing } = await sandboxKinds();
if (missing.length > 0) console.warn(`not covered: ${missing.join('; ')}`);

const well = { kind: 'exited', code: 0 };
const tokenOf = async (box: WarmTest) => (await box.trial('import ready; print(ready.token)')).stdout.tail;

describe.each(kinds)('a warm sandbox by %s', (kind) => {
  let box: WarmTest;
  beforeAll(async () => {
    box = await openWarmTest(kind);
  });
  afterAll(async () => {
    await box.sandbox.cool(box.warm.key);
    expect(await box.leftovers()).toEqual([]);
    await box.close();
  });

  /** Ends what holds the sandbox, as a crash would. */
  async function crash(): Promise<void> {
    if (kind === 'docker') {
      const engine = new Docker({ socketPath: (await toolchain()).docker ?? '' });
      const filters = JSON.stringify({ label: [`crucible.store=${box.folder}`] });
      for (const { Id } of await engine.listContainers({ filters })) await engine.getContainer(Id).kill();
      return;
    }
    const root = join(box.folder, 'sandboxes/bubblewrap');
    for (const name of await readdir(root)) {
      const pid = Number.parseInt(await readFile(join(root, name, 'supervisor'), 'utf8').catch(() => ''), 10);
      if (!Number.isNaN(pid)) killIfThere(pid);
    }
  }

  test('what leaves no room is gone with its trial: processes, shared memory, files', async () => {
    const bomb = await box.trial('import os\nwhile True:\n    try: os.fork()\n    except OSError: pass', {
      limits: { wallMs: 2_000 },
    });
    expect(bomb.ending.kind).not.toBe('exited');
    const full = await box.trial(
      `import os
for place in ('/dev/shm', '/tmp', '/work'):
    try:
        for n in range(9): open(f'{place}/{n}', 'wb').write(bytes(30 << 20))
    except OSError as error: print(place, error.errno)`,
    );
    expect(full.ending.kind).not.toBe('timedOut');
    const many = await box.trial(
      "import os\nfor n in range(40000): open(f'/tmp/{n}', 'w').close()\nopen('/work/a', 'w').write('1')",
      { limits: { wallMs: 15_000 } },
    );
    expect(many.ending.kind).toMatch(/exited|outOfMemory/);
    const after = await box.trial(
      "import os, ready\nprint([os.listdir(p) for p in ('/dev/shm', '/tmp', '/in')])",
    );
    expect(after).toMatchObject({ ending: well, stdout: { tail: "[[], [], ['main.py']]\n" } });
  });

  test('two requests at once have a sandbox each, and see nothing of each other', async () => {
    const program = `import os, ready, time
open('/tmp/mine', 'w').write('1'); open('/dev/shm/mine', 'w').write('1')
time.sleep(0.5)
names = [open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()]
print(ready.token, len(os.listdir('/tmp')), len(os.listdir('/dev/shm')), sum('main.py' in n or 'warm.py' in n for n in names) <= 2)`;
    const both = await Promise.all([box.trial(program), box.trial(program)]);
    const said = both.map(({ stdout }) => stdout.tail.split(' '));
    expect(said.map(([, ...rest]) => rest.join(' '))).toEqual(['1 1 True\n', '1 1 True\n']);
    expect(said[0]?.[0]).not.toBe(said[1]?.[0]);
  });

  test('a request asked for again, by another process too, runs once', async () => {
    const key = randomUUID();
    const program = 'import os, time\ntime.sleep(1)\nprint(os.urandom(8).hex())';
    const first = box.trial(program, { key });
    await sleep(300);
    const other = await openWarmTest(kind, { folder: box.folder, key: box.warm.key });
    const [one, two] = await Promise.all([first, other.trial(program, { key })]).catch((error) => [
      { stdout: { tail: `${error}` } },
      { stdout: { tail: '' } },
    ]);
    expect(two.stdout.tail).toBe(one.stdout.tail);
  });

  test('one that dies is opened anew, and its request is served by that', async () => {
    const before = await tokenOf(box);
    const running = box.trial('import time, ready\ntime.sleep(1.5)\nprint(ready.token)');
    await sleep(500);
    await crash();
    const result = await running;
    expect(result.ending).toEqual(well);
    expect(result.stdout.tail).not.toBe(before);
    await crash();
    expect((await box.trial('print(1)')).stdout.tail).toBe('1\n');
  });

  test('the worker’s death leaves it to the next, which finds it as it was; a sweep removes what nobody will ask for', async () => {
    const before = await tokenOf(box);
    const script = `
import { openWarmTest } from ${JSON.stringify(new URL('../support/warm.ts', import.meta.url).pathname)};
const box = await openWarmTest('${kind}', { folder: ${JSON.stringify(box.folder)}, key: ${JSON.stringify(box.warm.key)} });
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1000);
await box.trial('import time, ready; time.sleep(2); print(ready.token)', { key: 'orphan' });`;
    const died = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(died.signal).toBe('SIGKILL');
    const began = Date.now();
    const adopted = await box.trial('import time, ready; time.sleep(2); print(ready.token)', {
      key: 'orphan',
    });
    expect(adopted).toMatchObject({ ending: well, stdout: { tail: before } });
    expect(Date.now() - began).toBeLessThan(2_000);
    await box.sandbox.sweep({ isOver: async () => false });
    expect(await tokenOf(box)).toBe(before);
    expect(await box.sandbox.sweep({ isOver: async (key) => key === box.warm.key })).toBeGreaterThan(0);
    expect(await box.leftovers()).toEqual([]);
    expect(await tokenOf(box)).not.toBe(before);
  });
});

describe.each(kinds)('libraries that learn, warm by %s', (kind) => {
  const fits = {
    lightgbm: 'lightgbm.LGBMClassifier(n_estimators=20, n_jobs=2, verbose=-1)',
    xgboost: 'xgboost.XGBClassifier(n_estimators=20, n_jobs=2)',
    catboost:
      'catboost.CatBoostClassifier(iterations=20, thread_count=2, verbose=0, allow_writing_files=False)',
    forest: 'RandomForestClassifier(n_estimators=20, n_jobs=2)',
    histogram: 'HistGradientBoostingClassifier(max_iter=20)',
    logistic: 'LogisticRegression()',
  };

  test('work in forks, with threads of their own, and as many as a request allows', async () => {
    const box = await openWarmTest(kind, {
      preload: `
import catboost, lightgbm, numba, numpy as np, threadpoolctl, xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
X = np.random.default_rng(0).normal(size=(5000, 10))
y = (X[:, 0] > 0).astype(int)
`,
    });
    const limits = {
      ...smallLimits,
      wallMs: 60_000,
      memoryMb: 2_048,
      diskMb: 128,
      processes: 128,
      fileMb: 128,
    };
    const environment = { kind: 'layer' as const, lock: await box.blobs.put(await learnLock()) };
    const warm = { ...box.warm, environment, limits };
    const run = (program: string, env = {}) =>
      box.trial(`from ready import *\n${program}`, { warm, limits: { ...limits, wallMs: 30_000 }, env });
    for (let round = 0; round < 2; round++)
      for (const [name, model] of Object.entries(fits)) {
        const result = await run(`print(${model}.fit(X, y).score(X, y) > 0.9)`);
        expect([name, result.ending, result.stdout.tail]).toEqual([name, well, 'True\n']);
      }
    const loop = await run(
      '@numba.njit(parallel=True)\ndef f(a):\n    s = 0.0\n    for i in numba.prange(a.size): s += a[i]\n    return s\nprint(abs(f(X[:, 0]) - X[:, 0].sum()) < 1e-6)',
    );
    expect(loop.stdout.tail).toBe('True\n');
    const threads = 'print({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})';
    expect((await run(threads, { OMP_NUM_THREADS: '1' })).stdout.tail).toBe('{1}\n');
    await box.sandbox.cool(warm.key);
    await box.close();
  });
});
