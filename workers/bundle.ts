import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type Logger } from '@temporalio/worker';

const project = fileURLToPath(new URL('..', import.meta.url));
const workflows = join(project, 'workflows');

/**
 * The workflows' code as one bundle. Making it takes two seconds, so it is kept in `cache` under a hash of all that goes into it.
 */
export async function workflowBundle(cache: string, logger: Logger): Promise<{ codePath: string }> {
  const codePath = join(cache, 'bundles', `${await sourceHash(project, ['workflows', 'domain'])}.js`);
  try {
    await readFile(codePath);
  } catch {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(workflows, 'index.ts'),
      workflowInterceptorModules: [join(workflows, 'job', 'refuse-forged.ts')],
      logger,
    });
    await mkdir(join(cache, 'bundles'), { recursive: true });
    const draft = `${codePath}.${randomBytes(4).toString('hex')}`;
    await writeFile(draft, code);
    await rename(draft, codePath);
  }
  return { codePath };
}

/** A hash of every file below `folders` of `root`, by path and content, and of Temporal's version. */
export async function sourceHash(root: string, folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/workflow/package.json');
  hash.update(String(version));
  for (const folder of folders) {
    const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const files = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
    for (const file of files.sort()) hash.update(`${relative(root, file)}\0`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}
