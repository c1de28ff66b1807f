import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { z } from 'zod';
import { type Artifact, Tree } from '../domain/artifact.schema.ts';
import { Program } from '../domain/program.schema.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { BlobStore } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';

/** What activities are made with; each family takes the part it needs. */
export interface ActivityContext {
  store: Store;
  sandbox: Sandbox;
}

/** What an activity gives its work: when to end, and where to say how far it is. */
export interface Pulse {
  /** Fires when the activity is cancelled. */
  signal: AbortSignal;
  /** Sent with the next heartbeats; a few numbers. */
  details: unknown;
}

const beatMs = 500;

/** Heartbeats on a timer while `act` runs. */
async function beating<T>(act: (pulse: Pulse) => Promise<T>): Promise<T> {
  const pulse: Pulse = { signal: cancellationSignal(), details: undefined };
  if (activityInfo().heartbeatTimeoutMs === undefined) return act(pulse);
  const timer = setInterval(() => heartbeat(pulse.details), beatMs);
  try {
    return await act(pulse);
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs `act` for this place unless its result is already known; the first finished result is what every caller gets.
 * `kind` names the step for people: `build`, `measure`.
 */
export const takeStep = <T>(
  store: Store,
  place: Place,
  kind: string,
  act: (pulse: Pulse) => Promise<T>,
): Promise<T> => store.ledger.once(stepKey(place), { jobId: place.jobId, kind }, () => beating(act));

/** Reads an artifact that holds JSON of a known schema. */
export async function readJson<T>(blobs: BlobStore, artifact: Artifact, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await blobs.text(artifact)));
}

export const writeJson = (blobs: BlobStore, value: unknown): Promise<Artifact> =>
  blobs.put(JSON.stringify(value));

export const readTree = (blobs: BlobStore, artifact: Artifact): Promise<Tree> =>
  readJson(blobs, artifact, Tree);

export const readProgram = (blobs: BlobStore, artifact: Artifact): Promise<Program> =>
  readJson(blobs, artifact, Program);

/** The same files below `folder`: `placeBelow('job', { 'a.py': … })` is `{ 'job/a.py': … }`. */
export const placeBelow = (folder: string, tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).map(([path, artifact]) => [`${folder}/${path}`, artifact]));

/** The files of `tree` that are named, or stand below a folder that is named, by `paths`. */
export const pick = (tree: Tree, paths: readonly string[]): Tree =>
  Object.fromEntries(
    Object.entries(tree).filter(([path]) =>
      paths.some((each) => path === each || path.startsWith(`${each}/`)),
    ),
  );
