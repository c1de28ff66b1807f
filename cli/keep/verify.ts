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

/** A trial with what was measured of it, and the job it was found by. */
interface Measured {
  by: JobRecord;
  best: Trial;
  metric: Interval;
}

/** Returns what a job gives, with the job that found it: its best, or what a person chose. A pipeline gives that of its first stage that has one. */
export async function bestOf(store: Store, record: JobRecord): Promise<Measured | null> {
  const kept = await readJob(store, record);
  const earlier = await Promise.all(
    Object.values(kept.takenOver).map((result) => readEarlier(store, result)),
  );
  for (const each of [kept, ...kept.stages, ...earlier.filter((other) => other !== null)]) {
    const best = productTrial(each.trials, objectiveOf(each.job), each.chosen?.candidate ?? null);
    const metric = best === null ? null : metricIn(best.outcome);
    if (best !== null && metric !== null) return { by: each.record, best, metric };
  }
  return null;
}

/** The candidate `id` of a job, or of its one stage that has it. Throws `UserMistake` where it was not measured. */
async function measuredIn(store: Store, record: JobRecord, id: string): Promise<Measured> {
  const { owner } = candidateIn(await readJob(store, record), id);
  const best = lastLooks(owner.trials).find(({ candidate }) => candidate.id === id);
  const metric = best === undefined ? null : metricIn(best.outcome);
  if (best === undefined || metric === null || isBaseline(best.candidate))
    throw new UserMistake(
      `${owner.record.id}: ${id} was not measured to be right, so there is nothing to verify`,
    );
  return { by: owner.record, best, metric };
}

/**
 * Starts verifying what a finished job gives once more, or its candidate `asked`, and returns the ID to follow. Throws `UserMistake` where nothing
 * was measured.
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
  const found = asked === undefined ? await bestOf(store, record) : await measuredIn(store, record, asked);
  if (found === null)
    throw new UserMistake(
      `${record.id} has no best that was measured; expected a job of kind optimize, or of kind solve with an objective, or a pipeline with one, that found something better`,
    );
  const { by, best, metric: claim } = found;
  const series = verificationSeries(by.id);
  const run = ((await store.ledger.latestRun(series))?.run ?? 0) + 1;
  const id = verificationId(by.id, run);
  const candidate = {
    ...best.candidate,
    program: best.artifacts.program ?? best.candidate.program,
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
