import type { WorkerRole } from '../../workers/run.ts';
import { running } from '../server/embedded.ts';
import { UserMistake } from '../terminal.ts';

const roles = ['orchestrate', 'model', 'sandbox', 'bench'] as const satisfies readonly WorkerRole[];

/** `crucible worker`: in the foreground, until it is told to stop. */
export async function runWorker(role: string): Promise<void> {
  const { readConfig } = await import('../../workers/config.ts');
  const { runWorkers } = await import('../../workers/run.ts');
  const chosen = role === 'all' ? roles : roles.filter((each) => each === role);
  if (chosen.length === 0) throw new UserMistake(`--role: expected all, ${roles.join(', ')}; got ${role}`);
  const config = readConfig(process.env);
  const address = config.temporalAddress ?? (await running(config.home))?.address;
  if (address === undefined)
    throw new UserMistake('no server runs here: set TEMPORAL_ADDRESS, or start one with crucible up');
  await runWorkers(chosen, { ...config, temporalAddress: address });
}
