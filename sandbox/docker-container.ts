import { isDeepStrictEqual } from 'node:util';
import type Docker from 'dockerode';
import { SandboxUnavailable } from '../domain/errors.ts';
import type { Limits } from '../domain/limits.schema.ts';
import { dockerSeccompProfile } from './seccomp.ts';

const MIB = 1024 * 1024;

/** What a container of ours may have beyond its program. */
export type ContainerPlan = {
  name: string;
  image: string;
  command: readonly string[];
  limits: Limits;
  labels: Record<string, string>;
  /** Host path and path inside of every folder or file shown; nothing else of the host is. */
  mounts: readonly { from: string; to: string; writable: boolean }[];
  /** Path inside → mount options. */
  temporary: Record<string, string>;
};

/** The types of dockerode do not know this one. */
type HostConfig = Docker.HostConfig & { CgroupnsMode?: string };

/** The engine refuses less than this. */
const LEAST_MEMORY_MB = 6;

/** The supervisor, its copier, and a process it is starting. */
const OWN_PROCESSES = 4;

const SUPERVISOR = '0:0';
const capabilities = ['KILL', 'SETGID', 'SETUID'];
const seccomp = `seccomp=${dockerSeccompProfile()}`;
const securityOptions = ['no-new-privileges:true', seccomp];

/** The engine's options for `plan`: everything a program must not have is taken away here, and checked by `assertContained`. */
export function containerOptions(plan: ContainerPlan): Docker.ContainerCreateOptions {
  const memory = memoryBytes(plan.limits);
  const host: HostConfig = {
    NetworkMode: 'none',
    ReadonlyRootfs: true,
    Privileged: false,
    CapDrop: ['ALL'],
    CapAdd: capabilities,
    Init: false,
    SecurityOpt: securityOptions,
    Memory: memory,
    // The same number means no swap.
    MemorySwap: memory,
    // Under pressure on the host, sandboxes go before the worker.
    OomScoreAdj: 500,
    PidsLimit: plan.limits.processes + OWN_PROCESSES,
    IpcMode: 'private',
    // By default the host's cgroup paths would show inside.
    CgroupnsMode: 'private',
    // Its pages count as memory.
    ShmSize: plan.limits.memoryMb * MIB,
    Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
    Tmpfs: plan.temporary,
    Mounts: plan.mounts.map(({ from, to, writable }) => ({
      Type: 'bind' as const,
      Source: from,
      Target: to,
      ReadOnly: !writable,
      BindOptions: { Propagation: 'private' as const },
    })),
    // Only the supervisor can write here, and it does so when it fails. Programs' output goes to files.
    LogConfig: { Type: 'local', Config: { 'max-size': '1m', 'max-file': '1', compress: 'false' } },
    // The exit code and the engine's out-of-memory flag must outlive a worker that crashed.
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
  };
  return {
    Image: plan.image,
    Entrypoint: [...plan.command],
    Cmd: [],
    // The supervisor's; it starts programs under another user.
    User: SUPERVISOR,
    WorkingDir: '/',
    Env: [],
    Hostname: 'sandbox',
    Tty: false,
    OpenStdin: false,
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGKILL',
    Labels: plan.labels,
    HostConfig: host,
  };
}

/**
 * Compares what the engine says it will start with what was asked for, point by point. A daemon's default, an image's volume or a proxy in
 * between must not open the sandbox. Throws `SandboxUnavailable` naming the first point that differs.
 */
export function assertContained(found: Docker.ContainerInspectInfo, plan: ContainerPlan): void {
  const host: HostConfig = found.HostConfig;
  const none = (list: unknown) => (Array.isArray(list) ? list.length : Object.keys(list ?? {}).length) === 0;
  const points: [name: string, found: unknown, wanted: unknown][] = [
    ['image', found.Config.Image, plan.image],
    ['user', found.Config.User, SUPERVISOR],
    ['command', [found.Path, ...(found.Args ?? [])], plan.command],
    ['privileged', host.Privileged ?? false, false],
    ['capabilities', sortedCapabilities(host.CapAdd), capabilities],
    ['dropped capabilities', sortedCapabilities(host.CapDrop), ['ALL']],
    ['network', host.NetworkMode, 'none'],
    ['read-only root', host.ReadonlyRootfs, true],
    ['memory', host.Memory, memoryBytes(plan.limits)],
    ['memory with swap', host.MemorySwap, memoryBytes(plan.limits)],
    ['OOM killer disabled', host.OomKillDisable ?? false, false],
    ['processes', host.PidsLimit, plan.limits.processes + OWN_PROCESSES],
    ['IPC namespace', host.IpcMode, 'private'],
    ['PID namespace', host.PidMode, ''],
    ['UTS namespace', host.UTSMode, ''],
    ['user namespace', host.UsernsMode, ''],
    ['cgroup namespace', host.CgroupnsMode, 'private'],
    ['cgroup parent', host.CgroupParent, ''],
    ['no devices', none(host.Devices) && none(host.DeviceRequests) && none(host.DeviceCgroupRules), true],
    ['no binds or volumes', none(host.Binds) && none(host.VolumesFrom), true],
    ['no ports', none(host.PortBindings), true],
    ['no added groups', none(host.GroupAdd), true],
    ['no kernel settings', none(host.Sysctls), true],
    ['masked paths', host.MaskedPaths?.includes('/proc/kcore'), true],
    ['read-only paths', host.ReadonlyPaths?.includes('/proc/sys'), true],
    ['security options', (host.SecurityOpt ?? []).map(brief), securityOptions.map(brief)],
    ['temporary file systems', host.Tmpfs, plan.temporary],
    [
      'mounts',
      byDestination(found.Mounts.map((m) => [m.Destination, m.Source, m.Type, m.RW])),
      byDestination(plan.mounts.map((m) => [m.to, m.from, 'bind', m.writable])),
    ],
  ];
  for (const [name, got, wanted] of points) {
    if (isDeepStrictEqual(got, wanted)) continue;
    throw new SandboxUnavailable(
      `sandbox ${plan.name} was not started: its ${name} should be ${JSON.stringify(wanted)}, the Docker engine made ` +
        `${JSON.stringify(got)}. Check the engine's configuration.`,
    );
  }
}

const memoryBytes = (limits: Limits) => Math.max(limits.memoryMb, LEAST_MEMORY_MB) * MIB;

/** Our profile has thousands of characters, which would bury a message. */
const brief = (option: string) => (option === seccomp ? 'seccomp=(the allow-list)' : option.slice(0, 80));

/** Newer engines write CAP_KILL where older ones write KILL. */
const sortedCapabilities = (list: string[] | null | undefined) =>
  (list ?? []).map((name) => name.replace(/^CAP_/, '')).sort();

const byDestination = (mounts: (string | boolean)[][]) =>
  mounts.sort((a, b) => String(a[0]).localeCompare(String(b[0])));
