import { subjectOf } from '../domain/job.ts';
import { headline, times } from '../domain/trial.ts';
import { behindText } from '../domain/turn.ts';
import type { JobRecord, JobStatus } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { inputOf, resultOf } from './kept-job.ts';
import {
  agoText,
  type Cell,
  type Column,
  type CommandContext,
  clean,
  cut,
  durationText,
  type Format,
  oneLine,
  paint,
  table,
  UserMistake,
} from './terminal.ts';

const statusFormats: Record<JobStatus, Format> = {
  running: 'cyan',
  finished: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/** A status in its colour. */
export const statusCell = (status: JobStatus): { text: string; format: Format } => ({
  text: status,
  format: statusFormats[status],
});

/** How long the job took, or has been running. */
export const tookText = ({ startedAt, endedAt }: JobRecord, now: number): string =>
  durationText((endedAt ?? now) - startedAt);

/** Below this width a summary gets a line of its own. */
const wideColumns = 130;

/** `crucible list`: jobs newest first. Throws `UserMistake` for a status that does not exist. */
export async function list(
  context: CommandContext,
  { status, limit }: { status?: string; limit: number },
): Promise<void> {
  const { store, out, columns } = context;
  if (status !== undefined && !isStatus(status))
    throw new UserMistake(
      `--status: expected one of ${Object.keys(statusFormats).join(', ')}, got ${JSON.stringify(status)}`,
    );
  if (!Number.isInteger(limit) || limit < 1)
    throw new UserMistake(`--limit: expected a whole number from 1 up, got ${limit}`);
  const jobs = await store.ledger.jobs({ ...(status === undefined ? {} : { status }), limit });
  if (context.json) return out(JSON.stringify(jobs));
  if (jobs.length === 0)
    return out(
      status === undefined
        ? 'No jobs yet. Start the main example with `npm start`, or your own job with `crucible run JOB.yaml`.'
        : `No job is ${status}. All jobs: crucible list`,
    );

  const now = Date.now();
  const wide = columns >= wideColumns;
  const headings: Column[] = [
    { title: 'id', stretch: true, least: 28 },
    { title: 'status' },
    { title: 'best', align: 'right' },
    { title: 'started' },
    { title: 'took' },
    ...(wide
      ? ([
          { title: 'of', stretch: true },
          { title: 'result', stretch: true },
        ] as const)
      : []),
  ];
  const summaries = await Promise.all(
    jobs.map(async (job) => headline(resultOf(job)?.summary ?? (await waitingText(store, job)))),
  );
  // Of a job whose file cannot be read the rest is shown all the same.
  const subjects = await Promise.all(
    jobs.map((record) =>
      inputOf(store, record).then(
        ({ job }) => subjectOf(job),
        () => '',
      ),
    ),
  );
  const rows = jobs.map((job, index): Cell[] => [
    job.id,
    statusCell(job.status),
    job.best === null ? '' : times(job.best),
    agoText(job.startedAt, now),
    tookText(job, now),
    ...(wide ? [subjects[index] ?? '', summaries[index] ?? ''] : []),
  ]);
  const [heading = '', ...lines] = table(context, headings, rows);
  out(heading);
  for (const [index, line] of lines.entries()) {
    out(line);
    const more = [subjects[index], summaries[index]].filter((text) => text).join(': ');
    if (!wide && more !== '') out(paint(context, 'dim', `  ${cut(oneLine(more), columns - 2)}`));
  }
  if (jobs.length < limit) return;
  const all = await store.ledger.jobs({ ...(status === undefined ? {} : { status }), limit: manyJobs });
  if (all.length > jobs.length)
    out(`${jobs.length} of ${all.length}; all of them: crucible list --limit ${all.length}`);
}

/** What a running job waits for on its machine, in words; empty where it works. */
async function waitingText({ ledger }: Store, job: JobRecord): Promise<string> {
  if (job.status !== 'running') return '';
  const stages = (await ledger.stages(job.id)).filter((stage) => stage.status === 'running');
  const turns = (await Promise.all([job, ...stages].map(({ id }) => ledger.turns(id)))).flat();
  const open = turns.find(
    ({ until, behind }) => until === null && (behind === null || !behind.startsWith(job.id)),
  );
  return open === undefined
    ? ''
    : `waiting for ${durationText(Date.now() - open.since)}: ${behindText(open.behind)}`;
}

const isStatus = (text: string): text is JobStatus => Object.hasOwn(statusFormats, text);

/** As many jobs are looked through for a name or a prefix. */
const manyJobs = 100_000;

/**
 * The job that `text` names: a whole ID, `latest`, a name or a series (its latest run), the beginning of an ID that no other
 * has, or one of these with `/STAGE`. Throws `UserMistake` with the candidates where it is none or more than one.
 */
export async function findJob(store: Store, text: string): Promise<JobRecord> {
  const exact = await store.ledger.job(text);
  if (exact !== undefined) return exact;
  const jobs = await store.ledger.jobs({ limit: manyJobs });
  const found = text === 'latest' ? jobs.slice(0, 1) : matching(jobs, text);
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined)
    throw new UserMistake(
      `${clean(text)} is the beginning of ${found.length} jobs: say more of the one you mean\n${listed(found)}`,
    );

  const slash = text.lastIndexOf('/');
  for (const job of slash === -1 ? [] : matching(jobs, text.slice(0, slash))) {
    const stage = (await store.ledger.stages(job.id)).find((each) => each.stage === text.slice(slash + 1));
    if (stage !== undefined) return stage;
  }
  throw new UserMistake(
    jobs.length === 0
      ? `there is no job ${clean(text)}: there are no jobs yet; start one with crucible run JOB.yaml`
      : `there is no job ${clean(text)}; expected an ID, its beginning, a name or latest. The last jobs:\n${listed(jobs)}`,
  );
}

/** Jobs are newest first: the first of a name, or of a series, is its latest run. */
function matching(jobs: readonly JobRecord[], text: string): JobRecord[] {
  const named = jobs.find((job) => job.name === text || job.series === text);
  return named === undefined ? jobs.filter((job) => job.id.startsWith(text) && text !== '') : [named];
}

const listed = (jobs: readonly JobRecord[]): string =>
  jobs
    .slice(0, 8)
    .map((job) => `  ${job.id}  ${job.status}`)
    .concat(jobs.length > 8 ? [`  and ${jobs.length - 8} more: crucible list`] : [])
    .join('\n');
