import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { clean, UserMistake } from '../terminal.ts';

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
    const stage = (await store.ledger.children(job.id)).find((each) => each.stage === text.slice(slash + 1));
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
