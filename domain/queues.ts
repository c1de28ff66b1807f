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

/**
 * Returns what the names of a store's queues end with. Several stores may share a namespace, and none takes
 * another's tasks.
 */
export const endingOf = (storeId: string): string => `.${storeId.slice(0, 8)}`;

/** Returns what Temporal calls the workers of a store, whose versions take turns. */
export const deploymentOf = (storeId: string): string => `crucible-${storeId.slice(0, 8)}`;

/**
 * Returns how the other queues of a store end, by the name of the one on which a workflow runs. That is in a
 * history, and so the same whenever it is replayed. Jobs from before queues said whose they are have queues
 * without an ending.
 */
export const endingIn = (queue: string): string =>
  queue.startsWith(`${queues.orchestrate}.`) ? queue.slice(queues.orchestrate.length) : '';
