import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConductResult, ConductSpec, Player, Sample } from '../../sandbox/sandbox.ts';
import { openTestSandbox, python, sandboxKinds, smallLimits, type TestSandbox } from '../support/sandbox.ts';

const { kinds, missing } = await sandboxKinds();
for (const line of missing) console.warn(`conducting is not tested in ${line}`);

/** A player's side of the exchange; `answer(input)` gives an answer's bytes for a case's. */
const serving = `
import mmap, os, socket, struct, sys, threading, time
exchange = socket.socket(fileno=3)
def serve(answer, verdict=b'D', ready=b'R', spoil=None):
    exchange.send(ready)
    while True:
        request, fds, _, _ = socket.recv_fds(exchange, 1 << 20, 2)
        if not request: break
        count, _, room = struct.unpack_from('<IIQ', request)
        inputs, answers = (mmap.mmap(fd, 0) for fd in fds)
        for i in range(count):
            offset, length = struct.unpack_from('<QQ', request, 16 + 16 * i)
            out = answer(inputs[offset:offset + length])
            if spoil: inputs[offset:offset + len(spoil)] = spoil
            size = out if isinstance(out, int) else len(out)
            answers[i * room:i * room + 8] = struct.pack('<Q', size)
            if not isinstance(out, int): answers[i * room + 64:i * room + 64 + size] = out
        for part in (inputs, answers): part.close()
        for fd in fds: os.close(fd)
        exchange.send(verdict)
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

  test('shows an input that a player changed', async () => {
    const program = "serve(lambda case: b'x', spoil=b'##')";
    const result = await conduct({ a: program }, ['first', 'second'], [sample('a', [1, 0])]);
    const changed = result.samples[0]?.answers.map((answer) => text(answer.mutatedInput)) ?? [];
    expect(await Promise.all(changed)).toEqual(['##cond', '##rst']);
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
    ['two bytes', "serve(lambda case: b'x', b'DD')", 'signalled', 'one byte'],
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
request, fds, _, _ = socket.recv_fds(exchange, 1 << 20, 2)
answers = mmap.mmap(fds[1], 0)
exchange.send(b'D')
time.sleep(0.02)
answers[0:8] = struct.pack('<Q', 4)
answers[64:68] = b'late'
time.sleep(9)`;
    const result = await conduct({ a: program }, ['case'], [sample('a', [0])]);
    expect(await text(result.samples[0]?.answers[0]?.output)).toBe('');
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
