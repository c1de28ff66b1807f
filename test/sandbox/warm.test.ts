import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WarmRunRequest } from '../../sandbox/sandbox.ts';
import { openTestSandbox, sandboxKinds, smallLimits, stored, type TestSandbox } from '../support/sandbox.ts';

const { kinds, missing } = await sandboxKinds();
if (missing.length > 0) console.warn(`not covered: ${missing.join('; ')}`);

const never = new AbortController().signal;

describe.each(kinds)('a warm sandbox by %s', (kind) => {
  let box: TestSandbox;
  let warm: WarmRunRequest['warm'];
  beforeAll(async () => {
    box = await openTestSandbox(kind);
    const files = {
      'learn/ready.py': 'import json, os\ntable = [1, 2, 3]\nname = open("/base/table.txt").read()\n',
      'table.txt': 'the table',
      'show.py': 'import sys\nprint("shown", sys.argv[1:])\n',
    };
    warm = {
      key: randomUUID(),
      preload: 'learn/ready.py',
      files: await stored(box.blobs, files),
      limits: smallLimits,
    };
  });
  afterAll(async () => {
    await box.sandbox.cool(warm.key);
    expect(await box.leftovers()).toEqual([]);
    await box.close();
  });

  async function run(program: string, options: Partial<WarmRunRequest> = {}) {
    const files = { ...options.files, ...(await stored(box.blobs, { 'main.py': program })) };
    const request = { key: randomUUID(), label: 'test', argv: ['/in/main.py'], limits: smallLimits, warm };
    return box.sandbox.runWarm({ ...request, ...options, files }, never);
  }

  test('a program finds the preload and the files, and its outputs are brought out', async () => {
    const result = await run(
      'import os, ready, sys\nopen("a.txt", "w").write(ready.name)\nprint(ready.table, os.getcwd(), sys.argv, os.environ["X"])',
      { argv: ['/in/main.py', 'one'], env: { X: 'y' }, outputs: ['*.txt'] },
    );
    expect(result).toMatchObject({ ending: { kind: 'exited', code: 0 } });
    expect(result.stdout.tail).toBe("[1, 2, 3] /work ['/in/main.py', 'one'] y\n");
    expect(await box.blobs.text(result.outputs['a.txt'] ?? '')).toBe('the table');
  });

  test('a program of the base ends as it says, with its traceback', async () => {
    expect((await run('', { argv: ['/base/show.py', 'two'] })).stdout.tail).toBe("shown ['two']\n");
    const failed = await run('def f(): raise ValueError("bad")\nf()');
    expect(failed.ending).toEqual({ kind: 'exited', code: 1 });
    expect(failed.stderr.tail).toMatch(
      /^Traceback[\s\S]*File "\/in\/main.py", line 2[\s\S]*ValueError: bad\n$/,
    );
    expect(failed.stderr.tail).not.toContain('warm.py');
    expect((await run('import sys; sys.exit(5)')).ending).toEqual({ kind: 'exited', code: 5 });
  });
});
