import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { resume } from '../../cli/steer/resume.ts';
import { readTree } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, environment, patienceMs, server } from '../support/asked-crucible.ts';
import { modelConfig } from '../support/model-config.ts';

beforeEach(() => {
  server.requests.length = 0;
});

/** A reply that writes `content` as its program. */
const reply = (idea: string, content: string) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{ idea, edits: [], removed: [], entry: 'main.py', build: 'none' },
    files: [{ path: 'main.py', content }],
  }),
});

const counting = `import collections, json
words = open('notes.txt').read().split()
json.dump(collections.Counter(words), open('counts.json', 'w'))
`;
const outputs = [{ kind: 'json', path: 'counts.json', schema: { type: 'object' } }];

/** How a job in words on `notes.txt`, and `more` files, ended. */
async function ended(fields: object, more: Record<string, string> = {}) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries({ 'notes.txt': 'to be or not to be', ...more }))
    await writeFile(join(folder, path), text);
  const file = await checkedJob(
    {
      ...{
        kind: 'solve',
        task: 'Count the words of notes.txt into counts.json.',
        inputs: ['notes.txt'],
        outputs,
      },
      // The jobs of these tests ask alike.
      models: { draft: ['openai/gpt-4o'], cache: false },
      ...fields,
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  const result = record === undefined ? null : record.result;
  const product = result?.product ?? null;
  const tree = product === null ? {} : await readTree(store.blobs, product);
  const files = await Promise.all(
    Object.entries(tree).map(async ([path, artifact]) => [path, await store.blobs.text(artifact)] as const),
  );
  return {
    id: submitted.jobId,
    status: record?.status,
    result,
    files: Object.fromEntries(files),
    trials: (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial),
  };
}

/** What the model was told in its last request. */
const told = (): string => JSON.stringify(server.requests.at(-1)?.body.messages);

it(
  'a first program that fails its check is shown again with why, and the search stops at the first that passes',
  async () => {
    server.answers = [
      reply('a list in place of counts', "open('counts.json', 'w').write('[]')\nprint('wrote a list')\n"),
      reply('a Counter', counting),
    ];
    const { status, result, files, trials } = await ended({ name: 'second' });
    expect(status).toBe('finished');
    expect(result).toMatchObject({
      summary: 'solved in 2: c-2 passed every check: a Counter',
      best: { candidate: 'c-2', title: 'a Counter', metric: null },
    });
    expect(JSON.parse(files['counts.json'] ?? '')).toEqual({ to: 2, be: 2, or: 1, not: 1 });
    expect(trials.map(({ candidate, outcome }) => [candidate.id, candidate.operator, outcome.kind])).toEqual([
      ['c-1', 'draft', 'invalidOutput'],
      ['c-2', 'debug', 'passed'],
    ]);
    expect(server.requests).toHaveLength(2);
    expect(told()).toContain('document: expected object, got []');
    expect(told()).toContain("open('counts.json', 'w').write('[]')");
  },
  patienceMs,
);

it(
  'five programs that fail end the job as not solved, with the one that passed most checks',
  async () => {
    const two = [...outputs, 'words.txt'];
    server.answers = [
      reply('nothing', 'print(1)\n'),
      reply('one of two', "open('counts.json', 'w').write('{}')\n"),
      reply('an error', 'raise ValueError("no idea")\n'),
      reply('nothing again', 'print(2)\n'),
      reply('still nothing', 'print(3)\n'),
      reply('never asked for', counting),
    ];
    const { id, status, result, trials } = await ended({ name: 'fifth', outputs: two });
    expect(status).toBe('failed');
    expect(result?.summary).toBe(
      'not solved in 5: c-2 came nearest (passed 1 of 2 checks): one of two; stopped because all 5 trials of the budget are used',
    );
    expect(trials).toHaveLength(5);
    expect(server.requests).toHaveLength(5);

    const out = join(await temporaryFolder(), 'out');
    const context = {
      store: crucible.store,
      json: false,
      terminal: false,
      columns: 100,
      out: () => undefined,
    };
    await exportJob(context, { job: id, out, force: false });
    expect(await readFile(join(out, 'outputs/counts.json'), 'utf8')).toBe('{}');
    expect(await readFile(join(out, 'program/main.py'), 'utf8')).toContain('counts.json');
    const readme = await readFile(join(out, 'README.md'), 'utf8');
    expect(readme).toContain(`**The job ${id} failed**`);
    expect(readme).toContain('- `program/main.py`');
  },
  patienceMs,
);

it(
  'a job that was not solved goes on with more trials: what was tried stands, and nothing is asked or paid again',
  async () => {
    const { store, client } = crucible;
    server.answers = [
      reply('nothing', 'print(1)\n'),
      reply('nothing more', 'print(2)\n'),
      reply('a Counter', counting),
    ];
    const { id, result } = await ended({ name: 'more', budget: { trials: 2 } });
    expect(result?.summary).toMatch(/^not solved in 2: /);
    const record = await store.ledger.job(id);
    if (record === undefined) throw new Error('expected the job in the ledger');
    const given = { models: modelConfig(environment), signal: new AbortController().signal };
    await expect(resume(store, client, record, {}, given)).rejects.toThrow(
      '2 of 2 trials used; add --budget trials=4',
    );
    await resume(store, client, record, { trials: 4 }, given);
    await client.result(id);
    const after = await store.ledger.job(id);
    expect(after === undefined ? null : after.result).toMatchObject({
      summary: 'solved in 3: c-3 passed every check: a Counter',
    });
    expect(server.requests).toHaveLength(3);
    expect(await store.ledger.calls(id)).toHaveLength(3);
  },
  patienceMs,
);

it(
  'a task that names C++ gets an extension module that is compiled; what the compiler says goes into the next question',
  async () => {
    const module = (body: string) => ({
      kind: 'text' as const,
      text: JSON.stringify({
        ...{ idea: 'a module', edits: [], removed: [], entry: 'main.py', build: 'nanobind' },
        files: [
          {
            path: 'adding.cpp',
            content: `#include <nanobind/nanobind.h>\nNB_MODULE(adding, m) { m.def("add", [](int a, int b) { ${body} }); }\n`,
          },
          { path: 'main.py', content: "import adding\nopen('sum.txt', 'w').write(str(adding.add(2, 3)))\n" },
        ],
      }),
    });
    server.answers = [module('return a + c;'), module('return a + b;')];
    const { status, files, trials } = await ended({
      ...{
        name: 'native',
        task: 'A C++ module with add(a, b), and a script that writes add(2, 3) to sum.txt.',
      },
      outputs: ['sum.txt'],
    });
    expect(trials.map(({ outcome }) => outcome.kind)).toEqual(['buildFailed', 'passed']);
    expect([status, files['sum.txt']]).toEqual(['finished', '5']);
    expect(told()).toContain('Say `build: nanobind`');
    expect(told()).toMatch(/adding\.cpp:2:\d+: error: .*was not declared/);
  },
  patienceMs,
);

it(
  'a recipe beside a task is the first draft: it is tried before a model is asked, and shown to it',
  async () => {
    server.answers = [
      reply(
        'the voxels counted',
        "import numpy as np, json\nvoxels = np.zeros((8, 8, 8), '<f4')\nvoxels[2:6, 2:6, 2:6] = 1\nvoxels.tofile('shape.bin')\n" +
          "json.dump({'shape': 'box', 'fill': 'filled', 'n': 8, 'size': 0.5, 'dtype': 'float32', 'inside': 64}, open('shape.json', 'w'))\n" +
          "open('count.txt', 'w').write('64')\n",
      ),
    ];
    const { status, result, files, trials } = await ended({
      ...{ name: 'begun', task: 'Write the number of voxels inside to count.txt, too.' },
      ...{ recipe: 'shape', with: { n: 8, shape: 'box', size: 0.5 }, outputs: ['count.txt'] },
    });
    expect([status, result?.summary]).toEqual([
      'finished',
      'solved in 2, recipe shape among them: c-1 passed every check: the voxels counted',
    ]);
    expect(files['count.txt']).toBe('64');
    expect(trials.map(({ candidate }) => [candidate.id, candidate.operator, candidate.parents])).toEqual([
      ['c-0', 'recipe', []],
      ['c-1', 'debug', ['c-0']],
    ]);
    expect(told()).toContain('SHAPE = \\"box\\"');
    expect(told()).toContain('count.txt, the file is missing');
    expect(told()).toContain('shape.bin: 8³ voxels of float32');
  },
  patienceMs,
);

it(
  'a script beside a task that passes is all that is run: no model is asked',
  async () => {
    const { status, result } = await ended({ name: 'enough', outputs: [], recipe: 'shape', with: { n: 8 } });
    expect([status, result?.summary]).toEqual([
      'finished',
      'recipe shape ran and its outputs passed every check',
    ]);
    expect(server.requests).toEqual([]);
  },
  patienceMs,
);

it(
  'a program that is certain to fail is not run: what its text lacks is told to the model',
  async () => {
    server.answers = [
      reply('a module there is none of', `import wordcounts, json\nopen('counts.json', 'w').write('{}')\n`),
      reply('a name that is not defined', counting.replace('collections.Counter', 'tally_of')),
      reply('no Python', counting.replace('.split()', '.split(')),
      reply('a Counter', counting),
    ];
    const { status, trials } = await ended({ name: 'looked-at' });
    expect(status).toBe('finished');
    const outcomes = trials.map(({ outcome }) =>
      'reason' in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind,
    );
    expect(outcomes).toEqual([
      expect.stringMatching(
        /^rejected main.py:1: ModuleNotFoundError: No module named 'wordcounts' \(it was not run\)\nthe sandbox has numpy /,
      ),
      "rejected main.py:3: NameError: name 'tally_of' is not defined (it was not run)",
      expect.stringMatching(/^rejected main.py:2: SyntaxError: '\(' was never closed/),
      'passed',
    ]);
    expect(trials[0]?.artifacts.outputs).toBeUndefined();
    const diagnoses = trials.map(({ outcome }) => ('diagnosis' in outcome ? outcome.diagnosis?.kind : null));
    expect(diagnoses).toEqual(['missingModule', 'undefinedName', 'syntax', null]);
    expect(told()).toContain('SyntaxError');
  },
  patienceMs,
);

it(
  'a program that fails on the sample never sees the full input; what counts is checked on that alone',
  async () => {
    const of = (body: string) => `rows = open('rows.csv').read().split()[1:]\n${body}\n`;
    server.answers = [
      reply('fails on any', of("open('out.csv', 'w').write('wrong\\n1\\n')")),
      reply('too few on the full one', of("open('out.csv', 'w').write('\\n'.join(['x', *rows[:5]]))")),
      reply('all of them', of("open('out.csv', 'w').write('\\n'.join(['x', *rows]))")),
    ];
    const { status, result, trials } = await ended(
      {
        ...{ name: 'sampled', inputs: ['rows.csv'], sample: { rows: 3 } },
        outputs: [{ kind: 'csv', path: 'out.csv', columns: ['x'], rows: 10 }],
      },
      { 'rows.csv': `x\n${Array.from({ length: 10 }, (_, id) => `${id}\n`).join('')}` },
    );
    expect([status, result?.summary]).toEqual([
      'finished',
      'solved in 3: c-3 passed every check: all of them',
    ]);
    expect(trials.map(({ outcome }) => ('reason' in outcome ? outcome.reason : outcome.kind))).toEqual([
      'on the sample (the first 3 rows of rows.csv): out.csv, the column "x" is missing; there are "wrong"',
      'out.csv, expected at least 10 and at most 10 rows below the header, got 5',
      'passed',
    ]);
    expect(trials.map(({ timings }) => Object.keys(timings))).toEqual([
      ['build', 'sample', 'grade sample'],
      ['build', 'sample', 'grade sample', 'run', 'grade'],
      ['build', 'sample', 'grade sample', 'run', 'grade'],
    ]);
  },
  patienceMs,
);

/** A check of the user's that knows the answer by a file of its own. */
const ownCheck = `import json
def check(inputs, outputs):
    assert (inputs / 'notes.txt').exists()
    counts = json.loads((outputs / 'counts.json').read_text())
    expected = json.load(open('expected.json'))
    if counts != expected:
        return f'expected {len(expected)} words, found {len(counts)}'
`;

it(
  "the user's own check decides, and neither a program nor a model sees it or what it reads",
  async () => {
    const looking = `import os, json
json.dump({'seen': [name for _, _, files in os.walk('/work') for name in files]}, open('counts.json', 'w'))
print(os.path.exists('/in/job'))
`;
    server.answers = [reply('looks around', looking), reply('a Counter', counting)];
    const { id, status, result, trials } = await ended(
      { name: 'own', check: 'check.py', hidden: ['expected.json'] },
      { 'check.py': ownCheck, 'expected.json': '{"to": 2, "be": 2, "or": 1, "not": 1}' },
    );
    expect([status, result?.summary]).toEqual(['finished', 'solved in 2: c-2 passed every check: a Counter']);
    const [first] = trials;
    expect(first?.outcome).toMatchObject({
      ...{ kind: 'wrong', reason: 'check in check.py says: expected 4 words, found 1' },
      passed: { count: 1, of: 2 },
    });
    const seen = await crucible.store.blobs.text(
      (await readTree(crucible.store.blobs, first?.artifacts.outputs ?? ''))['counts.json'] ?? '',
    );
    expect(seen).toContain('notes.txt');
    expect(seen).not.toMatch(/check\.py|expected\.json/);
    const asked = JSON.stringify(server.requests.map(({ body }) => body.messages));
    expect(asked).toContain("check in check.py, a check of the user's, accepts what was written");
    expect(asked).toContain('expected 4 words, found 1');
    expect(asked).not.toMatch(/expected\.json|json\.loads/);
    const events = await crucible.store.ledger.events(id);
    expect(JSON.stringify(events)).not.toContain('accepts an empty folder');
  },
  patienceMs,
);

it(
  'a check that is mistaken ends the job before a model is asked; one that accepts an empty folder is warned of',
  async () => {
    const mistaken = await ended(
      { name: 'mistaken', check: 'check.py' },
      { 'check.py': 'def check(i, o):\n    return total\n' },
    );
    expect(mistaken).toMatchObject({ status: 'failed', trials: [] });
    expect(mistaken.result?.summary).toContain("check.py:2 in check: NameError: name 'total' is not defined");
    expect(server.requests).toEqual([]);

    server.answers = [reply('a Counter', counting)];
    const { id, status, files } = await ended(
      { name: 'open', outputs: [], check: 'check.py:fine' },
      { 'check.py': "def fine(inputs, outputs):\n    assert not list(outputs.glob('*.txt'))\n" },
    );
    // Without outputs, a check gets all that a program wrote, and so does the user.
    expect([status, Object.keys(files)]).toEqual(['finished', ['counts.json']]);
    expect(JSON.stringify(await crucible.store.ledger.events(id))).toContain(
      'fine in check.py accepts an empty folder',
    );
  },
  patienceMs,
);
