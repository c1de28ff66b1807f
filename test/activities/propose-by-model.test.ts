import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createModelActivities, type ProposeInput } from '../../activities/propose/by-model.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { openStore, type Store } from '../../store/store.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const jobId = 'optimize/proposed/1.1';
const source = 'def double(value):\n    return value + value\n';

let home: string;
let one: ModelServer;
let other: ModelServer;
let store: Store;

beforeEach(async () => {
  [one, other] = [await startModelServer('chat'), await startModelServer('chat')];
  home = await mkdtemp(join(tmpdir(), 'crucible-propose-'));
  store = await openStore(home);
  const program = await store.blobs.put(
    JSON.stringify({
      files: { 'double.py': await store.blobs.put(source) },
      entry: { kind: 'script', path: 'double.py', args: [] },
      build: null,
    }),
  );
  await store.ledger.openJob({
    ...{ id: jobId, series: 'optimize/proposed/1', run: 1, name: 'proposed', kind: 'optimize' },
    ...{ role: 'job', input: program, startedAt: Date.now() },
  });
  await store.ledger.openAccount({ id: jobId, cap: { microUsd: null, tokens: null } });
  const none = { value: 1, low: 1, high: 1 };
  await store.ledger.recordTrial({
    ...{ jobId, index: 0 },
    trial: {
      candidate: {
        ...{ id: 'c-0', parents: [], operator: 'baseline', title: 'as it is', note: '', program },
      },
      ...{ purpose: 'baseline', outcome: { kind: 'scored', metric: none, verdict: program } },
      measurement: {
        ...{ baselineMs: none, candidateMs: none, speedup: none, askingMs: none },
        ...{ noiseFloor: 0, pairs: 1, host: 'here', samples: program },
      },
      ...{ artifacts: {}, timings: {}, seeds: [] },
    },
  });
});

afterEach(async () => {
  await Promise.all([one.close(), other.close()]);
  await store.close();
  await rm(home, { recursive: true, force: true });
});

/** What the workflow asks for: the first route leads to `one`, the second to `other`. */
async function propose(
  fields: Partial<ProposeInput> & Pick<ProposeInput, 'step' | 'route'>,
): Promise<Candidate> {
  const models = modelConfig({
    ...{ OPENAI_BASE_URL: one.baseUrl, OPENAI_API_KEY: one.key },
    ...{ VLLM_BASE_URL: other.baseUrl, VLLM_API_KEY: other.key },
  });
  const { proposeByModel } = createModelActivities({
    ...{ store, catalogue: models.catalogue },
    modelOf: (route) => createModel(route, models),
    batchesOf: () => null,
  });
  const input: ProposeInput = {
    ...{ storeId: store.id, jobId, id: 'c-1', decision: { kind: 'draft' }, sample: null, repairs: null },
    ...{ files: await store.blobs.put('{}'), fresh: false, isLast: false },
    job: OptimizeJob.parse({ kind: 'optimize', name: 'proposed', program: 'double.py' }),
    ...fields,
  };
  return new MockActivityEnvironment().run(proposeByModel, input) as Promise<Candidate>;
}

const programReply = (fields: object) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{
      idea: 'twice as much at once',
      files: [],
      edits: [],
      removed: [],
      entry: 'double.py',
      build: 'none',
    },
    ...fields,
  }),
});

it('a candidate is the first program that any route gave for it, also when the job is taken up again', async () => {
  one.answers = [{ kind: 'status', status: 402 }];
  other.answers = [programReply({ files: [{ path: 'double.py', content: 'print(1)\n' }] })];
  await expect(propose({ step: 'c-1/propose-0', route: 'openai/gpt-4o' })).rejects.toMatchObject({
    name: 'ModelQuotaExceeded',
  });
  const candidate = await propose({ step: 'c-1/propose-1', route: 'vllm/any' });

  one.answers = [programReply({ files: [{ path: 'double.py', content: 'print(2)\n' }] })];
  expect(await propose({ step: 'c-1/propose-0', route: 'openai/gpt-4o' })).toEqual(candidate);
  expect([one.requests.length, other.requests.length]).toEqual([1, 1]);
});

it('a model is told where the time goes, what names hold and what strategies said, as it was observed', async () => {
  const observed = {
    lines: [{ file: 'double.py', line: 2, share: 0.97 }],
    functions: [{ name: 'double', arguments: { value: { type: 'list of 900 float' } } }],
  };
  const record = await store.blobs.put(JSON.stringify(observed));
  const notUsed = [{ strategies: ['use_pythran'], reason: 'double.py:2: a list of texts' }];
  await store.ledger.once(`${jobId}#strategies`, { jobId, kind: 'strategies' }, async () => ({
    ...{ applicable: [], notUsed, record },
  }));
  one.answers = [programReply({ files: [{ path: 'double.py', content: 'def double(value): ...\n' }] })];
  const job = { program: 'double.py', function: 'double', cases: 'cases.py' };
  await propose({
    ...{ step: 'c-1/propose-0', route: 'openai/gpt-4o' },
    job: OptimizeJob.parse({ kind: 'optimize', name: 'proposed', ...job }),
  });
  const asked = one.requests[0]?.body.messages.at(-1).content;
  for (const part of [
    ' 97 %  double.py:2  return value + value',
    'value: list of 900 float',
    'use_pythran: double.py:2: a list of texts',
  ])
    expect(asked).toContain(part);
});

it('a reply whose edit does not apply is repaired in the same conversation, told what is wrong', async () => {
  const edit = { path: 'double.py', search: '    return 3 * value', replace: '    return 2 * value' };
  one.answers = [
    programReply({ edits: [edit] }),
    programReply({ edits: [{ ...edit, search: '    return value + value' }] }),
  ];
  const route = 'openai/gpt-4o';
  await expect(propose({ step: 'c-1/propose-0', route })).rejects.toMatchObject({
    type: 'ModelReplyUnusable',
  });
  const candidate = await propose({ step: 'c-1/propose-0/repair-1', route, repairs: 'c-1/propose-0' });
  const { files } = JSON.parse(await store.blobs.text(candidate.program));
  expect(await store.blobs.text(files['double.py'])).toBe('def double(value):\n    return 2 * value\n');

  const [first, second] = one.requests.map(({ body }) => body.messages);
  expect(second.slice(0, first.length)).toEqual(first);
  expect(second[first.length]).toMatchObject({
    role: 'assistant',
    content: expect.stringContaining('3 * value'),
  });
  expect(second.at(-1).content).toContain('edits[0] (double.py)');
  const [, repair] = await store.ledger.calls(jobId);
  expect(repair?.prompt).toMatch(/^improve-script@\d+ \+ repair@\d+$/);
});

/** Records what came of a candidate, `minutes` after the baseline. */
async function record(
  id: string,
  purpose: 'trial' | 'verification',
  value: number,
  fields: Partial<Candidate> = {},
): Promise<void> {
  const program = await store.blobs.put(
    JSON.stringify({
      files: {
        'double.py': await store.blobs.put(`# ${id}\ndef double(value):\n    return 2 * value  # ${id}\n`),
      },
      entry: { kind: 'script', path: 'double.py', args: [] },
      build: null,
    }),
  );
  const interval = { value, low: value * 0.9, high: value * 1.1 };
  await store.ledger.recordTrial({
    ...{ jobId, index: Number(id.slice(2)) },
    trial: {
      candidate: {
        id,
        parents: [],
        operator: 'draft',
        title: 'an idea',
        note: 'an idea',
        program,
        ...fields,
      },
      ...{ purpose, outcome: { kind: 'scored', metric: interval, verdict: program } },
      measurement: {
        ...{ baselineMs: interval, candidateMs: interval, speedup: interval, askingMs: interval },
        ...{ noiseFloor: 0, pairs: 1, host: 'here', samples: program },
      },
      ...{ artifacts: {}, timings: {}, seeds: [] },
    },
  });
}

const questionOf = (server: ModelServer, index = -1): string =>
  server.requests
    .at(index)
    ?.body.messages.map((each: { content: string }) => each.content)
    .join('\n');

it('a question tells each candidate once, by its last finding, and shows the verified best there is when it is sent', async () => {
  const idea = `${'one pass over memory, '.repeat(10)}in place`;
  await record('c-1', 'trial', 3_710, { note: `openai/gpt-4o: ${idea}` });
  await record('c-1', 'verification', 1_490, { note: `openai/gpt-4o: ${idea}` });
  await record('c-2', 'trial', 5_000);
  one.answers = [programReply({ files: [{ path: 'double.py', content: 'print(3)\n' }] })];
  for (const decision of [{ kind: 'draft' as const }, { kind: 'improve' as const, parents: ['c-0'] }]) {
    const id = decision.kind === 'draft' ? 'c-3' : 'c-4';
    one.answers = [programReply({ files: [{ path: 'double.py', content: `print("${id}")\n` }] })];
    const candidate = await propose({ step: `${id}/propose-0`, id, route: 'openai/gpt-4o', decision });
    const asked = questionOf(one);
    expect(asked.match(/c-1: /g)).toHaveLength(1);
    expect(asked).toContain(`c-1: ${idea} → scored: 1,490×`);
    expect(asked).not.toContain('3,710×');
    expect(asked).toMatch(/c-1: .*; verified\n/);
    expect(asked).toMatch(/c-2: .*; not verified\n/);
    expect(asked).toContain('The fastest right program so far, 1,490×');
    expect(asked).toContain('return 2 * value  # c-1');
    expect(candidate.parents).toEqual(decision.kind === 'draft' ? [] : ['c-1']);
  }
});

it('an improvement of another program than the best changes that one, and is shown the best beside it', async () => {
  await record('c-1', 'verification', 9);
  await record('c-2', 'trial', 2);
  const edit = { path: 'double.py', search: '    return 2 * value  # c-2', replace: '    return value << 1' };
  one.answers = [programReply({ edits: [edit] })];
  const decision = { kind: 'improve' as const, parents: ['c-2'] };
  const candidate = await propose({ step: 'c-3/propose-0', id: 'c-3', route: 'openai/gpt-4o', decision });
  expect(candidate.parents).toEqual(['c-2']);
  const { files } = JSON.parse(await store.blobs.text(candidate.program));
  expect(await store.blobs.text(files['double.py'])).toBe(
    '# c-2\ndef double(value):\n    return value << 1\n',
  );
  expect(questionOf(one)).toContain('The fastest right program so far, 9×');
  expect(questionOf(one)).toMatch(/Start from this program, which was tried as c-2, 2× .*:\n/);
  expect(questionOf(one)).toContain('return 2 * value  # c-1');
});

it('two drafts at once look in different directions, and the later one is told of the other', async () => {
  one.answers = [
    { ...programReply({ files: [{ path: 'double.py', content: 'print(1)\n' }] }), pieceMs: 100 },
  ];
  const first = propose({ step: 'c-1/propose-0', id: 'c-1', route: 'openai/gpt-4o' });
  await expect.poll(() => one.requests.length, { timeout: 60_000 }).toBe(1);
  other.answers = [programReply({ files: [{ path: 'double.py', content: 'print(2)\n' }] })];
  await propose({ step: 'c-2/propose-0', id: 'c-2', route: 'vllm/any' });
  await first;
  const directions = [questionOf(one), questionOf(other)].map(
    (text) => /Your direction: (.*)/.exec(text)?.[1],
  );
  expect(new Set(directions).size).toBe(2);
  expect(questionOf(other)).toContain('c-1: being written');
  other.answers = [programReply({ files: [{ path: 'double.py', content: 'print(3)\n' }] })];
  await propose({ step: 'c-3/propose-0', id: 'c-3', route: 'vllm/any' });
  expect(questionOf(other)).toContain('c-1: twice as much at once');
});

it('a program that the job has already is sent back, told whose it is and how it ended', async () => {
  await record('c-1', 'trial', 2);
  const twin = 'def double(value):\n\n    # faster\n    return 2 * value  # c-1\n';
  one.answers = [programReply({ files: [{ path: 'double.py', content: twin }] })];
  const step = { step: 'c-2/propose-0', id: 'c-2', route: 'openai/gpt-4o' };
  await proposedBefore('c-1');
  await expect(propose(step)).rejects.toMatchObject({
    type: 'ModelReplyUnusable',
    message: expect.stringContaining('this is the program of c-1 (an idea), which ended as scored'),
  });
  one.answers = [programReply({ files: [{ path: 'double.py', content: source }] })];
  await expect(propose({ ...step, step: 'c-3/propose-0', id: 'c-3' })).rejects.toMatchObject({
    message: expect.stringContaining('this is the program of c-0 (as it is)'),
  });
});

it('a reply on record is applied to what was shown when it was asked for, whatever is best by now', async () => {
  const step = { step: 'c-2/propose-0', id: 'c-2', route: 'openai/gpt-4o' };
  const edit = { path: 'double.py', search: '    return value + value', replace: '    return value * 2' };
  one.answers = [programReply({ edits: [{ ...edit, search: 'nowhere' }] }), programReply({ edits: [edit] })];
  await expect(propose(step)).rejects.toMatchObject({ type: 'ModelReplyUnusable' });
  await record('c-1', 'verification', 9);
  const repair = { ...step, step: 'c-2/propose-0/repair-1', repairs: 'c-2/propose-0' };
  const decision = { kind: 'improve' as const, parents: ['c-0'] };
  const candidate = await propose({ ...repair, decision });
  const { files } = JSON.parse(await store.blobs.text(candidate.program));
  expect(await store.blobs.text(files['double.py'])).toBe('def double(value):\n    return value * 2\n');
});

/** What a strategy or a model proposed stands among the job's steps. */
const proposedBefore = async (id: string): Promise<void> => {
  const trial = (await store.ledger.trials(jobId)).find((each) => each.trial.candidate.id === id)?.trial;
  await store.ledger.once(
    `${jobId}#${id}/proposed`,
    { jobId, kind: 'propose' },
    async () => trial?.candidate,
  );
};
