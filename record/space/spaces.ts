import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { ArtifactDamaged } from '../../domain/errors.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readJson } from '../../store/documents.ts';
import type { JobFacts, SpaceFacts } from '../../web/facts.ts';
import { stillOfMesh, stillOfVolume } from '../../web/space/still.ts';
import { isMeshName, meshIn, mostMeshBytes, type SteppedMesh, stepped } from './mesh-file.ts';
import {
  type Grid,
  halved,
  headerBytes,
  isVolumeName,
  type ReducedVolume,
  reducedVolume,
  type VolumeLayout,
  VolumeSidecar,
  volumeLayout,
} from './volume-file.ts';

/** What one view takes of a page at most, packed; and all of one. */
const mostViewBytes = 1_500_000;
const mostBytes = 5_000_000;
const mostViews = 6;
/** Voxels along an edge of a view, corners along one of a mesh, and the faces of that. */
const longestEdge = 128;
const finestCells = 16_384;
const mostFaces = 200_000;
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
    return isMeshName(path)
      ? await meshSpace(blobs, path, artifact)
      : await volumeSpace(blobs, outputs, path, artifact);
  } catch (error) {
    // A program may write anything under any name, and a blob may be gone.
    const isTheirs =
      error instanceof RangeError ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError ||
      error instanceof ArtifactDamaged ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'));
    if (isTheirs) return null;
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
  const reduced = await placed(blobs, artifact, (file) =>
    reducedVolume(layout, createReadStream(file, { highWaterMark: 4 * 2 ** 20 }), longestEdge),
  );
  // What is the same everywhere has nothing to be seen in it.
  return reduced.least < reduced.most ? volumeFacts(path, layout, reduced) : null;
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

function volumeFacts(
  path: string,
  { shape, spacing, units }: VolumeLayout,
  reduced: ReducedVolume,
): SpaceFacts {
  let { grid, factor } = reduced;
  const range = rangeOf(grid);
  let bytes = levelsOf(grid, range);
  let packed = deflateRawSync(bytes, { level: 9 });
  while (packed.length > mostViewBytes) {
    grid = halved(grid);
    factor *= 2;
    bytes = levelsOf(grid, range);
    packed = deflateRawSync(bytes, { level: 9 });
  }
  const level = levelBetween(bytes);
  // The grid may reach beyond the volume by a part of a block.
  const extent = grid.shape.map((count, axis) => count * factor * (spacing[axis] ?? 1));
  const size = Extent.parse(extent);
  const { least, most, strange } = reduced;
  return {
    ...{ kind: 'volume', path, shape: grid.shape, extent: size, units, range, level },
    told: `${shape.join(' × ')} voxels, values from ${short(least)} to ${short(most)}`,
    notes: [
      ...(factor > 1 ? [`shown as ${grid.shape.join(' × ')}, each the mean of ${factor}³ voxels`] : []),
      ...(strange > 0 ? [`${strange.toLocaleString('en')} voxels are NaN or infinite, and left out`] : []),
    ],
    still: stillOfVolume(grid.shape, bytes, size, level).toString('base64'),
    bytes: packed.toString('base64'),
  };
}

const Extent = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

const short = (value: number): string => String(Number(value.toPrecision(4)));

/** The values that the levels span: all, or where few lie far above the others, up to these. */
function rangeOf({ values }: Grid): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const above = values.filter((value) => value > least).sort();
  const high = above[Math.floor(above.length * 0.998)] ?? most;
  return [least, most - least > 3 * (high - least) && high > least ? high : most];
}

const levelsOf = ({ values }: Grid, [least, most]: readonly [number, number]): Uint8Array =>
  Uint8Array.from(values, (value) =>
    Math.max(0, Math.min(255, Math.round(((value - least) / (most - least || 1)) * 255))),
  );

/** Returns the level that parts the bytes best in two, by Otsu's measure. */
function levelBetween(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  const total = bytes.length;
  const sum = counts.reduce((all, count, byte) => all + count * byte, 0);
  let [below, belowSum, best, level] = [0, 0, -1, 128];
  for (let byte = 0; byte < 255; byte += 1) {
    below += counts[byte] ?? 0;
    belowSum += byte * (counts[byte] ?? 0);
    if (below === 0 || below === total) continue;
    const apart = below * (total - below) * (belowSum / below - (sum - belowSum) / (total - below)) ** 2;
    if (apart > best * (1 + 1e-9)) [best, level] = [apart, byte];
  }
  // Half way to the next byte that there is: two values are parted in the middle.
  const next = counts.findIndex((count, byte) => byte > level && count > 0);
  return Math.max(1, Math.round((level + (next < 0 ? 255 : next)) / 2));
}

async function meshSpace(blobs: BlobStore, path: string, artifact: Artifact): Promise<Found> {
  const { bytes: size } = await blobs.head(artifact, 0);
  if (size > mostMeshBytes) return 'too large';
  const mesh = meshIn(path, await blobs.get(artifact));
  if (mesh === null) return null;
  const count = mesh.faces.length / 3;
  let cells = finestCells;
  let small = stepped(mesh, cells);
  let packed = deflateRawSync(meshBytes(small), { level: 9 });
  while (small.faces.length / 3 > mostFaces || packed.length > mostViewBytes) {
    // What is far too fine is not tried at every size.
    cells = cells > 1_024 ? 1_024 : Math.floor(cells / 1.5);
    small = stepped(mesh, cells);
    packed = deflateRawSync(meshBytes(small), { level: 9 });
  }
  if (small.faces.length === 0) return null;
  const faces = small.faces.length / 3;
  return {
    ...{ kind: 'mesh', path, shape: [small.steps.length / 3, faces, 0], extent: small.extent, units: '' },
    ...{ range: [0, 1], level: 0 },
    told: `${count.toLocaleString('en')} faces, ${small.extent.map(short).join(' × ')}`,
    notes: faces < count && cells < finestCells ? [`shown with ${faces.toLocaleString('en')} faces`] : [],
    still: stillOfMesh(small.steps, small.faces, small.extent).toString('base64'),
    bytes: packed.toString('base64'),
  };
}

/** The corners, then the faces, which begin at a multiple of four bytes. */
function meshBytes({ steps, faces }: SteppedMesh): Buffer {
  const begin = Math.ceil((steps.length * 2) / 4) * 4;
  const bytes = Buffer.alloc(begin + faces.length * 4);
  bytes.set(new Uint8Array(steps.buffer, steps.byteOffset, steps.length * 2), 0);
  bytes.set(new Uint8Array(faces.buffer, faces.byteOffset, faces.length * 4), begin);
  return bytes;
}

/** Returns the job with as many views, of its stages too, as a page may have: its own before those of stages, of these the last first. */
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
