import { z } from 'zod';

/** The corners of a mesh, three numbers each, and its triangles, three corners each. */
export interface Mesh {
  places: Float64Array;
  faces: Uint32Array;
}

/** The endings of files that may hold a mesh. */
export const isMeshName = (path: string): boolean => /\.(stl|ply|glb|obj)$/i.test(path);

/** A larger file is not read for a report. */
export const mostMeshBytes = 192 * 2 ** 20;

/** Returns the mesh of a file; null where it is none that is known here. Throws `RangeError`, `SyntaxError` or `ZodError` for a damaged one. */
export function meshIn(path: string, bytes: Buffer): Mesh | null {
  const ending = path.toLowerCase().slice(path.lastIndexOf('.'));
  const mesh =
    ending === '.stl'
      ? stl(bytes)
      : ending === '.ply'
        ? ply(bytes)
        : ending === '.glb'
          ? glb(bytes)
          : obj(bytes);
  if (mesh === null || mesh.faces.length === 0) return null;
  const corners = mesh.places.length / 3;
  if (!mesh.places.every(Number.isFinite) || !mesh.faces.every((corner) => corner < corners)) return null;
  return mesh;
}

function stl(bytes: Buffer): Mesh | null {
  const count = bytes.length >= 84 ? bytes.readUInt32LE(80) : 0;
  if (bytes.length !== 84 + count * 50 || count === 0) return stlInWords(bytes);
  const places = new Float64Array(count * 9);
  for (let face = 0; face < count; face += 1)
    for (let at = 0; at < 9; at += 1) places[face * 9 + at] = bytes.readFloatLE(84 + face * 50 + 12 + at * 4);
  return { places, faces: Uint32Array.from({ length: count * 3 }, (_, at) => at) };
}

function stlInWords(bytes: Buffer): Mesh | null {
  if (bytes.toString('latin1', 0, 5) !== 'solid') return null;
  const places = [...bytes.toString('latin1').matchAll(/vertex\s+(\S+)\s+(\S+)\s+(\S+)/g)].flatMap(
    ([, x, y, z]) => [Number(x), Number(y), Number(z)],
  );
  const corners = Math.floor(places.length / 9) * 3;
  return {
    places: Float64Array.from(places.slice(0, corners * 3)),
    faces: Uint32Array.from({ length: corners }, (_, at) => at),
  };
}

function obj(bytes: Buffer): Mesh {
  const places: number[] = [];
  const faces: number[] = [];
  for (const line of bytes.toString('latin1').split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'v') places.push(Number(rest[0]), Number(rest[1]), Number(rest[2]));
    if (word !== 'f') continue;
    // Corners count from 1, or back from the last one.
    const corners = rest
      .map((each) => Number.parseInt(each, 10))
      .map((at) => (at < 0 ? places.length / 3 + at : at - 1));
    addFan(faces, corners);
  }
  return { places: Float64Array.from(places), faces: whole(faces) };
}

/** Corners as a file says them; what is no corner is refused. */
function whole(faces: readonly number[]): Uint32Array {
  if (!faces.every((corner) => Number.isInteger(corner) && corner >= 0))
    throw new RangeError('a face without corners');
  return Uint32Array.from(faces);
}

function addFan(faces: number[], corners: readonly number[]): void {
  for (let at = 2; at < corners.length; at += 1)
    faces.push(corners[0] ?? -1, corners[at - 1] ?? -1, corners[at] ?? -1);
}

const plyWidths: Record<string, number> = {
  ...{ char: 1, uchar: 1, int8: 1, uint8: 1, short: 2, ushort: 2, int16: 2, uint16: 2 },
  ...{ int: 4, uint: 4, int32: 4, uint32: 4, float: 4, float32: 4, double: 8, float64: 8 },
};

interface PlyElement {
  name: string;
  count: number;
  properties: { name: string; type: string; counted: string | null }[];
}

function ply(bytes: Buffer): Mesh | null {
  const mark = /end_header\r?\n/.exec(bytes.toString('latin1', 0, 64 * 1024));
  if (bytes.toString('latin1', 0, 3) !== 'ply' || mark === null) return null;
  const header = bytes.toString('latin1', 0, mark.index);
  const format = /^format\s+(\S+)/m.exec(header)?.[1];
  const next = plyReader(bytes, mark.index + mark[0].length, format ?? '');
  const places: number[] = [];
  const faces: number[] = [];
  for (const { name, count, properties } of plyElements(header)) {
    // Each takes a byte at least, so that no count is believed that the file cannot hold.
    if (count > bytes.length) throw new RangeError(`${count} of ${name}`);
    for (let index = 0; index < count; index += 1) {
      const place: Record<string, number> = {};
      for (const property of properties) {
        if (property.counted === null) place[property.name] = next(property.type);
        else {
          const corners = Array.from({ length: Math.min(next(property.counted), 10_000) }, () =>
            next(property.type),
          );
          if (name === 'face' && /^vertex_ind/.test(property.name)) addFan(faces, corners);
        }
      }
      if (name === 'vertex') places.push(place.x ?? Number.NaN, place.y ?? Number.NaN, place.z ?? Number.NaN);
    }
  }
  return { places: Float64Array.from(places), faces: whole(faces) };
}

function plyElements(header: string): PlyElement[] {
  const elements: PlyElement[] = [];
  for (const line of header.split(/\r?\n/)) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'element') elements.push({ name: rest[0] ?? '', count: Number(rest[1]), properties: [] });
    if (word !== 'property') continue;
    const [kind = '', second = '', third = '', fourth = ''] = rest;
    const isList = kind === 'list';
    elements
      .at(-1)
      ?.properties.push(
        isList ? { name: fourth, type: third, counted: second } : { name: second, type: kind, counted: null },
      );
  }
  return elements;
}

/** Returns what reads the next number of a type, in words or in bytes. */
function plyReader(bytes: Buffer, begin: number, format: string): (type: string) => number {
  if (format === 'ascii') {
    const words = bytes.toString('latin1', begin).split(/\s+/).filter(Boolean).values();
    return () => {
      const { value, done } = words.next();
      if (done) throw new RangeError('the file ends early');
      return Number(value);
    };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isLittle = format === 'binary_little_endian';
  let at = begin;
  return (type) => {
    const width = plyWidths[type];
    if (width === undefined) throw new RangeError(`a type ${type}`);
    at += width;
    const from = at - width;
    if (/^(float|double)/.test(type))
      return width === 4 ? view.getFloat32(from, isLittle) : view.getFloat64(from, isLittle);
    const isSigned = !type.startsWith('u');
    if (width === 1) return isSigned ? view.getInt8(from) : view.getUint8(from);
    if (width === 2) return isSigned ? view.getInt16(from, isLittle) : view.getUint16(from, isLittle);
    return isSigned ? view.getInt32(from, isLittle) : view.getUint32(from, isLittle);
  };
}

const index = z.number().int().nonnegative();
const Gltf = z.object({
  scene: index.optional(),
  scenes: z.array(z.object({ nodes: z.array(index).default([]) })).default([]),
  nodes: z
    .array(
      z.object({
        mesh: index.optional(),
        children: z.array(index).default([]),
        matrix: z.array(z.number()).length(16).optional(),
        translation: z.array(z.number()).length(3).optional(),
        rotation: z.array(z.number()).length(4).optional(),
        scale: z.array(z.number()).length(3).optional(),
      }),
    )
    .default([]),
  meshes: z
    .array(
      z.object({
        primitives: z.array(
          z.object({
            attributes: z.record(z.string(), index),
            indices: index.optional(),
            mode: z.number().default(4),
          }),
        ),
      }),
    )
    .default([]),
  accessors: z
    .array(
      z.object({
        bufferView: index.optional(),
        byteOffset: index.default(0),
        componentType: z.number(),
        count: index,
        type: z.string(),
      }),
    )
    .default([]),
  bufferViews: z.array(z.object({ byteOffset: index.default(0), byteStride: index.optional() })).default([]),
});
type Gltf = z.infer<typeof Gltf>;

function glb(bytes: Buffer): Mesh | null {
  if (bytes.toString('latin1', 0, 4) !== 'glTF') return null;
  const length = bytes.readUInt32LE(12);
  const gltf = Gltf.parse(JSON.parse(bytes.toString('utf8', 20, 20 + length)));
  const body = bytes.subarray(20 + length + 8);
  const places: number[] = [];
  const faces: number[] = [];
  const add = (at: number, parent: readonly number[], depth: number): void => {
    const node = gltf.nodes[at];
    if (node === undefined || depth > 64) throw new RangeError('a node that is not there');
    const matrix = product(parent, matrixOf(node));
    for (const { attributes, indices, mode } of gltf.meshes[node.mesh ?? -1]?.primitives ?? []) {
      if (mode !== 4 || attributes.POSITION === undefined) continue;
      const before = places.length / 3;
      const corners = numbersOf(gltf, body, attributes.POSITION, 3);
      for (let index = 0; index < corners.length; index += 3)
        places.push(...moved(matrix, corners[index] ?? 0, corners[index + 1] ?? 0, corners[index + 2] ?? 0));
      const order =
        indices === undefined
          ? Array.from({ length: corners.length / 3 }, (_, each) => each)
          : numbersOf(gltf, body, indices, 1);
      for (const corner of order) faces.push(before + corner);
    }
    for (const child of node.children) add(child, matrix, depth + 1);
  };
  for (const root of gltf.scenes[gltf.scene ?? 0]?.nodes ?? []) add(root, unit, 0);
  return {
    places: Float64Array.from(places),
    faces: whole(faces.slice(0, Math.floor(faces.length / 3) * 3)),
  };
}

function numbersOf({ accessors, bufferViews }: Gltf, body: Buffer, at: number, width: number): number[] {
  const accessor = accessors[at];
  const view = bufferViews[accessor?.bufferView ?? -1];
  if (accessor === undefined || view === undefined || accessor.count > body.length)
    throw new RangeError('an accessor that is not there');
  const bytes = { 5121: 1, 5123: 2, 5125: 4, 5126: 4 }[accessor.componentType];
  if (bytes === undefined) throw new RangeError(`a component of type ${accessor.componentType}`);
  const stride = view.byteStride ?? bytes * width;
  const numbers: number[] = [];
  for (let index = 0; index < accessor.count; index += 1)
    for (let part = 0; part < width; part += 1) {
      const from = view.byteOffset + accessor.byteOffset + index * stride + part * bytes;
      numbers.push(accessor.componentType === 5126 ? body.readFloatLE(from) : body.readUIntLE(from, bytes));
    }
  return numbers;
}

/** By columns, as glTF has them. */
const unit = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function matrixOf({
  matrix,
  translation = [0, 0, 0],
  rotation = [0, 0, 0, 1],
  scale = [1, 1, 1],
}: Gltf['nodes'][number]): number[] {
  if (matrix !== undefined) return matrix;
  const [x = 0, y = 0, z = 0, w = 1] = rotation;
  const [a = 1, b = 1, c = 1] = scale;
  const [tx = 0, ty = 0, tz = 0] = translation;
  return [
    ...[(1 - 2 * (y * y + z * z)) * a, 2 * (x * y + z * w) * a, 2 * (x * z - y * w) * a, 0],
    ...[2 * (x * y - z * w) * b, (1 - 2 * (x * x + z * z)) * b, 2 * (y * z + x * w) * b, 0],
    ...[2 * (x * z + y * w) * c, 2 * (y * z - x * w) * c, (1 - 2 * (x * x + y * y)) * c, 0],
    ...[tx, ty, tz, 1],
  ];
}

const product = (one: readonly number[], other: readonly number[]): number[] =>
  unit.map((_, at) => {
    const [column, row] = [Math.floor(at / 4), at % 4];
    return [0, 1, 2, 3].reduce((sum, k) => sum + (one[k * 4 + row] ?? 0) * (other[column * 4 + k] ?? 0), 0);
  });

const moved = (matrix: readonly number[], x: number, y: number, z: number): number[] =>
  [0, 1, 2].map(
    (row) =>
      (matrix[row] ?? 0) * x +
      (matrix[4 + row] ?? 0) * y +
      (matrix[8 + row] ?? 0) * z +
      (matrix[12 + row] ?? 0),
  );

/** A mesh in steps of `1/most` of its box. */
export interface SteppedMesh {
  low: [number, number, number];
  extent: [number, number, number];
  /** Three a corner, from 0 to 65535. */
  steps: Uint16Array;
  faces: Uint32Array;
}

/** Returns the mesh on a lattice of `cells` along its longest edge. Corners that fall together are one, and faces that vanish by that are left out. */
export function stepped({ places, faces }: Mesh, cells: number): SteppedMesh {
  const low: [number, number, number] = [Infinity, Infinity, Infinity];
  const high: [number, number, number] = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < places.length; at += 1) {
    const axis = at % 3;
    low[axis] = Math.min(low[axis] ?? 0, places[at] ?? 0);
    high[axis] = Math.max(high[axis] ?? 0, places[at] ?? 0);
  }
  const longest = Math.max(...low.map((from, axis) => (high[axis] ?? 0) - from)) || 1;
  // A flat mesh has a box too.
  const extent = low.map((from, axis) => Math.max((high[axis] ?? 0) - from, longest * 1e-3)) as [
    number,
    number,
    number,
  ];
  const numbers = new Map<number, number>();
  const steps: number[] = [];
  const corners = Uint32Array.from({ length: places.length / 3 }, (_, corner) => {
    const parts = [0, 1, 2].map((axis) => ((places[corner * 3 + axis] ?? 0) - (low[axis] ?? 0)) / longest);
    const cell = parts.map((part) => Math.round(part * cells));
    const key = ((cell[0] ?? 0) * (cells + 1) + (cell[1] ?? 0)) * (cells + 1) + (cell[2] ?? 0);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, numbers.size);
    for (const [axis, part] of parts.entries())
      steps.push(Math.round(Math.min(1, (part * longest) / (extent[axis] ?? 1)) * 65_535));
    return numbers.size - 1;
  });
  const kept: number[] = [];
  for (let at = 0; at + 2 < faces.length; at += 3) {
    const [a = 0, b = 0, c = 0] = [faces[at], faces[at + 1], faces[at + 2]].map(
      (corner) => corners[corner ?? 0] ?? 0,
    );
    if (a !== b && b !== c && a !== c) kept.push(a, b, c);
  }
  return { low, extent, steps: Uint16Array.from(steps), faces: Uint32Array.from(kept) };
}
