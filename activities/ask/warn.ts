import { defaults } from '../../domain/defaults.ts';
import { dollars } from '../../domain/money.ts';
import { budgetWarnings } from '../../domain/spent.ts';
import { stepKey } from '../../domain/step.ts';
import type { AccountRecord } from '../../store/ledger/accounts.ts';
import type { Ledger } from '../../store/ledger.ts';

const { unusualCalls, unusualFactor, unusualFailures } = defaults.model;

/** Says in the job's log, once a job and route, that a call cost far more than is usual there. */
export async function warnOfCost(
  ledger: Ledger,
  jobId: string,
  route: string,
  microUsd: number,
): Promise<void> {
  const usual = await ledger.usualOf(route);
  if (usual.calls < unusualCalls || usual.microUsd === null) return;
  if (microUsd <= unusualFactor * usual.microUsd) return;
  await warn(
    ledger,
    jobId,
    `cost ${route}`,
    `${route}: a call cost ${dollars(microUsd)}, usual is ${dollars(usual.microUsd)}`,
  );
}

/** The same of a request whose server says that it took what it cannot have taken. */
export const warnOfUsage = (ledger: Ledger, jobId: string, route: string, said: string): Promise<void> =>
  warn(
    ledger,
    jobId,
    `usage ${route}`,
    `${route}: its server reports ${said}; what was estimated counts instead`,
  );

/** The same where most of the route's last requests failed. */
export async function warnOfFailures(ledger: Ledger, jobId: string, route: string): Promise<void> {
  const { calls, failedShare } = await ledger.usualOf(route);
  if (calls < unusualCalls || failedShare <= unusualFailures) return;
  const share = Math.round(failedShare * 100);
  await warn(ledger, jobId, `failures ${route}`, `${route}: ${share} % of its last ${calls} requests failed`);
}

/** Says in a job's log, once each, that half of its budget is spent, and four fifths. */
export async function warnOfBudget(ledger: Ledger, { id, cap, spent }: AccountRecord): Promise<void> {
  for (const { key, text } of budgetWarnings(spent, cap)) await warn(ledger, id, key, text);
}

/** The same key is said once. */
const warn = (ledger: Ledger, jobId: string, what: string, text: string): Promise<void> =>
  ledger.say(jobId, stepKey({ jobId, step: `warning/${what}` }), `warning: ${text}`, Date.now());
