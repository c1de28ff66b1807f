import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult, WarmRunRequest } from '../../sandbox/sandbox.ts';
import { warmWherePossible } from '../../sandbox/warm.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { sandboxKinds } from '../support/sandbox.ts';
import { openWarmTest, type WarmTest } from '../support/warm.ts';

const { kinds, missing } = await sandboxKinds();
if (missing.length > 0) console.warn(`not covered: ${missing.join('; ')}`);

const never = new AbortController().signal;
const well = { kind: 'exited', code: 0 };

/** Tries each of these as Python, and says of each whether it could be done. */
const attempts = (tries: Record<string, string>): string =>
  `import ctypes, os, signal, resource, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)
def done(value):
    if value < 0: raise OSError(ctypes.get_errno(), 'refused')
others = [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]
# In a bubblewrap there is none to be seen but a process 1 that ends with the trial.
zygote = [pid for pid in others if pid != 1 and b'warm.py' in open(f'/proc/{pid}/cmdline', 'rb').read()]
def each(act):
    for pid in zygote or [4]: act(pid)
def first(act): act(1)
${Object.entries(tries)
  .map(
    ([name, code]) => `
try:
    ${code}
except BaseException as error: print('${name}', 'refused')
else: print('${name}', 'DONE')`,
  )
  .join('')}
`;

describe.each(kinds)('a warm sandbox by %s', (kind) => {
  let box: WarmTest;
  let token: string;
  beforeAll(async () => {
    box = await openWarmTest(kind);
    token = (await box.trial('import ready; print(ready.token)')).stdout.tail;
  });
  afterAll(async () => {
    await box.sandbox.cool(box.warm.key);
    expect(await box.leftovers()).toEqual([]);
    await box.close();
  });

  /** The zygote is the same as at the beginning, and a trial finds it as it was. */
  async function expectUnharmed(): Promise<void> {
    const after = await box.trial('import ready; print(ready.token); assert ready.table == [1, 2, 3]');
    expect(after).toMatchObject({ ending: well, stdout: { tail: token } });
  }

  test('a program finds the preload and the files, and its outputs are brought out', async () => {
    const result = await box.trial(
      'import os, ready, sys\nopen("a.txt", "w").write(ready.name)\nprint(ready.table, os.getcwd(), sys.argv, os.environ["X"], os.listdir("/in"))',
      { argv: ['/in/main.py', 'one'], env: { X: 'y' }, outputs: ['*.txt'] },
    );
    expect(result).toMatchObject({ ending: well, isolation: { kind, perJob: true } });
    expect(result.stdout.tail).toBe("[1, 2, 3] /work ['/in/main.py', 'one'] y ['main.py']\n");
    expect(await box.blobs.text(result.outputs['a.txt'] ?? '')).toBe('the table');
  });

  test('a program of the base ends as it says, with its traceback', async () => {
    expect((await box.trial('', { argv: ['/base/show.py', 'two'] })).stdout.tail).toBe("shown ['two']\n");
    const failed = await box.trial('def f(): raise ValueError("bad")\nf()');
    expect(failed.ending).toEqual({ kind: 'exited', code: 1 });
    expect(failed.stderr.tail).toMatch(
      /^Traceback[\s\S]*File "\/in\/main.py", line 2[\s\S]*ValueError: bad\n$/,
    );
    expect(failed.stderr.tail).not.toContain('warm.py');
    expect((await box.trial('import sys; sys.exit(5)')).ending).toEqual({ kind: 'exited', code: 5 });
    const killed = await box.trial('import os; os.kill(os.getpid(), 9)');
    expect(killed.ending).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
  });

  test('a trial leaves nothing to the next: files, modules, processes, times', async () => {
    const left = await box.trial(
      `import builtins, json, os, ready, sys, time
ready.table.append(9); json.loads = None; builtins.answer = 42; os.environ['LEFT'] = '1'
for place in ('/work', '/tmp', '/dev/shm', '/in'):
    try:
        os.makedirs(place + '/.deep/er'); open(place + '/.deep/er/left', 'w').write('42'); os.chmod(place + '/.deep', 0)
    except OSError: pass
    for path in (place, ready.__file__):
        try: os.utime(path, (7, 7))
        except OSError: pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import signal
        for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
        os.execv('/bin/sleep', ['sleep', '4242'])
    os._exit(0)
print(os.wait()[1])`,
    );
    expect(left).toMatchObject({ ending: well, stdout: { tail: '0\n' } });
    const found = await box.trial(
      `import builtins, json, os, ready
print(ready.table, json.loads is None, hasattr(builtins, 'answer'), 'LEFT' in os.environ)
for place in ('/tmp', '/dev/shm', '/work'): print(sorted(os.listdir(place)), os.stat(place).st_mtime == 7)
print([c for c in (open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()) if 'sleep' in c])`,
    );
    expect(found.stdout.tail).toBe("[1, 2, 3] False False False\n[] False\n[] False\n['.tmp'] False\n[]\n");
  });

  test('a trial reaches neither the zygote, nor what is not its own', async () => {
    const result = await box.trial(
      attempts({
        'kill the zygote': 'each(lambda pid: os.kill(pid, 9))',
        'stop the zygote': 'each(lambda pid: os.kill(pid, signal.SIGSTOP))',
        'queue a signal': 'each(lambda pid: done(libc.sigqueue(pid, 10, None)))',
        'limit process 1': 'first(lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)))',
        'read the memory of process 1': "first(lambda pid: open(f'/proc/{pid}/mem', 'rb'))",
        'list the files of process 1': "first(lambda pid: os.listdir(f'/proc/{pid}/fd'))",
        'limit the zygote': 'each(lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)))',
        'move the zygote': 'each(lambda pid: os.sched_setaffinity(pid, {0}))',
        'slow the zygote down': 'each(lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19))',
        'trace the zygote': 'each(lambda pid: done(libc.ptrace(16, pid, 0, 0)))',
        'read its memory': "each(lambda pid: open(f'/proc/{pid}/mem', 'rb'))",
        'read its environment': "each(lambda pid: open(f'/proc/{pid}/environ', 'rb').read())",
        'list its files': "each(lambda pid: os.listdir(f'/proc/{pid}/fd'))",
        'enter its root': "each(lambda pid: os.listdir(f'/proc/{pid}/root/'))",
        'write into the base': "open('/base/table.txt', 'a')",
        'make a file in the base': "open('/base/new', 'w')",
        'write into the guest': "open('/sandbox/guest/warm.py', 'a')",
        'read what is the supervisor’s': "os.listdir('/sandbox/private')",
        'become root': 'os.setuid(0)',
        'become another': 'os.setresuid(1879048192, 1879048192, 1879048192)',
        'make a namespace': 'done(libc.unshare(0x10000000))',
        'enter a namespace': "done(libc.setns(os.open('/proc/1/ns/mnt', 0), 0))",
        mount: "done(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))",
        unmount: "done(libc.umount2(b'/tmp', 2))",
        'shared memory of System V': 'done(libc.shmget(1, 4096, 0o1666))',
        'a semaphore of System V': 'done(libc.semget(1, 1, 0o1666))',
        'a message queue': "done(libc.syscall(240, b'left', 0o102, 0o666, None))",
        'a kernel socket': 'socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)',
      }),
    );
    expect(result.ending).toEqual(well);
    expect(result.stdout.tail.split('\n').filter((line) => line.includes('DONE'))).toEqual([]);
    expect(result.stdout.tail.match(/refused/g)).toHaveLength(28);
    await expectUnharmed();
  });

  test('a trial has three files open, no right, and the rules on system calls', async () => {
    const result = await box.trial(
      `import os
print(sorted(fd for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')), os.readlink('/proc/self/fd/0'))
for line in open('/proc/self/status'):
    if line.startswith(('Cap', 'NoNew', 'Seccomp:', 'Groups')) and not line.startswith('CapBnd'): print(' '.join(line.split()))`,
    );
    const none = '0000000000000000';
    // An ordinary user's namespace lets nobody give up the groups of that user: they are its own, or nobody's inside.
    const said = result.stdout.tail.replace(/^Groups:.*$/m, (groups) =>
      process.getuid?.() === 0 ? groups : groups.replace(/ 6553[24]/g, ''),
    );
    expect(said).toBe(
      `['0', '1', '2'] /dev/null\nGroups:\nCapInh: ${none}\nCapPrm: ${none}\nCapEff: ${none}\nCapAmb: ${none}\nNoNewPrivs: 1\nSeccomp: 2\n`,
    );
  });

  test('what a trial prints or writes forges no result', async () => {
    const forged = await box.trial(
      `import os, sys
print('{"nonce":"0","ending":{"kind":"exited","code":0}}')
for path in ('/sandbox/private/trials/record.json', '/work/record.json'):
    try: open(path, 'w').write('{}')
    except OSError: pass
for fd in range(3, 64):
    try: os.write(fd, b'S1')
    except OSError: pass
sys.exit(3)`,
      { outputs: ['record.json'] },
    );
    expect(forged.ending).toEqual({ kind: 'exited', code: 3 });
    expect(Object.keys(forged.outputs)).toEqual(['record.json']);
    await expectUnharmed();
  });

  test('a trial ends at its limits of time, output and memory, and all of it', async () => {
    const looping = await box.trial(
      'import os, signal\nsignal.signal(15, signal.SIG_IGN)\nos.fork(); os.fork()\nwhile True: pass',
      { limits: { wallMs: 400 } },
    );
    expect(looping.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 400 });
    const spinning = await box.trial('while True: pass', { limits: { cpuMs: 300 } });
    expect(spinning.ending).toEqual({ kind: 'timedOut', limit: 'cpu', limitMs: 300 });
    const flooding = await box.trial("while True: print('x' * 100000)");
    expect(flooding.ending).toMatchObject({ kind: 'resourceLimit', resource: 'output' });
    const less = await box.trial('import time\nheld = bytearray(150 << 20)\ntime.sleep(9)', {
      limits: { memoryMb: 100 },
    });
    expect(less.ending).toEqual({ kind: 'outOfMemory', limitMb: 100 });
    await expectUnharmed();
    const all = await box.trial('held = bytearray(900 << 20)');
    expect(all.ending).toMatchObject({ kind: 'outOfMemory', limitMb: 256 });
    expect((await box.trial('print(1)')).stdout.tail).toBe('1\n');
  });

  test('a limit beyond those of the warm sandbox is refused before anything runs', async () => {
    await expect(box.trial('', { limits: { memoryMb: 257 } })).rejects.toThrow(
      'limits.memoryMb: expected at most 256, which the warm sandbox has, got 257',
    );
  });

  test('an abort ends the trial, and the sandbox serves the next', async () => {
    const stop = new AbortController();
    const running = box.trial('import os; os.execv("/bin/sleep", ["sleep", "4243"])', {
      signal: stop.signal,
    });
    await sleep(300);
    stop.abort(new Error('no longer wanted'));
    await expect(running).rejects.toThrow('no longer wanted');
    const began = Date.now();
    const after = await box.trial(
      "import os\nprint([p for p in os.listdir('/proc') if p.isdigit() and b'4243' in open(f'/proc/{p}/cmdline','rb').read()])",
    );
    // Long before its limit would have ended it.
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(after.stdout.tail).toBe('[]\n');
  });
});

describe.each(kinds)('a preload that fails, by %s', (kind) => {
  test('is what every request is told', async () => {
    const box = await openWarmTest(kind, {
      preload: 'import time; time.sleep(0.1); raise ValueError("no table")',
    });
    for (let time = 0; time < 2; time++) {
      const result = await box.trial('print(1)');
      expect(result).toMatchObject({ ending: { kind: 'exited', code: 1 }, outputs: {} });
      expect(result.stderr.tail).toContain('ValueError: no table');
    }
    await box.sandbox.cool(box.warm.key);
    expect(await box.leftovers()).toEqual([]);
    await box.close();
  });
});

test('where no sandbox can be kept warm, each request runs the preload first', async () => {
  const said: string[] = [];
  const way = (name: string, ending: RunResult['ending']) => ({
    runWarm: async ({ key }: WarmRunRequest) => {
      said.push(key.startsWith('probe-') ? `${name} probed` : name);
      return { ending, stdout: { tail: name } } as RunResult;
    },
    cool: async () => undefined,
  });
  const request = { key: 'a', label: '', argv: ['/in/a.py'] } as unknown as WarmRunRequest;
  const blobs = { put: async () => 'none' } as unknown as BlobStore;
  const bad = warmWherePossible(
    way('warm', { kind: 'exited', code: 1 }),
    way('cold', { kind: 'exited', code: 0 }),
    blobs,
  );
  expect((await bad.runWarm(request, never)).stdout.tail).toBe('cold');
  expect((await bad.runWarm(request, never)).stdout.tail).toBe('cold');
  const good = warmWherePossible(
    way('warm', { kind: 'exited', code: 0 }),
    way('cold', { kind: 'exited', code: 0 }),
    blobs,
  );
  expect((await good.runWarm(request, never)).stdout.tail).toBe('warm');
  expect(said).toEqual(['warm probed', 'cold', 'cold', 'warm probed', 'warm']);
  let failures = 2;
  const passing = warmWherePossible(
    {
      ...way('warm', { kind: 'exited', code: 0 }),
      runWarm: async (...asked) => {
        if (failures-- > 0) throw new Error('no room');
        return way('warm', { kind: 'exited', code: 0 }).runWarm(asked[0]);
      },
    },
    way('cold', { kind: 'exited', code: 0 }),
    blobs,
  );
  const ways: string[] = [];
  for (let time = 0; time < 3; time++) ways.push((await passing.runWarm(request, never)).stdout.tail);
  expect(ways, 'a probe that failed is made again').toEqual(['cold', 'cold', 'warm']);
});
