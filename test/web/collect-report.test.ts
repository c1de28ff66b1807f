import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { Job } from '../../domain/job.schema.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { collectReport } from '../../record/report-facts.ts';
import type { Store } from '../../store/store.ts';
import { renderReport } from '../../web/report.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { candidate as candidateFacts, interval, png, tried } from './example-facts.ts';
import { readStrictly, textOf } from './well-formed.ts';

const gone = createHash('sha256').update('never stored').digest('hex');
const startedAt = Date.UTC(2026, 2, 1);

const optimize = {
  kind: 'optimize',
  name: 'blur',
  program: 'blur.py',
  function: 'blur',
  cases: 'cases.py',
  cores: 1,
};
const render = { kind: 'solve', name: 'render', script: 'render.py', outputs: ['shot.png', 'note.txt'] };

async function open(
  store: Store,
  id: string,
  job: unknown,
  parent: { jobId: string; stage: string } | null = null,
): Promise<void> {
  const parsed = Job.parse(job);
  const role = parent === null ? 'job' : 'stage';
  const input: JobInput = {
    ...{ jobId: id, series: id, run: 1, storeId: store.id, job: parsed, role, parent },
    files: await store.blobs.put('{}'),
    beside: await store.blobs.put('[]'),
    ...{ routes: noRoutes, stageRoutes: {}, searchable: false, fresh: false, resumed: 0 },
  };
  await store.ledger.openJob({
    id,
    series: id,
    run: 1,
    name: parsed.name,
    kind: parsed.kind,
    role,
    input: await store.blobs.put(JSON.stringify(input)),
    parent: parent?.jobId ?? null,
    stage: parent?.stage ?? null,
    startedAt,
  });
}

async function program(
  store: Store,
  files: Record<string, string | Buffer>,
  entry: Program['entry'],
): Promise<Artifact> {
  const tree: Record<string, Artifact> = {};
  for (const [path, content] of Object.entries(files)) tree[path] = await store.blobs.put(content);
  return store.blobs.put(JSON.stringify({ files: tree, entry, build: null } satisfies Program));
}

const blur = { kind: 'function', module: 'blur.py', name: 'blur' } as const;

/** A trial as the ledger keeps it, made of the same parts as the facts of the other tests. */
function trialOf(
  id: string,
  programArtifact: Artifact,
  ended: Parameters<typeof tried>[1],
  purpose: Trial['purpose'] = 'trial',
  artifacts: Record<string, Artifact> = {},
): Trial {
  const { at: _, logs: __, ...tryFacts } = tried(1, ended, purpose);
  const { title, note, parents } = candidateFacts(id, `idea ${id}`, []);
  const operator = id === 'c-0' ? 'baseline' : 'strategy';
  return {
    ...tryFacts,
    artifacts,
    candidate: { id, title, note, parents, operator, program: programArtifact },
  };
}

const record = (store: Store, jobId: string, trial: Trial): Promise<void> =>
  store.ledger.recordTrial({ jobId, index: Number(trial.candidate.id.slice(2)), trial });

async function close(store: Store, id: string, summary: string): Promise<void> {
  await store.ledger.closeJob(id, {
    status: 'finished',
    endedAt: startedAt + 60_000,
    result: {
      ...{ jobId: id, status: 'finished', summary, best: null, refused: 0 },
      ...{ product: null, report: null },
    },
  });
}

test('a search is collected with its baseline, its diffs, its logs and what it spent', async () => {
  const store = await temporaryStore();
  const { blobs, ledger } = store;
  await open(store, 'job', optimize);
  const before = await program(
    store,
    { 'blur.py': 'import math\n\ndef blur(x):\n    return x\n', 'table.bin': Buffer.from([0, 255, 1]) },
    blur,
  );
  const after = await program(
    store,
    {
      'blur.py': 'import numba\n\ndef blur(x):\n    return x\n',
      'fast.cpp': 'int x;\n',
      'table.bin': Buffer.from([0, 255, 2]),
    },
    blur,
  );
  const log = await blobs.put(`first line\n${'x'.repeat(500_000)}\nlast line`);
  await record(store, 'job', trialOf('c-0', before, interval(1), 'baseline'));
  await record(
    store,
    'job',
    trialOf('c-1', after, interval(12), 'trial', { 'build log': log, stderr: gone }),
  );
  await record(store, 'job', trialOf('c-1', after, interval(11), 'verification'));
  await record(store, 'job', trialOf('c-2', before, { kind: 'crashed', reason: 'boom' }));
  const conducted = await blobs.put(
    JSON.stringify({ isolation: { kind: 'docker', memory: 'cgroup', image: 'img' } }),
  );
  await ledger.once('job#c-1/measure', { jobId: 'job', kind: 'measure' }, async () => ({
    kind: 'measured',
    conducted,
  }));
  const call = { key: 'job#c-1/propose', jobId: 'job', route: 'openai/gpt' };
  await ledger.startCall(call);
  await ledger.startCall(call);
  const reply = await blobs.put('reply');
  await ledger.finishCall(call.key, 2, {
    usage: { input: 100, cached: 0, written: 0, output: 20, reasoning: 0 },
    microUsd: null,
    firstTokenMs: null,
    reply,
  });
  await ledger.say('job', 'e1', 'something was done', startedAt + 5);
  await close(store, 'job', 'idea c-1 is 11× faster');

  const facts = await collectReport(store, 'job');
  const { job } = facts;
  expect(job.task).toBe(
    'Make blur in blur.py faster on up to 1 core, and keep its answers the same within 0.000001 × their size.',
  );
  expect(job.yaml).toContain('program: blur.py');
  expect(job.summary).toBe('idea c-1 is 11× faster');
  expect(job.best).toEqual({ candidate: 'c-1', title: 'idea c-1', metric: interval(11) });
  expect(job.baseline?.changes.map(({ path, change }) => [path, change])).toEqual([
    ['blur.py', 'whole'],
    ['table.bin', 'whole'],
  ]);
  const [first, second] = job.candidates;
  expect(first?.tries.map((each) => each.purpose)).toEqual(['trial', 'verification']);
  expect(first?.changes).toEqual([
    {
      path: 'blur.py',
      change: 'changed',
      patch: '@@ -1,4 +1,4 @@\n-import math\n+import numba\n \n def blur(x):\n     return x',
      note: null,
    },
    { path: 'fast.cpp', change: 'added', patch: '@@ -0,0 +1,1 @@\n+int x;', note: null },
    { path: 'table.bin', change: 'changed', patch: null, note: 'not text' },
  ]);
  const logs = first?.tries[0]?.logs ?? {};
  expect(logs['build log']).toMatch(/^first line\n.*characters left out.*\nx*\nlast line$/s);
  expect(logs.stderr).toBe('(no longer in the store)');
  expect(second?.changes).toEqual([]);
  expect(job.spend).toEqual([
    {
      route: 'openai/gpt',
      requests: 2,
      failed: 0,
      ambiguous: 1,
      inputTokens: 100,
      outputTokens: 20,
      tokensUnknown: 1,
      costUnknown: 2,
      microUsd: 0,
    },
  ]);
  expect(job.log).toContainEqual({ at: startedAt + 5, text: 'something was done' });
  expect(facts.environment.isolation).toEqual({ kind: 'docker', memory: 'cgroup', image: 'img' });
  const [host] = facts.environment.hosts;
  expect(host?.name).toBe(hostname());
  expect(host?.machine?.cores).toBeGreaterThan(0);
  readStrictly(renderReport(facts));
});

test('a pipeline is collected with its stages, those taken over and those never begun', async () => {
  const store = await temporaryStore();
  const stages = [optimize, { ...render, needs: ['blur'] }, { ...render, name: 'late', needs: ['render'] }];
  const shot = await store.blobs.put(png(8, () => [200, 100, 0]));
  const note = await store.blobs.put('a note');
  const outputs = await store.blobs.put(
    JSON.stringify({ 'shot.png': shot, 'note.txt': note, 'fake.png': note }),
  );

  await open(store, 'earlier/blur', optimize, { jobId: 'earlier', stage: 'blur' });
  const source = await program(store, { 'blur.py': 'x\n' }, blur);
  await record(store, 'earlier/blur', trialOf('c-0', source, interval(1), 'baseline'));
  await record(store, 'earlier/blur', trialOf('c-1', source, interval(9), 'verification'));
  await close(store, 'earlier/blur', 'nine times');

  await open(store, 'pipe', { kind: 'pipeline', name: 'pipe', stages });
  await store.ledger.once('pipe#blur/files', { jobId: 'pipe', kind: 'files' }, async () => ({
    files: gone,
    known: (await store.ledger.job('earlier/blur'))?.result,
  }));
  await store.ledger.once('pipe#render/files', { jobId: 'pipe', kind: 'files' }, async () => ({
    files: gone,
    known: null,
  }));
  await open(store, 'pipe/render', render, { jobId: 'pipe', stage: 'render' });
  const script = await program(
    store,
    { 'render.py': 'print(1)\n' },
    { kind: 'script', path: 'render.py', args: ['-v'] },
  );
  const isolation = { kind: 'bubblewrap', memory: 'watched', image: 'none' };
  await store.ledger.once('pipe/render#c-0/run', { jobId: 'pipe/render', kind: 'run' }, async () => ({
    kind: 'ran',
    isolation,
  }));
  await record(
    store,
    'pipe/render',
    trialOf('c-0', script, { kind: 'passed', verdict: note }, 'trial', { outputs }),
  );
  await close(store, 'pipe/render', 'render.py ran');

  const facts = await collectReport(store, 'pipe');
  expect(facts.environment.isolation).toEqual(isolation);
  const [taken, ran, waiting] = facts.job.stages;
  expect(taken?.state).toEqual({ kind: 'takenOver', from: 'earlier/blur' });
  expect(facts.job.best?.metric).toEqual(interval(9));
  expect(ran?.state).toEqual({ kind: 'ran' });
  expect(ran?.job?.candidates[0]?.entry).toBe('render.py -v');
  expect(ran?.job?.outputs.map((each) => each.path).sort()).toEqual(['fake.png', 'note.txt', 'shot.png']);
  expect(ran?.job?.pictures.map(({ path, width }) => [path, width])).toEqual([['shot.png', 8]]);
  expect(waiting).toEqual({
    name: 'late',
    kind: 'solve',
    needs: ['render'],
    state: { kind: 'waiting' },
    job: null,
  });
  expect(facts.job.status).toBe('running');

  const page = renderReport(facts);
  readStrictly(page);
  expect(textOf(page)).toContain('taken over from earlier/blur');
  expect(textOf(page)).toContain('not begun');
});

test('a job that was only opened has a report', async () => {
  const store = await temporaryStore();
  await open(store, 'job', optimize);
  const facts = await collectReport(store, 'job');
  expect(facts.job).toMatchObject({
    baseline: null,
    candidates: [],
    best: null,
    summary: null,
    endedAt: null,
  });
  readStrictly(renderReport(facts));
});

test('a job that is not in the store is an error that names it', async () => {
  const store = await temporaryStore();
  await expect(collectReport(store, 'no-such-job')).rejects.toThrow(
    'job no-such-job: expected it in the ledger',
  );
});

test('a job whose answers a check judges is told as that', async () => {
  const store = await temporaryStore();
  await open(store, 'checked', { ...optimize, accepts: 'check.py:fits' });
  const { job } = await collectReport(store, 'checked');
  expect(job.check).toBe('fits in check.py');
  expect(job.task).toBe(
    'Make blur in blur.py faster on up to 1 core, and keep its answers such that fits in check.py accepts them.',
  );
});
