import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { Limits } from '../../domain/limits.schema.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { readConfig } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';
import type { BareActivities, BareGrid, bareGrid } from './experiment-workflows.ts';

/** Cells at once, in both. */
const window = 6;
const bareQueue = 'bare';
const program = 'import sys\nprint(int(sys.argv[1]) ** 2)\n';

/**
 * An experiment of trivial cells, each built, run in a sandbox and graded, beside as many bare workflows with as many activities: on
 * one server, with one window. These do nothing at first, then one of them runs the program in a sandbox as a cell does: what the
 * engine of sandboxes takes is not of Crucible's making. `npm run bench -- experiment [CELLS]`.
 */
export async function run(): Promise<void> {
  const cells = Number(process.argv[3] ?? 300);
  if (!Number.isInteger(cells) || cells < 2)
    throw new Error(`expected a number of cells from 2 up, got ${process.argv[3]}`);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const folder = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const crucible = await startCrucible();
  const connection = await Connection.connect({ address: crucible.server.address });
  const client = new Client({ connection });
  try {
    await writeFile(join(folder, 'cell.py'), program);
    await crucible.startWorker();
    // What is loaded once is loaded by a cell that is not counted.
    await experimentOf(crucible, folder, { name: 'first', cells: 2 });
    const memory = watchMemory(crucible.workerPid());
    const before = await keptBy(crucible);
    const ours = await experimentOf(crucible, folder, { name: 'many', cells });
    const after = await keptBy(crucible);
    const workerMb = memory.mostMb();
    const history = await countsOf(client, crucible, ours.id);
    await crucible.killWorker();
    const bareMs = await bare(client, crucible, { cells, activities: history.activities, window });
    reportCosts(cells, before, after, history.bytes);
    report({ cells, ms: ours.ms, ...bareMs, workerMb, ...history });
  } finally {
    await connection.close();
    await crucible.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function experimentOf(
  { store, client }: TestCrucible,
  folder: string,
  { name, cells }: { name: string; cells: number },
): Promise<{ id: string; ms: number }> {
  const file = await checkedJob(
    {
      ...{ kind: 'experiment', name, window },
      cell: { kind: 'solve', script: 'cell.py', args: [placeholder('n')] },
      matrix: { n: Array.from({ length: cells }, (_, n) => n) },
    },
    folder,
  );
  const began = performance.now();
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: true });
  if (submitted.kind === 'finished') throw new Error(`expected ${name} to run, it had`);
  const { summary } = await client.result(submitted.jobId);
  if (!summary.startsWith(`${cells} of ${cells} cells done`)) throw new Error(`${name}: ${summary}`);
  return { id: submitted.jobId, ms: performance.now() - began };
}

/** Events of the experiment and of its cells, a cell; the most in one history; activities of one cell, and the bytes of its history. */
async function countsOf(
  { workflow }: Client,
  { store }: TestCrucible,
  id: string,
): Promise<{ events: number; longest: number; lives: number; activities: number; bytes: number }> {
  let [own, longest, lives] = [0, 0, 0];
  for await (const { runId } of workflow.list({ query: `WorkflowId = '${id}'` })) {
    const { historyLength } = await workflow.getHandle(id, runId).describe();
    own += historyLength;
    longest = Math.max(longest, historyLength);
    lives += 1;
  }
  const children = await store.ledger.children(id, { role: 'cell' });
  const one = children.at(-1)?.id ?? '';
  const { events } = await workflow.getHandle(one).fetchHistory();
  const { historySize = 0 } = await workflow.getHandle(one).describe();
  const activities = (events ?? []).filter((event) => event.activityTaskScheduledEventAttributes).length;
  return {
    ...{ longest, lives, activities, bytes: historySize },
    events: own / children.length + (events ?? []).length,
  };
}

/** What there is of all jobs so far. */
interface Kept {
  /** Of each table of the ledger. */
  rows: Map<string, number>;
  ledgerBytes: number;
  blobs: number;
  blobBytes: number;
  /** Processor time of the worker and of all that it started and that ended. */
  workerSeconds: number;
}

async function keptBy({ home, workerPid }: TestCrucible): Promise<Kept> {
  const db = new DatabaseSync(join(home, 'ledger.db'), { readOnly: true });
  const numberOf = (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0]);
  const tables = db.prepare("select name from sqlite_master where type = 'table'").all();
  const rows = new Map(
    tables.map(({ name }) => [String(name), numberOf(`select count(*) from "${String(name)}"`)]),
  );
  const ledgerBytes = numberOf('pragma page_count') * numberOf('pragma page_size');
  db.close();
  const entries = await readdir(join(home, 'blobs'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => stat(join(parentPath, name))));
  // The second field is a name in brackets, which may have spaces; ticks are hundredths of a second.
  const fields = readFileSync(`/proc/${workerPid()}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
  return {
    ...{ rows, ledgerBytes, blobs: files.length, workerSeconds: ticks / 100 },
    blobBytes: sizes.reduce((sum, { size }) => sum + size, 0),
  };
}

function reportCosts(cells: number, before: Kept, after: Kept, historyBytes: number): void {
  const each = (of: (kept: Kept) => number): number => (of(after) - of(before)) / cells;
  const tables = [...after.rows.keys()]
    .map((name) => ({ name, rows: each(({ rows }) => rows.get(name) ?? 0) }))
    .filter(({ rows }) => rows >= 0.05)
    .sort((a, b) => b.rows - a.rows);
  const all = tables.reduce((sum, { rows }) => sum + rows, 0);
  console.log(
    `a cell keeps ${all.toFixed(1)} ledger rows (${tables.map(({ name, rows }) => `${name} ${rows.toFixed(1)}`).join(', ')})`,
  );
  console.log(
    `  in ${Math.round(each((kept) => kept.ledgerBytes))} bytes of ledger, ${each((kept) => kept.blobs).toFixed(1)} blobs of ${Math.round(each((kept) => kept.blobBytes))} bytes, a history of ${historyBytes} bytes`,
  );
  console.log(
    `  and takes ${each((kept) => kept.workerSeconds).toFixed(2)} s of processor, of the worker and of what it started`,
  );
}

/** Looks every second at what a process has in memory. What it takes to get ready, as compiling workflows, is before. */
function watchMemory(pid: number): { mostMb(): number } {
  let most = 0;
  const look = (): void => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    most = Math.max(most, Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]));
  };
  look();
  const timer = setInterval(look, 1_000);
  return {
    mostMb() {
      clearInterval(timer);
      return Math.round(most / 1024);
    },
  };
}

/** Returns the milliseconds that as many bare workflows take: with activities that do nothing, and with one that runs the program. */
async function bare(
  client: Client,
  { server, home, store }: TestCrucible,
  grid: Omit<BareGrid, 'runs'>,
): Promise<{ bareMs: number; bareRunsMs: number; sandboxWhy: string }> {
  const connection = await NativeConnection.connect({ address: server.address });
  const { sandbox, why } = await openSandbox({ ...readConfig(process.env), home }, store);
  const worker = await Worker.create({
    connection,
    taskQueue: bareQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./experiment-workflows.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
    activities: bareActivities(sandbox, await store.blobs.put(program)),
  });
  const took = async (cells: number, runs: boolean): Promise<number> => {
    const began = performance.now();
    await client.workflow.execute<typeof bareGrid>('bareGrid', {
      taskQueue: bareQueue,
      workflowId: `bare-${cells}-${runs}`,
      args: [{ ...grid, cells, runs }],
    });
    return performance.now() - began;
  };
  return worker
    .runUntil(async () => {
      await took(2, true);
      return {
        bareMs: await took(grid.cells, false),
        bareRunsMs: await took(grid.cells, true),
        sandboxWhy: why,
      };
    })
    .finally(() => connection.close());
}

const bareActivities = (sandbox: Sandbox, code: string): BareActivities => ({
  nothing: async () => 'nothing',
  async runs(key) {
    const argv = ['/opt/crucible/python/bin/python3', 'cell.py', '7'];
    const spec = { key, label: 'bare', argv, workspace: { 'cell.py': code }, outputs: [] };
    const { ending } = await sandbox.run({ ...spec, limits: Limits.parse({}) }, new AbortController().signal);
    if (ending.kind !== 'exited' || ending.code !== 0)
      throw new Error(`expected the program to exit with 0, got ${JSON.stringify(ending)}`);
    return 'ran';
  },
});

function report(measured: {
  cells: number;
  ms: number;
  bareMs: number;
  bareRunsMs: number;
  sandboxWhy: string;
  workerMb: number;
  events: number;
  longest: number;
  lives: number;
  activities: number;
}): void {
  const { cells, ms, bareMs, bareRunsMs, sandboxWhy, workerMb, events, longest, lives, activities } =
    measured;
  const rate = (took: number): number => Math.round((cells / took) * 100_000) / 100;
  const [ours, bareRate, bareRuns] = [rate(ms), rate(bareMs), rate(bareRunsMs)];
  const ratio = (to: number): number => Math.round((ours / to) * 100) / 100;
  console.log(`${cells} cells, ${window} at once, ${activities} activities each`);
  console.log(`sandbox: ${sandboxWhy}`);
  console.log(`experiment                            ${ours} cells/s`);
  console.log(`bare workflows that run the program   ${bareRuns} cells/s`);
  console.log(`bare workflows that do nothing        ${bareRate} cells/s`);
  console.log(
    `${Math.round(events)} events a cell; ${lives} histories of its own, the longest ${longest} events`,
  );
  console.log(`the worker had at most ${workerMb} MB`);
  console.log(
    JSON.stringify({
      name: 'experiment',
      ...{ cells, cells_per_s: ours, bare_per_s: bareRate, ratio: ratio(bareRate) },
      ...{ bare_with_sandbox_per_s: bareRuns, ratio_with_sandbox: ratio(bareRuns) },
      ...{ events_per_cell: Math.round(events), worker_mb: workerMb },
    }),
  );
}
