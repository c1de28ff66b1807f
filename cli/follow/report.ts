import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Store } from '../../store/store.ts';
import { type CommandContext, UserMistake } from '../terminal.ts';
import { findJob } from './find-job.ts';

/**
 * `crucible report JOB`: writes the job's report, one HTML file, to `out`, and prints its path. The default is
 * `NAME-report.html` in the current folder. Throws `UserMistake` where there is no report, or where something
 * else would be overwritten.
 */
export async function report(
  context: CommandContext,
  { job: text, out: file, force }: { job: string; out?: string; force: boolean },
): Promise<void> {
  const { store } = context;
  const record = await findJob(store, text);
  if (record.report === null)
    throw new UserMistake(
      record.status === 'running'
        ? `${record.id} has no report yet: it is written when the job ends. Until then: crucible watch ${record.id}`
        : `${record.id} has no report: it ended as ${record.status} before one was written. What is known: crucible show ${record.id}`,
    );
  const path = resolve(file ?? `${record.name}-report.html`);
  if (!force && !(await mayReplace(store, path)))
    throw new UserMistake(
      `${path} is there already and is not a report of this store: choose another --out, or overwrite it with --force`,
    );
  const draft = `${path}.${process.pid}.part`;
  try {
    await writeFile(draft, await store.blobs.get(record.report));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new UserMistake(`${path}: cannot be written: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  context.out(context.json ? JSON.stringify({ job: record.id, path }) : path);
}

/** Nothing is lost by overwriting a file whose very bytes are in the store. */
async function mayReplace(store: Store, path: string): Promise<boolean> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UserMistake(`${path}: expected a file that can be written, got ${error.message}`);
  });
  return bytes === null || store.blobs.has(createHash('sha256').update(bytes).digest('hex'));
}
