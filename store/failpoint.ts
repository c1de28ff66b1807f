/** Where a process may be ended on purpose, to show that nothing is lost there. */
export const failpoints = [
  /** A step is on record as begun, and nothing was done for it. */
  'step-begun',
  /** A step was done, and is not on record. */
  'step-done',
  /** A step is on record as done, and nobody was told. */
  'step-kept',
  /** The bytes of an artifact are on disk, under no name. */
  'blob-written',
  /** A request to a model is on record, and was not sent. */
  'call-begun',
  /** A model answered, and its reply is not on record. */
  'call-answered',
  /** A reply is on record, and was not used. */
  'call-kept',
  /** A batch is on record, and was not submitted. */
  'batch-begun',
  /** A provider has a batch, and its name of it is not on record. */
  'batch-submitted',
  /** Some requests of a batch have their ends on record, others not. */
  'batch-read',
] as const;
export type Failpoint = (typeof failpoints)[number];

let armed: { at: Failpoint; left: number } | null = null;

/** Ends this process, as `kill -9` does, when it comes by a place for the `count`th time. */
export function armFailpoint(at: Failpoint, count: number): void {
  armed = { at, left: count };
}

/** A place where a process may be ended; nothing where none is armed. */
export function failpoint(at: Failpoint): void {
  if (armed === null || armed.at !== at) return;
  armed.left -= 1;
  if (armed.left <= 0) process.kill(process.pid, 'SIGKILL');
}
