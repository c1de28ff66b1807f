import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { OutcomeKind } from '../../domain/outcome.schema.ts';
import type { Tried } from '../support/trial.ts';

/** Returns the folder of cheats of that name. */
export const fixtures = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/honest/${name}`, import.meta.url));
export const limits = { wallMs: 20_000, memoryMb: 512, processes: 64, diskMb: 64 };
export const functionJob = { program: 'work.py', function: 'slow', cases: 'cases.py', limits };

/**
 * Tries until the lower bound of the speed-up is not above 1, for one of many fair measurements is above by chance: three in a
 * row are a cheat. `or`: how else it may end.
 */
export async function neverFaster(attempt: () => Promise<Tried>, or: OutcomeKind[] = []): Promise<Tried> {
  const seen: string[] = [];
  for (let tries = 0; tries < 3; tries++) {
    const tried = await attempt();
    const { outcome } = tried;
    if (outcome.kind === 'scored' ? outcome.metric.low <= 1 : or.includes(outcome.kind)) return tried;
    seen.push(JSON.stringify(outcome));
  }
  return expect.fail(`expected a lower bound of at most 1, got ${seen.join('; ')}`);
}
