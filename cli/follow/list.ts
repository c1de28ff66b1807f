import type { Job } from '../../domain/job.schema.ts';
import { forkText, subjectOf } from '../../domain/job.ts';
import { originOf } from '../../domain/job-input.ts';
import { kindNames } from '../../domain/kinds/kinds.ts';
import type { Waiting } from '../../domain/message.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { restText, waitingIn, waitsText } from '../../domain/steered.ts';
import { headline, times, valueText } from '../../domain/trial.ts';
import { behindText } from '../../domain/turn.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord, JobStatus } from '../../store/ledger/jobs.ts';
import { restOf } from '../../store/rest-of.ts';
import type { Store } from '../../store/store.ts';
import {
  agoText,
  type Cell,
  type Column,
  type CommandContext,
  cut,
  durationText,
  oneLine,
  paint,
  table,
  UserMistake,
} from '../terminal.ts';
import { findJob } from './find-job.ts';
import { statusCell, statusFormats, tookText } from './status.ts';

/** Below this width a summary gets a line of its own. */
const wideColumns = 130;

/** `crucible list`: a page of the jobs, newest first. Throws `UserMistake` for a status, or a job to begin after, that does not exist. */
export async function list(
  context: CommandContext,
  { status, kind, after, limit }: { status?: string; kind?: string; after?: string; limit: number },
): Promise<void> {
  const { store, out, columns } = context;
  if (status !== undefined && !isStatus(status))
    throw new UserMistake(
      `--status: expected one of ${Object.keys(statusFormats).join(', ')}, got ${JSON.stringify(status)}`,
    );
  const wanted = kindNames.find((each) => each === kind);
  if (kind !== undefined && wanted === undefined)
    throw new UserMistake(`--kind: expected one of ${kindNames.join(', ')}, got ${JSON.stringify(kind)}`);
  if (!Number.isInteger(limit) || limit < 1)
    throw new UserMistake(`--limit: expected a whole number from 1 up, got ${limit}`);
  const filter = {
    ...(status === undefined ? {} : { status }),
    ...(wanted === undefined ? {} : { kind: [wanted] }),
  };
  const from = after === undefined ? {} : { after: await findJob(store, after) };
  const jobs = await store.ledger.jobs({ ...filter, ...from, limit });
  if (context.json) return out(JSON.stringify(jobs));
  if (jobs.length === 0)
    return out(
      after !== undefined
        ? `No${status === undefined ? '' : ` ${status}`} job is older than that. All jobs: crucible list`
        : status === undefined
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
  const waiting = await Promise.all(jobs.map((job) => waitingOf(store, job)));
  const summaries = await Promise.all(
    jobs.map(async (job) => headline(job.result?.summary ?? (await waitingText(store, job)))),
  );
  const rests = await Promise.all(jobs.map((job) => restOf(store.ledger, job)));
  // Of a job whose file cannot be read the rest is shown all the same.
  const asked = await Promise.all(
    jobs.map((record) =>
      readInput(store.blobs, record).then(
        (input) => input,
        () => null,
      ),
    ),
  );
  const subjects = asked.map((input) => {
    const origin = input === null ? null : originOf(input);
    return [...(origin === null ? [] : [forkText(origin)]), input === null ? '' : subjectOf(input.job)].join(
      ': ',
    );
  });
  const rows = jobs.map((job, index): Cell[] => [
    job.id,
    statusCell(job, rests[index] ?? waiting[index]),
    bestText(job, asked[index]?.job ?? null),
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
  const last = jobs.at(-1);
  if (last === undefined || jobs.length < limit) return;
  const [next] = await store.ledger.jobs({ ...filter, after: last, limit: 1 });
  if (next === undefined) return;
  const options = [
    ...(status === undefined ? [] : [`--status ${status}`]),
    ...(kind === undefined ? [] : [`--kind ${kind}`]),
    `--limit ${limit} --after ${last.id}`,
  ];
  const all = await store.ledger.countJobs(filter);
  out(`${jobs.length} of ${all.toLocaleString('en')}; the next: crucible list ${options.join(' ')}`);
}

/** The best of a job by its objective; that of a pipeline is a speed-up. */
function bestText({ best, result }: JobRecord, job: Job | null): string {
  if (best === null) return '';
  const objective = job === null ? null : objectiveOf(job);
  const metric = result?.best?.metric ?? { value: best, low: best, high: best };
  return objective?.kind === 'score' ? valueText(metric, objective) : times(best);
}

/** Of a job with more parts under way at once, what the others wait for is not looked for. */
const mostStages = 20;

/** That a job waits for a person; null where it does not, which is known of most without asking. */
const waitingOf = async ({ ledger }: Pick<Store, 'ledger'>, job: JobRecord): Promise<Waiting | null> =>
  job.pausedAt === null ? null : waitingIn(await ledger.messages(job.id), job);

/** What a running job waits for, a person, a quota or its machine, in words; empty where it works. */
async function waitingText({ ledger }: Pick<Store, 'ledger'>, job: JobRecord): Promise<string> {
  if (job.status !== 'running') return '';
  const stages = await ledger.children(job.id, { status: 'running', limit: mostStages });
  for (const each of [job, ...stages]) {
    const [rest, waiting] = await Promise.all([restOf(ledger, each), waitingOf({ ledger }, each)]);
    if (rest !== null) return restText(rest);
    if (waiting !== null) return waitsText(waiting, each.id);
  }
  const turns = (await Promise.all([job, ...stages].map(({ id }) => ledger.turns(id)))).flat();
  const open = turns.find(
    ({ until, behind }) => until === null && (behind === null || !behind.startsWith(job.id)),
  );
  return open === undefined
    ? ''
    : `waiting for ${durationText(Date.now() - open.since)}: ${behindText(open.behind)}`;
}

const isStatus = (text: string): text is JobStatus => Object.hasOwn(statusFormats, text);
