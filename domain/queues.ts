/** Task queues: one a scarce resource. */
export const queues = {
  orchestrate: 'orchestrate',
  sandbox: 'sandbox',
  build: 'build',
  grade: 'grade',
  bench: 'bench',
  model: 'model',
} as const;

/** The queue of one host's bench: a job that claimed it measures nowhere else. */
export const benchOf = (host: string): string => `${queues.bench}-${host}`;
