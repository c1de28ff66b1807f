import type { Artifact } from '../domain/artifact.schema.ts';
import type { BlobStore } from '../store/blobs.ts';

/** A larger file is told by its size alone. */
const mostRead = 64 * 2 ** 20;
const headBytes = 64 * 1024;

type Facts = (bytes: Buffer) => string | null;

/** What tells of a file more than its size, by the ending of its name. These need only its beginning. */
const ofHead: Record<string, Facts> = {
  '.png': (bytes) =>
    bytes.toString('latin1', 12, 16) === 'IHDR'
      ? pixels(bytes.readUInt32BE(16), bytes.readUInt32BE(20))
      : null,
  '.gif': (bytes) =>
    bytes.toString('latin1', 0, 3) === 'GIF' ? pixels(bytes.readUInt16LE(6), bytes.readUInt16LE(8)) : null,
  '.jpg': jpegFacts,
  '.jpeg': jpegFacts,
  '.npy': npyFacts,
};
const ofWhole: Record<string, Facts> = {
  '.bin': voxelFacts,
  '.raw': voxelFacts,
  '.csv': (bytes) => tableFacts(bytes, ','),
  '.tsv': (bytes) => tableFacts(bytes, '\t'),
  '.json': jsonFacts,
};

/** Returns the extent of a file that is a grid, a picture or a table. Null where none can be told. */
export async function fileFacts(blobs: BlobStore, path: string, artifact: Artifact): Promise<string | null> {
  const ending = /\.[^./]+$/.exec(path.toLowerCase())?.[0] ?? '';
  const [head, whole] = [ofHead[ending], ofWhole[ending]];
  if (head === undefined && whole === undefined) return null;
  try {
    if (head !== undefined) return head((await blobs.head(artifact, headBytes)).start);
    const { bytes } = await blobs.head(artifact, 0);
    return bytes > mostRead ? null : (whole?.(await blobs.get(artifact)) ?? null);
  } catch (error) {
    // It is not what its name says.
    if (error instanceof RangeError || error instanceof SyntaxError) return null;
    throw error;
  }
}

const pixels = (width: number, height: number): string => `${width} × ${height} pixels`;
const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;

/** The frame header stands behind segments that say how long they are. */
function jpegFacts(bytes: Buffer): string | null {
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff) return null;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return pixels(bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5));
  }
  return null;
}

function npyFacts(bytes: Buffer): string | null {
  if (bytes.toString('latin1', 1, 6) !== 'NUMPY') return null;
  const header = bytes.toString('latin1', 8, 1024);
  const [, type] = /'descr':\s*'([^']{1,20})'/.exec(header) ?? [];
  const [, shape] = /'shape':\s*\(([\d, ]*)\)/.exec(header) ?? [];
  return type === undefined || shape === undefined ? null : `an array of ${type}, shape (${shape.trim()})`;
}

/** N³ numbers of four bytes or of one, behind nothing or a header of eight bytes. */
function voxelFacts(bytes: Buffer): string | null {
  for (const width of [4, 1])
    for (const header of [0, 8]) {
      const count = (bytes.length - header) / width;
      const edge = Math.round(Math.cbrt(count));
      if (edge < 2 || edge ** 3 !== count) continue;
      let filled = 0;
      // A float32 of -0 is not told from a number.
      for (let at = header; at < bytes.length; at += width)
        if (width === 1 ? bytes[at] !== 0 : bytes.readUInt32LE(at) !== 0) filled += 1;
      return `${edge}³ voxels of ${width === 1 ? 'one byte' : 'four bytes'}, ${filled.toLocaleString('en')} of them not zero`;
    }
  return null;
}

function tableFacts(bytes: Buffer, separator: string): string | null {
  const lines = bytes.toString('utf8').trimEnd().split('\n');
  const columns = lines[0]?.split(separator).length ?? 0;
  return `${counted(lines.length - 1, 'row')} below a header of ${counted(columns, 'column')}`;
}

function jsonFacts(bytes: Buffer): string | null {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  if (Array.isArray(value)) return `a list of ${value.length.toLocaleString('en')}`;
  if (typeof value !== 'object' || value === null) return null;
  return `an object of ${counted(Object.keys(value).length, 'field')}`;
}
