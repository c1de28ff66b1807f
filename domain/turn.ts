import { parseJobId } from './job-id.ts';
import { type Place, parseStep, placeOfKey, stepKey } from './step.ts';

/** Returns what a sandbox waits for, in words: `slow is being measured (c-2)`; `behind` is the key of another's step. */
export function behindText(behind: string | null): string {
  const place = behind === null ? null : placeOfKey(behind);
  if (place === null) return 'another sandbox of this machine is being measured';
  const { name, below } = parseJobId(place.jobId);
  const { candidate, name: step } = parseStep(place.step);
  const doing = /^(measure|claim)/.test(step) ? 'is being measured' : 'is running';
  return `${[name, ...below].join(' ')} ${doing}${candidate === null ? '' : ` (${candidate})`}`;
}

/** A time that a sandbox waited; `until` is null while it waits. */
interface Wait {
  key: string;
  since: number;
  until: number | null;
}

/**
 * Returns the milliseconds that the steps of a trial worked, from those they took in all. What their sandboxes
 * waited for others is taken out, and stands as `waiting`. `place` is where the trial's steps stand, before
 * their names: `c-3/verify` of a job.
 */
export function workTimes(
  timings: Readonly<Record<string, number>>,
  { jobId, step: path }: Pick<Place, 'jobId' | 'step'>,
  waits: readonly Wait[],
): Record<string, number> {
  let waiting = 0;
  const worked = Object.entries(timings).map(([step, ms]) => {
    const key = stepKey({ jobId, step: `${path}/${step.replace(' ', '-')}` });
    const waited = waits
      // The runs of one program, `run`, `run-2` …, are told together.
      .filter((wait) => wait.key.startsWith(key) && /^(?:-\d+)?(?:\/|$)/.test(wait.key.slice(key.length)))
      .reduce((sum, { since, until }) => sum + (until ?? since) - since, 0);
    waiting += Math.min(waited, ms);
    return [step, Math.max(0, ms - waited)] as const;
  });
  return { ...Object.fromEntries(worked), ...(waiting > 0 ? { waiting } : {}) };
}
