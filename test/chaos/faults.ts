import { setTimeout as wait } from 'node:timers/promises';
import { type Failpoint, failpoints } from '../../store/failpoint.ts';
import type { TestCrucible } from '../support/crucible.ts';
import type { Answer, ModelServer } from '../support/model-servers.ts';
import { replies } from './jobs.ts';

/** What goes wrong, and when: all of it follows from a seed. */
export type Fault =
  | { kind: 'killWorker' | 'endWorker' | 'restartServer' | 'killBoth' }
  /** The worker stands still, as on a machine that swaps; longer than a heartbeat may be late. */
  | { kind: 'freezeWorker'; forMs: number }
  /** The worker ends itself when it comes by a place for the so manieth time. */
  | { kind: 'failpoint'; at: Failpoint; count: number }
  /** The next requests to models fail. */
  | { kind: 'models'; answers: Answer[] };

const bad: readonly Answer[] = [
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'reset' },
  { kind: 'cut' },
  { kind: 'garbage' },
];

/** Its jobs ask for no batches. */
const struck = failpoints.filter((at) => !at.startsWith('batch-'));

/** Draws the next fault. */
export function nextFault(random: () => number): Fault {
  const pick = <T>(from: readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)];
    if (found === undefined) throw new Error('expected something to pick from');
    return found;
  };
  const kinds = ['killWorker', 'endWorker', 'freezeWorker', 'restartServer', 'killBoth', 'models'] as const;
  // A death at a place of its own is as frequent as all others.
  if (random() < 0.5) return { kind: 'failpoint', at: pick(struck), count: 1 + Math.floor(random() * 12) };
  const kind = pick(kinds);
  if (kind === 'freezeWorker') return { kind, forMs: 2_000 + Math.floor(random() * 14_000) };
  if (kind === 'models') return { kind, answers: [pick(bad), pick(bad)] };
  return { kind };
}

/** What was done to the workers, for those who count what it may have cost. */
export interface Done {
  /** How often a worker died or stood still. */
  deaths: number;
}

/** Lets things go wrong, and everything run again afterwards. */
export async function inject(
  fault: Fault,
  { running, models }: { running: TestCrucible; models: ModelServer },
  done: Done,
): Promise<void> {
  switch (fault.kind) {
    case 'killWorker':
      done.deaths += 1;
      await running.killWorker();
      return running.startWorker();
    case 'endWorker':
      done.deaths += 1;
      await running.endWorker();
      return running.startWorker();
    case 'restartServer':
      await running.server.kill();
      return running.server.restart();
    case 'killBoth':
      done.deaths += 1;
      await Promise.all([running.server.kill(), running.killWorker()]);
      await running.server.restart();
      return running.startWorker();
    case 'freezeWorker':
      done.deaths += 1;
      process.kill(running.workerPid(), 'SIGSTOP');
      await wait(fault.forMs);
      process.kill(running.workerPid(), 'SIGCONT');
      return;
    case 'failpoint':
      done.deaths += 2;
      await running.killWorker();
      await running.startWorker({ CRUCIBLE_FAILPOINT: `${fault.at}:${fault.count}` });
      // It may never come by: then it goes on as any other.
      for (let waited = 0; waited < 50 && running.hasWorker(); waited += 1) await wait(100);
      if (!running.hasWorker()) await running.startWorker();
      return;
    case 'models':
      models.answers = [...fault.answers];
  }
}

/** Answers with what a fault left to be answered, then as the model asked for does. */
export const answerOf =
  (models: ModelServer) =>
  (model: string): Answer =>
    models.answers.length > 1
      ? (models.answers.shift() ?? { kind: 'silent' })
      : { kind: 'text', text: replies[model] ?? '' };
