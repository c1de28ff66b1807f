import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { NoSandbox, SandboxUnavailable } from '../../domain/errors.ts';
import { createDockerSandbox, type DockerSandboxOptions } from '../../sandbox/docker.ts';
import { assertContained, type ContainerPlan, containerOptions } from '../../sandbox/docker-container.ts';
import { createLayers } from '../../sandbox/layers.ts';
import {
  absentSyscalls,
  allowedSyscalls,
  argumentRules,
  dockerSeccompProfile,
} from '../../sandbox/seccomp.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { createFileBlobs } from '../../store/file-blobs.ts';
import {
  markedProcesses,
  openTestSandbox,
  sandboxKinds,
  smallLimits,
  type TestSandbox,
} from '../support/sandbox.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const { kinds } = await sandboxKinds();

describe('the system calls a program may make', () => {
  test('are each named once', () => {
    const names = [...allowedSyscalls, ...absentSyscalls, ...argumentRules.map((rule) => rule.syscall)];
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.filter((name) => !/^[a-z0-9_]+$/.test(name))).toEqual([]);
  });

  test('are all in the Docker profile, and everything else is refused', () => {
    const profile = JSON.parse(dockerSeccompProfile());
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
    const named = new Set(profile.syscalls.flatMap((rule: { names: string[] }) => rule.names));
    expect(named.size).toBe(allowedSyscalls.length + absentSyscalls.length + argumentRules.length);
    for (const kernelDoor of ['io_uring_setup', 'ptrace', 'bpf', 'unshare', 'mount', 'keyctl', 'userfaultfd'])
      expect(named).not.toContain(kernelDoor);
  });
});

describe.runIf(kinds.includes('docker'))('the Docker sandbox', () => {
  let test_: TestSandbox;
  let engine: Docker;
  let image: string;
  let base: DockerSandboxOptions;

  beforeAll(async () => {
    const parts = await toolchain();
    test_ = await openTestSandbox('docker');
    engine = new Docker(parts.docker ? { socketPath: parts.docker } : {});
    image = parts.image ?? '';
    base = {
      blobs: test_.blobs,
      storeId: test_.folder,
      root: join(test_.folder, 'sandboxes/docker'),
      image,
      layers: createLayers({ cache: test_.folder }),
      supervisor: parts.supervisor ?? '',
      guest: join(test_.folder, 'sandboxes'),
      lockFile: join(test_.folder, 'measuring.lock'),
    };
  });
  afterAll(() => test_.close());

  const containersOf = (storeId: string) =>
    engine.listContainers({ all: true, filters: JSON.stringify({ label: [`crucible.store=${storeId}`] }) });

  test('a missing image is no sandbox, with what to type', async () => {
    const refused = await createDockerSandbox({ ...base, image: 'crucible-sandbox:none' }).catch(
      (error) => error,
    );
    expect(refused).toBeInstanceOf(NoSandbox);
    expect(refused.message).toContain('npm run setup');
  });

  describe('when the engine is broken', () => {
    async function withEngine(answer: RequestListener, act: (socketPath: string) => Promise<void>) {
      const folder = await mkdtemp(join(tmpdir(), 'crucible-engine-'));
      const socketPath = join(folder, 'engine.sock');
      const server = createServer(answer);
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      try {
        await act(socketPath);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await rm(folder, { recursive: true });
      }
    }

    /** Answers the look for the image, then as `later` does. */
    const afterOpening =
      (later: RequestListener): RequestListener =>
      (request, response) => {
        if (request.url?.startsWith('/images/')) response.end('{}');
        else later(request, response);
      };

    async function runFails(socketPath: string): Promise<SandboxUnavailable> {
      const sandbox = await createDockerSandbox({ ...base, socketPath, engineTimeoutMs: 300 });
      const request = { key: randomUUID(), label: 'test', argv: ['true'], limits: smallLimits };
      const error = await sandbox.run(request, new AbortController().signal).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(SandboxUnavailable);
      expect(error.cause).toBeInstanceOf(Error);
      return error;
    }

    test('one that is not there is unavailable', async () => {
      const gone = createDockerSandbox({ ...base, socketPath: join(test_.folder, 'no.sock') });
      await expect(gone).rejects.toThrow(SandboxUnavailable);
    });

    test('an error of the engine is not the program’s', () =>
      withEngine(
        afterOpening((_, response) => {
          response.statusCode = 500;
          response.end('{"message":"disk quota exceeded"}');
        }),
        async (socketPath) => expect((await runFails(socketPath)).message).toContain('disk quota exceeded'),
      ));

    test('a connection that breaks is not the program’s', () =>
      withEngine(
        afterOpening((request) => request.socket.destroy()),
        async (socketPath) => void (await runFails(socketPath)),
      ));

    test('an engine that does not answer is given up', async () => {
      const started = Date.now();
      await withEngine(
        afterOpening(() => undefined),
        async (socketPath) => void (await runFails(socketPath)),
      );
      expect(Date.now() - started).toBeLessThan(30_000);
    });
  });

  describe('a container with more than it should have is not started', () => {
    const plan = (): ContainerPlan => ({
      name: `crucible-test-${randomUUID()}`,
      image,
      command: ['/sandbox/supervisor'],
      limits: smallLimits,
      labels: { 'crucible.store': base.storeId, 'crucible.deadline': '0' },
      mounts: [{ from: base.supervisor, to: '/sandbox/supervisor', writable: false }],
      temporary: { '/work': 'rw,size=1m' },
    });

    async function checked(wanted: ContainerPlan, change: (options: Docker.ContainerCreateOptions) => void) {
      const options = containerOptions(wanted);
      change(options);
      const container = await engine.createContainer({ name: wanted.name, ...options });
      try {
        assertContained(await container.inspect(), wanted);
      } finally {
        await container.remove({ force: true });
      }
    }

    test('one that is as planned passes', () => checked(plan(), () => undefined));

    test.each<[string, Partial<Docker.HostConfig>]>([
      ['privileged', { Privileged: true }],
      ['capabilities', { CapAdd: ['SYS_ADMIN'] }],
      ['dropped capabilities', { CapDrop: [] }],
      ['network', { NetworkMode: 'bridge' }],
      ['read-only root', { ReadonlyRootfs: false }],
      ['security options', { SecurityOpt: ['seccomp=unconfined'] }],
      ['memory', { Memory: 0, MemorySwap: 0 }],
      ['memory with swap', { MemorySwap: -1 }],
      ['processes', { PidsLimit: 0 }],
      ['IPC namespace', { IpcMode: 'host' }],
      ['PID namespace', { PidMode: 'host' }],
      [
        'no devices',
        { Devices: [{ PathOnHost: '/dev/kmsg', PathInContainer: '/dev/kmsg', CgroupPermissions: 'r' }] },
      ],
      ['no binds or volumes', { Binds: ['/:/host'] }],
      ['mounts', { Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }] }],
      ['temporary file systems', { Tmpfs: {} }],
    ])('%s', async (point, change) => {
      const error = await checked(plan(), ({ HostConfig }) => Object.assign(HostConfig ?? {}, change)).catch(
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(SandboxUnavailable);
      expect(error.message).toContain(`its ${point} should be`);
    });
  });

  test('a container removed while its program runs is run anew', async () => {
    const running = test_.python('import time; time.sleep(1); print("ran")');
    while ((await markedProcesses(test_.mark)).length === 0) await sleep(20);
    for (const { Id } of await containersOf(base.storeId))
      await engine.getContainer(Id).remove({ force: true });
    expect((await running).stdout.tail).toBe('ran\n');
  });

  test('another container under its name is not believed', async () => {
    const key = randomUUID();
    const first = test_.python('import time; time.sleep(30)', { key, limits: { wallMs: 1_000 } });
    let name: string | undefined;
    while (!name) {
      const found = (await containersOf(base.storeId)).find(({ Labels }) => Labels['crucible.key'] === key);
      name = found?.Names[0]?.slice(1);
    }
    await first;
    expect(await test_.leftovers()).toEqual([]);

    await engine.createContainer({
      name,
      Image: image,
      Cmd: ['true'],
      Labels: { 'crucible.store': base.storeId },
    });
    const second = await test_.python('print("ran")', { key });
    expect(second.stdout.tail).toBe('ran\n');
    expect(await test_.leftovers()).toEqual([]);
  });

  test('a sweep takes what is past its deadline and leaves the living and the others', async () => {
    const make = (storeId: string, deadline: number) =>
      engine.createContainer({
        name: `crucible-test-${randomUUID()}`,
        Image: image,
        Cmd: ['true'],
        Labels: { 'crucible.store': storeId, 'crucible.deadline': `${deadline}` },
      });
    const elsewhere = randomUUID();
    await make(base.storeId, Date.now() - 1);
    const living = await make(base.storeId, Date.now() + 60_000);
    const other = await make(elsewhere, Date.now() - 1);

    expect(await test_.sandbox.sweep()).toBe(1);
    expect((await containersOf(base.storeId)).map(({ Id }) => Id)).toEqual([living.id]);
    expect(await test_.sandbox.sweep({ all: true })).toBe(1);
    expect(await containersOf(base.storeId)).toEqual([]);
    expect((await containersOf(elsewhere)).map(({ Id }) => Id)).toEqual([other.id]);
    await other.remove({ force: true });
  });

  test('a job that cannot be staged leaves nothing behind', async () => {
    const missing = 'f'.repeat(64);
    const request = { key: randomUUID(), label: 'test', argv: ['true'], limits: smallLimits };
    const signal = new AbortController().signal;
    await expect(test_.sandbox.run({ ...request, files: { x: missing } }, signal)).rejects.toThrow();
    expect(await readdir(base.root)).toEqual([]);
  });

  test('a run that was aborted before it began starts nothing', async () => {
    const abort = new AbortController();
    abort.abort(new Error('cancelled'));
    await expect(test_.python('print(1)', { signal: abort.signal })).rejects.toThrow('cancelled');
    expect(await containersOf(base.storeId)).toEqual([]);
  });

  test('two runs under one key are one run', async () => {
    const key = randomUUID();
    const program = 'import time, uuid; time.sleep(1); print(uuid.uuid4())';
    const second = createDockerSandbox({ ...base, blobs: createFileBlobs(join(test_.folder, 'blobs')) });
    const request = {
      key,
      label: 'test',
      argv: ['/opt/crucible/python/bin/python3', '-c', program],
      limits: smallLimits,
    };
    const signal = new AbortController().signal;
    const running = test_.sandbox.run(request, signal);
    while ((await containersOf(base.storeId))[0]?.State !== 'running') await sleep(10);
    const results = await Promise.allSettled([running, (await second).run(request, signal)]);
    const said = results.map((result) =>
      result.status === 'fulfilled' ? result.value.stdout.tail : result.reason,
    );
    expect(said[0]).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(said[1]).toBe(said[0]);
  });
});
