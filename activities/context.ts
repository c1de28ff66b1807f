import { activityInfo, Context, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
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

/** Of the activities under way. */
const pulses = new WeakMap<Context, Pulse>();

/** Heartbeats on a timer while `act` runs; within an activity once. */
async function beating<T>(act: (pulse: Pulse) => Promise<T>): Promise<T> {
  const context = Context.current();
  const under = pulses.get(context);
  if (under !== undefined) return act(under);
  const pulse: Pulse = { signal: cancellationSignal(), details: undefined };
  pulses.set(context, pulse);
  if (activityInfo().heartbeatTimeoutMs === undefined) return act(pulse);
  const timer = setInterval(() => heartbeat(pulse.details), beatMs);
  try {
    return await act(pulse);
  } finally {
    clearInterval(timer);
  }
}

/** Lets every activity beat that is expected to: one whose worker was killed is begun anew after its heartbeat time-out. */
export const heartbeats: ActivityInboundCallsInterceptor = {
  execute: (input, next) => beating(() => next(input)),
};

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
