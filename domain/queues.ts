/** Task queues: one a scarce resource. */
export const queues = {
  orchestrate: 'orchestrate',
  sandbox: 'sandbox',
  build: 'build',
  grade: 'grade',
  bench: 'bench',
} as const;

/** Returns the queue of one provider's requests: workers that hold its key take from it, at the rate it allows. */
export const modelQueue = (provider: string): string => `model-${provider}`;

/** Returns the queue of one host's bench: a job that claimed it measures nowhere else. */
export const benchOf = (host: string): string => `${queues.bench}-${host}`;
