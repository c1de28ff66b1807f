import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChosenSandbox, chooseSandbox } from '../sandbox/choose.ts';
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
    e2b: key ? { key, template } : undefined,
  });
}
