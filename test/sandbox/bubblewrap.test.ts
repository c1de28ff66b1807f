import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { z } from 'zod';
import { NoSandbox } from '../../domain/errors.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import { type BubblewrapSandboxOptions, createBubblewrapSandbox } from '../../sandbox/bubblewrap.ts';
import { findControlGroups, listControlGroups, makeControlGroup } from '../../sandbox/control-group.ts';
import { createLayers } from '../../sandbox/layers.ts';
import { takeMeasuringLock } from '../../sandbox/measuring-lock.ts';
import type { ConductSpec, RunRequest, RunResult, Sandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { createFileBlobs } from '../../store/file-blobs.ts';
import { markedProcesses, python, smallLimits, unwaited } from '../support/sandbox.ts';

const tools = await toolchain();
const missing = (['bwrap', 'supervisor', 'python'] as const).filter((part) => tools[part] === null);
if (missing.length > 0 && (process.env.CI || process.env.CRUCIBLE_SANDBOX === 'bubblewrap'))
  throw new Error(`bubblewrap cannot be tested without ${missing.join(', ')}`);
if (missing.length > 0) console.warn(`bubblewrap is not tested: no ${missing.join(', ')}`);

const never = new AbortController().signal;

/** Whether the system lets this user stand a file system for a folder. */
function mayOverlay(): boolean {
  const asRoot = process.getuid?.() === 0;
  const layers = `${asRoot ? '' : 'userxattr,'}lowerdir=/mnt/a:/mnt/b`;
  const script = `mount -t tmpfs t /mnt && mkdir /mnt/a /mnt/b /mnt/c && mount -t overlay -o ${layers} o /mnt/c`;
  return spawnSync('unshare', [asRoot ? '-m' : '-Urm', '--', 'sh', '-c', script]).status === 0;
}

/** A player that takes so long to answer. */
const answering = (seconds: number): string => `
import socket, struct, time
exchange = socket.socket(fileno=3)
exchange.send(b'R')
while True:
    if not exchange.recv(1 << 17): break
    print('asked', flush=True)
    time.sleep(${seconds})
    exchange.send(struct.pack('<c7xQQ', b'D', 0, 0).ljust(64, b'\\0'))
`;

/** Fills sockets, as many as one process may have, in process after process. */
const waitingInSockets = `
import os, socket, time
for _ in range(20):
    if os.fork(): continue
    held = []
    try:
        while True:
            held.append(socket.socketpair())
            for end in held[-1]:
                end.setblocking(False)
                try:
                    while True: end.send(bytes(1 << 14))
                except BlockingIOError: pass
    except OSError: pass
    time.sleep(9)
time.sleep(9)
`;

describe.skipIf(missing.length > 0)('bubblewrap', () => {
  let home: string;
  let options: BubblewrapSandboxOptions;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'crucible-bubblewrap-'));
    options = {
      blobs: createFileBlobs(join(home, 'blobs')),
      storeId: home,
      root: join(home, 'sandboxes'),
      bwrap: tools.bwrap ?? '',
      supervisor: tools.supervisor ?? '',
      guest: home,
      layers: createLayers({ cache: home }),
      python: tools.python ?? '',
      nanobind: tools.nanobind,
      lockFile: join(home, 'measuring.lock'),
    };
  });
  afterAll(() => rm(home, { recursive: true }));

  test('who waits for a sandbox is told its key', async () => {
    const turns = { waits: vi.fn(), goesOn: vi.fn() };
    const sandbox = await createBubblewrapSandbox({ ...options, turns });
    const running = new AbortController();
    const limits = smallLimits;
    const held = sandbox
      .run({ key: 'solve/a/1.1#c-0/run', label: 'held', argv: ['/bin/sleep', '60'], limits }, running.signal)
      .catch(() => undefined);
    await expect.poll(() => existsSync(join(home, 'measuring.lock')), { timeout: 60_000 }).toBe(true);
    await sleep(500);
    const file = options.lockFile;
    const key = 'optimize/b/1.1#c-1/measure';
    const lock = takeMeasuringLock('exclusive', {
      ...{ supervisor: options.supervisor, file, key, turns },
      signal: never,
    });
    await expect
      .poll(() => turns.waits.mock.calls[0], { timeout: 60_000 })
      .toEqual([key, 'solve/a/1.1#c-0/run']);
    running.abort(new Error('enough'));
    await held;
    (await lock).release();
    expect(turns.goesOn).toHaveBeenCalledWith(key);
  });

  const request = (program: string, limits: Partial<Limits> = {}): RunRequest => ({
    key: randomUUID(),
    label: 'test',
    argv: [python, '-c', program],
    env: { CRUCIBLE_TEST_MARK: home },
    limits: { ...smallLimits, ...limits },
  });

  /** Two players, one of which takes its time over an answer while the other is stopped. */
  const duel = async (seconds = 60): Promise<z.input<typeof ConductSpec>> => ({
    key: randomUUID(),
    label: 'test',
    players: ['one', 'other'].map((name) => ({
      name,
      kind: 'serve' as const,
      argv: [python, '-c', answering(seconds)],
      env: { CRUCIBLE_TEST_MARK: home },
    })),
    cases: [await options.blobs.put('case')],
    samples: [{ player: 'other', cases: [0], timed: true }],
    answerMb: 1,
    limits: smallLimits,
    sampleMs: 15_000,
    exclusive: true,
  });

  /** Until a player of `duel` has been asked; the other is stopped then. */
  async function untilAsked(): Promise<void> {
    const folder = await someFolder(options.root);
    const said = () => readFile(join(folder, 'result/stdout1'), 'utf8').catch(() => '');
    while (!(await said()).includes('asked')) await sleep(20);
  }

  async function nothingLeft(): Promise<void> {
    const groups = await findControlGroups();
    const mark = `CRUCIBLE_TEST_MARK=${home}`;
    // Without control groups nobody waits for them: the kernel ends them with their supervisor, which takes it a moment.
    for (let looks = 0; groups === null && looks < 100 && (await markedProcesses(mark)).length > 0; looks++)
      await sleep(20);
    expect(await markedProcesses(mark)).toEqual([]);
    expect(await readdir(options.root)).toEqual([]);
    const ours = createHash('sha256').update(options.storeId).digest('hex').slice(0, 8);
    const left = groups === null ? [] : await listControlGroups(groups);
    expect(left.filter((name) => name.startsWith(ours))).toEqual([]);
  }

  describe('without control groups', () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await createBubblewrapSandbox({ ...options, memory: 'watched' });
    });

    async function run(program: string, limits?: Partial<Limits>): Promise<RunResult> {
      const result = await sandbox.run(request(program, limits), never);
      expect(result.isolation.memory).toBe('watched');
      await nothingLeft();
      return result;
    }
    const outOfMemory = { kind: 'outOfMemory', limitMb: smallLimits.memoryMb };

    test('players take turns, and each is seen stopped by process 1 of its sandbox', async () => {
      const result = await sandbox.conduct(await duel(0.1), never);
      expect(result.isolation.memory).toBe('watched');
      expect(result.players.map(({ ending }) => ending)).toEqual(Array(2).fill({ kind: 'exited', code: 0 }));
    });

    test.each([
      ['one process', "b = b'x' * (2560 << 20); import time; time.sleep(9)"],
      [
        'many processes',
        "import os, time\nfor _ in range(20):\n  if os.fork() == 0: b = b'x' * (40 << 20); time.sleep(9)\ntime.sleep(9)",
      ],
      [
        'files',
        "import time\nfor f in ('/work/a', '/work/b', '/tmp/c', '/dev/shm/d'): open(f, 'wb').write(b'x' * (30 << 20))\nb = bytearray(b'x' * (180 << 20)); time.sleep(9)",
      ],
      [
        'memory files that are not mapped',
        "import os, time\nfor _ in range(80):\n  f = os.memfd_create('x')\n  os.write(f, bytes(32 << 20))\ntime.sleep(9)",
      ],
      [
        'memory files that are under way in a socket',
        "import os, socket, time\na, b = socket.socketpair()\nfor _ in range(80):\n  f = os.memfd_create('x')\n  os.write(f, bytes(32 << 20))\n  socket.send_fds(a, [b'x'], [f])\n  os.close(f)\ntime.sleep(9)",
      ],
      ['what waits in sockets', waitingInSockets],
      [
        'descriptors under way in sockets, of which a user has only so many',
        "import os, socket, time\na, b = socket.socketpair()\nfor _ in range(10): socket.send_fds(a, [b'x'], [0] * 100)\ntime.sleep(9)",
      ],
      [
        'a program that hides what it holds',
        "import ctypes, os, time\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nf = os.memfd_create('x')\nfor _ in range(80): os.write(f, bytes(30 << 20)) and os.lseek(f, 0, 0)\ntime.sleep(9)",
      ],
      ['a million empty files', "for i in range(10**6): open(f'/work/{i}', 'w').close()"],
    ])('ten times the memory by %s is out of memory', async (_, program) => {
      expect((await run(program)).ending).toMatchObject(outOfMemory);
    });

    test('memory that processes share is counted once', async () => {
      const program = `
import mmap, os, time
shared = mmap.mmap(-1, 100 << 20)
shared.write(b'x' * (100 << 20))
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        assert sum(shared[i] for i in range(0, 100 << 20, 4096)) > 0
        time.sleep(0.5); os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)`;
      expect((await run(program)).ending).toEqual({ kind: 'exited', code: 0 });
    });

    test('what an honest program holds in pipes, sockets and memory files is no more than it is', async () => {
      const program = `
import multiprocessing as mp, os, socket
def square(n): return n * n
if __name__ == '__main__':
    memory = os.memfd_create('x'); os.write(memory, bytes(20 << 20))
    pairs = [socket.socketpair() for _ in range(20)]
    with mp.get_context('fork').Pool(4) as pool: print(sum(pool.map(square, range(100))))
`;
      const result = await run(program);
      expect([result.ending, result.stdout.tail]).toEqual([{ kind: 'exited', code: 0 }, '328350\n']);
    });

    test('a fork bomb and ten thousand threads end at the limit of processes', async () => {
      const bomb = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';
      const threads =
        'import threading, time\nfor _ in range(10000): threading.Thread(target=time.sleep, args=(9,)).start()';
      for (const program of [bomb, threads])
        expect((await run(program, { wallMs: 3_000 })).ending).toMatchObject({
          kind: 'resourceLimit',
          resource: 'processes',
        });
    });

    test('the processor time of all processes together ends the run', async () => {
      const program = 'import os\nos.fork()\nwhile True: pass';
      const result = await run(program, { cpuMs: 600 });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'cpu', limitMs: 600 });
      expect(result.usage.cpuMs).toBeGreaterThanOrEqual(600);
      expect(result.usage.cpuMs).toBeLessThan(5_000);
    });

    test.each([0.1, 0.004])(
      'the processor time of children that nobody waits for counts, also where each lives for %s s',
      async (seconds) => {
        const result = await run(unwaited(seconds), { cpuMs: 1_500 });
        expect(result.ending).toEqual({ kind: 'timedOut', limit: 'cpu', limitMs: 1_500 });
      },
    );
  });

  describe('a key', () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await createBubblewrapSandbox(options);
    });

    test('that is used by two callers at once is run by one at a time', async () => {
      const twice = request('import time; time.sleep(0.5); print("done")');
      const results = await Promise.all([sandbox.run(twice, never), sandbox.run(twice, never)]);
      for (const result of results) expect(result.stdout.tail).toBe('done\n');
      await nothingLeft();
    });

    test('of a run that was killed with its supervisor is run again', async () => {
      const slow = request('import time; time.sleep(1); print("done")');
      const first = sandbox.run(slow, never);
      const folder = await someFolder(options.root);
      while (!existsSync(join(folder, 'supervisor'))) await sleep(10);
      process.kill(Number.parseInt(await readFile(join(folder, 'supervisor'), 'utf8'), 10), 'SIGKILL');
      await expect(first).rejects.toThrow('the supervisor ended with SIGKILL');
      await nothingLeft();
      expect((await sandbox.run(slow, never)).stdout.tail).toBe('done\n');
    });

    test('whose staged folder a crash left behind is run anew', async () => {
      const again = request('print("done")');
      const first = sandbox.run(again, never);
      const name = (await someFolder(options.root)).split('/').at(-1) ?? '';
      await first;
      const folder = join(options.root, name);
      await mkdir(join(folder, 'given'), { recursive: true });
      await writeFile(join(folder, 'owner'), '1 1 of-another-boot');
      await writeFile(join(folder, 'nonce'), 'old');
      expect((await sandbox.run(again, never)).stdout.tail).toBe('done\n');
      await nothingLeft();
    });

    test('is free at once after an abort', async () => {
      const endless = request('import time; time.sleep(60)');
      const abort = new AbortController();
      const running = sandbox.run(endless, abort.signal);
      await someFolder(options.root);
      await sleep(300);
      abort.abort(new Error('enough'));
      await expect(running).rejects.toThrow('enough');
      await nothingLeft();
    });

    test('is free at once after an abort in the middle of a measurement, though players are frozen then', async () => {
      const abort = new AbortController();
      const measured = sandbox.conduct(await duel(), abort.signal);
      await untilAsked();
      abort.abort(new Error('enough'));
      await expect(measured).rejects.toThrow('enough');
      await nothingLeft();
    });

    test('whose supervisor was killed while players were frozen leaves nothing to the next one', async () => {
      const spec = await duel(0.5);
      const measured = sandbox.conduct(spec, never);
      await untilAsked();
      const folder = await someFolder(options.root);
      process.kill(Number.parseInt(await readFile(join(folder, 'supervisor'), 'utf8'), 10), 'SIGKILL');
      await expect(measured).rejects.toThrow('the supervisor ended with SIGKILL');
      await nothingLeft();
      const again = await sandbox.conduct(spec, never);
      expect(again.players.map(({ ending }) => ending)).toEqual(Array(2).fill({ kind: 'exited', code: 0 }));
    });
  });

  test('a sweep ends frozen processes whose supervisor and worker died', async (context) => {
    const groups = await findControlGroups();
    if (groups === null) return context.skip('no control groups can be made here');
    const sandbox = await createBubblewrapSandbox(options);
    // A sandbox without its folder, and one whose result waits to be fetched.
    for (const name of ['a'.repeat(40), 'b'.repeat(40)]) {
      const store = createHash('sha256').update(options.storeId).digest('hex').slice(0, 8);
      const group = await makeControlGroup(groups, `${store}-${name}`, smallLimits);
      const player = join(group.freezer, 'player');
      await mkdir(player);
      const sleeping = spawn('/bin/sleep', ['60'], { env: { CRUCIBLE_TEST_MARK: home }, stdio: 'ignore' });
      const version1 = group.freezer !== group.memory;
      for (const folder of version1 ? [group.memory, group.pids, group.cpu, player] : [player])
        await writeFile(join(folder, 'cgroup.procs'), `${sleeping.pid}`);
      if (version1) await writeFile(join(player, 'freezer.state'), 'FROZEN');
      else await writeFile(join(player, 'cgroup.freeze'), '1');
    }
    const waiting = join(options.root, 'b'.repeat(40));
    await mkdir(waiting);
    await writeFile(join(waiting, 'owner'), '1 1 of-another-boot');
    await sandbox.sweep();
    expect(await readdir(options.root)).toEqual(['b'.repeat(40)]);
    await rm(waiting, { recursive: true });
    await nothingLeft();
  });

  test('a sweep removes what crashes left behind, and with `all` what runs', async () => {
    const sandbox = await createBubblewrapSandbox(options);
    const old = join(options.root, 'old');
    await mkdir(old);
    await utimes(old, 1, 1);
    const running = sandbox.run(request('import time; time.sleep(60)'), never);
    const failed = expect(running).rejects.toThrow('SIGKILL');
    while ((await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).length === 0) await sleep(20);
    expect(await sandbox.sweep()).toBe(1);
    expect(await readdir(options.root)).toHaveLength(1);
    expect(await sandbox.sweep({ all: true })).toBe(1);
    await failed;
    await nothingLeft();
  });

  test('a run waits while another program is measured alone', async () => {
    const sandbox = await createBubblewrapSandbox(options);
    const measuring = sandbox.conduct(
      {
        key: randomUUID(),
        label: 'test',
        players: [{ name: 'one', kind: 'command', argv: ['/bin/sleep', '1'] }],
        samples: [{ player: 'one', cases: [], timed: true }],
        answerMb: 1,
        limits: smallLimits,
        sampleMs: 5_000,
        exclusive: true,
      },
      never,
    );
    const order: string[] = [];
    void measuring.then(() => order.push('measured'));
    await sleep(500);
    await sandbox.run(request('pass'), never).then(() => order.push('run'));
    await measuring;
    expect(order).toEqual(['measured', 'run']);
  });

  test('root gives every sandbox a user of its own on the host', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can give sandboxes other users');
    const sandbox = await createBubblewrapSandbox(options);
    const two = [1, 2].map(() => sandbox.run(request('import time; time.sleep(1)'), never));
    while ((await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).length < 4) await sleep(20);
    const found = await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`);
    const users = await Promise.all(
      found.map(async (line) => {
        const status = await readFile(`/proc/${line.split(' ')[1]}/status`, 'utf8');
        return /^Uid:\t(\d+)/m.exec(status)?.[1];
      }),
    );
    await Promise.all(two);
    expect(new Set(users).size).toBe(2);
    expect(users).not.toContain('0');
  });

  test('what a program reads of its mounts names no folder of the host that it does not stand under inside, too', async () => {
    const sandbox = await createBubblewrapSandbox(options);
    const look =
      "for name in ('mountinfo', 'mounts', 'mountstats'): print(open(f'/proc/self/{name}').read())";
    const read = (await sandbox.run(request(look), never)).stdout.tail;
    for (const shown of ['/in', '/opt/crucible/python', '/sandbox/guest', '/sandbox/supervisor'])
      expect(read).toContain(` ${shown} `);
    // Where the system grants no such mounts, the sandbox does without.
    if (!mayOverlay()) return;
    const { root, guest, supervisor, python: layer, nanobind } = options;
    for (const path of [home, root, guest, dirname(supervisor), layer, nanobind ?? layer])
      expect(read).not.toContain(path);
  });

  test("the sandbox's Python does not say where on the host it was made", async () => {
    const sandbox = await createBubblewrapSandbox(options);
    const search = `
import os
for folder in ('/opt/crucible/python', '/opt/crucible/python/bin'):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path) and ${JSON.stringify(tools.cache)} in open(path, errors='replace').read(): print(path)
`;
    const { stdout, ending } = await sandbox.run(request(search), never);
    expect([ending, stdout.tail]).toEqual([{ kind: 'exited', code: 0 }, '']);
  });

  test('an interpreter outside of /usr is shown where it is', async () => {
    // As version managers install it: the environment's python3 leads to another place.
    const base = join(home, 'python-3.11');
    const environment = join(home, 'environment');
    await mkdir(join(base, 'bin'), { recursive: true });
    await mkdir(join(environment, 'bin'), { recursive: true });
    await writeFile(join(base, 'bin/python3'), '#!/bin/sh\necho from there\n', { mode: 0o755 });
    await symlink(join(base, 'bin/python3'), join(environment, 'bin/python3'));
    const sandbox = await createBubblewrapSandbox({ ...options, python: environment });
    expect((await sandbox.run(request(''), never)).stdout.tail).toBe('from there\n');
  });

  test('of an interpreter in the folder of all that a user installed, only Python is shown', async () => {
    const base = join(home, '.local');
    const environment = join(home, 'environment-of-user');
    for (const folder of ['bin', 'lib/python3.11/site-packages', 'share'])
      await mkdir(join(base, folder), { recursive: true });
    await mkdir(join(environment, 'bin'), { recursive: true });
    for (const file of [
      'share/secret',
      'bin/tool',
      'lib/python3.11/os.py',
      'lib/python3.11/site-packages/own.py',
    ])
      await writeFile(join(base, file), '');
    const look = `#!/bin/sh\ncd ${base}\nls . bin lib/python3.11 lib/python3.11/site-packages\n`;
    await writeFile(join(base, 'bin/python3'), look, { mode: 0o755 });
    await symlink(join(base, 'bin/python3'), join(environment, 'bin/python3'));
    const sandbox = await createBubblewrapSandbox({ ...options, python: environment });
    const seen = (await sandbox.run(request(''), never)).stdout.tail;
    expect(seen).toContain('os.py');
    for (const hidden of ['share', 'tool', 'own.py']) expect(seen).not.toContain(hidden);
  });

  test('where bubblewrap does not work there is no sandbox', async () => {
    await expect(createBubblewrapSandbox({ ...options, bwrap: '/bin/false' })).rejects.toThrow(NoSandbox);
    // This one starts programs without any isolation.
    const bare = join(home, 'bare');
    await writeFile(bare, '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n', {
      mode: 0o755,
    });
    await expect(createBubblewrapSandbox({ ...options, bwrap: bare })).rejects.toThrow(NoSandbox);
  });
});

async function someFolder(root: string): Promise<string> {
  for (;;) {
    const [name] = await readdir(root);
    if (name !== undefined) return join(root, name);
    await sleep(2);
  }
}
