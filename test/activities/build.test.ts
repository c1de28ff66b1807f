import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { type Built, createBuildActivities } from '../../activities/try/build.ts';
import { Limits } from '../../domain/limits.schema.ts';
import type { RunResult, Sandbox } from '../../sandbox/sandbox.ts';
import { readProgram, writeJson } from '../../store/documents.ts';
import { temporaryStore } from '../store/temporary-store.ts';

it('an extension that a program was built with stands beside its entry, where it is imported from', async () => {
  const store = await temporaryStore();
  const log = { tail: '', artifact: null, bytes: 0, truncated: false };
  const sandbox = {
    isolation: { image: 'none' },
    run: async () =>
      ({
        ...{ ending: { kind: 'exited', code: 0 }, stdout: log, stderr: log },
        outputs: { 'fast.so': await store.blobs.put('compiled') },
      }) as unknown as RunResult,
  } as unknown as Sandbox;
  const program = await writeJson(store.blobs, {
    files: { 'src/slow.py': await store.blobs.put('import fast\n') },
    entry: { kind: 'function', module: 'src/slow.py', name: 'f' },
    build: { tool: 'nanobind', sources: ['src/fast.cpp'], fastMath: false },
  });
  const { buildProgram } = createBuildActivities({ store, sandbox });
  const place = { storeId: store.id, jobId: 'optimize/built/1.1', step: 'c-1/build' };
  const limits = Limits.parse({});
  const built: Built = await new MockActivityEnvironment().run(buildProgram, { ...place, program, limits });
  if (built.kind !== 'built') expect.fail(JSON.stringify(built));
  const { files } = await readProgram(store.blobs, built.program);
  expect(Object.keys(files).toSorted()).toEqual(['src/fast.so', 'src/slow.py']);
});
