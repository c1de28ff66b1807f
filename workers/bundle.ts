import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type Logger } from '@temporalio/worker';

const folder = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/**
 * The workflows' code as one bundle. Making it takes two seconds, so it is kept in `cache` under a hash of all that goes into it.
 */
export async function workflowBundle(cache: string, logger: Logger): Promise<{ codePath: string }> {
  const codePath = join(cache, 'bundles', `${await sourceHash()}.js`);
  try {
    await readFile(codePath);
  } catch {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(folder('workflows'), 'index.ts'),
      workflowInterceptorModules: [join(folder('workflows'), 'refuse-forged.ts')],
      logger,
    });
    await mkdir(join(cache, 'bundles'), { recursive: true });
    const draft = `${codePath}.${randomBytes(4).toString('hex')}`;
    await writeFile(draft, code);
    await rename(draft, codePath);
  }
  return { codePath };
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/workflow/package.json');
  hash.update(String(version));
  for (const name of ['workflows', 'domain']) {
    for (const file of (await readdir(folder(name))).sort()) {
      hash.update(`${name}/${file}\0`).update(await readFile(join(folder(name), file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
