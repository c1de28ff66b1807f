import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxUnavailable } from '../domain/errors.ts';
import type { Limits } from '../domain/limits.schema.ts';

/** Where this host lets us make control groups: one folder in version 2, one for each controller in version 1. */
export type ControlGroups = { memory: string; pids: string; cpu: string; freezer: string };

const MIB = 1024 * 1024;
const ROOT = '/sys/fs/cgroup';
/** Bubblewrap, its process 1, and one of theirs that is starting. */
const OWN_PROCESSES = 3;
const OWN_MEMORY = 4 * MIB;
/** Who was killed ends within this time, unless the host is in trouble. */
const EMPTYING_MS = 10_000;

/** Looks for a place where groups with limits on memory and processes can be made; null where there is none. */
export async function findControlGroups(): Promise<ControlGroups | null> {
  const unified = existsSync(join(ROOT, 'cgroup.controllers'));
  const separate = {
    memory: `${ROOT}/memory`,
    pids: `${ROOT}/pids`,
    cpu: `${ROOT}/cpuacct`,
    freezer: `${ROOT}/freezer`,
  };
  for (const parent of unified ? await unifiedParents() : [separate]) {
    const found = inEach(parent, 'crucible');
    const trial = `probe-${randomUUID()}`;
    try {
      for (const folder of new Set(Object.values(found))) await mkdir(folder, { recursive: true });
      if (unified)
        for (const folder of [parent.memory, found.memory])
          await writeFile(join(folder, 'cgroup.subtree_control'), '+memory +pids');
      await makeControlGroup(found, trial, { memoryMb: 64, processes: 8 });
      await removeControlGroup(found, trial);
      return found;
    } catch {
      // Not ours to write, or without these controllers: the next place, or none.
    }
  }
  return null;
}

/** The root for root, and beside our own group where the session's manager has handed that part to us. */
async function unifiedParents(): Promise<ControlGroups[]> {
  const own = /^0::(.*)$/m.exec(await readFile('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  return [ROOT, join(ROOT, dirname(own))].map((folder) => ({
    memory: folder,
    pids: folder,
    cpu: folder,
    freezer: folder,
  }));
}

const inEach = ({ memory, pids, cpu, freezer }: ControlGroups, name: string): ControlGroups => ({
  memory: join(memory, name),
  pids: join(pids, name),
  cpu: join(cpu, name),
  freezer: join(freezer, name),
});

/** Makes the group `name` with these limits. Returns its folders. */
export async function makeControlGroup(
  groups: ControlGroups,
  name: string,
  limits: Pick<Limits, 'memoryMb' | 'processes'>,
): Promise<ControlGroups> {
  const group = inEach(groups, name);
  for (const folder of new Set(Object.values(group))) await mkdir(folder);
  const bytes = `${limits.memoryMb * MIB + OWN_MEMORY}`;
  if (group.memory === group.pids) {
    await writeFile(join(group.memory, 'memory.max'), bytes);
    await writeIfThere(join(group.memory, 'memory.swap.max'), '0');
    await writeIfThere(join(group.memory, 'memory.oom.group'), '1');
  } else {
    await writeFile(join(group.memory, 'memory.limit_in_bytes'), bytes);
    // With swap no more than without: none.
    await writeIfThere(join(group.memory, 'memory.memsw.limit_in_bytes'), bytes);
  }
  await writeFile(join(group.pids, 'pids.max'), `${limits.processes + OWN_PROCESSES}`);
  return group;
}

/**
 * Ends what is in the group `name` and the groups inside it, frozen or not, and removes them. Does nothing
 * where there is none. Throws `SandboxUnavailable` where a process in it does not end in time.
 */
export async function removeControlGroup(groups: ControlGroups, name: string): Promise<void> {
  const outer = [...new Set(Object.values(inEach(groups, name)))];
  const until = Date.now() + EMPTYING_MS;
  for (;;) {
    const folders = [...(await Promise.all(outer.map(foldersIn))).flat(), ...outer];
    // All of them first: in version 1 who is frozen does not die, and is in the groups of the other controllers too.
    for (const folder of folders) await thaw(folder);
    const left = (await Promise.all(folders.map(processesIn))).flat();
    for (const pid of left) killIfThere(pid);
    const removed: boolean[] = [];
    for (const folder of folders) removed.push(await removeFolder(folder));
    if (!removed.includes(false)) return;
    if (Date.now() > until)
      throw new SandboxUnavailable(
        `the control group ${name} below ${outer.join(', ')} cannot be emptied yet: expected its processes to end, ` +
          `found ${[...new Set(left)].join(', ') || 'none'}`,
      );
    await sleep(10);
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

async function processesIn(folder: string): Promise<number[]> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** Where `folder` is of a freezer. The one of version 1 may be gone between a look and the writing. */
async function thaw(folder: string): Promise<void> {
  for (const [file, text] of [
    ['freezer.state', 'THAWED'],
    ['cgroup.freeze', '0'],
  ] as const)
    await writeIfThere(join(folder, file), text).catch(() => undefined);
}

/** False where something is in it still. */
const removeFolder = (folder: string): Promise<boolean> =>
  rmdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return true;
      if (error.code === 'EBUSY' || error.code === 'ENOTEMPTY') return false;
      throw error;
    },
  );

/** The groups there are, by name. */
export async function listControlGroups(groups: ControlGroups): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of new Set(Object.values(groups)))
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
      if (entry.isDirectory()) names.add(entry.name);
  return [...names];
}

async function writeIfThere(path: string, text: string): Promise<void> {
  if (existsSync(path)) await writeFile(path, text);
}

/** Sends SIGKILL; the process may have ended. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
