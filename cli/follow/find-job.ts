import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger.ts';
import type { Store } from '../../store/store.ts';
import { clean, UserMistake } from '../terminal.ts';

/** So many are named where a text could mean several. */
const mostListed = 8;

/**
 * Returns the job that `text` names. Known are an ID, the beginning of one that no other has, and `latest`. So
 * are a name and a series, of which the latest run is meant. Each may be followed by `/STAGE`. Throws
 * `UserMistake` with the candidates where it is none or more than one.
 */
export async function findJob({ ledger }: Store, text: string): Promise<JobRecord> {
  const exact = await ledger.job(text);
  if (exact !== undefined) return exact;
  const found =
    text === 'latest' ? { jobs: await ledger.jobs({ limit: 1 }), count: 1 } : await matching(ledger, text);
  const [only] = found.jobs;
  if (only !== undefined && found.count === 1) return only;
  if (only !== undefined)
    throw new UserMistake(
      `${clean(text)} is the beginning of ${found.count} jobs: say more of the one you mean\n${listed(found)}`,
    );

  const slash = text.lastIndexOf('/');
  const owners = slash === -1 ? [] : (await matching(ledger, text.slice(0, slash))).jobs;
  for (const { id } of owners) {
    const [stage] = await ledger.children(id, { stage: text.slice(slash + 1), limit: 1 });
    if (stage !== undefined) return stage;
  }
  const last = { jobs: await ledger.jobs({ limit: mostListed }), count: await ledger.countJobs() };
  throw new UserMistake(
    last.count === 0
      ? `there is no job ${clean(text)}: there are no jobs yet; start one with crucible run JOB.yaml`
      : `there is no job ${clean(text)}; expected an ID, its beginning, a name or latest. The last jobs:\n${listed(last)}`,
  );
}

/** Some of the jobs that a text means, the newest first, and how many there are. */
interface Found {
  jobs: JobRecord[];
  count: number;
}

/** The latest run of a name or a series, else the jobs whose IDs begin so. */
async function matching(ledger: Ledger, text: string): Promise<Found> {
  const [called] = await ledger.jobs({ called: text, limit: 1 });
  if (called !== undefined) return { jobs: [called], count: 1 };
  if (text === '') return { jobs: [], count: 0 };
  return {
    jobs: await ledger.jobs({ startsWith: text, limit: mostListed }),
    count: await ledger.countJobs({ startsWith: text }),
  };
}

const listed = ({ jobs, count }: Found): string =>
  jobs
    .map((job) => `  ${job.id}  ${job.status}`)
    .concat(count > jobs.length ? [`  and ${count - jobs.length} more: crucible list`] : [])
    .join('\n');
