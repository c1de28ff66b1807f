import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import { createStrategyActivities } from '../../activities/propose/by-strategy.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { StrategyList } from '../../domain/strategies.schema.ts';
import { strategyNames } from '../../domain/strategy-names.ts';
import type { Ending, RunResult, Sandbox } from '../../sandbox/sandbox.ts';
import { readProgram, writeJson } from '../../store/documents.ts';
import { openStore, type Store } from '../../store/store.ts';

const jobId = 'optimize/listed/1.1';
const known = ['vectorize_loops', 'use_cpp_extension', 'use_pythran', 'parallelize'];

const jobWith = (strategies?: string[]): OptimizeJob =>
  OptimizeJob.parse({
    ...{ kind: 'optimize', name: 'listed', program: 'src/slow.py', function: 'f', cases: 'cases.py' },
    ...(strategies === undefined ? {} : { strategies }),
  });

/** What `listed` was started with. */
const inputOf = (storeId: string): JobInput => ({
  ...{ jobId, series: 'optimize/listed/1', run: 1, storeId, job: jobWith(), role: 'job', parent: null },
  ...{ files: '0'.repeat(64), beside: '0'.repeat(64), routes: noRoutes, stageRoutes: {} },
  ...{ searchable: false, fresh: false, resumed: 0 },
});

let home: string;
let store: Store;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'crucible-strategies-'));
  store = await openStore(home);
  await store.ledger.openJob({
    ...{ id: jobId, series: 'optimize/listed/1', run: 1, name: 'listed', kind: 'optimize' },
    ...{ role: 'job', input: await writeJson(store.blobs, inputOf(store.id)), startedAt: Date.now() },
  });
});

afterEach(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

/** A sandbox in which `strategies.py` ends as told, and leaves a list where one is given, and other files. */
function sandboxWith(
  list: object | null,
  ending: Ending,
  said: string,
  files: Record<string, string> = {},
): Sandbox {
  const isolation = { kind: 'none', memory: 'watching', image: 'none' } as unknown as Sandbox['isolation'];
  const log = { tail: said, artifact: null, bytes: said.length, truncated: false };
  return {
    isolation,
    layers: null,
    image: async () => ({ id: '', mb: 0 }),
    run: async () =>
      ({
        ...{ ending, stdout: log, stderr: log, refused: [], usage: {}, isolation },
        outputs: Object.fromEntries(
          await Promise.all(
            Object.entries(list === null ? {} : { 'strategies.json': JSON.stringify(list), ...files }).map(
              async ([path, text]) => [`out/${path}`, await store.blobs.put(text)],
            ),
          ),
        ),
      }) as unknown as RunResult,
    conduct: async () => {
      throw new Error('nothing is measured here');
    },
    runWarm: async () => {
      throw new Error('nothing is kept warm here');
    },
    cool: async () => undefined,
    sweep: async () => 0,
  };
}

/** What a job in which `src/slow.py` is to be made faster finds of strategies. */
async function listed(
  list: object | null,
  {
    strategies,
    ending = { kind: 'exited', code: 0 },
    said = '',
    models = false,
    files = {},
  }: {
    strategies?: string[];
    ending?: Ending;
    said?: string;
    models?: boolean;
    files?: Record<string, string>;
  } = {},
): Promise<{ found: StrategyList; said: string[] }> {
  const { listStrategies } = createStrategyActivities({
    store,
    sandbox: sandboxWith(list, ending, said, files),
  });
  const program = {
    files: { 'src/slow.py': await store.blobs.put('def f(): pass\n') },
    entry: { kind: 'function', module: 'src/slow.py', name: 'f' },
    build: null,
  };
  const found = (await new MockActivityEnvironment().run(listStrategies, {
    ...{ storeId: store.id, jobId, step: 'strategies', job: jobWith(strategies), sample: null, models },
    program: await store.blobs.put(JSON.stringify(program)),
  })) as StrategyList;
  return { found, said: (await store.ledger.events(jobId)).map(({ text }) => text) };
}

const refused = (strategies: string[], edit: string | null = null) => ({
  strategies,
  reasons: [{ line: 5, message: 'f calls print', edit }],
});
const applicable = (...names: string[]) => names.map((name) => ({ strategies: [name], note: '' }));

it('keeps why strategies do not apply with the user’s file and line, and says it in the log', async () => {
  const { found, said } = await listed({
    ...{ known, crashed: [], applicable: applicable('use_cpp_extension') },
    refused: [refused(['vectorize_loops']), refused(['use_pythran'], 'without this line')],
  });
  const reason = 'src/slow.py:5: f calls print; without this line, use_pythran would apply';
  expect(found.applicable).toEqual(['use_cpp_extension']);
  expect(found.notUsed[0]).toEqual({ strategies: ['vectorize_loops', 'use_pythran'], reason });
  expect(said[0]).toBe('strategies that apply: use_cpp_extension');
  expect(said[1]).toBe(`not used: vectorize_loops, use_pythran: ${reason}`);
});

it('says what to do where none applies and no model is configured', async () => {
  const list = { known, crashed: [], applicable: [], refused: known.map((name) => refused([name])) };
  const { said } = await listed(list);
  expect(said[0]).toMatch(/^no strategy applies: set a key for a model/);
});

it('uses what the job names alone, and says what it leaves out', async () => {
  const { found } = await listed(
    { known, crashed: [], applicable: applicable('vectorize_loops', 'use_pythran'), refused: [] },
    { strategies: ['use_pythran'] },
  );
  expect(found).toEqual({
    applicable: ['use_pythran'],
    notUsed: [
      {
        strategies: ['vectorize_loops', 'use_cpp_extension', 'parallelize'],
        reason: 'not among the `strategies` of the job',
      },
    ],
  });
});

it('tells a strategy that fails itself from one that does not apply', async () => {
  const { found } = await listed({
    ...{ known, refused: [], applicable: applicable('vectorize_loops', 'use_cpp_extension', 'parallelize') },
    crashed: [{ strategies: ['use_pythran'], traceback: 'Traceback\n  …\nAttributeError: lineno' }],
  });
  expect(found.notUsed).toEqual([
    {
      strategies: ['use_pythran'],
      reason: 'failed, by a mistake in Crucible and not in src/slow.py: AttributeError: lineno',
    },
  ]);
});

it('does not take strategies that end without a list for ones that do not apply', async () => {
  const { found } = await listed(null, {
    ending: { kind: 'exited', code: 1 },
    said: 'Traceback\nMemoryError',
    models: true,
  });
  expect(found.applicable).toEqual([]);
  expect(found.notUsed[0]?.strategies).toEqual([...strategyNames]);
  expect(found.notUsed[0]?.reason).toContain('a mistake in Crucible');
  expect(found.notUsed[0]?.reason).toContain('MemoryError');
});

it('leaves what was not used in the result of the job, also what applied and was never tried', async () => {
  await listed({
    ...{ known, crashed: [], applicable: applicable('vectorize_loops') },
    refused: [refused(['use_cpp_extension'])],
  });
  const { closeJob } = createJobActivities({ store });
  const { result } = await closeJob({
    ...{ storeId: store.id, jobId, step: 'close', status: 'finished' },
    ended: { summary: 'done', best: null, refused: 0, product: null },
  });
  expect(result.notUsed?.map(({ strategies }) => strategies)).toEqual([
    ['use_cpp_extension'],
    ['use_pythran', 'parallelize'],
    ['vectorize_loops'],
  ]);
  expect((await store.ledger.job(jobId))?.result).toMatchObject({ notUsed: result.notUsed });
});

it('makes no program anew that was made when strategies were listed', async () => {
  const build = { tool: 'nanobind', sources: ['fast.cpp'], fastMath: false };
  const written = { entry: 'slow.py', function: 'f', build, note: 'Compiled the loops.' };
  const { found } = await listed(
    {
      ...{ known, crashed: [], refused: [] },
      applicable: [{ strategies: ['outline_loops'], note: '', made: 'made/outline_loops' }],
    },
    {
      strategies: ['outline_loops'],
      files: {
        'made/outline_loops/program.json': JSON.stringify(written),
        'made/outline_loops/slow.py': 'def f(): return 2\n',
      },
    },
  );
  const { proposeByStrategy } = createStrategyActivities({
    store,
    sandbox: sandboxWith(null, { kind: 'exited', code: 1 }, 'nothing runs here'),
  });
  const candidate = (await new MockActivityEnvironment().run(proposeByStrategy, {
    ...{ storeId: store.id, jobId, step: 'c-1/propose', job: jobWith(), sample: null },
    ...{
      id: 'c-1',
      strategy: 'outline_loops',
      program: await store.blobs.put('{}'),
      made: found.made ?? null,
    },
  })) as Candidate | null;
  expect(candidate).toMatchObject({ id: 'c-1', title: 'outline_loops', note: 'Compiled the loops.' });
  // Beside the modules that it may import.
  const { files, entry, build: after } = await readProgram(store.blobs, candidate?.program ?? '');
  expect(files).toMatchObject({ 'src/slow.py': await store.blobs.put('def f(): return 2\n') });
  expect(entry).toMatchObject({ module: 'src/slow.py' });
  expect(after?.sources).toEqual(['src/fast.cpp']);
});
