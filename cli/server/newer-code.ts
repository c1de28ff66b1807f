import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What a worker has loaded, or hands to sandboxes. */
const folders = [
  ...['activities', 'cases', 'domain', 'fixes', 'learn', 'llm', 'native', 'recipes', 'record'],
  ...['sandbox', 'store', 'strategies', 'workers', 'workflows'],
];
const source = /\.(ts|mjs|py|c|cpp|hpp)$/;

/**
 * Returns a file of the code in `root` that changed after `sinceMs`, in milliseconds since 1970; null for none. A worker that was started then
 * still runs what stood there before.
 */
export async function changedSince(root: string, sinceMs: number): Promise<string | null> {
  for (const folder of folders) {
    const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const each of found) {
      if (!each.isFile() || !source.test(each.name)) continue;
      const path = join(each.parentPath, each.name);
      const { ctimeMs } = await stat(path);
      if (ctimeMs > sinceMs) return relative(root, path);
    }
  }
  return null;
}
