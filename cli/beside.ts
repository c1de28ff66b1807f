import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobFile } from './start/job-file.ts';

const most = { files: 5_000, depth: 8 };

/** What no program reads, and what there may be very much of. */
const skipped = /^(?:\.|__pycache__$|node_modules$)/;

/**
 * Returns the first file in a job's folder that the job does not name and that is not hidden. Files near the
 * job come first.
 */
export async function filesBeside({ folder, files }: JobFile): Promise<string[]> {
  const named = new Set(files);
  const beside: string[] = [];
  let folders = [''];
  for (let depth = 0; depth < most.depth && folders.length > 0; depth += 1) {
    const below: string[] = [];
    for (const inside of folders) {
      if (beside.length >= most.files) return beside.slice(0, most.files);
      // A folder that may not be read has nothing that a job could name.
      const entries = await readdir(join(folder, inside), { withFileTypes: true }).catch(() => []);
      for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
        if (skipped.test(entry.name)) continue;
        if (entry.isDirectory()) below.push(path);
        else if (entry.isFile() && !named.has(path)) beside.push(path);
      }
    }
    folders = below;
  }
  return beside.slice(0, most.files);
}
