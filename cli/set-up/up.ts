import type { Config } from '../../workers/config.ts';
import { connect } from '../server/client.ts';
import { type UpOptions, up } from '../server/embedded.ts';
import type { CommandContext } from '../terminal.ts';

/** `crucible up`. */
export async function bringUp(
  config: Config,
  { store, out, json }: CommandContext,
  options: Omit<UpOptions, 'say'>,
): Promise<void> {
  const now = await up(config, { say: (line) => json || out(line), ...options });
  const client = await connect(now.address, config.namespace, store, config);
  await client.close();
  if (json) out(JSON.stringify(now));
  else {
    out(`server  ${now.address}${now.server === null ? ' (yours)' : ''}`);
    if (now.ui !== null) out(`UI      ${now.ui}`);
    out(`worker  process ${now.worker?.pid}`);
  }
}
