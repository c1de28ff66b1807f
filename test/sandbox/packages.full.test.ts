import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Listed } from '../../domain/environment.schema.ts';
import { packageName } from '../../domain/requirements.ts';
import { lockedPackages } from '../../sandbox/packages.ts';
import { openTestSandbox, python, sandboxKinds, type TestSandbox } from '../support/sandbox.ts';

const { kinds } = await sandboxKinds();

describe.each(kinds)('the packages that every sandbox has (%s)', (kind) => {
  let box: TestSandbox;
  beforeAll(async () => {
    box = await openTestSandbox(kind);
  });
  afterAll(() => box.close());

  test('are those that are told, with all that each needs, and every module of each can be imported', async () => {
    const names = [...(await lockedPackages()).values()].map((pinned) => pinned.replace('==', ' '));
    const argv = ['-I', '-B', '/sandbox/guest/packages.py', '--out', 'list.json', '--import'];
    const ran = await box.run([python, ...argv, ...names.map((each) => each.split(' ')[0] ?? '')], {
      outputs: ['list.json'],
      limits: { wallMs: 300_000, memoryMb: 1024 },
    });
    expect(ran.stderr.tail).toBe('');
    const { packages, unmet, failing } = Listed.parse(
      JSON.parse(await box.blobs.text(ran.outputs['list.json'] ?? '')),
    );
    expect(packages.map(({ name, version }) => `${name} ${version}`).sort()).toEqual(
      names.map((each) => each.replace(/^\S+/, packageName)).sort(),
    );
    expect(packages.filter(({ modules }) => modules.length === 0)).toEqual([]);
    expect({ unmet, failing }).toEqual({ unmet: [], failing: [] });
  });
});
