import { isBaseline } from '../../domain/candidate.ts';
import { verificationId, verificationSeries } from '../../domain/job-id.ts';
import { VerificationInput } from '../../domain/job-input.schema.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { metricIn } from '../../domain/leaderboard.ts';
import { objectiveOf } from '../../domain/objective.ts';
import type { Interval } from '../../domain/outcome.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { lastLooks, productTrial } from '../../domain/trial.ts';
import { readEarlier, readJob } from '../../record/kept-job.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { ExitStatus } from '../exit-status.ts';
import { statusOfJob } from '../follow/ending.ts';
import { findJob } from '../follow/find-job.ts';
import { candidateIn } from '../follow/show-candidate.ts';
import { watchJob } from '../follow/watch.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { sayOf, UserMistake } from '../terminal.ts';

/** A trial with what was measured of it, null where it passed checks, and the job it was found by. */
interface Found<M = Interval | null> {
  by: JobRecord;
  best: Trial;
  metric: M;
}

/** Returns what a job gives where that was measured: its best, or what a person chose. A pipeline gives that of its first stage that has one. */
export const bestOf = async (store: Store, record: JobRecord): Promise<Found<Interval> | null> =>
  (await allGiven(store, record)).find(isMeasured) ?? null;

const isMeasured = (found: Found): found is Found<Interval> => found.metric !== null;

/**
 * Returns what a job gives, with the job that found it. Of a pipeline it is what each of its stages gives.
 */
async function allGiven(store: Store, record: JobRecord): Promise<Found[]> {
  const kept = await readJob(store, record);
  const earlier = await Promise.all(
    Object.values(kept.takenOver).map((result) => readEarlier(store, result)),
  );
  return [kept, ...kept.stages, ...earlier.filter((other) => other !== null)].flatMap((each) => {
    const best = productTrial(each.trials, objectiveOf(each.job), each.chosen?.candidate ?? null);
    return best === null ? [] : [{ by: each.record, best, metric: metricIn(best.outcome) }];
  });
}

/** The candidate `id` of a job, or of its one stage that has it. Throws `UserMistake` where it was not found to be right. */
async function rightIn(store: Store, record: JobRecord, id: string): Promise<Found> {
  const { owner } = candidateIn(await readJob(store, record), id);
  const best = lastLooks(owner.trials).find(({ candidate }) => candidate.id === id);
  const metric = best === undefined ? null : metricIn(best.outcome);
  const isRight = metric !== null || best?.outcome.kind === 'passed';
  if (best === undefined || !isRight || isBaseline(best.candidate))
    throw new UserMistake(
      `${owner.record.id}: ${id} was not measured to be right, and passed no checks, so there is nothing to verify`,
    );
  return { by: owner.record, best, metric };
}

/** Returns what a verification of a job is about: what was measured, else the last of what passed. */
async function toVerify(store: Store, record: JobRecord): Promise<Found | null> {
  const all = await allGiven(store, record);
  return all.find(isMeasured) ?? all.at(-1) ?? null;
}

/**
 * Starts verifying what a finished job gives once more, or its candidate `asked`, and returns the ID to follow. Throws `UserMistake` where nothing
 * was measured, and nothing passed its checks.
 */
export async function startVerification(
  store: Store,
  client: JobClient,
  record: JobRecord,
  asked?: string,
): Promise<string> {
  const { job } = await readInput(store.blobs, record);
  if (kindOf(job).product === 'model')
    throw new UserMistake(
      `${record.id}: its test is scored once, and not again. The exported folder has test_score.py, which computes that score anew: crucible export ${record.id}`,
    );
  const found = asked === undefined ? await toVerify(store, record) : await rightIn(store, record, asked);
  if (found === null)
    throw new UserMistake(
      `${record.id} has no best that was measured, and no program that passed its checks; expected a job of kind optimize that found something better, of kind solve that passed, or a pipeline with one`,
    );
  const { by, best, metric: claim } = found;
  const series = verificationSeries(by.id);
  const run = ((await store.ledger.latestRun(series))?.run ?? 0) + 1;
  const id = verificationId(by.id, run);
  const candidate = {
    ...best.candidate,
    // What was measured is measured as it was built then; what passes is built anew.
    program: (claim === null ? undefined : best.artifacts.program) ?? best.candidate.program,
  };
  const input = VerificationInput.parse({
    ...(await readInput(store.blobs, by)),
    jobId: id,
    series,
    run,
    role: 'verification',
    parent: { jobId: by.id, stage: 'verify' },
    resumed: 0,
    searchable: client.searchable,
    candidate,
    claim,
  });
  await client.verify(input);
  return id;
}

/** Verifies what a finished job gives, or a candidate of it, again and watches that. */
export async function verifyJob(
  { config, context, signal }: Session,
  text: string,
  candidate?: string,
): Promise<ExitStatus> {
  const record = await findJob(context.store, text);
  return withServer(config, { store: context.store, say: sayOf(context), signal }, async (client) => {
    const id = await startVerification(context.store, client, record, candidate);
    return statusOfJob(await watchJob(context, id, { signal }));
  });
}
