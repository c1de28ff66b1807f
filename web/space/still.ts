import { pngOf } from './png.ts';

/**
 * The picture that stands where a view cannot be drawn. It shows what the view shows at first, without
 * the edges of its box.
 */
export const stillSize = { width: 480, height: 360 };

type Triple = readonly [number, number, number];

const radians = (degrees: number): number => (degrees * Math.PI) / 180;
/** As in view.js. */
const [azimuth, elevation] = [radians(-60), radians(30)];
const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
const right: Triple = [-sa, ca, 0];
const up: Triple = [-se * ca, -se * sa, ce];
const towards: Triple = [ce * ca, ce * sa, se];
const light = unit(
  [0, 1, 2].map((axis) => towards[axis as 0] + 0.45 * up[axis as 0] - 0.3 * right[axis as 0]),
);
const plain: Triple = [0.87, 0.5, 0.26];

function unit(of: readonly number[]): Triple {
  const [x = 0, y = 0, z = 0] = of;
  const long = Math.hypot(x, y, z) || 1;
  return [x / long, y / long, z / long];
}

const dot = (one: readonly number[], other: readonly number[]): number =>
  (one[0] ?? 0) * (other[0] ?? 0) + (one[1] ?? 0) * (other[1] ?? 0) + (one[2] ?? 0) * (other[2] ?? 0);

/** Half of each edge of the box; the longest is 1. */
const boxOf = (extent: Triple): Triple => {
  const longest = Math.max(...extent);
  return [extent[0] / longest, extent[1] / longest, extent[2] / longest];
};

/** Pixels to the box: how many of them its unit takes. */
const scaleOf = (box: Triple): number =>
  Math.min(stillSize.width, stillSize.height) / 2 / (Math.hypot(...box) * 1.08);

function paint(pixels: Uint8Array, at: number, normal: Triple): void {
  const straight = Math.abs(dot(normal, light));
  for (const [channel, part] of plain.entries())
    pixels[at * 4 + channel] = Math.round(
      255 * Math.min(1, part * (0.32 + 0.68 * straight) + 0.18 * straight ** 24),
    );
  pixels[at * 4 + 3] = 255;
}

/** Returns a PNG of the surface where the bytes of a volume reach `level`. */
export function stillOfVolume(shape: Triple, bytes: Uint8Array, extent: Triple, level: number): Buffer {
  const { width, height } = stillSize;
  const box = boxOf(extent);
  const scale = scaleOf(box);
  const pixels = new Uint8Array(width * height * 4);
  const cell = [0, 1, 2].map((axis) => (2 * (box[axis] ?? 1)) / (shape[axis] ?? 1));
  const stride = Math.min(...cell) * 0.7;
  const valueAt = (x: number, y: number, z: number): number => {
    const [i, j, k] = [x, y, z].map((at, axis) => Math.floor((at + (box[axis] ?? 0)) / (cell[axis] ?? 1)));
    const isIn = [i, j, k].every((at, axis) => (at ?? -1) >= 0 && (at ?? 0) < (shape[axis] ?? 0));
    return isIn ? (bytes[((i ?? 0) * shape[1] + (j ?? 0)) * shape[2] + (k ?? 0)] ?? 0) : 0;
  };
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [
      ((at % width) + 0.5 - width / 2) / scale,
      (height / 2 - Math.floor(at / width) - 0.5) / scale,
    ];
    const from = [0, 1, 2].map((axis) => (right[axis as 0] ?? 0) * x + (up[axis as 0] ?? 0) * y);
    const [begin, end] = within(from, box);
    for (let t = begin + stride / 2; t < end; t += stride) {
      const p = from.map((start, axis) => start - (towards[axis as 0] ?? 0) * t);
      const [px = 0, py = 0, pz = 0] = p;
      if (valueAt(px, py, pz) < level) continue;
      const slope = cell.map((step, axis) => {
        const move = [0, 1, 2].map((each) => (each === axis ? step : 0));
        const [mx = 0, my = 0, mz = 0] = move;
        return (valueAt(px + mx, py + my, pz + mz) - valueAt(px - mx, py - my, pz - mz)) / step;
      });
      paint(pixels, at, Math.hypot(...slope) > 0 ? unit(slope) : towards);
      break;
    }
  }
  return pngOf(width, height, pixels);
}

/** Where a ray from `from`, away from the reader, is in the box; nowhere where it begins after it ends. */
function within(from: readonly number[], box: Triple): [number, number] {
  let [begin, end] = [-1e9, 1e9];
  for (const [axis, half] of box.entries()) {
    const speed = -(towards[axis as 0] ?? 0);
    const ends = [-half, half].map((side) => (side - (from[axis] ?? 0)) / speed);
    begin = Math.max(begin, Math.min(...ends));
    end = Math.min(end, Math.max(...ends));
  }
  return [begin, end];
}

/** Returns a PNG of a mesh, whose corners are steps of 1/65535 of its box. */
export function stillOfMesh(steps: Uint16Array, faces: Uint32Array, extent: Triple): Buffer {
  const { width, height } = stillSize;
  const box = boxOf(extent);
  const scale = scaleOf(box);
  const pixels = new Uint8Array(width * height * 4);
  const depths = new Float32Array(width * height).fill(-1e9);
  const corner = (number: number): Triple => {
    const [x = 0, y = 0, z = 0] = box.map(
      (half, axis) => (((steps[number * 3 + axis] ?? 0) / 65_535) * 2 - 1) * half,
    );
    return [x, y, z];
  };
  for (let face = 0; face + 2 < faces.length; face += 3) {
    const [a, b, c] = [0, 1, 2].map((at) => corner(faces[face + at] ?? 0)) as [Triple, Triple, Triple];
    const one = b.map((part, axis) => part - (a[axis] ?? 0));
    const other = c.map((part, axis) => part - (a[axis] ?? 0));
    const [ox = 0, oy = 0, oz = 0] = one;
    const [qx = 0, qy = 0, qz = 0] = other;
    const normal = unit([oy * qz - oz * qy, oz * qx - ox * qz, ox * qy - oy * qx]);
    fillTriangle(
      [a, b, c].map((p) => [
        width / 2 + dot(p, right) * scale,
        height / 2 - dot(p, up) * scale,
        dot(p, towards),
      ]),
      (at, depth) => {
        if (depth <= (depths[at] ?? 0)) return;
        depths[at] = depth;
        paint(pixels, at, normal);
      },
    );
  }
  return pngOf(width, height, pixels);
}

/** Calls `each` with every pixel whose middle lies in a triangle, and how near it is there. */
function fillTriangle(
  corners: readonly (readonly number[])[],
  each: (at: number, depth: number) => void,
): void {
  const { width, height } = stillSize;
  const [[ax = 0, ay = 0, az = 0] = [], [bx = 0, by = 0, bz = 0] = [], [cx = 0, cy = 0, cz = 0] = []] =
    corners;
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (area === 0) return;
  for (
    let y = Math.max(0, Math.floor(Math.min(ay, by, cy)));
    y <= Math.min(height - 1, Math.max(ay, by, cy));
    y += 1
  )
    for (
      let x = Math.max(0, Math.floor(Math.min(ax, bx, cx)));
      x <= Math.min(width - 1, Math.max(ax, bx, cx));
      x += 1
    ) {
      const [px, py] = [x + 0.5, y + 0.5];
      const b = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) / area;
      const c = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) / area;
      if (b >= 0 && c >= 0 && b + c <= 1) each(y * width + x, az + b * (bz - az) + c * (cz - az));
    }
}
