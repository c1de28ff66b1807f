import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../store/store.ts';
import { crucible, type Said, start } from '../support/command.ts';
import { markedProcesses } from '../support/sandbox.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));

/** One home with one server and worker for all of this file; job files and programs lie in `folder`. */
let home: string;
let folder: string;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-bad-'));
  home = join(folder, 'home');
  await cp(join(fixtures, 'bad'), folder, { recursive: true });
  await cp(join(fixtures, 'weigh'), join(folder, 'weigh'), { recursive: true });
  // Ten times the work: what is compiled is faster beyond the noise of a machine that is busy, too.
  const cases = join(folder, 'weigh/cases.py');
  await writeFile(cases, (await readFile(cases, 'utf8')).replace(', 40\n', ', 400\n'));
  const said = await crucible(['up'], { home });
  if (said.status !== 0) throw new Error(`expected a server and a worker, got ${said.out}${said.error}`);
  store = await openStore(home);
});

afterAll(async () => {
  await store?.close();
  await crucible(['down'], { home });
  expect(await markedProcesses(`CRUCIBLE_HOME=${home}`)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

const command = (...args: string[]): Promise<Said> => crucible(args, { home, folder });

/** Writes `NAME.json` and returns its name. */
async function jobFile(job: { name: string; [field: string]: unknown }): Promise<string> {
  const file = `${job.name}.json`;
  await writeFile(join(folder, file), JSON.stringify(job));
  return file;
}

/** That a job was run and failed, with this message and nothing of Crucible's own code. */
function expectFailed(said: Said, name: string, message: RegExp): void {
  expect(said.status).toBe(1);
  expect(said.error).toBe('');
  const last = said.out.split('\n').find((line) => line.startsWith('✗ ')) ?? '';
  expect(last).toMatch(new RegExp(`^✗ ${name} failed: `));
  expect(last).toMatch(message);
  expect(said.out).not.toMatch(/\.ts:\d|node:internal|sandbox\/guest|prepare\.py|serve\.py/);
}

describe.concurrent('a program that is wrong', () => {
  it.for([
    [
      'does-not-parse',
      { program: 'syntax_error.py' },
      /syntax_error\.py:2: syntax_error\.py does not import: SyntaxError: cannot assign to literal/,
    ],
    [
      'does-not-import',
      { program: 'missing_module.py' },
      /missing_module\.py:2 in <module>: .* ModuleNotFoundError: No module named 'numpi'$/,
    ],
    [
      'lacks-the-function',
      { program: 'vanishes.py' },
      /vanishes\.py: vanishes\.py has no function total; it has: other$/,
    ],
    [
      'raises',
      { program: 'raises.py' },
      /raises\.py:3 in total: total in raises\.py raises: ValueError: too many values$/,
    ],
    [
      'forgets-to-return',
      { program: 'forgets.py' },
      /forgets\.py:1 in total: total in forgets\.py returns None and changes no argument: there is nothing to compare/,
    ],
    [
      'has-a-generator-that-raises',
      { cases: 'cases_raises.py' },
      /cases_raises\.py:3 in make_case: make_case in cases_raises\.py raises: ZeroDivisionError: division by zero$/,
    ],
    [
      'has-a-generator-of-nonsense',
      { cases: 'cases_nonsense.py' },
      /cases_nonsense\.py:1 in make_case: .* returns a str: expected a tuple of arguments/,
    ],
  ] as const)('fails its job with one message: it %s', async ([name, fields, message]) => {
    const job = {
      kind: 'optimize',
      name,
      program: 'total.py',
      function: 'total',
      cases: 'cases.py',
      ...fields,
    };
    const said = await command('run', await jobFile(job));
    expectFailed(said, name, message);
  });

  it.for([
    ['fails', /stage second failed: fails\.py ended as crashed: RuntimeError: there is nothing today$/],
    [
      'writes_nothing',
      /stage second failed: writes_nothing\.py ended as invalidOutput: out\.txt, the file is missing; writes_nothing\.py wrote no file$/,
    ],
  ] as const)('fails its pipeline with the name of its stage: %s.py', async ([script, message]) => {
    const name = `stage-${script.replace('_', '-')}`;
    const outputs = ['out.txt'];
    const stages = [
      { kind: 'solve', name: 'first', script: 'writes.py', outputs },
      { kind: 'solve', name: 'second', needs: ['first'], script: `${script}.py`, outputs },
    ];
    expectFailed(await command('run', await jobFile({ kind: 'pipeline', name, stages })), name, message);
  });
});

it('no failed job is left open, and no sandbox of one', async () => {
  expect(await store.ledger.jobs({ status: 'running', limit: 100 })).toEqual([]);
  const failed = await store.ledger.jobs({ status: 'failed', limit: 100 });
  expect(failed.length).toBe(9);
  for (const kind of ['docker', 'bubblewrap'])
    expect(await readdir(join(home, 'sandboxes', kind)).catch(() => [])).toEqual([]);
});

it('a finished job is shown when it is asked for again, and run again with --fresh', async () => {
  const file = await jobFile({ kind: 'solve', name: 'writes', script: 'writes.py', outputs: ['out.txt'] });
  expect(await command('run', file)).toMatchObject({ status: 0, error: '' });
  const again = await command('run', file);
  expect(again).toMatchObject({ status: 0, error: '' });
  expect(again.out).toMatch(
    /\nsolve\/writes\/\w{10}\.1 is finished: .*\n(.*\n)*Outputs +\S+\/out\.txt\n(.*\n)*.*again: --fresh/,
  );
  expect((await command('run', file, '--fresh')).out).toMatch(/\nstarted solve\/writes\/\w{10}\.2\n/);
});

it('a job asked for twice is one; Ctrl-C leaves it running, and a cancel keeps its best so far and a report', async () => {
  const file = await jobFile({
    kind: 'optimize',
    name: 'weigh',
    program: 'weigh/weigh.py',
    function: 'weigh',
    cases: 'weigh/cases.py',
    strategies: ['vectorize_loops', 'use_cpp_extension', 'use_pythran', 'parallelize', 'reduce_precision'],
    tolerance: { relative: 1e-9 },
  });
  const both = await Promise.all([command('submit', file), command('submit', file)]);
  const [id] = both.map(({ out }) => out.match(/(?:started|attached) (\S+)/)?.[1]);
  if (id === undefined) throw new Error(`expected a job to be started, got ${JSON.stringify(both)}`);
  expect(both.map(({ out }) => out.includes(`crucible watch ${id}`))).toEqual([true, true]);

  const watching = start(['run', file], { home, folder });
  await watching.says('verified with new secret inputs');
  watching.process.kill('SIGINT');
  const left = await watching.ended;
  expect(left).toMatchObject({ status: 130, error: '' });
  expect(left.out).toContain(`attached ${id}\n`);
  expect(left.out).toMatch(
    new RegExp(`\\n${id} goes on\\.\\nFollow +crucible watch weigh\\nEnd it +crucible cancel weigh\\n`),
  );
  expect(await store.ledger.job(id)).toMatchObject({ status: 'running' });

  expect(await command('cancel', id)).toMatchObject({ status: 0, error: '' });
  const cancelledNow = await command('watch', id);
  expect(cancelledNow.status).toBe(1);
  expect(cancelledNow.out).toMatch(/✗ weigh cancelled: cancelled\n(.*\n)*Program +crucible export weigh\n/);
  const record = await store.ledger.job(id);
  expect(record).toMatchObject({ status: 'cancelled', report: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(record?.best).toBeGreaterThan(1);
  expect(record?.result).toMatchObject({
    best: { candidate: expect.stringMatching(/^c-\d+$/) },
    product: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const cancelled = await command('cancel', id);
  expect(cancelled).toMatchObject({ status: 2, error: `${id} is not running: it is cancelled\n` });
  expect((await store.ledger.jobs({ limit: 100 })).filter((job) => job.name === 'weigh')).toHaveLength(1);
});
