import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { Tree } from '../../domain/artifact.schema.ts';
import type { JobResult } from '../../domain/job-input.schema.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { crucible } from '../support/running-crucible.ts';

const patienceMs = 300_000;

/** How a job on these files ended: whether it failed, the lines of its summary, and what it gave. */
async function ended(
  fields: Record<string, unknown>,
  files: Record<string, string>,
): Promise<{ id: string; status: string | undefined; lines: string[]; product: string[] }> {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const file = await checkedJob(
    fields.kind === undefined ? { kind: 'solve', script: 'run.py', ...fields } : fields,
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  const result = record?.result as JobResult | null;
  const tree = result?.product ? Tree.parse(JSON.parse(await store.blobs.text(result.product))) : {};
  return {
    id: submitted.jobId,
    status: record?.status,
    lines: (result?.summary ?? '').split('\n'),
    product: Object.keys(tree).sort(),
  };
}

it(
  'outputs are patterns and folders, written by whom it may be; the same bytes written again are an output',
  async () => {
    const script = `import os, subprocess, sys
subprocess.run([sys.executable, '-c', "open('by-child.txt', 'w').write('1')"], check=True)
text = open('kept.txt').read()
open('kept.txt', 'w').write(text)
for k in range(3):
    os.makedirs(f'rows/{k}', exist_ok=True)
    open(f'rows/{k}/row.csv', 'w').write(f'a,b\\n{k},{k}\\n')
`;
    const outputs = ['by-?????.txt', 'kept.txt', { kind: 'csv', path: 'rows', columns: ['b'] }];
    const given = await ended(
      { name: 'patterns', inputs: ['kept.txt'], outputs },
      { 'run.py': script, 'kept.txt': 'as ever' },
    );
    expect(given).toMatchObject({
      status: 'finished',
      product: ['by-child.txt', 'kept.txt', 'rows/0/row.csv', 'rows/1/row.csv', 'rows/2/row.csv'],
    });
  },
  patienceMs,
);

it(
  'every check that failed is told, with what was written; what an input was is no output; export gives it as failed',
  async () => {
    const { id, status, lines } = await ended(
      {
        name: 'failing',
        inputs: ['kept.txt'],
        outputs: ['fine.txt', 'kept.txt', 'none/*.npy', { kind: 'json', path: 'sum.json' }],
      },
      {
        'run.py': `open('sum.json', 'w').write('{"a": NaN}')\nopen('fine.txt', 'w').write('1')\n`,
        'kept.txt': '1',
      },
    );
    expect(status).toBe('failed');
    expect(lines).toEqual([
      'run.py ended as invalidOutput: kept.txt is the input as it was placed; run.py did not write it (2 more checks failed)',
      'also none/*.npy, no file matches; run.py wrote fine.txt (1 byte), sum.json (10 bytes)',
      'also sum.json, not readable JSON: NaN is no number of JSON',
    ]);
    const [tried] = await crucible.store.ledger.trials(id);
    expect(tried?.trial.outcome).toMatchObject({ kind: 'invalidOutput', passed: { count: 1, of: 4 } });
    const out = join(await temporaryFolder(), 'out');
    const said: string[] = [];
    const context = { store: crucible.store, json: false, out: (line: string) => void said.push(line) };
    await exportJob({ ...context, terminal: false, columns: 100 }, { job: id, out, force: false });
    expect(await readFile(join(out, 'outputs/sum.json'), 'utf8')).toBe('{"a": NaN}');
    expect(await readFile(join(out, 'README.md'), 'utf8')).toContain(`**The job ${id} failed**`);
  },
  patienceMs,
);

it(
  'how a script ends and what it prints are checked: a status that is asked for is no crash, and any other is',
  async () => {
    const script = "import sys\nprint('17 rows, 3 of them wrong')\nsys.exit(3)\n";
    const of = (name: string, outputs: object[]) => ended({ name, outputs }, { 'run.py': script });
    const [right, wrong, crashed] = await Promise.all([
      of('status', [
        { kind: 'exit', status: 3 },
        { kind: 'stdout', matches: '^\\d+ rows' },
      ]),
      of('printed', [
        { kind: 'exit', status: 3 },
        { kind: 'stdout', contains: '18 rows' },
      ]),
      of('crash', [{ kind: 'exit', status: 0 }]),
    ]);
    expect(right).toMatchObject({ status: 'finished', product: ['stdout.txt'] });
    expect(wrong.lines[0]).toBe(
      'run.py ended as invalidOutput: standard output, expected "18 rows" in what was printed, found 1 line, the first "17 rows, 3 of them wrong"',
    );
    expect(crashed.lines[0]).toContain('run.py ended as crashed: exit status 3');
  },
  patienceMs,
);

it(
  'an output equals a file of the user within a tolerance; one that cannot be read is refused before anything runs',
  async () => {
    const script = "open('out.csv', 'w').write('name,size\\na,1.01\\n')\n";
    const of = (name: string, right: string, more: object) =>
      ended(
        { name, outputs: [{ kind: 'equals', path: 'out.csv', reference: `right.${name}`, ...more }] },
        { 'run.py': script, [`right.${name}`]: right },
      );
    const [right, wrong, unreadable] = await Promise.all([
      of('near', 'name,size\na,1.0\n', { absolute: 0.1 }),
      of('far', 'name,size\na,1.0\n', {}),
      of('csv', '\n'.repeat(2000), {}),
    ]);
    expect(right).toMatchObject({ status: 'finished', product: ['out.csv'] });
    expect(wrong.lines[0]).toMatch(
      /^run\.py ended as wrong: out\.csv, row 2, column 2: expected 1, got 1.01/,
    );
    expect(unreadable.lines[0]).toMatch(
      /^nothing can be judged by what this job asks for: .*the expected file/,
    );
  },
  patienceMs,
);

it(
  'what a script printed is kept where it is stopped, or crashes in native code; without outputs it is the product',
  async () => {
    const crash = "import ctypes\ndef read():\n    ctypes.string_at(0)\nprint('reading', end='')\nread()\n";
    const [stopped, crashed, printed] = await Promise.all([
      ended(
        { name: 'stopped', limits: { wallMs: 3000 } },
        { 'run.py': "import time\nprint('1 of 2')\nprint('at 2', end='')\ntime.sleep(900)\n" },
      ),
      ended({ name: 'crashed' }, { 'run.py': crash }),
      ended({ name: 'printed' }, { 'run.py': "print('6 times 7')\n" }),
    ]);
    expect(stopped.lines).toEqual([
      'run.py ended as timedOut: not done after 3 s of wall time; last printed: at 2',
    ]);
    const [trial] = await crucible.store.ledger.trials(stopped.id);
    expect(trial?.trial.outcome).toMatchObject({
      diagnosis: {
        place: { path: 'run.py', line: 4 },
        suggestion: expect.stringMatching(
          /^It sleeps: .* of its first 3 s went to run\.py:4: time\.sleep\(900\)$/,
        ),
      },
    });
    expect(crashed.lines[0]).toBe(
      'run.py ended as crashed: ended by SIGSEGV at run.py:3 in read; last printed: reading',
    );
    expect(printed).toMatchObject({ status: 'finished', product: ['stdout.txt'] });
  },
  patienceMs,
);

it(
  'a file that stands beside the job and is not among its inputs is named, to the user alone',
  async () => {
    const { lines } = await ended(
      { name: 'beside', outputs: ['a.txt'] },
      { 'run.py': "name = 'steps' + '.txt'\nopen(name)\n", 'steps.txt': '1' },
    );
    expect(lines.slice(0, 2)).toEqual([
      "run.py ended as crashed: FileNotFoundError: [Errno 2] No such file or directory: 'steps.txt'",
      'steps.txt stands in the folder of the job and is not among its inputs: add inputs: [steps.txt]; its working directory held run.py',
    ]);
  },
  patienceMs,
);

it(
  'inputs of a function stand in its working directory, for the maker of its inputs, too',
  async () => {
    const function_ = `import numpy as np
def weigh(x):
    weights = np.loadtxt('data/weights.txt')
    total = 0.0
    for i in range(x.size):
        total += x[i] * weights[i % weights.size]
    return total
`;
    const maker = `import numpy as np
def make_case(seed):
    size = int(open('data/weights.txt').read().split()[0]) * 40_000
    return (np.random.default_rng(seed).random(size),)
`;
    const { status, lines } = await ended(
      {
        kind: 'optimize',
        name: 'weighing',
        program: 'weigh.py',
        function: 'weigh',
        cases: 'cases.py',
        inputs: ['data'],
        strategies: [],
      },
      { 'weigh.py': function_, 'cases.py': maker, 'data/weights.txt': '2\n3\n' },
    );
    expect([status, lines[0]]).toEqual(['finished', expect.stringMatching(/^nothing faster|0 tried/)]);
  },
  patienceMs,
);
