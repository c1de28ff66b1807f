import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createModelActivities, type ProposeInput } from '../../activities/propose-by-model.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { OptimizeJob } from '../../domain/job.schema.ts';
import { createModel } from '../../llm/create-model.ts';
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
    ...{ job: program, startedAt: Date.now() },
  });
  await store.ledger.openAccount({ id: jobId, cap: { microUsd: null, tokens: null } });
  const none = { value: 1, low: 1, high: 1 };
  await store.ledger.recordTrial({
    ...{ jobId, index: 0 },
    trial: {
      candidate: {
        ...{ id: 'c-0', parents: [], operator: 'human', title: 'as it is', note: '', program },
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
