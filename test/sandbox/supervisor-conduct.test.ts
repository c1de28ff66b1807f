import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConductResult, ConductSpec, Player, Sample } from '../../sandbox/sandbox.ts';
import { openTestSandbox, python, sandboxKinds, smallLimits, type TestSandbox } from '../support/sandbox.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`conducting is not tested in ${line}`);

/** A player's side of the exchange; `answer(input)` gives an answer's bytes for a case's. */
const serving = `
import fcntl, mmap, os, socket, struct, sys, threading, time
exchange = socket.socket(fileno=3)
def serve(answer, verdict=b'D', ready=b'R', spoil=None, seal=True):
    exchange.send(ready)
    while True:
        request, fds, _, _ = socket.recv_fds(exchange, 1 << 17, 1)
        if not request: break
        case = mmap.mmap(fds[0], 0) if fds else bytearray(request[16:])
        out = answer(case[:])
        left = b''
        if spoil: case[:len(spoil)] = spoil
        if spoil and not fds: left = case
        size = out if isinstance(out, int) else len(out)
        head = struct.pack('<c7xQQ', verdict, size, len(left)).ljust(64, b'\\0') if len(verdict) == 1 else verdict
        body = b'' if isinstance(out, int) else out + (bytes(-len(out) % 64) + left if left else b'')
        if len(body) <= 1 << 16: exchange.send(head + body if len(verdict) == 1 else verdict)
        else:
            memory = os.memfd_create('answer', os.MFD_ALLOW_SEALING)
            os.write(memory, body)
            if seal: fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            socket.send_fds(exchange, [head], [memory])
            os.close(memory)
        for fd in fds: os.close(fd)
`;

describe.each(kinds)('the conductor in %s', (kind) => {
  let test_: TestSandbox;
  beforeAll(async () => {
    test_ = await openTestSandbox(kind);
  });
  afterAll(() => test_.close());

  /** Named Python programs as players, after the serving part for those that serve. */
  async function conduct(
    programs: Record<string, string>,
    cases: string[],
    samples: Sample[],
    more: Partial<ConductSpec> & { kind?: Player['kind']; outputs?: string[] } = {},
  ): Promise<ConductResult> {
    const { kind: playerKind = 'serve', outputs = [], ...rest } = more;
    const players: Player[] = [];
    for (const [name, text] of Object.entries(programs)) {
      const program = await test_.blobs.put(playerKind === 'serve' ? serving + text : text);
      const files = { 'main.py': program };
      players.push({
        name,
        kind: playerKind,
        argv: [python, playerKind === 'serve' ? `/players/${name}/main.py` : 'main.py'],
        env: { CRUCIBLE_TEST_MARK: test_.folder },
        files: playerKind === 'serve' ? files : {},
        workspace: playerKind === 'serve' ? {} : files,
        outputs,
      });
    }
    const spec: ConductSpec = {
      key: randomUUID(),
      label: 'test',
      players,
      cases: await Promise.all(cases.map((text) => test_.blobs.put(text))),
      samples,
      answerMb: 1,
      limits: smallLimits,
      sampleMs: 5_000,
      exclusive: false,
      ...rest,
    };
    const result = await test_.sandbox.conduct(spec, new AbortController().signal);
    expect(await test_.leftovers()).toEqual([]);
    return result;
  }

  const sample = (player: string, cases: number[], timed = true): Sample => ({ player, cases, timed });
  const text = (artifact: string | null | undefined) => (artifact ? test_.blobs.text(artifact) : artifact);
  const only = (result: ConductResult) => result.players[0];

  test('gives each player its cases, keeps its answers, and tells a slow one from a fast one', async () => {
    const result = await conduct(
      {
        fast: 'serve(lambda case: case.upper())',
        slow: 'serve(lambda case: (time.sleep(0.05), case.upper())[1])',
      },
      ['one', 'two', 'three'],
      [sample('fast', [0], false), sample('slow', [0, 1]), sample('fast', [2, 1]), sample('slow', [])],
    );
    expect(result.players.map((player) => [player.ending, player.error])).toEqual([
      [{ kind: 'exited', code: 0 }, null],
      [{ kind: 'exited', code: 0 }, null],
    ]);
    const answers = await Promise.all(
      result.samples.map((s) => Promise.all(s.answers.map((answer) => text(answer.output)))),
    );
    expect(answers).toEqual([['ONE'], ['ONE', 'TWO'], ['THREE', 'TWO'], []]);
    expect(result.samples.map((s) => s.timed)).toEqual([false, true, true, true]);
    expect(result.samples.flatMap((s) => s.answers.map((answer) => answer.mutatedInput))).toEqual(
      Array(5).fill(null),
    );
    const [, slow = Number.NaN, fast = Number.NaN] = result.samples.map((s) => s.ns / 1e6);
    expect(slow).toBeGreaterThan(100);
    expect(fast).toBeLessThan(slow);
  });

  test('tells how long a player ran, and how long it stood in line for a processor', async () => {
    const spins = `
def answer(case):
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    return case
serve(answer)`;
    const programs = { spins, sleeps: 'serve(lambda case: (time.sleep(0.05), case)[1])' };
    const loads = [0, 1, 2].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    try {
      const plan = [sample('spins', [0, 0, 0, 0]), sample('sleeps', [0, 0, 0, 0])];
      const { samples } = await conduct(programs, ['x'], plan);
      const [spun, slept] = samples.map(({ ns, cpuNs, waitedNs }) =>
        [ns, cpuNs, waitedNs].map((each) => (each ?? Number.NaN) / 1e6),
      );
      const [, spunCpu = 0, spunWaited = 0] = spun ?? [];
      const [sleptMs = 0, sleptCpu = 0] = slept ?? [];
      expect(spunCpu).toBeGreaterThan(190);
      expect(spunCpu).toBeLessThan(300);
      // Three others want two processors; a group of its own gets as much as all of theirs together, so that it waits for little.
      expect(spunWaited).toBeGreaterThan(1);
      expect(sleptMs).toBeGreaterThan(200);
      expect(sleptCpu).toBeLessThan(100);
    } finally {
      for (const load of loads) load.kill('SIGKILL');
    }
  });

  test('shows an input that a player changed', async () => {
    const program = "serve(lambda case: b'x', spoil=b'##')";
    const result = await conduct({ a: program }, ['first', 'second'], [sample('a', [1, 0])]);
    const changed = result.samples[0]?.answers.map((answer) => text(answer.mutatedInput)) ?? [];
    expect(await Promise.all(changed)).toEqual(['##cond', '##rst']);
  });

  test('sends no input of a sample before the one before it has been answered', async () => {
    const program = `
import select
def answer(case):
    return case[:5] + (b', and more' if select.select([exchange], [], [], 0.05)[0] else b', alone')
serve(answer)`;
    const cases = ['first', 'other', 'third'.padEnd(100_000), 'forth'.padEnd(100_000)];
    const result = await conduct({ a: program }, cases, [sample('a', [0, 1, 2, 3])]);
    const answers = await Promise.all(result.samples[0]?.answers.map(({ output }) => text(output)) ?? []);
    expect(answers).toEqual(['first, alone', 'other, alone', 'third, alone', 'forth, alone']);
    expect((result.samples[0]?.ns ?? 0) / 1e6).toBeGreaterThan(4 * 50);
  });

  test('stops a player while it is not asked', async () => {
    const counting = `
count = 0
def counter():
    global count
    while True: count += 1; time.sleep(0.001)
threading.Thread(target=counter, daemon=True).start()
serve(lambda case: str(count).encode())`;
    const result = await conduct(
      { busy: counting, slow: "serve(lambda case: (time.sleep(1), b'x')[1])" },
      ['case'],
      [sample('busy', [0]), sample('slow', [0]), sample('busy', [0])],
    );
    const [before, , after] = await Promise.all(result.samples.map((s) => text(s.answers[0]?.output)));
    expect(Number(after) - Number(before)).toBeLessThan(100);
  });

  test.each([
    ['an error it reports', "serve(lambda case: b'ValueError: no', b'E')", 'exited', 'ValueError: no'],
    ['an answer larger than there is room', 'serve(lambda case: 1 << 40)', 'signalled', 'larger than'],
    ['another byte than an answer', "serve(lambda case: b'x', b'Q')", 'signalled', '0x51'],
    [
      'an answer without its length',
      "serve(lambda case: b'x', b'DD')",
      'signalled',
      '2 bytes that begins with 0x44',
    ],
    ['an answer shorter than it says', 'serve(lambda case: 100)', 'signalled', 'not as long'],
    [
      'an answer that can be changed',
      "serve(lambda case: b'x' * 100_000, seal=False)",
      'signalled',
      'be changed',
    ],
    ['an empty message', "serve(lambda case: b'x', b'')", 'signalled', 'empty message'],
    [
      'an answer before the question',
      "exchange.send(b'R'); exchange.send(b'D'); time.sleep(9)",
      'signalled',
      'before',
    ],
    ['an exit', 'serve(lambda case: os._exit(3))', 'exited', null],
    ['an exit as if all were well', 'serve(lambda case: os._exit(0))', 'exited', 'before it had answered'],
    ['a crash', 'serve(lambda case: os.abort())', 'signalled', null],
    ['never being ready', 'import sys; sys.exit(4)', 'exited', null],
    ['a wrong greeting', "serve(lambda case: b'x', ready=b'X')", 'signalled', '0x58'],
    ['closing the exchange', 'exchange.send(b"R"); exchange.close(); time.sleep(9)', 'signalled', 'closed'],
  ])('ends the plan at %s', async (_, program, ending, error) => {
    const result = await conduct({ a: program }, ['case'], [sample('a', [0]), sample('a', [0])]);
    expect(result.samples).toEqual([]);
    expect(only(result)?.ending.kind).toBe(ending);
    if (error === null) expect(only(result)?.error).toBeNull();
    else expect(only(result)?.error).toContain(error);
  });

  test('gives no time after the answer to a player that keeps the processors busy', async () => {
    const program = `
attempts = [lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.kill(1, 19),
            lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))]
for _ in range(20):
    if os.fork() == 0:
        while True:
            for attempt in attempts:
                try: attempt()
                except OSError: pass
exchange.send(b'R')
request, fds, _, _ = socket.recv_fds(exchange, 1 << 17, 1)
case = mmap.mmap(fds[0], 0)
exchange.send(struct.pack('<c7xQQ', b'D', 4, 0).ljust(64, b'\\0') + b'soon')
time.sleep(0.02)
case[0:4] = b'late'
time.sleep(9)`;
    const result = await conduct({ a: program }, ['case'.padEnd(100_000)], [sample('a', [0])]);
    const [answer] = result.samples[0]?.answers ?? [];
    expect([await text(answer?.output), answer?.mutatedInput]).toEqual(['soon', null]);
  });

  test.each([
    ['a process', 'stay()'],
    [
      'a thread of a process whose main thread has ended',
      'threading.Thread(target=stay).start(); libc.syscall(60, 0)',
    ],
  ])('asks nobody before a system call of another player, by %s, has ended', async (_, run) => {
    // One call fills the page tables of a mapping that is 400 times the same 16 MiB; it heeds no signal.
    const program = `
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PIECE, PIECES = 16 << 20, 400
memory = os.memfd_create('memory')
os.pwrite(memory, b'1' * PIECE, 0)
base = libc.mmap(None, PIECE * PIECES, 0, 0x22, -1, 0)
for piece in range(PIECES): libc.mmap(base + piece * PIECE, PIECE, 1, 0x11, memory, 0)
begin = mmap.mmap(-1, 4096)
def stay():
    while True:
        while not begin[0]: time.sleep(0.0002)
        began = time.thread_time()
        libc.madvise(base, PIECE * PIECES, 22)
        struct.pack_into('<d', begin, 8, time.thread_time() - began)
        begin[0] = 0
if os.fork() == 0:
    exchange.close()
    ${run}
    while True: time.sleep(9)
def answer(case):
    global before
    if case == b'how long?':
        while begin[0]: time.sleep(0.001)
        return repr(struct.unpack_from('<d', begin, 8)[0] - before).encode()
    began = time.monotonic()
    begin[0] = 1
    time.sleep(0.02)
    answered = time.monotonic()
    before = answered - began
    return repr(answered).encode()
serve(answer)`;
    const result = await conduct(
      { busy: program, other: 'serve(lambda case: repr(time.monotonic()).encode())' },
      ['how long?', 'go'],
      [sample('busy', [1]), sample('other', [1]), sample('busy', [0])],
    );
    // A machine with much to do may take longer for it than anybody waits.
    if (only(result)?.error) {
      expect(only(result)?.error).toContain('did not stand still after it had answered');
      return;
    }
    const answers = await Promise.all(result.samples.map(({ answers }) => text(answers[0]?.output)));
    const [answered = 0, asked = 0, after = 0] = answers.map(Number);
    // All the work of the call but what fitted in before the answer was done when the other was asked.
    expect(result.samples).toHaveLength(3);
    expect(asked - answered).toBeGreaterThan(after * 0.9);
  });

  test.each([
    ['is continued', 'SIGCONT'],
    ['is killed', 'SIGKILL'],
  ])('ends a player of which a stopped process %s by its timer', async (_, signal) => {
    const program = `
import ctypes, signal
libc = ctypes.CDLL(None)
class Event(ctypes.Structure):
    _fields_ = [('value', ctypes.c_void_p), ('signal', ctypes.c_int), ('notify', ctypes.c_int), ('rest', ctypes.c_char * 48)]
begin = mmap.mmap(-1, 4096)
if os.fork() == 0:
    exchange.close()
    timer = ctypes.c_void_p()
    libc.timer_create(1, ctypes.byref(Event(None, signal.${signal}, 0)), ctypes.byref(timer))
    while not begin[0]: time.sleep(0.0002)
    libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, 0, 0, 300_000_000), None)
    while True: time.sleep(0.001)
def answer(case):
    begin[0] = 1
    time.sleep(0.02)
    return b'x'
serve(answer)`;
    const result = await conduct(
      { busy: program, other: "serve(lambda case: (time.sleep(1), b'x')[1])" },
      ['case'],
      [sample('busy', [0]), sample('other', [0]), sample('busy', [0])],
    );
    // A freezer keeps it from running, or dying, at all.
    const frozen = kind === 'bubblewrap' && result.samples.length === 3;
    if (!frozen) expect(only(result)?.error).toBe('it ran while it was stopped');
  });

  test('ends a player that takes longer than a sample may, with what it said', async () => {
    const program = "print('begun', flush=True)\nserve(lambda case: time.sleep(60))";
    const result = await conduct({ a: program }, ['case'], [sample('a', [0])], { sampleMs: 300 });
    expect(only(result)?.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 300 });
    expect(only(result)?.stdout.tail).toBe('begun\n');
  });

  test('ends a player that is never ready, at the limit of the whole', async () => {
    const limits = { ...smallLimits, wallMs: 1_000 };
    const result = await conduct({ a: 'time.sleep(60)' }, ['case'], [sample('a', [0])], { limits });
    expect(only(result)?.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 1_000 });
  });

  test('ends a player that wants more memory than there is', async () => {
    const program = 'serve(lambda case: b"x" * (1 << 30))';
    const result = await conduct({ a: program }, ['case'], [sample('a', [0])]);
    expect(only(result)?.ending).toEqual({ kind: 'outOfMemory', limitMb: smallLimits.memoryMb });
  });

  test('ends a player whose answers together are larger than its disk may be', async () => {
    const program = 'turn = iter(range(9))\nserve(lambda case: bytes([next(turn)]) * (6 << 20))';
    const limits = { ...smallLimits, diskMb: 16 };
    const samples = [sample('a', [0]), sample('a', [0]), sample('a', [0]), sample('a', [0])];
    const result = await conduct({ a: program }, ['case'], samples, { limits, answerMb: 8 });
    expect(result.samples).toHaveLength(2);
    expect(only(result)?.error).toContain('larger than its disk may be');
  });

  test('lets no output of a player hold up its answer', async () => {
    const program = "serve(lambda case: (sys.stdout.write('x' * 300_000), sys.stdout.flush(), b'done')[2])";
    const result = await conduct({ a: program }, ['case'], [sample('a', [0]), sample('a', [0])]);
    expect(result.samples).toHaveLength(2);
    expect(only(result)?.stdout.bytes).toBe(600_000);
  });

  test('starts a command anew for every sample, in a fresh /work', async () => {
    const program = `
import os, time
print(sorted(os.listdir('.')), os.path.basename(os.getcwd()))
os.makedirs('deep/' + '/'.join('d' for _ in range(400)))
open('result.txt', 'w').write('made by ' + os.environ['HOME'])
os.chmod('deep', 0)
time.sleep(0.05)`;
    const result = await conduct({ one: program }, [], [sample('one', []), sample('one', [])], {
      kind: 'command',
      outputs: ['*.txt'],
    });
    expect(only(result)?.ending).toEqual({ kind: 'exited', code: 0 });
    expect(result.samples).toHaveLength(2);
    for (const taken of result.samples) {
      expect(await text(taken.stdout)).toBe("['.tmp', 'main.py'] one\n");
      expect(await text(taken.outputs['result.txt'])).toBe('made by /work/one');
      expect(taken.ns / 1e6).toBeGreaterThan(50);
    }
  });

  test('ends the plan at a command that fails', async () => {
    const result = await conduct({ one: 'raise SystemExit(5)' }, [], [sample('one', []), sample('one', [])], {
      kind: 'command',
    });
    expect(result.samples).toEqual([]);
    expect(only(result)?.ending).toEqual({ kind: 'exited', code: 5 });
  });
});
