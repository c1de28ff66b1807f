import { defaults } from '../domain/defaults.ts';
import type { Ledger } from '../store/ledger.ts';

const { unusualCalls, unusualFactor, unusualFailures } = defaults.model;

/** Says in the job's log, once a job and route, that a call cost far more than is usual on its route. */
export async function warnOfCost(
  ledger: Ledger,
  jobId: string,
  route: string,
  microUsd: number,
): Promise<void> {
  const usual = await ledger.medianOf(route);
  if (usual.calls < unusualCalls || usual.microUsd === null) return;
  if (microUsd <= unusualFactor * usual.microUsd) return;
  await warn(
    ledger,
    jobId,
    `cost ${route}`,
    `${route}: a call cost $${microUsd / 1e6}, usual is $${usual.microUsd / 1e6}`,
  );
}

/** The same where most of the route's last requests failed. */
export async function warnOfFailures(ledger: Ledger, jobId: string, route: string): Promise<void> {
  const { calls, failedShare } = await ledger.medianOf(route);
  if (calls < unusualCalls || failedShare <= unusualFailures) return;
  const share = Math.round(failedShare * 100);
  await warn(ledger, jobId, `failures ${route}`, `${route}: ${share} % of its last ${calls} requests failed`);
}

async function warn(ledger: Ledger, jobId: string, what: string, text: string): Promise<void> {
  if (await ledger.warnOnce(`${jobId} ${what}`))
    await ledger.say(jobId, `${jobId}#warning/${what}`, `warning: ${text}`, Date.now());
}
