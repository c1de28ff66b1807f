import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createModelActivities, type ProposeInput } from '../../activities/propose/by-model.ts';
import { headsOf } from '../../activities/propose/questions/heads.ts';
import { docstringOf } from '../../activities/propose/questions/scoring.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { toolNamedBy } from '../../domain/extension.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { readProgram } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { tree } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { startModelServer } from '../support/model-servers.ts';

const jobId = 'solve/counted/1.1';
const task = 'Count the words of notes.txt and write them to counts.json.';
const replied = (content: string): string =>
  JSON.stringify({
    ...{ idea: 'a Counter', edits: [], removed: [], entry: 'main.py', build: 'none' },
    files: [{ path: 'main.py', content }],
  });

/** A job in words on a store of its own, and a model that replies with `replies` in turn. */
async function asking(fields: object, files: Record<string, string>, replies: string[]) {
  const server = await startModelServer('chat');
  onTestFinished(() => server.close());
  server.answers = replies.map((text) => ({ kind: 'text', text }));
  const store = await temporaryStore();
  const job = SolveJob.parse({ kind: 'solve', name: 'counted', task, ...fields });
  await store.ledger.openJob({
    ...{ id: jobId, series: 'solve/counted/1', run: 1, name: 'counted', kind: 'solve', role: 'job' },
    ...{ input: await store.blobs.put('{}'), startedAt: Date.now() },
  });
  await store.ledger.openAccount({ id: jobId, cap: { microUsd: null, tokens: null } });
  const models = modelConfig({ OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key });
  const { proposeByModel } = createModelActivities({
    ...{ store, catalogue: models.catalogue },
    modelOf: (route) => createModel(route, models),
    batchesOf: () => null,
  });
  const packed = await store.blobs.put(JSON.stringify(await tree(store, files)));
  return {
    store,
    async propose(id: string, decision: ProposeInput['decision']): Promise<Candidate> {
      const input: ProposeInput = {
        ...{ storeId: store.id, jobId, step: `${id}/propose-0`, id, decision, job, files: packed },
        ...{ route: 'openai/gpt-4o', sample: null, repairs: null, fresh: false, isLast: true },
      };
      return new MockActivityEnvironment().run(proposeByModel, input) as Promise<Candidate>;
    },
    /** All that the model was told in the last request. */
    told: (): string => {
      const messages: { content: string }[] = server.requests.at(-1)?.body.messages ?? [];
      return messages.map(({ content }) => content).join('\n');
    },
  };
}

/** Records that `candidate` failed. */
const failed = (store: Store, candidate: Candidate, reason: string, stderr: string): Promise<void> =>
  store.ledger.recordTrial({
    ...{ jobId, index: 1 },
    trial: {
      ...{ candidate, purpose: 'trial', outcome: { kind: 'invalidOutput', reason } },
      ...{ measurement: null, artifacts: { stderr }, timings: {}, seeds: [] },
    },
  });

describe('a task in words', () => {
  const outputs = [{ kind: 'json', path: 'counts.json', schema: { type: 'object' } }];
  const fields = { inputs: ['notes.txt'], outputs, limits: { wallMs: 60_000, memoryMb: 512 }, cores: 2 };

  it('is asked with what there is, what is checked, and what it may use; nothing of it was measured before', async () => {
    const { propose, told, store } = await asking(
      fields,
      { 'notes.txt': 'to be or not to be\n', 'secret.txt': 'hidden' },
      [replied('print(1)\n')],
    );
    const candidate = await propose('c-1', { kind: 'draft' });
    expect(candidate).toMatchObject({ id: 'c-1', operator: 'draft', parents: [], title: 'a Counter' });
    expect((await readProgram(store.blobs, candidate.program)).entry).toEqual({
      ...{ kind: 'script', path: 'main.py', args: [] },
    });
    for (const part of [
      `The task: ${task}`,
      'counts.json: a document in strict JSON, that fits the schema {"type":"object"}',
      'notes.txt, 19 bytes; all of it:\nto be or not to be',
      '60 s, 512 MB of memory and 2 threads',
      'Python is 3.11',
      'There is none yet.',
    ])
      expect(told()).toContain(part);
    expect(told()).toMatch(/numpy \d+\.\d+/);
    expect(told()).toMatch(/<data id="\w+">\nnotes.txt/);
    expect(told()).not.toContain('hidden');
    const [call] = await store.ledger.calls(jobId);
    expect(call?.prompt).toMatch(/^code-generation@\d+$/);
  });

  it('is asked again with the program before, why it failed and what it wrote; the next one may not be the same', async () => {
    const { propose, told, store } = await asking(fields, { 'notes.txt': 'a' }, [
      replied('print(1)\n'),
      replied('print(1)\n'),
      replied('print(2)\n'),
    ]);
    const first = await propose('c-1', { kind: 'draft' });
    const message = { kind: 'hint', text: 'think of upper case' } as const;
    await store.ledger.takeMessage(jobId, { id: 'h-1', message, at: 1 });
    const stderr = await store.blobs.put('a line of its output');
    await failed(store, first, 'counts.json, the file is missing', stderr);
    await expect(propose('c-2', { kind: 'debug', parent: 'c-1' })).rejects.toMatchObject({
      type: 'ModelReplyUnusable',
      message: expect.stringContaining('this is the program of c-1'),
    });
    for (const part of [
      '=== main.py ===\nprint(1)',
      'It failed (invalidOutput).',
      'counts.json, the file is missing',
      'a line of its output',
      'c-1: a Counter → invalidOutput',
      'The person who waits for this says: think of upper case',
    ])
      expect(told()).toContain(part);
    expect(await propose('c-3', { kind: 'debug', parent: 'c-1' })).toMatchObject({
      ...{ operator: 'debug', parents: ['c-1'] },
    });
  });

  it('that names C++ is asked as an extension module', async () => {
    const wanted = { task: 'A C++ module with dot(a, b), and a script that tests it.' };
    const { propose, told, store } = await asking(wanted, {}, [replied('print(1)\n')]);
    await propose('c-1', { kind: 'draft' });
    expect(told()).toContain('Say `build: nanobind`');
    expect((await store.ledger.calls(jobId))[0]?.prompt).toMatch(/^cpp-module-creation@\d+$/);
  });

  it('that is scored is asked with the metric, the docstring of what scores and the scores so far, and not with its text', async () => {
    const source =
      'SECRET = 1\ndef evaluate(inputs, outputs, *, seed=None) -> float:\n    """The mean\n    error."""\n    return SECRET\n';
    const objective = { metric: 'RMSE', direction: 'minimize', check: 'evaluate.py', goal: 0.5 };
    const limited = { ...objective, constraints: { size_mb: { max: 10 } } };
    const job = { task: undefined, script: 'fit.py', inputs: [], objective: limited };
    const files = { 'fit.py': 'print(0)\n', 'evaluate.py': source };
    const { propose, told, store } = await asking(job, files, [replied('print(1)\n'), replied('print(2)\n')]);
    const first = await propose('c-1', { kind: 'draft' });
    for (const part of [
      'The task: Improve fit.py: make RMSE smaller',
      'the score, RMSE: the smaller the better, 0.5 is the goal; evaluate in evaluate.py',
      'what that function says of itself: The mean error.',
      'size_mb: a program is refused where it is more than 10',
      'it is run 5 times, the mean counts; whatever is random follows CRUCIBLE_SEED',
    ])
      expect(told()).toContain(part);
    expect(told()).not.toContain('SECRET');
    await store.ledger.recordTrial({
      ...{ jobId, index: 1 },
      trial: {
        ...{ candidate: first, purpose: 'verification', artifacts: {}, timings: {}, seeds: ['1'] },
        outcome: {
          kind: 'scored',
          metric: { value: 2, low: 1.5, high: 2.5 },
          verdict: '0'.repeat(64),
          scores: [2],
        },
        measurement: null,
      },
    });
    await propose('c-2', { kind: 'improve', parents: ['c-1'] });
    expect(told()).toContain('It has RMSE 2.00 ± 0.50, verified: write one with a better score.');
    expect(told()).toContain('c-1: a Counter → scored: RMSE 2.00 ± 0.50, verified');
    expect(told()).toContain('print(1)');
  });

  it('shows what scores where the user allows it; its docstring is found as people write it', async () => {
    const objective = { metric: 'RMSE', direction: 'minimize', check: 'evaluate.py', shown: true };
    const files = { 'evaluate.py': 'def evaluate(i, outputs): return 42\n' };
    const { propose, told } = await asking({ objective }, files, [replied('print(1)\n')]);
    await propose('c-1', { kind: 'draft' });
    expect(told()).toContain('the text of evaluate.py:\ndef evaluate(i, outputs): return 42');
    expect(docstringOf('def a(x):\n  return 1\n', 'a')).toBe('');
    expect(docstringOf("def a(\n  x: dict[str, int],\n):\n  r'''of a'''\n", 'a')).toBe('of a');
    expect(docstringOf('# a comment\n\n"""Of the\nmodule."""\ndef a(x): return 1\n', 'a')).toBe(
      'Of the module.',
    );
    expect(docstringOf('def b(x):\n  """of b"""\ndef a(x): return 1\n', 'a')).toBe('');
  });

  it.each([
    ['plot the C major scale', null],
    ['a cppcheck report', null],
    ['write it in C++', 'nanobind'],
    ['with nanobind', 'nanobind'],
    ['a cpp extension', 'nanobind'],
    ['a pybind11 module in C++', 'pybind11'],
    ['built by setup.py build_ext --inplace', 'setuptools'],
    ['C++ built with CMake', 'cmake'],
  ])('%j is written with %s', (words, tool) => {
    expect(toolNamedBy(words)).toBe(tool);
  });
});

describe('the heads of inputs', () => {
  it('are sizes with the beginning of each text; what is binary, or stands elsewhere, is not shown', async () => {
    const store = await temporaryStore();
    const files = {
      'data/a.csv': `x,y\n${'1,2\n'.repeat(500)}`,
      'data/b.bin': '\u0000\u0001',
      'data/empty': '',
      'data/key/expected.txt': 'unseen',
      'other.txt': 'unseen',
    };
    const packed = await store.blobs.put(JSON.stringify(await tree(store, files)));
    const told = await headsOf(store, packed, ['data'], ['data/key']);
    expect(told).toContain(
      'data/a.csv, 2,004 bytes, 500 rows below a header of 2 columns; it begins:\nx,y\n1,2\n',
    );
    expect(told).toContain('data/b.bin, 2 bytes; binary, begins 0001');
    expect(told).toContain('data/empty, 0 bytes');
    expect(told).not.toContain('unseen');
    expect(told.length).toBeLessThan(700);
    expect(await headsOf(store, packed, ['none'], [])).toBe('');
  });

  it('of very many files are the first ones, the others counted', async () => {
    const store = await temporaryStore();
    const text = await store.blobs.put('text of a file');
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`d/${1000 + index}`, text]));
    const told = await headsOf(store, await store.blobs.put(JSON.stringify(many)), ['d'], []);
    expect(told.match(/text of a file/g)).toHaveLength(12);
    expect(told).toContain('and 100 more');
  });
});
