import { verificationId, verificationSeries } from '../../domain/job-id.ts';
import { VerificationInput } from '../../domain/job-input.schema.ts';
import { metricIn } from '../../domain/leaderboard.ts';
import { objectiveOf } from '../../domain/objective.ts';
import type { Interval } from '../../domain/outcome.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { bestTrial } from '../../domain/trial.ts';
import { readEarlier, readJob } from '../../record/kept-job.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { ExitStatus } from '../exit-status.ts';
import { statusOfJob } from '../follow/ending.ts';
import { findJob } from '../follow/find-job.ts';
import { watchJob } from '../follow/watch.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { sayOf, UserMistake } from '../terminal.ts';

/** The best of a job or, for a pipeline, of the first of its stages that has one, with the job it was found by. */
export async function bestOf(
  store: Store,
  record: JobRecord,
): Promise<{ by: JobRecord; best: Trial; metric: Interval } | null> {
  const kept = await readJob(store, record);
  const earlier = await Promise.all(
    Object.values(kept.takenOver).map((result) => readEarlier(store, result)),
  );
  for (const each of [kept, ...kept.stages, ...earlier.filter((other) => other !== null)]) {
    const best = bestTrial(each.trials, objectiveOf(each.job));
    const metric = best === null ? null : metricIn(best.outcome);
    if (best !== null && metric !== null) return { by: each.record, best, metric };
  }
  return null;
}

/** Starts verifying a finished job's best once more and returns the ID to follow. Throws `UserMistake` where there is no best. */
export async function startVerification(store: Store, client: JobClient, record: JobRecord): Promise<string> {
  const found = await bestOf(store, record);
  if (found === null)
    throw new UserMistake(
      `${record.id} has no best that was measured; expected a job of kind optimize, or a pipeline with one, that found something faster`,
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

/** Verifies a finished job's best again and watches that. */
export async function verifyJob({ config, context, signal }: Session, text: string): Promise<ExitStatus> {
  const record = await findJob(context.store, text);
  return withServer(config, { store: context.store, say: sayOf(context), signal }, async (client) => {
    const id = await startVerification(context.store, client, record);
    return statusOfJob(await watchJob(context, id, { signal }));
  });
}
