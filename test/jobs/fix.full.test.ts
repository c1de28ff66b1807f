import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { readProgram } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

let crucible: TestCrucible;
let server: ModelServer;
let environment: Record<string, string>;

beforeAll(async () => {
  server = await startModelServer('chat');
  environment = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  crucible = await startCrucible(environment);
  await crucible.startWorker();
});

afterAll(async () => {
  await crucible?.stop();
  await server?.close();
});

/** How mending `script` ended: its summary, its trials, and the text of the best. */
async function mended(
  name: string,
  script: string,
  { models = false, ...fields }: Record<string, unknown> = {},
) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'main.py'), script);
  await writeFile(join(folder, 'rows.txt'), '1 2\n3 4\n');
  const job = {
    kind: 'solve',
    fix: true,
    name,
    script: 'main.py',
    inputs: ['rows.txt'],
    budget: { trials: 10 },
  };
  const asked = models ? { models: { debug: ['openai/gpt-4o'], cache: false } } : {};
  const file = await checkedJob({ ...job, ...asked, ...fields }, folder);
  const config = modelConfig(models ? environment : {});
  const submitted = await submit(file, { store, client, models: config, fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  const trials = (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial);
  const best = trials.find(({ candidate }) => candidate.id === record?.result?.best?.candidate);
  const source = best && (await readProgram(store.blobs, best.candidate.program)).files['main.py'];
  return {
    status: record?.status,
    summary: record?.result?.summary ?? '',
    ended: trials.map(
      ({ candidate, purpose, outcome }: Trial) => `${candidate.id} ${purpose} ${outcome.kind}`,
    ),
    operators: trials.map(({ candidate }) => candidate.operator),
    reasons: trials.map(({ outcome }) => ('reason' in outcome ? outcome.reason : '')),
    source: source === undefined ? null : await store.blobs.text(source),
  };
}

it('a script with several faults is mended without a model, one after the other, and run twice', async () => {
  const script = await readFile(new URL('../fixtures/failing/removed-numpy.py', import.meta.url), 'utf8');
  const found = await mended('faults', `${script}print 'end'\nnp.save('out/a.npy', area)\n`);
  expect(found.status).toBe('finished');
  expect(found.operators).toEqual(['human', 'fix', 'fix', 'fix', 'fix']);
  expect(found.ended.slice(-2)).toEqual(['c-3 trial passed', 'c-3 verification passed']);
  expect(found.source).toContain("print('end')\nos.makedirs(os.path.dirname('out/a.npy')");
  expect(found.summary).toMatch(/^fixed: c-3 ran to its end, twice: /);
});

it('a script that passes is left alone', async () => {
  const found = await mended('fine', "print('fine')\n");
  expect([found.status, found.summary]).toEqual(['finished', 'main.py passes as it is: nothing was changed']);
  expect(found.ended).toEqual(['c-0 trial passed']);
});

it('without a model what is left is told, and the job fails', async () => {
  const found = await mended('left', 'print(1 / 0)\n');
  expect(found.status).toBe('failed');
  expect(found.summary).toMatch(
    /^not fixed: 0 fixes were tried; stopped because no model is configured: set a key/,
  );
});

it('a model is asked once for several fixes; one that hides the failure is refused, the first that passes is taken', async () => {
  const script = "print('sum')\nrows = [float(line) for line in open('rows.txt')]\nprint(sum(rows))\n";
  const right = 'rows = [float(cell) for line in open("rows.txt") for cell in line.split()]';
  const fix = (idea: string, line: string) => ({
    ...{ idea, files: [], removed: [], entry: 'main.py', build: 'none' },
    edits: [{ path: 'main.py', search: "rows = [float(line) for line in open('rows.txt')]", replace: line }],
  });
  server.requests.length = 0;
  server.answers = [
    {
      kind: 'text',
      text: JSON.stringify({
        ...{ kind: 'exception', evidence: 'ValueError', cause: 'a row has two cells' },
        fixes: [
          fix(
            'none of them',
            `try:\n    ${right.replace('cell in line.split()', 'cell in line')}\nexcept Exception:\n    rows = []`,
          ),
          fix('commas', right.replace('split()', "split(',')")),
          fix('every cell', right),
        ],
      }),
    },
  ];
  const found = await mended('several', script, { models: true });
  expect(found.ended).toEqual([
    'c-0 trial crashed',
    'c-1 trial rejected',
    'c-2 trial crashed',
    'c-3 trial passed',
    'c-3 verification passed',
  ]);
  expect(found.reasons[1]).toMatch(/^this hides the failure: it swallows errors/);
  expect(found.source).toContain(right);
  expect(server.requests).toHaveLength(1);
  expect(JSON.stringify(server.requests[0]?.body)).toContain(
    'badNumber: text that is no number, at main.py:2',
  );
});

it('a fix that leaves out what was written or printed before is refused', async () => {
  const script = "open('first.txt', 'w').write('1')\nprint('first')\nprint('second')\nundefined()\n";
  server.answers = [
    {
      kind: 'text',
      text: JSON.stringify({
        ...{ kind: 'exception', evidence: 'NameError', cause: 'no such function' },
        fixes: [
          {
            ...{ idea: 'nothing at all', edits: [], removed: [], entry: 'main.py', build: 'none' },
            files: [
              {
                path: 'main.py',
                content:
                  "import os\nif os.environ.get('NEVER'):\n    open('first.txt', 'w').write('1')\n    print('first')\nprint('second')\n",
              },
            ],
          },
        ],
      }),
    },
  ];
  const found = await mended('emptied', script, { models: true });
  expect(found.status).toBe('failed');
  expect(found.reasons[1]).toMatch(
    /first\.txt was written before it failed, and is now missing or empty; it prints 1 lines, of the 2/,
  );
});
