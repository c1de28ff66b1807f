import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { jobOfStep, placeOfKey, stepKey } from '../domain/step.ts';
import { behindText } from '../domain/turn.ts';
import { type ChosenSandbox, chooseSandbox } from '../sandbox/choose.ts';
import type { TurnListener } from '../sandbox/turn.ts';
import { toolchain } from '../setup/toolchain.mjs';
import type { Store } from '../store/store.ts';
import type { Config } from './config.ts';

/** Opens the sandbox the configuration asks for. Throws `NoSandbox` where there is none. */
export async function openSandbox(config: Config, store: Store): Promise<ChosenSandbox> {
  const parts = await toolchain();
  await mkdir(parts.cache, { recursive: true });
  const root = join(config.home, 'sandboxes');
  const { access, e2bTemplate: template } = config.models;
  const key = access.e2b?.key;
  return chooseSandbox({
    wanted: config.sandbox,
    blobs: store.blobs,
    storeId: store.id,
    root,
    parts,
    turns: keepTurns(store),
    e2b: key ? { key, template } : undefined,
  });
}

/** Records what each sandbox waits for, and tells a job once of each other job that it waits for. */
function keepTurns({ ledger }: Store): TurnListener {
  // A record that cannot be kept is no reason to fail what waits.
  const kept = (writing: Promise<void>): void => void writing.catch(() => undefined);
  return {
    waits(key, behind) {
      const place = placeOfKey(key);
      if (place === null) return;
      const { jobId, step } = place;
      kept(ledger.waits(key, behind));
      if (behind === null || jobOfStep(behind) !== jobId)
        kept(
          ledger.say(
            jobId,
            stepKey({ jobId, step: `waits/${behind === null ? 'unknown' : jobOfStep(behind)}` }),
            `${step} waits: ${behindText(behind)}`,
            Date.now(),
          ),
        );
    },
    goesOn(key) {
      if (placeOfKey(key) !== null) kept(ledger.goesOn(key));
    },
  };
}
