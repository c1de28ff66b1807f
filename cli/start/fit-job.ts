import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { createLearning } from '../../activities/fit/learning.ts';
import { type Asked, keepLook, lookAt } from '../../activities/fit/table.ts';
import { fileIn } from '../../activities/fit/table-files.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { Look, leftOutLines } from '../../domain/table.schema.ts';
import { learnLayerMb } from '../../sandbox/packages.ts';
import { readJson } from '../../store/documents.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import type { Session } from '../server/session.ts';
import { clean, paint, sayOf, table as tableOf, UserMistake } from '../terminal.ts';
import { checkedJob, type JobFile, packFiles } from './job-file.ts';
import { type Allowances, allowances, folderOf, given, nameFrom, optionOf } from './typed-job.ts';

/** The options of `crucible fit`, as typed. */
export interface FitOptions extends Allowances {
  sql?: string;
  connection?: string;
  target?: string;
  test?: string;
  metric?: string;
  task?: string;
  groups?: string;
  time?: string;
  weights?: string;
  drop?: string[];
  kinds?: string[];
  interpretable?: boolean;
  experience?: boolean;
  maxLatencyMs?: number;
  seed?: number;
  name?: string;
  yes?: boolean;
}

/**
 * What was spent before a job began is at most this share of its time. The rest is for learning, however long
 * the look took.
 */
const mostSpent = 0.5;

/** Where the table of a job is, and what stands beside it. */
export interface AskedTable {
  table: string;
  test: string | undefined;
  /** The query whose answer the table is. */
  query?: string;
  remove(): Promise<void>;
}

/** Returns the table that was named, or the answer of a database that was asked for it. Throws `UserMistake`. */
export async function tableFor(
  { context, signal }: Session,
  table: string | undefined,
  { sql, connection, test }: Pick<FitOptions, 'sql' | 'connection' | 'test'>,
): Promise<AskedTable> {
  if (sql === undefined) {
    if (connection !== undefined)
      throw new UserMistake('--connection: expected a query beside it, with --sql');
    if (table === undefined)
      throw new UserMistake('expected a table, as in crucible fit data.csv, or a query with --sql');
    return { table, test, remove: async () => {} };
  }
  if (table !== undefined) throw new UserMistake(`expected either the table ${table} or --sql, got both`);
  if (connection === undefined)
    throw new UserMistake(
      '--sql: expected --connection with it, the environment variable that holds the URL of the database',
    );
  sayOf(context)(`asking the database of ${connection}`);
  const { tableOfQuery } = await import('./table-of-query.ts');
  return tableOfQuery({ sql, connection }, process.env, { test, signal });
}

/**
 * Makes the job that `crucible fit` asks for. The sandbox looks at the table first, and what its columns hold is shown. A target that
 * nobody named is proposed and has to be confirmed. Returns the job, and what of its time is spent: `startedMs`, and the look. Throws
 * `UserMistake`, or `JobRejected` for a table that nothing can be learnt from.
 */
export async function jobFromTable(
  session: Session,
  { table: path, test, query }: Omit<AskedTable, 'remove'>,
  options: FitOptions,
  startedMs: number,
): Promise<{ file: JobFile; spentMs: number }> {
  const { yes = false } = options;
  const typed = [
    { option: 'the table', typed: path },
    ...(test === undefined ? [] : [{ option: '--test', typed: test }]),
  ];
  const { folder, pathOf } = await folderOf(typed);
  const jobOf = (target: string, metric: string): Promise<JobFile> =>
    checkedJob(
      given({
        ...{ kind: 'fit', table: pathOf(path), target, metric, drop: options.drop },
        name: options.name ?? nameFrom(['fit', pathOf(path).replace(/\.[^/]*$/, ''), target]),
        test: test === undefined ? undefined : pathOf(test),
        inputs: query === undefined ? undefined : [basename(query)],
        ...{ task: options.task, groups: options.groups, time: options.time, weights: options.weights },
        kinds: options.kinds === undefined ? undefined : kindsFrom(options.kinds),
        experience: options.experience === false ? false : undefined,
        ...{ interpretable: options.interpretable, maxLatencyMs: options.maxLatencyMs, seed: options.seed },
        ...allowances(options),
      }),
      folder,
      optionOfFit,
    );
  // What is wrong with the options is told before a table is read.
  const first = await jobOf(options.target ?? 'target', options.metric ?? 'rmse');
  const { look, tookMs, keepFor } = await lookFor(session, first, options);
  showLook(session, look);
  const target = options.target === undefined ? await confirmed(session, look, yes) : look.target.name;
  const file = await jobOf(target, look.metric);
  const job = fitIn(file);
  await keepFor(job);
  return { file, spentMs: Math.round(Math.min(startedMs + tookMs, job.budget.wallMs * mostSpent)) };
}

function fitIn({ job }: JobFile): FitJob {
  if (job.kind !== 'fit') throw new Error(`expected a job that learns, got ${job.kind}`);
  return job;
}

/** What a look at a table came to, and what it took. */
interface Looked {
  look: Look;
  tookMs: number;
  /** Has the job that was made of it find it again. */
  keepFor(job: FitJob): Promise<void>;
}

async function lookFor({ config, context }: Session, file: JobFile, options: FitOptions): Promise<Looked> {
  const { store } = context;
  const { target, metric, ...rest } = fitIn(file);
  const asked: Asked = {
    ...rest,
    ...(options.target === undefined ? {} : { target }),
    ...(options.metric === undefined ? {} : { metric }),
  };
  sayOf(context)(
    `looking at ${asked.table} (the packages for learning, ${learnLayerMb} MB, are installed once)`,
  );
  const { sandbox } = await openSandbox(config, store);
  const learning = createLearning({ store, sandbox });
  const place = { storeId: store.id, jobId: `look/${process.pid}`, step: 'look' };
  const { signal } = new AbortController();
  // What is installed once is not counted.
  await learning.install(signal);
  const from = performance.now();
  const given = await packFiles(file, store.blobs);
  const looked = await lookAt({ store, learning }, place, { asked, given, signal });
  return {
    look: await readJson(store.blobs, fileIn(looked, 'look.json'), Look),
    tookMs: performance.now() - from,
    async keepFor(job) {
      // A proposed target is told from a named one in what was found.
      if (options.target !== undefined) await keepLook(store, { asked: job, given, looked });
    },
  };
}

/**
 * Shows what a look found: the columns with what they hold and why. It also shows what was left out, and what
 * is to be watched.
 */
function showLook({ context }: Session, look: Look): void {
  const say = sayOf(context);
  const { rows, columns, target, task, metric, classes, warnings } = look;
  say(`${rows.toLocaleString('en')} rows, ${columns.length} columns`);
  const lines = tableOf(
    context,
    [
      { title: 'column', stretch: true },
      { title: 'holds' },
      { title: 'missing', align: 'right' },
      { title: 'why', stretch: true },
    ],
    columns.map((each) => [each.name, each.kind, each.missing.toLocaleString('en'), each.why]),
  );
  for (const line of lines) say(line);
  for (const line of leftOutLines(look)) say(line);
  for (const { message } of warnings) say(paint(context, 'yellow', `warning: ${clean(message)}`));
  const of = classes == null ? '' : ` of ${classes.length} classes`;
  say(`target: ${clean(target.name)} (${clean(target.why)}); ${task}${of}, judged by ${metric}`);
}

async function confirmed({ context, signal }: Session, { target }: Look, yes: boolean): Promise<string> {
  if (yes) return target.name;
  const proposal = `the target could be ${target.name}: ${target.why}`;
  if (context.json || !context.terminal || !process.stdin.isTTY)
    throw new UserMistake(
      `--target: expected the column to predict; ${proposal}. Take it with --yes, or name another with --target`,
    );
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await ask.question(`Predict ${clean(target.name)}? [Y/n] `, { signal });
    if (/^(?:y|yes)?$/i.test(answer.trim())) return target.name;
  } finally {
    ask.close();
  }
  throw new UserMistake('--target: name the column to predict');
}

/** `Age=category`: what a column holds. */
function kindsFrom(typed: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    typed.map((each) => {
      const at = each.lastIndexOf('=');
      if (at < 1) throw new UserMistake(`--kinds ${each}: expected COLUMN=KIND, as in Age=category`);
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}

const optionOfFit = (path: readonly PropertyKey[]): string =>
  path[0] === 'table'
    ? 'the table'
    : path[0] === 'maxLatencyMs'
      ? '--max-latency-ms'
      : path[0] === 'kinds'
        ? `--kinds ${String(path[1] ?? '')}`
        : optionOf(path);
