import type { Config } from '../../workers/config.ts';
import type { CommandContext } from '../terminal.ts';

/** Removes every sandbox of this store that a job left behind. */
export async function sweepSandboxes(config: Config, { store, out }: CommandContext): Promise<void> {
  const { openSandbox } = await import('../../workers/sandbox-of.ts');
  const { sandbox } = await openSandbox(config, store);
  out(`${await sandbox.sweep({ all: true })} sandboxes removed`);
}
