import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Template } from 'e2b';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { JobRejected, NoSandbox, SandboxUnavailable } from '../../domain/errors.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { RunRequest, RunResult, Sandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { createFileBlobs } from '../../store/file-blobs.ts';
import { type E2bServer, startE2bServer } from '../support/e2b-server.ts';
import { markedProcesses, python, smallLimits } from '../support/sandbox.ts';

const tools = await toolchain();
/** What the local machines show of this one must lie where E2B's template has it. */
const missing = [
  ...(tools.supervisor === null ? ['supervisor'] : []),
  ...(tools.python !== null && realpathSync(join(tools.python, 'bin/python3')).startsWith('/usr/')
    ? []
    : ["the system's own Python 3.11 with the layer core"]),
  ...(tools.nanobind === null ? ['nanobind'] : []),
  ...['/usr/bin/bwrap', '/usr/bin/g++'].filter((part) => !existsSync(part)),
];
if (missing.length > 0 && process.env.CI)
  throw new Error(`E2B cannot be tested without ${missing.join(', ')}`);
if (missing.length > 0) console.warn(`E2B is not tested: no ${missing.join(', ')}`);

const never = new AbortController().signal;

test('the template is one that E2B can build: of steps it knows, from files that are here', async () => {
  const warnings = vi.spyOn(console, 'warn');
  const project = fileURLToPath(new URL('../..', import.meta.url));
  const template = Template({ fileContextPath: project }).fromDockerfile(
    join(project, 'docker/e2b/Dockerfile'),
  );
  // Hashing the files fails where one is missing.
  const made: { steps: { type: string }[] } = JSON.parse(await Template.toJSON(template));
  expect(made.steps.map(({ type }) => type)).toEqual(expect.arrayContaining(['COPY', 'RUN']));
  expect(warnings).not.toHaveBeenCalled();
  const text = Template.toDockerfile(template);
  for (const part of ['bubblewrap', 'g++', 'install.sh', 'OUT=/opt/crucible/supervisor'])
    expect(text).toContain(part);
  warnings.mockRestore();
});

describe.skipIf(missing.length > 0)('a sandbox by E2B', () => {
  let e2b: E2bServer;
  let home: string;
  let sandbox: Sandbox;
  let blobs: ReturnType<typeof createFileBlobs>;

  const open = (e2bOptions: { key?: string; template?: string } = {}, storeId = home, root = 'sandboxes') =>
    chooseSandbox({
      wanted: 'e2b',
      blobs,
      storeId,
      root: join(home, root),
      parts: tools,
      e2b: { key: e2b.key, template: 'crucible', apiUrl: e2b.url, sandboxUrl: e2b.url, ...e2bOptions },
    });

  beforeAll(async () => {
    const crucible = {
      [tools.python ?? '']: '/opt/crucible/python',
      [tools.nanobind ?? '']: '/opt/crucible/nanobind',
    };
    const own = { ...crucible, [tools.supervisor ?? '']: '/opt/crucible/supervisor' };
    e2b = await startE2bServer({ templates: { base: {}, crucible, own } });
    home = await mkdtemp(join(tmpdir(), 'crucible-e2b-test-'));
    blobs = createFileBlobs(join(home, 'blobs'));
    sandbox = (await open()).sandbox;
  });
  afterEach(async () => {
    expect(e2b.running(), 'machines left behind').toEqual([]);
    expect(await readdir(join(home, 'sandboxes/e2b')), 'folders left behind').toEqual([]);
    expect(await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`), 'processes left behind').toEqual([]);
  });
  afterAll(async () => {
    await e2b.close();
    await rm(home, { recursive: true, force: true });
  });

  type Wish = Partial<Omit<RunRequest, 'limits'>> & { limits?: Partial<Limits>; signal?: AbortSignal };

  async function program(text: string, { signal = never, limits, ...wish }: Wish = {}): Promise<RunResult> {
    return sandbox.run(
      {
        key: randomUUID(),
        label: 'test',
        argv: [python, 'main.py'],
        workspace: { 'main.py': await blobs.put(text) },
        ...wish,
        env: { CRUCIBLE_TEST_MARK: home, ...wish.env },
        limits: { ...smallLimits, ...limits },
      },
      signal,
    );
  }

  test('a program gets its files, and its outputs come back', async () => {
    const data = randomUUID();
    const result = await program(
      `
import os, sys
os.makedirs('deep/er')
open('deep/er/out.txt', 'w').write(open('/in/a b/data.txt').read() + sys.argv[1])
open('other.bin', 'wb').write(bytes(range(256)))
print('said'); print('warned', file=sys.stderr)
sys.exit(3)
`,
      {
        argv: [python, 'main.py', "it's $HOME"],
        files: { 'a b/data.txt': await blobs.put(data) },
        outputs: ['deep/**', '*.bin'],
      },
    );
    expect(result.ending).toEqual({ kind: 'exited', code: 3 });
    expect([result.stdout.tail, result.stderr.tail]).toEqual(['said\n', 'warned\n']);
    expect(Object.keys(result.outputs).sort()).toEqual(['deep/er/out.txt', 'other.bin']);
    const [text, bytes] = [result.outputs['deep/er/out.txt'], result.outputs['other.bin']];
    expect(text && (await blobs.text(text))).toBe(`${data}it's $HOME`);
    expect(bytes && [...(await blobs.get(bytes))].length).toBe(256);
    expect(result.isolation).toEqual({ kind: 'e2b', memory: 'watched', image: 'crucible' });
  });

  test('a machine has no network, is named by its run, and ends by itself a while after the run must have', async () => {
    const key = `job/1 step?&=${randomUUID()}`;
    await program('pass', { key, limits: { wallMs: 10_000 } });
    const made = e2b.created.at(-1);
    expect(made).toMatchObject({ template: 'crucible', internet: false, envs: {}, timeout: 370 });
    expect(made?.metadata).toMatchObject({ crucible: 'run', key });
    // No store's name or place, no key.
    expect(JSON.stringify(e2b.created)).not.toContain(e2b.key);
  });

  test('native code is compiled in it', async () => {
    const source = '#include <cstdio>\nint main() { std::puts("compiled"); }\n';
    const result = await program('', {
      argv: ['/bin/sh', '-c', 'g++ -o hello hello.cpp && ./hello'],
      workspace: { 'hello.cpp': await blobs.put(source) },
    });
    expect(result.stdout.tail).toBe('compiled\n');
  });

  test('the Python layer is there, and the guest', async () => {
    const result = await program(
      'import os, numpy, pybind11; print(numpy.arange(4).sum(), os.path.exists("/sandbox/guest/serve.py"))',
    );
    expect(result.stdout.tail).toBe('6 True\n');
  });

  describe('limits', () => {
    test('a fork bomb ends with the sandbox', async () => {
      const bomb = 'import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n';
      const result = await program(bomb, { limits: { wallMs: 3_000 } });
      expect(['timedOut', 'resourceLimit', 'outOfMemory']).toContain(result.ending.kind);
    });

    test('ten times the memory is out of memory', async () => {
      const result = await program(`b = b'1' * (10 * ${smallLimits.memoryMb} << 20)`);
      expect(result.ending).toEqual({ kind: 'outOfMemory', limitMb: smallLimits.memoryMb });
    });

    test('endless output ends at the cap', async () => {
      const result = await program('while True: print("a line of text" * 100)');
      expect(result.ending).toMatchObject({ kind: 'resourceLimit', resource: 'output' });
      expect(result.stdout.truncated).toBe(true);
    });

    test('an endless loop ends at the wall limit', async () => {
      const result = await program('while True: pass', { limits: { wallMs: 1_500 } });
      expect(result.ending).toEqual({ kind: 'timedOut', limit: 'wall', limitMs: 1_500 });
    });

    test('a job that wants more memory than a machine has is told so', async () => {
      const refused = await program('pass', { limits: { memoryMb: 4_000 } }).catch((error) => error);
      expect(refused).toBeInstanceOf(JobRejected);
      expect(refused.message).toContain('limits.memoryMb: expected at most 3904');
    });
  });

  describe('containment', () => {
    test('nothing can be reached', async () => {
      const result = await program(`
import json, socket
socket.setdefaulttimeout(2)
reached = []
for host, port in (('127.0.0.1', ${new URL(e2b.url).port}), ('1.1.1.1', 443), ('169.254.169.254', 80)):
    try: socket.create_connection((host, port)).close(); reached.append(host)
    except OSError: pass
try: socket.getaddrinfo('example.com', 80); reached.append('dns')
except OSError: pass
print(json.dumps(reached))
`);
      expect(JSON.parse(result.stdout.tail)).toEqual([]);
    });

    test('it is another user than the machine’s, without rights, and sees neither the job nor the supervisor’s folders', async () => {
      const result = await program(`
import os
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
print(os.getuid(), *(status[k].strip() for k in ('CapEff', 'CapPrm', 'NoNewPrivs', 'Seccomp')))
print(sorted(os.listdir('/')))
print(sorted(os.environ))
`);
      const [rights, root = '', environment] = result.stdout.tail.split('\n');
      expect(rights).toBe('65532 0000000000000000 0000000000000000 1 2');
      expect(root).not.toMatch(/crucible'|home|root/);
      expect(environment).not.toMatch(/E2B/);
    });

    test('links in the outputs are not followed', async () => {
      const result = await program(
        `
import os
os.symlink('/etc/passwd', 'passwd'); os.symlink('/sandbox', 'folder'); os.mkfifo('pipe')
open('plain', 'w').write('plain')
`,
        { outputs: ['**'] },
      );
      expect(Object.keys(result.outputs)).not.toEqual(expect.arrayContaining(['passwd']));
      expect(Object.keys(result.outputs)).toContain('plain');
      expect(result.refused.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['passwd', 'folder', 'pipe']),
      );
    });

    test('a forged record is only text', async () => {
      const forged = { nonce: 'x', ending: { kind: 'exited', code: 0 } };
      const result = await program(
        `open('record.json', 'w').write('''${JSON.stringify(forged)}'''); print('''${JSON.stringify(forged)}'''); raise SystemExit(9)`,
        { outputs: ['record.json'] },
      );
      expect(result.ending).toEqual({ kind: 'exited', code: 9 });
    });
  });

  test('players are measured under a conductor', async () => {
    const result = await sandbox.conduct(
      {
        key: randomUUID(),
        label: 'measure',
        players: ['fast', 'slow'].map((name) => ({
          name,
          kind: 'command' as const,
          argv: [
            python,
            '-c',
            `import time; time.sleep(${name === 'slow' ? 0.3 : 0}); open('out', 'w').write('${name}')`,
          ],
          env: { CRUCIBLE_TEST_MARK: home },
          outputs: ['out'],
        })),
        samples: ['fast', 'slow', 'fast'].map((player) => ({ player, cases: [], timed: true })),
        answerMb: 1,
        limits: { ...smallLimits, wallMs: 30_000 },
        sampleMs: 10_000,
        exclusive: true,
      },
      never,
    );
    expect(result.players.map(({ ending }) => ending)).toEqual(
      Array.from({ length: 2 }, () => ({ kind: 'exited', code: 0 })),
    );
    const [fast, slow] = result.samples;
    expect((slow?.ns ?? 0) - (fast?.ns ?? 0)).toBeGreaterThan(200e6);
    const said = await Promise.all(
      result.samples.map(({ outputs }) => outputs.out && blobs.text(outputs.out)),
    );
    expect(said).toEqual(['fast', 'slow', 'fast']);
  });

  describe('trouble', () => {
    test('an abort ends the machine at once', async () => {
      const caller = new AbortController();
      const run = program('while True: pass', { signal: caller.signal });
      await vi.waitFor(
        async () => expect(await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).not.toEqual([]),
        60_000,
      );
      const start = performance.now();
      caller.abort(new Error('enough'));
      await expect(run).rejects.toThrow('enough');
      expect(performance.now() - start).toBeLessThan(15_000);
      expect(e2b.running()).toEqual([]);
    });

    test('an abort while a machine is being made ends it when it is made', async () => {
      const caller = new AbortController();
      const before = e2b.created.length;
      const run = program('pass', { signal: caller.signal });
      await vi.waitFor(() => expect(e2b.created.length).toBeGreaterThan(before), 60_000);
      caller.abort(new Error('enough'));
      await expect(run).rejects.toThrow('enough');
      await vi.waitFor(() => expect(e2b.running()).toEqual([]), 60_000);
    });

    test.each([
      ['list', 500],
      ['create', 429],
      ['create', 503],
      ['create', 500],
      ['upload', 500],
      ['start', 503],
      ['download', 500],
    ] as const)('E2B answering %s with %i is the sandbox’s trouble', async (at, status) => {
      e2b.faults.push({ at, kind: 'status', status });
      const thrown = await program('pass').catch((error) => error);
      expect(thrown).toBeInstanceOf(SandboxUnavailable);
      expect(thrown.message).toMatch(/^E2B did not /);
      expect((await program('print(1)')).stdout.tail).toBe('1\n');
    });

    test('a machine that ends in the middle of a run is the sandbox’s trouble', async () => {
      const run = program('while True: pass').catch((error) => error);
      await vi.waitFor(
        async () => expect(await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).not.toEqual([]),
        60_000,
      );
      await e2b.expire(e2b.running()[0] ?? '');
      expect(await run).toBeInstanceOf(SandboxUnavailable);
    });

    test('a machine whose making was never confirmed is found by the next attempt, and ended', async () => {
      const key = randomUUID();
      e2b.faults.push({ at: 'create', kind: 'lostReply' });
      expect(await program('pass', { key }).catch((error) => error)).toBeInstanceOf(SandboxUnavailable);
      await vi.waitFor(() => expect(e2b.running()).toHaveLength(1), 60_000);
      expect((await program('print(1)', { key })).stdout.tail).toBe('1\n');
    });

    test('a connection that breaks during a run is made anew, and the run is not done twice', async () => {
      const key = randomUUID();
      const run = program('import time; time.sleep(2); print("once")', { key });
      await vi.waitFor(
        async () => expect(await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).not.toEqual([]),
        60_000,
      );
      const starts = e2b.started.length;
      e2b.breakConnections();
      expect((await run).stdout.tail).toBe('once\n');
      expect(e2b.started).toHaveLength(starts);
    });

    test('a run that another worker left is waited for, and its result taken', async () => {
      const key = randomUUID();
      const marked = () => markedProcesses(`CRUCIBLE_TEST_MARK=${home}`);
      const first = program('import time; time.sleep(2); print(time.time())', { key }).catch(() => null);
      await vi.waitFor(async () => expect(await marked()).not.toEqual([]), 60_000);
      const made = e2b.created.length;
      const second = await program('import time; time.sleep(2); print(time.time())', { key });
      expect(second.ending).toEqual({ kind: 'exited', code: 0 });
      expect(e2b.created).toHaveLength(made);
      await first;
    });

    test('sweeping ends the machines of steps that are over, and no other store’s', async () => {
      const other = (await open({}, 'another store', 'others')).sandbox;
      const keys = { over: randomUUID(), open: randomUUID() };
      const runs = [
        program('while True: pass', { key: keys.over }),
        program('while True: pass', { key: keys.open }),
      ].map((run) => run.catch((error) => error));
      await vi.waitFor(async () => expect(e2b.running()).toHaveLength(2), 60_000);
      await vi.waitFor(
        async () => expect((await markedProcesses(`CRUCIBLE_TEST_MARK=${home}`)).length).toBeGreaterThan(1),
        60_000,
      );
      expect(await other.sweep({ all: true })).toBe(0);
      expect(await sandbox.sweep({ isOver: async (key) => key === keys.over })).toBe(1);
      expect(await runs[0]).toBeInstanceOf(SandboxUnavailable);
      expect(e2b.running()).toHaveLength(1);
      expect(await sandbox.sweep({ all: true })).toBe(1);
      expect(await runs[1]).toBeInstanceOf(SandboxUnavailable);
    });
  });

  describe('opening', () => {
    test('a template without our toolchain is refused, and the message says what to do', async () => {
      const refused = await open({ template: 'base' }).catch((error) => error);
      expect(refused).toBeInstanceOf(NoSandbox);
      expect(refused.message).toContain("E2B's template base has no /opt/crucible/python");
      expect(refused.message).toContain('docs/e2b.md');
    });

    test('a template that does not exist is refused', async () => {
      const refused = await open({ template: 'none' }).catch((error) => error);
      expect(refused).toBeInstanceOf(NoSandbox);
      expect(refused.message).toContain('E2B_TEMPLATE');
    });

    test('a wrong key is refused, and not quoted', async () => {
      const refused = await open({ key: 'hasty-hare-0123456789' }).catch((error) => error);
      expect(refused).toBeInstanceOf(NoSandbox);
      expect(refused.message).toContain('E2B_API_KEY');
      expect(refused.message).not.toContain('hare');
    });

    test('E2B in trouble is for the caller to retry', async () => {
      e2b.faults.push({ at: 'create', kind: 'status', status: 503 });
      expect(await open().catch((error) => error)).toBeInstanceOf(SandboxUnavailable);
    });

    test('without a key there is none', async () => {
      const options = {
        wanted: 'e2b' as const,
        blobs,
        storeId: home,
        root: join(home, 'sandboxes'),
        parts: tools,
      };
      const refused = await chooseSandbox(options).catch((error) => error);
      expect(refused).toBeInstanceOf(NoSandbox);
      expect(refused.message).toContain('E2B_API_KEY is not set');
    });

    test('a host that can compile no supervisor uses the template’s', async () => {
      const { sandbox: own } = await chooseSandbox({
        wanted: 'auto',
        blobs,
        storeId: home,
        root: join(home, 'sandboxes'),
        parts: { ...tools, docker: null, bwrap: null, supervisor: null },
        e2b: { key: e2b.key, template: 'own', apiUrl: e2b.url, sandboxUrl: e2b.url },
      });
      const limits = smallLimits;
      const result = await own.run(
        { key: randomUUID(), label: 'own', argv: ['/bin/echo', 'own'], limits },
        never,
      );
      expect(result.stdout.tail).toBe('own\n');
    });
  });
});
