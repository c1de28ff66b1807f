import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { type Place, stepKey } from '../domain/step.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
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
