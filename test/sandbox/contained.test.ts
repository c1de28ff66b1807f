import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ConductSpec, RunResult } from '../../sandbox/sandbox.ts';
import {
  markedProcesses,
  openTestSandbox,
  python,
  sandboxKinds,
  smallLimits,
  type TestSandbox,
  unwaited,
} from '../support/sandbox.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`contained programs are not tested in ${line}`);

/** Prints the names of the errors that system calls (by number, with arguments) end with, as a JSON object. */
const callErrors = (calls: string) => `
import ctypes, errno, json, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == 'x86_64'
def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments)) >= 0: return 'allowed'
    return errno.errorcode[ctypes.get_errno()]
print(json.dumps(${calls}))
`;

describe.each(kinds)('in %s', (kind) => {
  let test_: TestSandbox;
  const canary = randomUUID();

  beforeAll(async () => {
    process.env.CRUCIBLE_CANARY = canary;
    test_ = await openTestSandbox(kind);
  });
  afterEach(async () => {
    expect(await test_.leftovers(), 'left behind').toEqual([]);
    const next = await test_.python('print("fine")');
    expect(next.ending, 'the next run').toEqual({ kind: 'exited', code: 0 });
    expect(next.stdout.tail).toBe('fine\n');
  });
  afterAll(() => test_.close());

  const program: TestSandbox['python'] = (text, options) => test_.python(text, options);

  describe('resources', () => {
    test('a fork bomb ends with the sandbox', async () => {
      const result = await program(
        `
import os
while True:
    try: os.fork()
    except OSError: pass
`,
        { limits: { wallMs: 3_000 } },
      );
      expect(['timedOut', 'resourceLimit', 'outOfMemory']).toContain(result.ending.kind);
      // The host's own limit would be 15 s later.
      expect(result.usage.wallMs).toBeLessThan(12_000);
    });

    test('ten thousand threads are not to be had', async () => {
      const result = await program(
        `
import threading, time, os
threading.stack_size(65536)
started = 0
try:
    for _ in range(10_000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
`,
      );
      const started = Number(result.stdout.tail);
      expect(started).toBeGreaterThan(10);
      expect(started).toBeLessThanOrEqual(smallLimits.processes + 4);
    });

    test('ten times the memory is out of memory', async () => {
      const result = await program(`b = b'1' * (10 * ${smallLimits.memoryMb} << 20)`);
      expect(result.ending).toEqual({ kind: 'outOfMemory', limitMb: smallLimits.memoryMb });
    });

    test('more memory than the machine has is told at once, with the field', async () => {
      const limits = { memoryMb: 1 << 30 };
      await expect(program('pass', { limits })).rejects.toThrow(
        /^limits\.memoryMb: expected at most \d+, which is what this machine has, got 1073741824$/,
      );
    });

    test('a program that outlives the child that ran out of memory is out of memory, too', async () => {
      const result = await program(`
import subprocess, sys
hog = subprocess.run([sys.executable, '-c', "b = b'1' * (10 * ${smallLimits.memoryMb} << 20)"])
print('survived', flush=True)
`);
      expect(result.ending).toEqual({ kind: 'outOfMemory', limitMb: smallLimits.memoryMb });
    });

    test('files beyond the memory limit are out of memory', async () => {
      const result = await program(
        `
for i in range(100):
    with open(f'/work/{i}', 'wb') as f: f.write(b'1' * (16 << 20))
`,
        { limits: { diskMb: 2048 } },
      );
      expect(result.ending).toMatchObject({
        kind: 'outOfMemory',
        detail: expect.stringContaining('/work held '),
      });
    });

    test.each(['stdout', 'stderr'])('endless output to %s ends at the cap', async (stream) => {
      const before = process.memoryUsage().rss;
      const result = await program(`
import sys
while True: sys.${stream}.write('a line of text\\n' * 1000)
`);
      expect(result.ending).toMatchObject({ kind: 'resourceLimit', resource: 'output' });
      const log = stream === 'stdout' ? result.stdout : result.stderr;
      expect(log.truncated).toBe(true);
      expect(log.tail.length).toBeLessThanOrEqual(32 << 10);
      expect(log.artifact && (await test_.blobs.get(log.artifact)).length).toBeLessThanOrEqual(2 << 20);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    });

    test('a line of a gigabyte ends at the cap', async () => {
      const result = await program(`
import os
for _ in range(1024): os.write(1, b'x' * (1 << 20))
`);
      expect(result.ending).toMatchObject({ kind: 'resourceLimit', resource: 'output' });
    });

    test('an endless loop ends at the wall limit', async () => {
      const result = await program('while True: pass', { limits: { wallMs: 1_500 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 1_500 });
      expect(result.usage.wallMs).toBeGreaterThan(1_400);
      expect(result.usage.wallMs).toBeLessThan(12_000);
    });

    test('an endless loop ends at the processor limit', async () => {
      const result = await program('while True: pass', { limits: { cpuMs: 1_000 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'cpu', limitMs: 1_000 });
    });

    test('the processor time of children that nobody waits for counts', async () => {
      const result = await program(unwaited(0.1), { limits: { cpuMs: 1_500 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'cpu', limitMs: 1_500 });
    });

    test('a program that sleeps for ever ends at the wall limit', async () => {
      const result = await program('import time; time.sleep(1e6)', { limits: { wallMs: 1_500 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 1_500 });
    });

    test('a full /work is an error of the program', async () => {
      const result = await program(
        `
import errno, os
for folder in ('/work',):
    written = 0
    try:
        for i in range(100):
            with open(f'{folder}/{i}', 'wb', buffering=0) as f:
                written += f.write(b'1' * (8 << 20))
                if written % (8 << 20): raise OSError(errno.ENOSPC, 'short write')
    except OSError as e:
        print(folder, errno.errorcode[e.errno], written <= ${smallLimits.diskMb} << 20)
    for i in range(100):
        try: os.remove(f'{folder}/{i}')
        except OSError: pass
`,
      );
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(result.stdout.tail).toBe('/work ENOSPC True\n');
    });

    test('shared memory and /tmp may hold what the memory allows', async () => {
      const result = await program(
        `
import os
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=120 << 20)
block.buf[:] = bytes(b'x') * (120 << 20)
block.close(); block.unlink()
with open('/tmp/large', 'wb') as f:
    for _ in range(120): f.write(b'x' * (1 << 20))
print('held')
`,
        { limits: { memoryMb: 512, fileMb: 200 } },
      );
      expect(result.stdout.tail).toBe('held\n');
    });

    test('a block of shared memory may be as large as the memory, unless files have a limit of their own', async () => {
      const block = `
import errno
from multiprocessing import shared_memory
try:
    block = shared_memory.SharedMemory(create=True, size=1500 << 20)
    block.buf[-1] = 1
    block.close(); block.unlink()
    print('held')
except OSError as e: print(errno.errorcode[e.errno])
`;
      const limits = { memoryMb: 2048, fileMb: undefined };
      expect((await program(block, { limits })).stdout.tail).toBe('held\n');
      const limited = { ...limits, fileMb: 1024 };
      expect((await program(block, { limits: limited })).stdout.tail).toBe('EFBIG\n');
    });

    test('what does not fit into shared memory, or into a file that is mapped, is told with where it did not', async () => {
      const mapped = (path: string) => `
import mmap
with open('${path}', 'w+b') as f:
    f.truncate(400 << 20)
    space = mmap.mmap(f.fileno(), 0)
    for at in range(0, 400 << 20, 4096): space[at] = 1
`;
      const limits = { fileMb: 500 };
      const shared = await program(mapped('/dev/shm/large'), { limits });
      const outOfMemory = {
        kind: 'outOfMemory',
        limitMb: smallLimits.memoryMb,
        detail: expect.stringMatching(/^\/dev\/shm held \d+ MiB of it$/),
      };
      const full = {
        kind: 'signalled',
        signal: 'SIGBUS',
        detail: expect.stringMatching(/^\/dev\/shm is full, it holds \d+ MiB$/),
      };
      // Where memory is looked at now and then, the folder may be full before that is seen.
      const ends = shared.isolation.memory === 'watched' ? [outOfMemory, full] : [outOfMemory];
      expect(ends).toContainEqual(shared.ending);
      expect((await program(mapped('/work/large'), { limits })).ending).toEqual({
        kind: 'signalled',
        signal: 'SIGBUS',
        detail: `/work is full, it holds ${smallLimits.diskMb} MiB`,
      });
    });

    test('one file cannot be larger than its limit', async () => {
      const result = await program(`
import errno
try:
    with open('/work/large', 'wb') as f:
        for _ in range(60): f.write(b'1' * (1 << 20))
except OSError as e: print(errno.errorcode[e.errno])
`);
      expect(result.stdout.tail).toBe('EFBIG\n');
    });

    test('a million empty files are not to be had', async () => {
      const result = await program(
        `
import errno
made = 0
try:
    for i in range(1_000_000):
        open(f'/work/{i}', 'w').close()
        made += 1
except OSError as e: print(errno.errorcode[e.errno], made < 200_000)
`,
        { limits: { wallMs: 60_000 } },
      );
      // Where the file system has no bound of its own on their number, the kernel's memory for them counts.
      if (result.ending.kind === 'exited') expect(result.stdout.tail).toBe('ENOSPC True\n');
      else expect(result.ending.kind).toBe('outOfMemory');
    });

    test('open files run out', async () => {
      const result = await program(`
import errno, os
held = []
try:
    while True: held.append(os.open('/dev/null', os.O_RDONLY))
except OSError as e: print(errno.errorcode[e.errno], len(held) < 5000)
`);
      expect(result.stdout.tail).toBe('EMFILE True\n');
    });

    test('a compiler bomb ends within the limits of a run', async () => {
      const result = await test_.run(['/usr/bin/gcc', '-o', 'bomb', 'bomb.c'], {
        workspace: { 'bomb.c': 'main[-1u]={1};' },
        limits: { memoryMb: 512 },
      });
      expect(result.ending).not.toEqual({ kind: 'exited', code: 0 });
    });
  });

  describe('network and kernel', () => {
    test('nothing can be reached', async () => {
      const result = await program(
        `
import json, socket, time
socket.setdefaulttimeout(2)
def tcp(host, port): socket.create_connection((host, port)).close()
def udp(host, port): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (host, port))
reached, slow = [], []
for name, act in {
    'tcp': lambda: tcp('1.1.1.1', 443),
    'udp': lambda: udp('1.1.1.1', 53),
    'dns': lambda: socket.getaddrinfo('example.com', 80),
    'metadata': lambda: tcp('169.254.169.254', 80),
    'gateway': lambda: tcp('172.17.0.1', 80),
    'tcp6': lambda: tcp('2606:4700:4700::1111', 443),
}.items():
    start = time.monotonic()
    try: act(); reached.append(name)
    except OSError: pass
    if time.monotonic() - start > 2: slow.append(name)
print(json.dumps([reached, slow]))
`,
      );
      expect(JSON.parse(result.stdout.tail)).toEqual([[], []]);
    });

    test('sockets of the kernel and the hypervisor are refused, also in pairs', async () => {
      const result = await program(`
import errno, socket, ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, family, kind in (('alg', 38, 5), ('vsock', 40, 1), ('netlink', 16, 3), ('packet', 17, 3), ('raw', 2, 3)):
    try: socket.socket(family, kind, 1 if name == 'raw' else 0); print(name, 'allowed')
    except OSError as e: print(name, e.errno in (errno.EPERM, errno.EAFNOSUPPORT, errno.EACCES))
pair = (ctypes.c_int * 2)()
for family in (2, 16, 38, 40):
    assert libc.socketpair(family, 1, 0, pair) == -1
    print(family, ctypes.get_errno() in (errno.EPERM, errno.EAFNOSUPPORT))
`);
      expect(result.stderr.tail).toBe('');
      expect(result.stdout.tail.trim().split('\n')).toEqual([
        'alg True',
        'vsock True',
        'netlink True',
        'packet True',
        'raw True',
        '2 True',
        '16 True',
        '38 True',
        '40 True',
      ]);
    });

    test('system calls that reach into the kernel or other processes are refused', async () => {
      const result = await program(
        callErrors(`{
  'ptrace': call(101 if x86 else 117, 0, 0, 0, 0),
  'unshare': call(272 if x86 else 97, 0x10000000),
  'setns': call(308 if x86 else 268, 0, 0),
  'mount': call(165 if x86 else 40, 0, 0, 0, 0, 0),
  'bpf': call(321 if x86 else 280, 0, 0, 0),
  'keyctl': call(250 if x86 else 219, 0, 0),
  'userfaultfd': call(323 if x86 else 282, 0),
  'perf_event_open': call(298 if x86 else 241, 0, 0, -1, -1, 0),
  'process_vm_readv': call(310 if x86 else 270, os.getpid(), 0, 0, 0, 0, 0),
  'io_uring_setup': call(425, 1, 0),
  'clone with a user namespace': call(56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0),
  'open_by_handle_at': call(304 if x86 else 265, 0, 0, 0),
  'chroot': call(161 if x86 else 51, 0),
  'kexec_load': call(246 if x86 else 104, 0, 0, 0, 0),
}`),
      );
      const errors: Record<string, string> = JSON.parse(result.stdout.tail);
      expect(Object.entries(errors).filter(([, error]) => error !== 'EPERM')).toEqual([]);
    });

    test('clone3, whose flags no filter can see, is absent', async () => {
      const result = await program(callErrors(`{'clone3': call(435, 0, 0)}`));
      expect(JSON.parse(result.stdout.tail)).toEqual({ clone3: 'ENOSYS' });
    });

    test('it has no privilege and cannot gain one', async () => {
      const result = await program(`
import os, stat
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
print(*(status[k].strip() for k in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp')))
print(os.getuid() != 0, os.getgid() != 0, os.getgroups())
for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.mknod('/work/disk', stat.S_IFBLK, os.makedev(8, 0))):
    try: act(); print('allowed')
    except OSError: pass
for path in ('/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/sys/fs/cgroup/memory/release_agent', '/proc/1/oom_score_adj'):
    try: open(path, 'w').write('x'); print(path, 'written')
    except OSError: pass
`);
      const none = '0000000000000000';
      expect(result.stdout.tail).toMatch(
        new RegExp(`^${none} ${none} ${none} ${none} 1 2\nTrue True \\[(65532)?\\]\n$`),
      );
    });

    test('PID 1 cannot be signalled', async () => {
      const result = await program(`
import os, signal
for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    try: os.kill(1, number)
    except PermissionError: pass
print('alive')
`);
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(result.stdout.tail).toBe('alive\n');
    });
  });

  describe('processes', () => {
    test('a daemon that ignores signals in a session of its own does not survive', async () => {
      const started = Date.now();
      const result = await program(`
import os, signal, time
if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
print('started')
`);
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(result.stdout.tail).toBe('started\n');
      expect(Date.now() - started).toBeLessThan(40_000);
    });

    test('a child that keeps standard output open does not hold the result back', async () => {
      const started = Date.now();
      const result = await program(`import subprocess; subprocess.Popen(['sleep', '60']); print('done')`, {
        limits: { wallMs: 60_000 },
      });
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(result.stdout.tail).toBe('done\n');
      expect(Date.now() - started).toBeLessThan(40_000);
    });

    test('an exit code and a signal are told apart', async () => {
      expect((await program('import os; os._exit(137)')).ending).toEqual({ kind: 'exited', code: 137 });
      expect((await program('import os; os.abort()')).ending).toEqual({
        kind: 'signalled',
        signal: 'SIGABRT',
      });
    });

    test('an abort ends everything at once', async () => {
      const abort = new AbortController();
      const running = program('import time; time.sleep(60)', { signal: abort.signal }).catch(
        (error) => error,
      );
      while ((await markedProcesses(test_.mark)).length === 0) await sleep(20);
      const aborted = Date.now();
      abort.abort(new Error('cancelled'));
      expect(await running).toMatchObject({ message: 'cancelled' });
      while ((await markedProcesses(test_.mark)).length > 0) await sleep(20);
      expect(Date.now() - aborted).toBeLessThan(15_000);
    });

    /** What `neighbour` comes to while the processes of `greedy`, so many, hold what they took: each then calls `hold`. */
    async function besideGreedy(greedy: string, neighbour: string, processes: number): Promise<RunResult> {
      const abort = new AbortController();
      const hold = `
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
def take(act):
    try:
        while act() is not False: pass
    except (OSError, MemoryError): pass
def hold():
    libc.prctl(15, b'holding')
    time.sleep(60)
`;
      const taking = program(`${hold}${greedy}`, { signal: abort.signal }).catch((error: Error) => error);
      let ended: unknown;
      void taking.then((result) => (ended = result));
      const holding = async () =>
        (await markedProcesses(test_.mark)).filter((line) => line.endsWith(' holding')).length;
      while ((await holding()) < processes) {
        if (ended !== undefined) throw new Error(`the greedy one ended: ${JSON.stringify(ended)}`);
        await sleep(50);
      }
      const other = await program(neighbour);
      abort.abort(new Error('enough'));
      await taking;
      return other;
    }

    test('one that takes all the files, pipes and signals it can get leaves the others their share', async () => {
      const other = await besideGreedy(
        `
import fcntl, os, signal
for call in (libc.inotify_init, lambda: libc.inotify_init1(0)):
    if call() != -1 or ctypes.get_errno() != 38: raise SystemExit('it can watch files')
try: fcntl.fcntl(os.pipe()[0], 1031, 1 << 20); raise SystemExit('it can make a pipe larger')
except PermissionError: pass
for folder in ('/work', '/tmp', '/dev/shm'):
    made = []
    take(lambda: open(f'{folder}/{len(made)}', 'w').close() or made.append(0) or len(made) < 20_000)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
for number in range(44):
    if os.fork(): continue
    def queue():
        if libc.sigqueue(os.getpid(), signal.SIGRTMIN, 0): raise OSError
    take(queue)
    # More than all pipes of a user may hold, and where each counts as full, less than the memory.
    pipes = []
    take(lambda: pipes.append(os.pipe()) or len(pipes) < 45)
    for _, end in pipes[:8]:
        os.set_blocking(end, False)
        os.write(end, bytes(1 << 15))
    hold()
hold()
`,
        `
import ctypes, os, signal, socket, subprocess, threading
from multiprocessing import shared_memory
libc = ctypes.CDLL(None)
threads = [threading.Thread(target=lambda: None) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
pipes = [os.pipe() for _ in range(100)]
for _, end in pipes: assert os.write(end, b'x' * 4096) == 4096
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
for _ in range(100): assert libc.sigqueue(os.getpid(), signal.SIGRTMIN, 0) == 0
for folder in ('/work', '/tmp', '/dev/shm'):
    for number in range(1000): open(f'{folder}/{number}', 'w').close()
block = shared_memory.SharedMemory(create=True, size=20 << 20)
block.buf[:] = bytes(20 << 20)
block.close(); block.unlink()
sockets = [socket.socketpair() for _ in range(50)]
for one, two in sockets: one.send(b'x' * 4096)
print(subprocess.run(['echo', 'works'], capture_output=True, text=True).stdout)
`,
        45,
      );
      expect(other.stderr.tail).toBe('');
      expect(other.stdout.tail).toBe('works\n\n');
    });

    test('one that takes all the keys, watches and terminals it can get leaves the others their share', async () => {
      // What a control group counts as memory ends the program first; so many are less than that.
      const most = test_.sandbox.isolation.memory === 'cgroup' ? 500_000 : 'max_user_watches()';
      const other = await besideGreedy(
        `
import os, platform, select
keys = (248, 249, 250) if platform.machine() == 'x86_64' else (217, 218, 219)
for call in keys:
    if libc.syscall(call, b'user', b'mine', b'x', 1, -3) != -1 or ctypes.get_errno() != 1: raise SystemExit('it can keep keys')
def max_user_watches(): return int(open('/proc/sys/fs/epoll/max_user_watches').read()) + 1
most = ${most}
terminals = []
take(lambda: terminals.append(os.open('/dev/ptmx', os.O_RDWR)))
if terminals: raise SystemExit('it can make terminals')
for number in range(44):
    if os.fork(): continue
    ends = [os.eventfd(0) for _ in range(500)]
    watches, left = [], most // 44
    def watch():
        global left
        watches.append(select.epoll())
        for end in ends: watches[-1].register(end, 1)
        left -= len(ends)
        return left > 0
    take(watch)
    hold()
hold()
`,
        `
import asyncio
async def answer(reader, writer):
    writer.write(await reader.readline())
    writer.close()
async def main():
    async with await asyncio.start_unix_server(answer, '/tmp/answers'):
        for number in range(50):
            reader, writer = await asyncio.open_unix_connection('/tmp/answers')
            writer.write(b'works\\n')
            said = await reader.read()
            writer.close()
    print(said.decode(), end='')
asyncio.run(main())
`,
        45,
      );
      expect(other.stderr.tail).toBe('');
      expect(other.stdout.tail).toBe('works\n');
    });

    test('two sandboxes do not see each other', async () => {
      const look = `
import os, socket, sys, time
mine = sys.argv[1]
for folder in ('/tmp', '/dev/shm', '/work'): open(f'{folder}/{mine}', 'w').close()
listener = socket.socket(socket.AF_UNIX); listener.bind('\\0' + mine); listener.listen()
time.sleep(1.5)
other = 'b' if mine == 'a' else 'a'
seen = [folder for folder in ('/tmp', '/dev/shm', '/work') if os.path.exists(f'{folder}/{other}')]
try: socket.socket(socket.AF_UNIX).connect('\\0' + other); seen.append('socket')
except OSError: pass
for pid in filter(str.isdigit, os.listdir('/proc')):
    try: words = open(f'/proc/{pid}/cmdline').read().split('\\0')
    except OSError: continue
    if words[-2:-1] == [other]: seen.append('process')
print(seen)
`;
      const both = await Promise.all(
        ['a', 'b'].map((name) => test_.run([python, 'main.py', name], { workspace: { 'main.py': look } })),
      );
      expect(both.map((result) => result.stdout.tail)).toEqual(['[]\n', '[]\n']);
    });
  });

  describe('files', () => {
    const refusedPaths = (result: RunResult) => result.refused.map((entry) => entry.path);

    test('links in the outputs are not followed', async () => {
      const result = await program(
        `
import os
open('good.txt', 'w').write('good')
os.symlink('/etc/shadow', 'shadow.txt')
os.symlink('/etc/passwd', 'passwd.txt')
os.symlink('/etc', 'etc')
os.symlink('good.txt', 'alias.txt')
`,
        { outputs: ['*.txt', 'etc/*', 'etc/passwd'] },
      );
      expect(Object.keys(result.outputs)).toEqual(['good.txt']);
      expect(refusedPaths(result)).toEqual(expect.arrayContaining(['shadow.txt', 'passwd.txt', 'alias.txt']));
    });

    test('a file from outside cannot be linked in', async () => {
      const result = await program(
        `
import os
for path in ('/etc/passwd', '/in/given', '/proc/self/exe', '/usr/bin/env'):
    try: os.link(path, 'linked.txt'); print(path, 'linked')
    except OSError: pass
`,
        { files: { given: 'given' }, outputs: ['linked.txt'] },
      );
      expect(result.stdout.tail).toBe('');
      expect(result.outputs).toEqual({});
    });

    test('pipes, sockets and devices in the outputs are refused and hold nothing up', async () => {
      const result = await program(
        `
import os, socket
os.mkfifo('pipe.out')
socket.socket(socket.AF_UNIX).bind('socket.out')
open('file.out', 'w').write('file')
`,
        { outputs: ['*.out'] },
      );
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(Object.keys(result.outputs)).toEqual(['file.out']);
      expect(refusedPaths(result).sort()).toEqual(['pipe.out', 'socket.out']);
    });

    test('outputs with hostile names are refused', async () => {
      const result = await program(
        `
import os
for name in (b'good.txt', b'two\\nlines.txt', b'\\x1b[31mred.txt', b'\\xff\\xfe.txt', b'-rf.txt'):
    open(name, 'w').write('x')
try: open('n' * 300, 'w')
except OSError: print('no such name')
os.makedirs('/'.join(['d' * 100] * 4))
open('/'.join(['d' * 100] * 4) + '/far.txt', 'w').write('x')
`,
        { outputs: ['*.txt', '**/*.txt'] },
      );
      expect(result.stdout.tail).toBe('no such name\n');
      expect(Object.keys(result.outputs).sort()).toEqual(['-rf.txt', 'good.txt']);
      expect(result.refused).toHaveLength(4);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      for (const path of refusedPaths(result)) expect(path).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    });

    test('outputs a thousand folders deep are too many, and none is used', async () => {
      const result = await program(
        `
import os
open('good.txt', 'w').write('x')
for _ in range(1000): os.mkdir('e'); os.chdir('e')
open('deepest.txt', 'w').write('x')
`,
        { outputs: ['**/*.txt'] },
      );
      expect(result.ending).toMatchObject({ kind: 'resourceLimit', resource: 'files' });
      expect(result.outputs).toEqual({});
    });

    test('patterns that lead out of /work bring nothing out', async () => {
      const result = await program('print("ran")', {
        outputs: ['../etc/passwd', '/etc/passwd', '../../**', './../in/*', '/in/given'],
        files: { given: 'given' },
      });
      expect(result.outputs).toEqual({});
    });

    test('an output larger than a file may be is refused, not cut', async () => {
      const result = await program(
        `
import os
with open('sparse.bin', 'wb') as f:
    try: os.ftruncate(f.fileno(), 1 << 40)
    except OSError: print('refused')
`,
        { outputs: ['*.bin'] },
      );
      const artifact = result.outputs['sparse.bin'];
      if (artifact) expect((await test_.blobs.get(artifact)).length).toBe(0);
      expect(result.stdout.tail).toBe('refused\n');
    });

    test('holes in an output take no room in the store, and its length counts', async () => {
      const sparse = (mebibytes: number) => `
with open('sparse.bin', 'wb') as f:
    f.write(b'x')
    f.truncate(${mebibytes} << 20)
    f.seek(0, 2)
    f.write(b'y')
`;
      const limits = { fileMb: 100 };
      const result = await program(sparse(48), { limits, outputs: ['*.bin'] });
      const artifact = result.outputs['sparse.bin'] ?? '';
      const bytes = await test_.blobs.get(artifact);
      expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([(48 << 20) + 1, 120, 121]);
      const path = join(test_.folder, 'blobs', artifact.slice(0, 2), artifact.slice(2, 4), artifact);
      expect((await stat(path)).blocks * 512).toBeLessThan(1 << 20);
      const larger = await program(sparse(smallLimits.diskMb), { limits, outputs: ['*.bin'] });
      expect(larger.ending).toMatchObject({ kind: 'resourceLimit', resource: 'files' });
    });

    test('a program reads what it was given, and nothing of ours but the guest', async () => {
      const result = await program(
        `
import os
print(open('/in/folder/given').read())
for root, folders, files in os.walk('/sandbox'):
    for file in files:
        path = os.path.join(root, file)
        if path == '/sandbox/supervisor' or path.startswith('/sandbox/guest/'): continue
        try: open(path, 'rb').read(); print('read', path)
        except OSError: pass
for folder in ('/sandbox/result', '/sandbox/cases', '/sandbox/job', '/players', '/var/run/docker.sock', '/run/docker.sock', '/root'):
    try: print('listed', folder, os.listdir(folder))
    except OSError: pass
for path in ('/etc/shadow', '/proc/1/environ', '/proc/1/mem', '/proc/kcore'):
    try: print('read', path, open(path, 'rb').read(1))
    except OSError: pass
`,
        { files: { 'folder/given': 'what was given' } },
      );
      const lines = result.stdout.tail.trim().split('\n');
      // An empty folder may be there; nothing may be in it.
      expect(lines.filter((line) => !/^listed \S+ \[\]$/.test(line) && !/^read \S+ b''$/.test(line))).toEqual(
        ['what was given'],
      );
    });

    test('only its own folders can be written', async () => {
      const result = await program(
        `
import os
for folder in ('/', '/in', '/in/folder', '/sandbox', '/sandbox/guest', '/sandbox/result', '/etc', '/usr', '/usr/bin', '/opt',
               '/opt/crucible/python', '/var', '/var/tmp', '/root', '/home', '/dev', '/proc', '/sys', '/run'):
    try: open(folder + '/new', 'w').close(); print('wrote to', folder)
    except OSError: pass
for path in ('/in/folder/given', '/sandbox/supervisor', '/etc/passwd'):
    for act in (lambda: open(path, 'a'), lambda: os.chmod(path, 0o777), lambda: os.remove(path), lambda: os.rename(path, path + 'x')):
        try: act(); print('changed', path)
        except OSError: pass
print(open('/in/folder/given').read())
`,
        { files: { 'folder/given': 'as it was' } },
      );
      expect(result.stdout.tail).toBe('as it was\n');
    });

    test('a forged result is only text', async () => {
      const result = await program(`
import glob, json, os, sys
record = json.dumps({'ending': {'kind': 'exited', 'code': 0}, 'nonce': '0' * 32, 'status': 'exited', 'code': 0})
for stream in (sys.stdout, sys.stderr): print(record, file=stream)
for path in ('/sandbox/result/record', '/sandbox/result/record.json', '/sandbox/result/result.json', '/proc/1/fd/1', '/proc/1/fd/3'):
    try: open(path, 'w').write(record)
    except OSError: pass
for fd in range(3, 256):
    try: os.write(fd, record.encode())
    except OSError: pass
sys.exit(3)
`);
      expect(result.ending).toEqual({ kind: 'exited', code: 3 });
    });

    test('the environment is what was given and nothing of ours', async () => {
      const result = await program(
        `
import glob, os
print(sorted(os.environ))
for path in glob.glob('/proc/*/environ'):
    try: print(open(path).read())
    except OSError: pass
`,
        { env: { GIVEN: 'by the test' } },
      );
      expect(result.stdout.tail).toContain('GIVEN');
      expect(result.stdout.tail).not.toContain(canary);
      expect(result.stdout.tail).not.toContain('CRUCIBLE_CANARY');
      const names: string[] = JSON.parse(result.stdout.tail.split('\n')[0]?.replaceAll("'", '"') ?? '[]');
      const known = `CRUCIBLE_TEST_MARK GIVEN HOME LANG LC_CTYPE LD_LIBRARY_PATH MPLCONFIGDIR NUMBA_CACHE_DIR PATH PWD
        PYTHONDONTWRITEBYTECODE TMPDIR USER XDG_CACHE_HOME`;
      expect(names.filter((name) => !known.split(/\s+/).includes(name))).toEqual([]);
    });

    test('control characters of a log reach nobody', async () => {
      const result = await program(
        String.raw`
import sys
sys.stdout.buffer.write(b'\x1b[2Jcleared \x1b]8;;http://x\x07link \xe2\x80\xaebidi \xff\xfe end\n')
`,
      );
      expect(result.stdout.tail).toContain('end');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(result.stdout.tail).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/);
    });
  });

  describe('players', () => {
    const spy = `
import os
for root in ('/players', '/sandbox/players', '/work', '/sandbox'):
    for folder, _, files in os.walk(root):
        for file in files:
            try: text = open(os.path.join(folder, file), 'rb').read()
            except OSError: continue
            if b'secret' + b' of the other' in text: print('read', folder, file)
print('looked')
`;

    test('a player cannot read another, nor the cases', async () => {
      const put = (text: string) => test_.blobs.put(text);
      const spec: ConductSpec = {
        key: randomUUID(),
        label: 'test',
        players: [
          {
            name: 'other',
            kind: 'command',
            argv: [python, '-c', 'print(1)'],
            env: {},
            files: { 'main.py': await put('secret of the other') },
            workspace: { 'work.py': await put('secret of the other') },
            outputs: [],
          },
          {
            name: 'spy',
            kind: 'command',
            argv: [python, 'spy.py'],
            env: {},
            files: {},
            workspace: { 'spy.py': await put(spy) },
            outputs: [],
          },
        ],
        cases: [await put('secret of the other')],
        samples: [
          { player: 'other', cases: [], timed: true },
          { player: 'spy', cases: [], timed: true },
        ],
        answerMb: 1,
        limits: smallLimits,
        sampleMs: 10_000,
        exclusive: false,
      };
      const result = await test_.sandbox.conduct(spec, new AbortController().signal);
      const spied = result.players.find((player) => player.name === 'spy');
      expect(spied?.ending).toEqual({ kind: 'exited', code: 0 });
      expect(spied?.stdout.tail).toBe('looked\n');
    });
  });

  describe('a worker that dies', () => {
    /** Starts `program` under `key` from another Node process, and resolves when the program runs. */
    async function startElsewhere(key: string, text: string, wallMs: number) {
      const code = `
        import { openTestSandbox } from ${JSON.stringify(new URL('../support/sandbox.ts', import.meta.url).href)};
        const { python } = await openTestSandbox(${JSON.stringify(kind)}, ${JSON.stringify(test_.folder)});
        await python(${JSON.stringify(text)}, { key: ${JSON.stringify(key)}, limits: { wallMs: ${wallMs} } });`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
      const running = async () =>
        (await markedProcesses(test_.mark)).filter(
          (line) => line.endsWith('python3') || line.endsWith('python3.11'),
        );
      while ((await running()).length === 0) {
        if (child.exitCode !== null) throw new Error(`the other process ended with ${child.exitCode}`);
        await sleep(20);
      }
      return child;
    }

    test('leaves a deadline that holds', async () => {
      const key = randomUUID();
      const child = await startElsewhere(key, 'import time; time.sleep(60)', 2_500);
      child.kill('SIGKILL');
      const killed = Date.now();
      while ((await markedProcesses(test_.mark)).length > 0) {
        expect(Date.now() - killed).toBeLessThan(30_000);
        await sleep(50);
      }
      const result = await test_.python('raise SystemExit("run again")', { key, limits: { wallMs: 2_500 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 2_500 });
    });

    test('leaves a run that the next one adopts', async () => {
      const key = randomUUID();
      const text = 'import time; started = time.time(); time.sleep(2.5); print(started)';
      const child = await startElsewhere(key, text, 20_000);
      child.kill('SIGKILL');
      await sleep(500);
      const asked = Date.now();
      const result = await test_.python(text, { key });
      expect(result.ending).toEqual({ kind: 'exited', code: 0 });
      expect(Number(result.stdout.tail) * 1000).toBeLessThan(asked - 400);
    });
  });
});
