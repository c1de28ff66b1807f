import { randomUUID } from 'node:crypto';
import type { Limits } from '../../domain/limits.schema.ts';
import type { RunResult, SandboxKind, WarmRunRequest } from '../../sandbox/sandbox.ts';
import { openTestSandbox, smallLimits, stored, type TestSandbox } from './sandbox.ts';

/** What a warm sandbox of a test has: `ready.py` is preloaded; its `token` tells one zygote from another. */
const base = {
  'learn/ready.py': `
import os
table = [1, 2, 3]
name = open('/base/table.txt').read()
token = os.urandom(8).hex()
print('the preload said this')
`,
  'table.txt': 'the table',
  'show.py': 'import sys\nprint("shown", sys.argv[1:])\n',
};

type Options = Partial<Omit<WarmRunRequest, 'files' | 'limits'>> & {
  files?: Record<string, string>;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
};

export type WarmTest = TestSandbox & {
  warm: WarmRunRequest['warm'];
  /** Runs a program given as text in the warm sandbox. */
  trial(program: string, options?: Options): Promise<RunResult>;
};

/** A sandbox with a warm one of its own. `preload` stands for the usual one, `folder` and `key` reopen one. */
export async function openWarmTest(
  kind: SandboxKind,
  { preload, folder, key = randomUUID() }: { preload?: string; folder?: string; key?: string } = {},
): Promise<WarmTest> {
  const box = await openTestSandbox(kind, folder);
  const files = await stored(box.blobs, { ...base, ...(preload && { 'learn/ready.py': preload }) });
  const warm = { key, preload: 'learn/ready.py', files, limits: smallLimits };
  return {
    ...box,
    warm,
    async trial(program, { signal, files: more, limits, ...options } = {}) {
      const request = { key: randomUUID(), label: 'test', argv: ['/in/main.py'], warm };
      return box.sandbox.runWarm(
        {
          ...request,
          ...options,
          files: await stored(box.blobs, { ...more, 'main.py': program }),
          limits: { ...smallLimits, ...limits },
        },
        signal ?? new AbortController().signal,
      );
    },
  };
}
