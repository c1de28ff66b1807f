import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { endedFile } from '../../activities/fit/fitted.ts';
import { findJob } from '../../cli/follow/find-job.ts';
import { median } from '../../domain/speedup.ts';
import { FoldsEnded, Judged } from '../../domain/table.schema.ts';
import { cache, onPath } from '../../setup/places.mjs';
import { readJson } from '../../store/documents.ts';
import { openStore } from '../../store/store.ts';
import { crucible } from '../support/command.ts';

const execute = promisify(execFile);
const scripts = join(import.meta.dirname, 'fit');
const minutes = 1;
/** What a system may take at most; one that takes longer is ended, and begun again with less. */
const limitSeconds = 62;
const budgets = [56, 45, 30];
const rivals = ['catboost', 'flaml', 'autogluon'] as const;
const systems = ['crucible', ...rivals] as const;
type System = (typeof systems)[number];

const Table = z.object({ name: z.string(), target: z.string(), metric: z.enum(['auc', 'log_loss', 'rmse']) });
type Table = z.infer<typeof Table>;
const Scored = z.object({ score: z.number(), seconds: z.number() });
type Scored = z.infer<typeof Scored>;

const EachSystem = z.record(z.enum(systems), z.number());
/** Of one table and one split: less is better. */
const Line = z.object({
  table: z.string(),
  losses: EachSystem,
  seconds: EachSystem,
  /** What each fold of ours took above its own work, milliseconds. */
  overheads: z.array(z.number()),
});
type Line = z.infer<typeof Line>;

/**
 * `npm run bench -- fit [--quick] [--lines FILE] [NAME…]`: the public tables side by side, 60 s and one thread each; five splits, or one with
 * `--quick`. A file keeps each line as soon as it is measured: who runs it in parts measures none twice, and the last line is of all of them.
 */
export async function run(): Promise<void> {
  const { values, positionals: names } = parseArgs({
    args: process.argv.slice(3),
    options: { quick: { type: 'boolean', default: false }, lines: { type: 'string' } },
    allowPositionals: true,
  });
  const seeds = values.quick ? [0] : [0, 1, 2, 3, 4];
  const python = await rivalsPython();
  const folder = await mkdtemp(join(tmpdir(), 'crucible-fit-'));
  const home = join(folder, 'home');
  const lines = values.lines === undefined ? [] : await linesIn(values.lines);
  try {
    const up = await crucible(['up'], { home });
    if (up.status !== 0) throw new Error(`expected a server and a worker, got ${up.out}${up.error}`);
    for (const seed of seeds) {
      const tables = join(folder, `seed-${seed}`);
      await execute(python, [join(scripts, 'tables.py'), tables, String(seed)]);
      for (const name of chosenOf(await readdir(tables), names)) {
        const table = `${name}-${seed}`;
        if (lines.some((line) => line.table === table)) continue;
        const line = await sideBySide(python, join(tables, name), table, home);
        lines.push(line);
        if (values.lines !== undefined) await appendFile(values.lines, `${JSON.stringify(line)}\n`);
        const found = systems.map(
          (each) => `${each} ${line.losses[each].toPrecision(5)} (${line.seconds[each].toFixed(1)} s)`,
        );
        console.log([table.padEnd(18), ...found].join('  '));
      }
    }
    console.log(JSON.stringify(summaryOf(lines)));
  } finally {
    await crucible(['down'], { home });
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the tables that were named, or all. Throws for a name that none has: a mean of no line would be none. */
function chosenOf(tables: readonly string[], names: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !tables.includes(name));
  if (unknown !== undefined) throw new Error(`expected one of ${tables.join(', ')}, got ${unknown}`);
  return names.length === 0 ? tables : names;
}

/** Returns a Python that has the rivals, in a folder of this user's; it is made when first asked for. */
async function rivalsPython(): Promise<string> {
  const folder = join(cache, 'bench-fit');
  const python = join(folder, 'bin/python');
  const done = join(folder, 'done');
  if (existsSync(done)) return python;
  console.log('installing the rivals, once (2 GB)');
  await mkdir(cache, { recursive: true });
  await execute(onPath('python3.11') ?? 'python3', ['-m', 'venv', '--clear', folder]);
  const how = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await execute(python, [...how, '-r', join(scripts, 'requirements.txt')], { maxBuffer: 64 << 20 });
  await execute(python, ['-c', `open(${JSON.stringify(done)}, 'w')`]);
  return python;
}

async function linesIn(file: string): Promise<Line[]> {
  if (!existsSync(file)) return [];
  const kept = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return kept.map((line) => Line.parse(JSON.parse(line)));
}

async function sideBySide(python: string, folder: string, name: string, home: string): Promise<Line> {
  const overheads: number[] = [];
  const table = Table.parse(JSON.parse(await readFile(join(folder, 'table.json'), 'utf8')));
  const found = {
    crucible: await ours(table, folder, name, home, overheads),
    catboost: await rival(python, 'catboost', folder),
    flaml: await rival(python, 'flaml', folder),
    autogluon: await rival(python, 'autogluon', folder),
  };
  const lossOf = ({ score }: Scored): number => (table.metric === 'auc' ? 1 - score : score);
  const seconds = mapped(found, (each) => each.seconds);
  return { table: name, losses: mapped(found, lossOf), seconds, overheads };
}

const mapped = <A, B>(of: Record<System, A>, make: (value: A) => B): Record<System, B> => ({
  crucible: make(of.crucible),
  catboost: make(of.catboost),
  flaml: make(of.flaml),
  autogluon: make(of.autogluon),
});

/** Learns as a user would, without a model; adds what each fold took above its own work. */
async function ours(
  { target, metric }: Table,
  folder: string,
  name: string,
  home: string,
  overheads: number[],
): Promise<Scored> {
  const job = `bench-${name.toLowerCase().replaceAll('_', '-')}`;
  const asked = ['--target', target, '--metric', metric, '--test', join(folder, 'test.csv')];
  const bounds = ['--minutes', String(minutes), '--cores', '1', '--name', job, '--yes'];
  const began = performance.now();
  const said = await crucible(['fit', join(folder, 'train.csv'), ...asked, ...bounds], { home });
  const seconds = (performance.now() - began) / 1000;
  const store = await openStore(home);
  try {
    const record = await findJob(store, job);
    const trials = (await store.ledger.trials(record.id)).map(({ trial }) => trial);
    const judged = trials.findLast(({ artifacts }) => artifacts.judged !== undefined)?.artifacts.judged;
    if (judged === undefined)
      throw new Error(`${job} ended as ${record.status} without a score: ${said.out}${said.error}`);
    for (const { artifacts } of trials) {
      const ended = artifacts[endedFile];
      if (ended === undefined) continue;
      for (const { seconds: whole, timing } of (await readJson(store.blobs, ended, FoldsEnded)).folds)
        if (timing !== null) overheads.push(1000 * (whole - timing.fitSeconds - timing.predictSeconds));
    }
    return { score: (await readJson(store.blobs, judged, Judged)).score, seconds };
  } finally {
    await store.close();
  }
}

/** Runs another library with the largest budget with which it keeps to the limit. */
async function rival(python: string, name: (typeof rivals)[number], folder: string): Promise<Scored> {
  for (const budget of budgets) {
    const running = execute(python, [join(scripts, 'rival.py'), name, folder, String(budget)], {
      timeout: limitSeconds * 1000,
      killSignal: 'SIGKILL',
      maxBuffer: 64 << 20,
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    });
    const ended = await running.catch((error: unknown) => {
      if (error instanceof Error && 'killed' in error && error.killed === true) return null;
      throw error;
    });
    if (ended !== null) return Scored.parse(JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? ''));
  }
  throw new Error(`${name} keeps to ${limitSeconds} s with none of the budgets ${budgets.join(', ')}`);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length;

/** Mean ranks, geometric means of ratios of losses, and 95 % of these in pairs where there are lines enough. */
function summaryOf(lines: readonly Line[]): Record<string, unknown> {
  const overheads = lines.flatMap((line) => line.overheads);
  const rankOf = ({ losses }: Line, system: System): number =>
    1 + systems.filter((each) => losses[each] < losses[system]).length;
  const logs = (other: System): number[] =>
    lines.map(({ losses }) => Math.log(losses.crucible / losses[other]));
  const interval = (values: readonly number[]): number[] | null => {
    if (values.length < 5) return null;
    const middle = mean(values);
    const error = Math.sqrt(mean(values.map((each) => (each - middle) ** 2)) / (values.length - 1));
    return [Math.exp(middle - 1.96 * error), Math.exp(middle + 1.96 * error)];
  };
  return {
    name: 'fit',
    mean_rank: Object.fromEntries(
      systems.map((system) => [system, mean(lines.map((line) => rankOf(line, system)))]),
    ),
    loss_vs_flaml: Math.exp(mean(logs('flaml'))),
    loss_vs_autogluon: Math.exp(mean(logs('autogluon'))),
    loss_vs_catboost: Math.exp(mean(logs('catboost'))),
    intervals: Object.fromEntries(rivals.map((each) => [each, interval(logs(each))])),
    max_seconds: Math.max(...lines.map(({ seconds }) => seconds.crucible)),
    trial_overhead_ms: overheads.length === 0 ? null : median(overheads),
  };
}
