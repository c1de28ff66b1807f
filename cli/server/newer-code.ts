import { existsSync, readdirSync, statSync } from 'node:fs';
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
export function changedSince(root: string, sinceMs: number): string | null {
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue;
    for (const each of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!each.isFile() || !source.test(each.name)) continue;
      const path = join(each.parentPath, each.name);
      if (statSync(path).ctimeMs > sinceMs) return relative(root, path);
    }
  }
  return null;
}
