import { join } from 'node:path';
import type { JobResult } from '../../domain/job-input.schema.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { layOutTree } from '../lay-out.ts';

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
 * Lays a finished job's product and report out as files in `folder`. They take the place of what an earlier run
 * left there.
 */
export async function layOut(store: Store, result: JobResult, folder: string): Promise<LaidOut> {
  const product = result.product === null ? {} : await readTree(store.blobs, result.product);
  const own = result.report === null ? {} : { 'report.html': await store.blobs.get(result.report) };
  await layOutTree(store.blobs, product, folder, own);
  const picture = Object.keys(product).find((path) => /\.(png|jpe?g)$/i.test(path));
  return {
    folder,
    files: Object.keys(product).sort(),
    report: result.report === null ? null : join(folder, 'report.html'),
    picture: picture === undefined ? null : join(folder, picture),
  };
}
