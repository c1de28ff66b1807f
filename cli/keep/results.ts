import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JobResult } from '../../domain/job-input.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

/** Where a job's files were laid out. */
export interface LaidOut {
  folder: string;
  /** The product's, relative to `folder`. */
  files: string[];
  report: string | null;
  /** The first picture among its files. */
  picture: string | null;
}

/**
 * Lays a finished job's product and report out as files in `folder`, in place of what an earlier run left there.
 */
export async function layOut(store: Store, result: JobResult, folder: string): Promise<LaidOut> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  const product = result.product === null ? {} : await readTree(store.blobs, result.product);
  for (const [path, artifact] of Object.entries(product)) {
    await mkdir(dirname(join(draft, path)), { recursive: true });
    await store.blobs.place(artifact, join(draft, path));
  }
  if (result.report !== null)
    await writeFile(join(draft, 'report.html'), await store.blobs.get(result.report));
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
  const picture = Object.keys(product).find((path) => /\.(png|jpe?g)$/i.test(path));
  return {
    folder,
    files: Object.keys(product).sort(),
    report: result.report === null ? null : join(folder, 'report.html'),
    picture: picture === undefined ? null : join(folder, picture),
  };
}
