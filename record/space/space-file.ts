import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { SpaceFacts } from '../../web/facts.ts';
import { stillOfMesh, stillOfVolume } from '../../web/space/still.ts';
import { meshIn, type SteppedMesh, stepped } from './mesh-file.ts';
import { type Grid, halved, type ReducedVolume, reducedVolume, type VolumeLayout } from './volume-file.ts';

/** A file that may be a volume or a mesh: `file` on this machine, `path` among the outputs. */
export type SpaceFile =
  | { kind: 'volume'; path: string; file: string; layout: VolumeLayout }
  | { kind: 'mesh'; path: string; file: string };

/** What one view takes of a page at most, packed. */
const mostViewBytes = 1_500_000;
/** Voxels along an edge of a view, corners along one of a mesh, and the faces of that. */
const longestEdge = 128;
const finestCells = 16_384;
const mostFaces = 200_000;

/** Returns the view of a file; null where it is damaged, or shows nothing. */
export async function spaceOfFile(space: SpaceFile): Promise<SpaceFacts | null> {
  try {
    return await (space.kind === 'mesh'
      ? meshFacts(space.path, await readFile(space.file))
      : volumeOfFile(space));
  } catch (error) {
    // A program may write anything under any name.
    const isTheirs =
      error instanceof RangeError ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'));
    if (isTheirs) return null;
    throw error;
  }
}

async function volumeOfFile({
  path,
  file,
  layout,
}: SpaceFile & { kind: 'volume' }): Promise<SpaceFacts | null> {
  const chunks = createReadStream(file, { highWaterMark: 4 * 2 ** 20 });
  const reduced = await reducedVolume(layout, chunks, longestEdge);
  // What is the same everywhere has nothing to be seen in it.
  return reduced.least < reduced.most ? volumeFacts(path, layout, reduced) : null;
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

function meshFacts(path: string, file: Buffer): SpaceFacts | null {
  const mesh = meshIn(path, file);
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
