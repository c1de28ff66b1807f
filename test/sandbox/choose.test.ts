import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NoSandbox } from '../../domain/errors.ts';
import { chooseSandbox, type SandboxParts, stageGuest } from '../../sandbox/choose.ts';
import type { WantedSandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { createFileBlobs } from '../../store/file-blobs.ts';

const parts: SandboxParts = await toolchain();

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'crucible-choose-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const choose = (wanted: WantedSandbox, found: SandboxParts) =>
  chooseSandbox({
    wanted,
    blobs: createFileBlobs(join(home, 'blobs')),
    storeId: 'choose-test',
    root: join(home, 'sandboxes'),
    parts: found,
  });

const nothing = { docker: null, image: null, supervisor: null, bwrap: null, python: null, nanobind: null };

describe('choosing a sandbox', () => {
  test('with nothing to isolate by, nothing is run, and the message says what to type', async () => {
    const refused = await choose('auto', { ...parts, ...nothing }).catch((error) => error);
    expect(refused).toBeInstanceOf(NoSandbox);
    expect(refused.message).toContain('npm run setup');
    expect(refused.message).not.toContain('\n');
  });

  test('a sandbox asked for by name is never replaced by another', async () => {
    const refused = await choose('docker', { ...parts, docker: null }).catch((error) => error);
    expect(refused).toBeInstanceOf(NoSandbox);
    expect(refused.message).toContain('no Docker engine answers');
    expect(refused.message).not.toContain('bubblewrap');
  });

  test.runIf(parts.image !== null)('auto takes Docker first and says so', async () => {
    const chosen = await choose('auto', parts);
    expect(chosen.kind).toBe('docker');
    expect(chosen.sandbox.isolation).toEqual({ kind: 'docker', memory: 'cgroup', image: parts.image });
    expect(chosen.why).toBe(`docker (image ${parts.image}): first choice`);
  });

  test.runIf(parts.bwrap !== null && parts.python !== null)(
    'auto takes bubblewrap without Docker and says why',
    async () => {
      const chosen = await choose('auto', { ...parts, docker: null });
      expect(chosen.kind).toBe('bubblewrap');
      expect(chosen.why).toMatch(/^bubblewrap \(.+\): no docker: no Docker engine answers$/);
    },
  );
});

describe('staging the guest', () => {
  test('makes one copy for one content, readable by all and writable by none, whatever the umask', async () => {
    const source = join(home, 'guest-source');
    const root = join(home, 'guest-root');
    await mkdir(join(source, 'inner'), { recursive: true, mode: 0o700 });
    await writeFile(join(source, 'main.py'), 'print(1)', { mode: 0o600 });
    await writeFile(join(source, 'inner/part.py'), 'print(2)');
    const before = process.umask(0o077);
    try {
      const paths = await Promise.all([stageGuest(source, root), stageGuest(source, root)]);
      expect(new Set(paths).size).toBe(1);
      expect(await stageGuest(source, root)).toBe(paths[0]);
      const [path = ''] = paths;
      const modes = await Promise.all(
        ['.', 'inner', 'main.py', 'inner/part.py'].map(
          async (name) => (await stat(join(path, name))).mode & 0o777,
        ),
      );
      expect(modes).toEqual([0o755, 0o755, 0o444, 0o444]);

      await writeFile(join(source, 'main.py'), 'print(3)');
      expect(await stageGuest(source, root)).not.toBe(path);
      expect(await readdir(root)).toHaveLength(2);
    } finally {
      process.umask(before);
    }
  });
});
