import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { ArtifactDamaged } from '../../domain/errors.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readJson } from '../../store/documents.ts';
import type { JobFacts, SpaceFacts } from '../../web/facts.ts';
import { isMeshName, mostMeshBytes } from './mesh-file.ts';
import type { SpaceFile } from './space-file.ts';
import { headerBytes, isVolumeName, VolumeSidecar, volumeLayout } from './volume-file.ts';

/** What all views of a page take at most, packed, and how many there are. */
const mostBytes = 5_000_000;
const mostViews = 6;
/** A larger volume is not read for a report. */
const mostVolumeBytes = 4 * 2 ** 30;

/** Returns the volumes and meshes among the files that a job gave. What is damaged, or none by its content, is left to its own file. */
export async function spacesIn(
  blobs: BlobStore,
  outputs: Tree,
): Promise<Pick<JobFacts, 'spaces' | 'spacesLeft'>> {
  const spaces: SpaceFacts[] = [];
  const spacesLeft: string[] = [];
  for (const [path, artifact] of Object.entries(outputs)) {
    if (!isVolumeName(path) && !isMeshName(path)) continue;
    const found =
      spaces.length < mostViews ? await spaceIn(blobs, outputs, path, artifact) : ('too large' as const);
    if (found === 'too large') spacesLeft.push(path);
    else if (found !== null) spaces.push(found);
  }
  return { spaces, spacesLeft };
}

type Found = SpaceFacts | 'too large' | null;

async function spaceIn(blobs: BlobStore, outputs: Tree, path: string, artifact: Artifact): Promise<Found> {
  try {
    return await (isMeshName(path)
      ? meshSpace(blobs, path, artifact)
      : volumeSpace(blobs, outputs, path, artifact));
  } catch (error) {
    // A blob may be gone.
    if (error instanceof ArtifactDamaged) return null;
    throw error;
  }
}

async function volumeSpace(
  blobs: BlobStore,
  outputs: Tree,
  path: string,
  artifact: Artifact,
): Promise<Found> {
  const { start, bytes } = await blobs.head(artifact, headerBytes);
  const sidecar = outputs[`${path}.json`];
  const beside =
    sidecar === undefined ? null : await readJson(blobs, sidecar, VolumeSidecar).catch(() => null);
  const layout = volumeLayout(path, start, bytes, beside);
  if (layout === null) return null;
  if (bytes > mostVolumeBytes) return 'too large';
  return placed(blobs, artifact, (file) => packedApart({ kind: 'volume', path, file, layout }));
}

async function meshSpace(blobs: BlobStore, path: string, artifact: Artifact): Promise<Found> {
  const { bytes } = await blobs.head(artifact, 0);
  if (bytes > mostMeshBytes) return 'too large';
  return placed(blobs, artifact, (file) => packedApart({ kind: 'mesh', path, file }));
}

/** Returns the view of a file, or null. A thread makes it, since that takes seconds in which a worker would not be heard. */
function packedApart(file: SpaceFile): Promise<SpaceFacts | null> {
  const thread = new Worker(new URL('space-thread.ts', import.meta.url), { workerData: file });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the thread of a view ended with ${code} and no view`)));
  });
}

/** Calls `read` with a file that has the content of an artifact. */
async function placed<T>(
  blobs: BlobStore,
  artifact: Artifact,
  read: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-view-'));
  try {
    await blobs.place(artifact, join(folder, 'file'));
    return await read(join(folder, 'file'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the job, and its stages, with as many views as a page may have. Its own come before those of stages, and the last stage's first. */
export function withinPage(job: JobFacts): JobFacts {
  let [views, bytes] = [0, 0];
  const fitted = (facts: JobFacts): JobFacts => {
    const kept: SpaceFacts[] = [];
    const left = [...facts.spacesLeft];
    for (const space of facts.spaces) {
      const takes = space.bytes.length + space.still.length;
      const fits = views < mostViews && bytes + takes <= mostBytes;
      if (!fits) left.push(space.path);
      else {
        kept.push(space);
        views += 1;
        bytes += takes;
      }
    }
    const stages = facts.stages
      .toReversed()
      .map((stage) => (stage.job === null ? stage : { ...stage, job: fitted(stage.job) }))
      .toReversed();
    return { ...facts, spaces: kept, spacesLeft: left, stages };
  };
  return fitted(job);
}
