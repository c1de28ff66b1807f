import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { packagesForModel, preparedAt } from '../../record/environment.ts';
import { createLayers } from '../../sandbox/layers.ts';
import { cache } from '../../setup/places.mjs';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { writeWheel } from '../support/wheels.ts';

const patienceMs = 300_000;
const signal = new AbortController().signal;
let crucible: TestCrucible;
let wheels: string;
const locks = new Set<string>();

beforeAll(async () => {
  wheels = await mkdtemp(join(tmpdir(), 'crucible-wheels-'));
  // A stand-in for a package that an import may bring in, and one that only a job may ask for.
  writeWheel(wheels, { name: 'tabulate', version: '0.1', files: { 'tabulate.py': "text = 'a table'\n" } });
  writeWheel(wheels, { name: 'crux-tables', version: '1.0', files: { 'crux_tables.py': "text = 'one'\n" } });
  crucible = await startCrucible({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels });
  await crucible.startWorker();
}, patienceMs);

afterAll(async () => {
  for (const lock of locks) {
    const { folder } = await createLayers({ cache }).layer(lock, signal);
    await rm(dirname(folder), { recursive: true });
  }
  await rm(wheels, { recursive: true, force: true });
  await crucible?.stop();
});

async function ended(fields: Record<string, unknown>, script: string) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'run.py'), script);
  await writeFile(join(folder, 'requirements.txt'), 'crux-tables  # of our own\n');
  const job = { kind: 'solve', script: 'run.py', outputs: ['out.txt'], ...fields };
  const file = await checkedJob(job, folder);
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  const { jobId } = submitted;
  await client.result(jobId).catch(() => undefined);
  const record = await store.ledger.job(jobId);
  const [trial] = (await store.ledger.trials(jobId)).map((each) => each.trial);
  const requirements = trial?.artifacts.requirements;
  const lock = requirements === undefined ? null : await store.blobs.text(requirements);
  if (lock !== null) locks.add(lock);
  return { jobId, record, trial, lock, steps: (await store.ledger.steps(jobId)).map(({ kind }) => kind) };
}

const writing = (module: string): string => `import ${module}\nopen('out.txt', 'w').write(${module}.text)\n`;

it(
  'a job has the packages of its requirements, the same for every job that asks for the same, and exports their lock',
  async () => {
    const asked = { environment: { requirements: 'requirements.txt' } };
    const first = await ended({ name: 'tables', ...asked }, writing('crux_tables'));
    expect(first.record).toMatchObject({ status: 'finished' });
    expect(first.lock).toMatch(/^crux-tables==1\.0 \\\n {4}--hash=sha256:[0-9a-f]{64}\n$/);
    expect(await packagesForModel(crucible.store, first.jobId, {})).toEqual(
      expect.arrayContaining(['crux-tables 1.0', expect.stringMatching(/^numpy \d/)]),
    );

    // A newer one does not change what was locked.
    writeWheel(wheels, {
      name: 'crux-tables',
      version: '2.0',
      files: { 'crux_tables.py': "text = 'two'\n" },
    });
    const second = await ended({ name: 'tables-again', ...asked }, writing('crux_tables'));
    expect(second.lock).toBe(first.lock);

    const out = join(await temporaryFolder(), 'export');
    const context = { store: crucible.store, json: true, out: () => undefined, columns: 80, color: false };
    await exportJob(context as unknown as Parameters<typeof exportJob>[0], {
      ...{ job: second.jobId, out, force: false },
    });
    expect(await readFile(join(out, 'requirements.lock'), 'utf8')).toBe(first.lock);
  },
  patienceMs,
);

it(
  'a program that misses a package which an import may bring in is run again with it, and nothing else is',
  async () => {
    // Not to be seen in its text beforehand.
    const missing = (module: string): string =>
      `import importlib\nmodule = importlib.import_module('${module.toUpperCase()}'.lower())\nopen('out.txt', 'w').write(module.text)\n`;
    const brought = await ended({ name: 'brought' }, missing('tabulate'));
    expect(brought.record).toMatchObject({ status: 'finished' });
    expect(brought.lock).toMatch(/^tabulate==0\.1 /);
    expect(brought.steps.filter((kind) => kind === 'run')).toHaveLength(2);

    const not = await ended({ name: 'not-brought' }, missing('crux_tables'));
    expect(not.trial?.outcome).toMatchObject({ kind: 'crashed' });
    expect(not.steps).not.toContain('environment');
  },
  patienceMs,
);

it(
  'a package that nobody has is refused before any program runs, with the name that is near',
  async () => {
    const { record, steps } = await ended(
      { name: 'misspelt', environment: { requirements: ['tabulat'] } },
      writing('tabulat'),
    );
    expect(record).toMatchObject({ status: 'failed' });
    expect(JSON.stringify(record?.result)).toMatch(
      /"environment: tabulat: no package index has a wheel of it [^"]*\(did you mean tabulate\?\)"/,
    );
    expect(steps).not.toContain('run');
    expect(await preparedAt(crucible.store, record?.id ?? '')).toBeNull();
  },
  patienceMs,
);
