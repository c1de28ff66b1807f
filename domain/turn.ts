import { jobOfStep } from './step.ts';

/** What a sandbox waits for, in words: `slow is being measured (c-2)`; `behind` is the key of another's step. */
export function behindText(behind: string | null): string {
  if (behind === null || !behind.includes('#')) return 'another sandbox of this machine is being measured';
  const jobId = jobOfStep(behind);
  const [, name = jobId, , ...stages] = jobId.split('/');
  const step = behind.slice(jobId.length + 1);
  const candidate = /^c-\d+/.exec(step)?.[0];
  const doing = /measure|bench|claim/.test(step) ? 'is being measured' : 'is running';
  return `${[name, ...stages.filter((stage) => stage !== 'verify')].join(' ')} ${doing}${candidate === undefined ? '' : ` (${candidate})`}`;
}

/** A time that a sandbox waited; `until` is null while it waits. */
interface Wait {
  key: string;
  since: number;
  until: number | null;
}

/**
 * The milliseconds that the steps of a trial worked, from those they took in all: what their sandboxes waited for others is taken out,
 * and stands as `waiting`. `place` is the key of the trial's steps before their names: `JOB#c-3/verify`.
 */
export function workTimes(
  timings: Readonly<Record<string, number>>,
  place: string,
  waits: readonly Wait[],
): Record<string, number> {
  let waiting = 0;
  const worked = Object.entries(timings).map(([step, ms]) => {
    const key = `${place}/${step.replace(' ', '-')}`;
    const waited = waits
      .filter((wait) => wait.key === key || wait.key.startsWith(`${key}/`))
      .reduce((sum, { since, until }) => sum + (until ?? since) - since, 0);
    waiting += Math.min(waited, ms);
    return [step, Math.max(0, ms - waited)] as const;
  });
  return { ...Object.fromEntries(worked), ...(waiting > 0 ? { waiting } : {}) };
}

/** Where the steps of a trial stand. */
export const placeOfTrial = (jobId: string, candidateId: string, purpose: string): string =>
  `${jobId}#${candidateId}${purpose === 'verification' ? '/verify' : ''}`;
