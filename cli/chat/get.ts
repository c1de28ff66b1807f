import { constants, copyFile, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Tree } from '../../domain/artifact.schema.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { nearest } from '../../domain/nearest.ts';
import { SafePath } from '../../domain/safe-path.schema.ts';
import { nowIn } from '../../domain/session.ts';
import { pick } from '../../domain/tree.ts';
import { readSession } from '../../record/session.ts';
import { readTree } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { findJob } from '../follow/find-job.ts';
import { layOutTree } from '../lay-out.ts';
import { type CommandContext, clean, UserMistake } from '../terminal.ts';

/** `crucible get JOB PATH`: takes a file or a folder out. Throws `UserMistake` where there is none, or something stands where it is to go. */
export async function get(
  { store, json, out }: CommandContext,
  job: string,
  path: string,
  to: string | undefined,
): Promise<void> {
  const record = await findJob(store, job);
  const wanted = path.replace(/\/+$/, '');
  if (!SafePath.safeParse(wanted).success)
    throw new UserMistake(`${clean(path)}: expected a path as in the workspace: relative, without ..`);
  const tree = await filesOf(store, record);
  const found = pick(tree, [wanted]);
  if (Object.keys(found).length === 0) throw new UserMistake(missing(record.id, wanted, Object.keys(tree)));
  const target = resolve(to ?? basename(wanted));
  const there = await lstat(target).catch(() => null);
  if (there !== null)
    throw new UserMistake(`${clean(target)}: it is there already: choose another place with --out`);
  const below = Object.fromEntries(
    Object.entries(found).map(([each, artifact]) => [
      each === wanted ? 'file' : each.slice(wanted.length + 1),
      artifact,
    ]),
  );
  await mkdir(dirname(target), { recursive: true });
  // What is laid out first and then moved never stands there in part, and follows no link that somebody puts there.
  const draft = await mkdtemp(join(dirname(target), '.crucible-get-'));
  try {
    await layOutTree(store.blobs, below, join(draft, 'files'));
    const artifact = tree[wanted];
    if (artifact === undefined) await rename(join(draft, 'files'), target);
    else await copyFile(join(draft, 'files', 'file'), target, constants.COPYFILE_EXCL);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  out(
    json
      ? JSON.stringify({ jobId: record.id, path: wanted, out: target, files: Object.keys(found) })
      : target,
  );
}

/** What a conversation has now, or a job gave. */
async function filesOf(store: Store, record: JobRecord): Promise<Tree> {
  if (kindOf(record).talks) return readTree(store.blobs, nowIn(await readSession(store, record)).files);
  const product = record.result?.product ?? null;
  if (product !== null) return readTree(store.blobs, product);
  throw new UserMistake(
    record.status === 'running'
      ? `${record.id} is running and has given nothing yet. Follow it: crucible watch ${record.id}`
      : `${record.id} gave no files: it is ${record.status}`,
  );
}

const mostNamed = 10;

function missing(id: string, wanted: string, there: readonly string[]): string {
  const near = nearest(wanted, there);
  const named = there.slice(0, mostNamed).join(', ');
  const more = there.length > mostNamed ? ` and ${there.length - mostNamed} more` : '';
  const files =
    there.length === 0
      ? 'it has no files'
      : near !== null
        ? `did you mean ${near}?`
        : `it has ${named}${more}`;
  return `${id}: there is no ${clean(wanted)}; ${files}`;
}
