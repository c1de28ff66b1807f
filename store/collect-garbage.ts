import type { Store } from './store.ts';

/** What was, or would be, removed. */
export interface Removed {
  /** Jobs that stood alone or at the top of others, by ID. */
  jobs: string[];
  artifacts: number;
  bytes: number;
  /** Artifacts that something still needs, or that are too new to be removed. */
  keptArtifacts: number;
  keptBytes: number;
}

/** What was put so shortly before may be wanted by a step that has not said so yet. */
const graceMs = 24 * 60 * 60 * 1000;

/** Larger files name others only where they are JSON: what is larger and is not is data. */
const largestScanned = 64 * 2 ** 20;

const names = /[0-9a-f]{64}/g;

/**
 * Forgets jobs that ended before `before`, and removes every artifact that nothing names any more. Neither the
 * ledger nor an artifact that it names does. With `dryRun` nothing is changed. Throws `ArtifactDamaged` where
 * what a needed one names cannot be read, and removes none then. Safe while jobs run, and to end at any time.
 */
export async function collectGarbage(
  { ledger, blobs }: Store,
  { before, dryRun, now = Date.now() }: { before: number; dryRun: boolean; now?: number },
): Promise<Removed> {
  const jobs: string[] = [];
  for (const root of await ledger.endedBefore(before))
    if (dryRun || (await ledger.forgetJob(root))) jobs.push(root);
  if (!dryRun) await ledger.forgetMemory(before);
  const reached = await reachable({ ledger, blobs }, { without: new Set(dryRun ? jobs : []), since: before });
  const removed: Removed = { jobs, artifacts: 0, bytes: 0, keptArtifacts: 0, keptBytes: 0 };
  for await (const { artifact, bytes, putAt } of blobs.list()) {
    const isOld = putAt < now - graceMs && !reached.has(artifact);
    if (isOld && (dryRun || (await blobs.remove(artifact, now - graceMs)))) {
      removed.artifacts += 1;
      removed.bytes += bytes;
    } else {
      removed.keptArtifacts += 1;
      removed.keptBytes += bytes;
    }
  }
  return removed;
}

/** Every artifact that the ledger names, that one of those names, and so on. What merely looks like a name is kept, too. */
async function reachable(
  { ledger, blobs }: Pick<Store, 'ledger' | 'blobs'>,
  of: { without: ReadonlySet<string>; since: number },
): Promise<Set<string>> {
  const reached = new Set<string>();
  const toRead: string[] = [];
  const add = (text: string): void => {
    for (const [name] of text.matchAll(names))
      if (!reached.has(name)) {
        reached.add(name);
        toRead.push(name);
      }
  };
  for await (const text of ledger.textsNamingArtifacts(of)) add(text);
  for (let name = toRead.pop(); name !== undefined; name = toRead.pop()) {
    if (!(await blobs.has(name))) continue;
    const { start, bytes } = await blobs.head(name, 1);
    if (bytes > largestScanned && !['{', '['].includes(start.toString('latin1'))) continue;
    add((await blobs.get(name)).toString('latin1'));
  }
  return reached;
}
