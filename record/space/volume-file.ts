import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

type Axis = 0 | 1 | 2;

/** Where the voxels of a file lie, and what they are. */
export interface VolumeLayout {
  /** Voxels along x, y and z. */
  shape: readonly [number, number, number];
  /** The order of the axes in the file, the slowest first: 0 is x. */
  order: readonly [Axis, Axis, Axis];
  type: VoxelType;
  swapped: boolean;
  /** Bytes in front of the voxels. */
  offset: number;
  /** Whether what follows is packed by gzip. */
  packed: boolean;
  /** The edges of a voxel along x, y and z. */
  spacing: readonly [number, number, number];
  units: string;
}

const types = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
};
export type VoxelType = keyof typeof types;
const voxelType = z.enum(Object.keys(types) as [VoxelType, ...VoxelType[]]);

export const bytesOf = (type: VoxelType): number => types[type].BYTES_PER_ELEMENT;

/** Enough of a file to know its layout by. */
export const headerBytes = 64 * 1024;
/** N as int32 and the size of a voxel as float32, as Pixeltovoxelprojector writes them. */
const knownHeader = 8;
/** An edge of more voxels is no grid that anybody means. */
const longestEdge = 20_000;
/** Three axes by themselves make no volume: a picture in colours has as many, and small files may be anything. */
const shortestEdge = 5;

const edge = z.number().int().positive().max(longestEdge);
const length = z.number().positive().finite();

/** What stands beside a volume, in `a.bin.json`. */
export const VolumeSidecar = z.object({
  shape: z.tuple([edge, edge, edge]),
  axes: z.enum(['xyz', 'xzy', 'yxz', 'yzx', 'zxy', 'zyx']).default('xyz'),
  dtype: voxelType.default('float32'),
  byteOrder: z.enum(['little', 'big']).default('little'),
  spacing: z.tuple([length, length, length]).default([1, 1, 1]),
  units: z.string().max(40).default('voxel'),
});
export type VolumeSidecar = z.infer<typeof VolumeSidecar>;

/** The endings of files that may hold a volume. */
export const isVolumeName = (path: string): boolean => /\.(bin|raw|npy|nrrd)$/i.test(path);

type Layout = VolumeLayout | null;

/** Returns a volume's layout by its first bytes, its size, and what stands beside it; null where it is unknown. */
export function volumeLayout(
  path: string,
  start: Buffer,
  bytes: number,
  beside: VolumeSidecar | null,
): Layout {
  if (/\.npy$/i.test(path)) return npyLayout(start, bytes, beside);
  if (/\.nrrd$/i.test(path)) return nrrdLayout(start, bytes);
  return binLayout(start, bytes, beside);
}

const plain = { swapped: false, packed: false, spacing: [1, 1, 1] as const, units: 'voxel' };

const axisNames: Record<string, Axis> = { x: 0, y: 1, z: 2 };

const orderOf = (axes: string): [Axis, Axis, Axis] => {
  const [slow, middle, fast] = [...axes].map((axis) => axisNames[axis]);
  return [slow ?? 0, middle ?? 1, fast ?? 2];
};

const product = (shape: readonly number[]): number => shape.reduce((all, count) => all * count, 1);

/** The shape along x, y and z of one as the file has it. */
function along(shape: readonly number[], order: readonly number[]): [number, number, number] {
  const of = (axis: number): number => shape[order.indexOf(axis)] ?? 0;
  return [of(0), of(1), of(2)];
}

function binLayout(start: Buffer, bytes: number, beside: VolumeSidecar | null): Layout {
  if (beside !== null) {
    const { shape, axes, dtype: type, byteOrder, spacing, units } = beside;
    const offset = bytes - product(shape) * bytesOf(type);
    if (offset !== 0 && offset !== knownHeader) return null;
    const order = orderOf(axes);
    return {
      ...{ ...plain, shape: along(shape, order), order, type, offset },
      ...{ swapped: byteOrder === 'big', spacing, units },
    };
  }
  for (const [type, offset] of [
    ['float32', 0],
    ['float32', knownHeader],
    ['uint8', 0],
  ] as const) {
    const count = (bytes - offset) / bytesOf(type);
    const n = Math.round(Math.cbrt(count));
    if (n < shortestEdge || n > longestEdge || n ** 3 !== count) continue;
    if (offset === knownHeader && start.readInt32LE(0) !== n) continue;
    return { ...plain, shape: [n, n, n], order: [0, 1, 2], type, offset };
  }
  return null;
}

const npyTypes: Record<string, VoxelType> = {
  ...{ f4: 'float32', f8: 'float64', u1: 'uint8', b1: 'uint8', i1: 'int8' },
  ...{ u2: 'uint16', i2: 'int16', u4: 'uint32', i4: 'int32' },
};

function npyLayout(start: Buffer, bytes: number, beside: VolumeSidecar | null): Layout {
  if (start.toString('latin1', 1, 6) !== 'NUMPY') return null;
  const isFirst = start[6] === 1;
  const offset = isFirst ? 10 + start.readUInt16LE(8) : 12 + start.readUInt32LE(8);
  const header = start.toString('latin1', isFirst ? 10 : 12, Math.min(offset, start.length));
  const [, byteOrder, kind = ''] = /'descr':\s*'([<>|=])(\w\d)'/.exec(header) ?? [];
  const [, listed = ''] = /'shape':\s*\(([\d, ]*)\)/.exec(header) ?? [];
  const inFile = listed
    .split(',')
    .filter((each) => each.trim() !== '')
    .map(Number);
  const type = npyTypes[kind];
  if (type === undefined || inFile.length !== 3 || inFile.some((count) => count < 1 || count > longestEdge))
    return null;
  if (bytes !== offset + product(inFile) * bytesOf(type)) return null;
  const isSame = beside !== null && String(beside.shape) === String(inFile);
  if (!isSame && Math.min(...inFile) < shortestEdge) return null;
  const named = orderOf(isSame ? beside.axes : 'xyz');
  // In Fortran's order the first axis is the fastest.
  const isTurned = /'fortran_order':\s*True/.test(header);
  const order: [Axis, Axis, Axis] = isTurned ? [named[2], named[1], named[0]] : named;
  const shape = along(isTurned ? inFile.toReversed() : inFile, order);
  const { spacing, units } = isSame ? beside : plain;
  return { ...plain, shape, order, type, offset, swapped: byteOrder === '>', spacing, units };
}

const nrrdTypes: readonly [RegExp, VoxelType][] = [
  [/^float$/, 'float32'],
  [/^double$/, 'float64'],
  [/^(uchar|unsigned char|uint8(_t)?)$/, 'uint8'],
  [/^(signed char|int8(_t)?)$/, 'int8'],
  [/^(ushort|unsigned short( int)?|uint16(_t)?)$/, 'uint16'],
  [/^(short( int)?|signed short( int)?|int16(_t)?)$/, 'int16'],
  [/^(uint|unsigned int|uint32(_t)?)$/, 'uint32'],
  [/^(int|signed int|int32(_t)?)$/, 'int32'],
];

/** NRRD names its fastest axis first, which is x. */
function nrrdLayout(start: Buffer, bytes: number): Layout {
  const end = start.indexOf('\n\n');
  if (start.toString('latin1', 0, 4) !== 'NRRD' || end < 0) return null;
  const header = start.toString('utf8', 0, end);
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.+)$`, 'im').exec(header)?.[1]?.trim() ?? '';
  const inFile = field('sizes').split(/\s+/).map(Number);
  const type = nrrdTypes.find(([words]) => words.test(field('type')))?.[1];
  const encoding = field('encoding');
  if (
    type === undefined ||
    inFile.length !== 3 ||
    !/^(raw|gz|gzip)$/.test(encoding) ||
    field('data ?file') !== ''
  )
    return null;
  if (inFile.some((count) => !(count >= 1 && count <= longestEdge))) return null;
  const offset = end + 2;
  const packed = encoding !== 'raw';
  if (!packed && bytes !== offset + product(inFile) * bytesOf(type)) return null;
  const spacing = nrrdSpacing(field('spacings'), field('space directions'));
  const units = /"([^"]{1,40})"/.exec(field('units') || field('space units'))?.[1] ?? 'voxel';
  return {
    ...{ shape: along(inFile, [0, 1, 2]), order: [2, 1, 0], type, offset, packed },
    ...{ swapped: /big/i.test(field('endian')), spacing, units },
  };
}

function nrrdSpacing(spacings: string, directions: string): [number, number, number] {
  const rows = [...directions.matchAll(/\(([^)]*)\)/g)].map(([, row = '']) =>
    Math.hypot(...row.split(',').map(Number)),
  );
  const [x = 1, y = 1, z = 1] = rows.length === 3 ? rows : spacings.split(/\s+/).filter(Boolean).map(Number);
  return [x, y, z].every((each) => Number.isFinite(each) && each > 0) ? [x, y, z] : [1, 1, 1];
}

/** A grid of the means of blocks of voxels. */
export interface Grid {
  shape: [number, number, number];
  values: Float32Array;
}

export interface ReducedVolume {
  grid: Grid;
  /** Along an edge, the voxels that one of the grid stands for. */
  factor: number;
  least: number;
  most: number;
  /** Voxels that are NaN or infinite; they count in no mean. */
  strange: number;
}

/** Unpacked, no file of a report takes more. */
const mostUnpacked = 2 ** 30;

/**
 * Returns the means of a volume's blocks, so that no edge has more than `longest`. Its pieces come one after another. Throws `RangeError`
 * where there are fewer voxels than the layout says.
 */
export async function reducedVolume(
  layout: VolumeLayout,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
  longest: number,
): Promise<ReducedVolume> {
  const { shape, order, type } = layout;
  const factor = Math.ceil(Math.max(...shape) / longest);
  const small = shape.map((count) => Math.ceil(count / factor)) as [number, number, number];
  const sums = new Float64Array(product(small));
  const counts = new Uint32Array(sums.length);
  const strides = [small[1] * small[2], small[2], 1];
  const [slow, middle, fast] = order;
  const [rows, long] = [shape[middle], shape[fast]];
  const steps = Uint32Array.from({ length: long }, (_, at) => Math.floor(at / factor) * (strides[fast] ?? 1));
  const found = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY, strange: 0 };
  let row = 0;
  for await (const values of rowsOf(layout, pieces)) {
    const begin =
      Math.floor(Math.floor(row / rows) / factor) * (strides[slow] ?? 1) +
      Math.floor((row % rows) / factor) * (strides[middle] ?? 1);
    row += 1;
    for (let at = 0; at < long; at += 1) {
      const value = values[at] ?? 0;
      if (!Number.isFinite(value)) {
        found.strange += 1;
        continue;
      }
      if (value < found.least) found.least = value;
      if (value > found.most) found.most = value;
      const into = begin + (steps[at] ?? 0);
      sums[into] = (sums[into] ?? 0) + value;
      counts[into] = (counts[into] ?? 0) + 1;
    }
  }
  if (row !== product(shape) / long) throw new RangeError(`expected ${product(shape)} voxels of ${type}`);
  const floor = Number.isFinite(found.least) ? found.least : 0;
  const values = Float32Array.from(sums, (sum, at) =>
    (counts[at] ?? 0) > 0 ? sum / (counts[at] ?? 1) : floor,
  );
  return { grid: { shape: small, values }, factor, ...found };
}

/** Yields the rows along the fastest axis, in the order of the file. An array is only good until the next. */
async function* rowsOf(
  { shape, order, type, swapped, offset, packed }: VolumeLayout,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<ArrayLike<number>> {
  const width = bytesOf(type);
  const rowBytes = shape[order[2]] * width;
  let kept: Buffer = Buffer.alloc(0);
  let left = product(shape) * width;
  let skip = offset;
  for await (const raw of packed ? [await unpacked(pieces, offset)] : pieces) {
    let piece = raw;
    if (!packed && skip > 0) {
      const skipped = Math.min(skip, piece.length);
      skip -= skipped;
      piece = piece.subarray(skipped);
    }
    const whole = kept.length === 0 ? piece : Buffer.concat([kept, piece]);
    const count = Math.floor(Math.min(whole.length, left) / rowBytes);
    // A copy is aligned, and may be turned.
    const bytes = Buffer.from(whole.subarray(0, count * rowBytes));
    if (swapped && width === 2) bytes.swap16();
    if (swapped && width === 4) bytes.swap32();
    if (swapped && width === 8) bytes.swap64();
    const aligned = bytes.byteOffset % width === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
    const values = new types[type](aligned.buffer, aligned.byteOffset, aligned.length / width);
    for (let at = 0; at < count; at += 1)
      yield values.subarray(at * shape[order[2]], (at + 1) * shape[order[2]]);
    left -= count * rowBytes;
    kept = whole.subarray(count * rowBytes);
    if (left === 0) return;
  }
}

async function unpacked(pieces: AsyncIterable<Buffer> | Iterable<Buffer>, offset: number): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return gunzipSync(Buffer.concat(all).subarray(offset), { maxOutputLength: mostUnpacked });
}

/** Returns the means of 2³ voxels each. */
export function halved({ shape, values }: Grid): Grid {
  const [x, y, z] = shape.map((count) => Math.ceil(count / 2)) as [number, number, number];
  const sums = new Float64Array(x * y * z);
  const counts = new Uint8Array(sums.length);
  let from = 0;
  for (let i = 0; i < shape[0]; i += 1)
    for (let j = 0; j < shape[1]; j += 1)
      for (let k = 0; k < shape[2]; k += 1) {
        const into = ((i >> 1) * y + (j >> 1)) * z + (k >> 1);
        sums[into] = (sums[into] ?? 0) + (values[from] ?? 0);
        counts[into] = (counts[into] ?? 0) + 1;
        from += 1;
      }
  return { shape: [x, y, z], values: Float32Array.from(sums, (sum, at) => sum / (counts[at] ?? 1)) };
}
