/**
 * Where an activity stands: its result is stored under this place, so a retry or a resume finds what was done.
 * `step` is the path inside the job: `c-3/measure`, `c-3/verify/grade`.
 */
export interface Place {
  storeId: string;
  jobId: string;
  step: string;
}

export const stepKey = ({ jobId, step }: Place): string => `${jobId}#${step}`;

/** The job a step's key belongs to. */
export const jobOfStep = (key: string): string => key.slice(0, Math.max(0, key.indexOf('#')));
