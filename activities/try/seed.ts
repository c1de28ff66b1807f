import { createHmac } from 'node:crypto';
import { type Place, stepKey } from '../../domain/step.ts';
import type { Store } from '../../store/store.ts';

/**
 * Returns a number that nobody can foresee, and that is the same each time this step is taken. It has 31 bits,
 * as every library takes it.
 */
export const secretSeed = (store: Pick<Store, 'secret'>, place: Pick<Place, 'jobId' | 'step'>): number =>
  createHmac('sha256', store.secret()).update(stepKey(place)).digest().readUInt32BE(0) >>> 1;
