import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Tree } from '../../domain/artifact.schema.ts';
import { meshIn, stepped } from '../../record/space/mesh-file.ts';
import { spacesIn, withinPage } from '../../record/space/spaces.ts';
import { halved, reducedVolume, VolumeSidecar, volumeLayout } from '../../record/space/volume-file.ts';
import { createFileBlobs } from '../../store/file-blobs.ts';
import type { JobFacts, SpaceFacts } from '../../web/facts.ts';
import { pictureOf } from '../../web/picture.ts';
import { renderReport } from '../../web/report.ts';
import { viewPolicy } from '../../web/space/space.ts';
import { pipelineJob, reportOf, solveJob } from './example-facts.ts';
import { readStrictly } from './well-formed.ts';

/** Values that differ in every voxel: 100 x + 10 y + z. */
const counted = [0, 1, 2].flatMap((x) =>
  [0, 1].flatMap((y) => [0, 1, 2, 3].map((z) => 100 * x + 10 * y + z)),
);
const floats = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const turned = [0, 1, 2, 3].flatMap((z) => [0, 1].flatMap((y) => [0, 1, 2].map((x) => 100 * x + 10 * y + z)));
const sidecar = (more: object) => VolumeSidecar.parse({ shape: [3, 2, 4], ...more });

function npy(descr: string, shape: string, fortran: boolean, body: Buffer): Buffer {
  const text =
    `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }`.padEnd(
      117,
    );
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(text.length + 1, 8);
  return Buffer.concat([start, Buffer.from(`${text}\n`), body]);
}
const nrrd = (type: string, encoding: string, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `NRRD0005\ntype: ${type}\ndimension: 3\nsizes: 3 2 4\nspacings: 0.5 1 2\nencoding: ${encoding}\nendian: little\n\n`,
    ),
    body,
  ]);

test.each<[string, Buffer, ReturnType<typeof sidecar> | null]>([
  ['a.bin', floats(counted), sidecar({})],
  ['a.bin', floats(turned), sidecar({ shape: [4, 2, 3], axes: 'zyx' })],
  ['a.bin', Buffer.concat([Buffer.alloc(8), floats(counted)]), sidecar({})],
  [
    'a.raw',
    Buffer.from(Int16Array.from(counted).buffer).swap16(),
    sidecar({ dtype: 'int16', byteOrder: 'big' }),
  ],
  ['a.npy', npy('<f4', '3, 2, 4', false, floats(counted)), sidecar({})],
  ['a.npy', npy('<f4', '3, 2, 4', true, floats(turned)), sidecar({})],
  [
    'a.npy',
    npy('>u2', '3, 2, 4', false, Buffer.from(Uint16Array.from(counted).buffer).swap16()),
    sidecar({}),
  ],
  ['a.nrrd', nrrd('float', 'raw', floats(turned)), null],
  ['a.nrrd', nrrd('float', 'gzip', gzipSync(floats(turned))), null],
])('the voxels of %s are read where they lie, in pieces of any size', async (path, bytes, beside) => {
  const layout = volumeLayout(path, bytes.subarray(0, 400), bytes.length, beside);
  if (layout === null) throw new Error('expected a volume');
  for (const size of [7, 1_000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    const { grid, factor, least, most } = await reducedVolume(layout, pieces, 100);
    expect([grid.shape, factor, least, most]).toEqual([[3, 2, 4], 1, 0, 213]);
    expect([...grid.values]).toEqual(counted);
  }
  await expect(reducedVolume(layout, [bytes.subarray(0, -40)], 100)).rejects.toThrow();
});

test('a volume is made smaller by means, at its far borders of what there is; voxels that are no number count in none', async () => {
  const bytes = floats([Number.NaN, ...counted.slice(1)]);
  const layout = volumeLayout('a.bin', bytes, bytes.length, sidecar({}));
  if (layout === null) throw new Error('expected a volume');
  const { grid, factor, strange } = await reducedVolume(layout, [bytes], 2);
  expect([grid.shape, factor, strange]).toEqual([[2, 1, 2], 2, 1]);
  expect(grid.values[1]).toBeCloseTo((2 + 3 + 12 + 13 + 102 + 103 + 112 + 113) / 8);
  expect(grid.values[0]).toBeCloseTo((1 + 10 + 11 + 100 + 101 + 110 + 111) / 7);
  expect(grid.values[3]).toBeCloseTo((202 + 203 + 212 + 213) / 4);
  const half = halved({ shape: [3, 2, 4], values: Float32Array.from(counted) });
  expect(half.values[1]).toBeCloseTo(grid.values[1] ?? 0);
});

const stlOf = (...corners: number[][]): Buffer => {
  const bytes = Buffer.alloc(84 + (corners.length / 3) * 50);
  bytes.writeUInt32LE(corners.length / 3, 80);
  for (const [at, corner] of corners.entries())
    for (const [axis, part] of corner.entries())
      bytes.writeFloatLE(part, 84 + Math.floor(at / 3) * 50 + 12 + (at % 3) * 12 + axis * 4);
  return bytes;
};
const square = stlOf([0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 0, 0], [2, 1, 0], [0, 1, 0]);
const plyText = (body: string): Buffer =>
  Buffer.from(
    `ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n${body}`,
  );

test.each([
  ['a.stl', square],
  [
    'a.stl',
    Buffer.from(
      'solid a\nfacet\nouter loop\nvertex 0 0 0\nvertex 2 0 0\nvertex 2 1 0\nendloop\nfacet\nouter loop\nvertex 0 0 0\nvertex 2 1 0\nvertex 0 1 0\nendloop',
    ),
  ],
  ['a.obj', Buffer.from('v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 1 0\nf 1/1 2/2 3/3 -1\n')],
  ['a.ply', plyText('0 0 0 2 0 0 2 1 0 0 1 0 4 0 1 2 3')],
])('the faces of %s are read, corners that fall together are one', (path, bytes) => {
  const mesh = meshIn(path, bytes);
  if (mesh === null) throw new Error('expected a mesh');
  const { extent, steps, faces } = stepped(mesh, 1_000);
  expect([extent[0], extent[1], faces.length, steps.length]).toEqual([2, 1, 6, 12]);
  expect([...steps.slice(6, 8)]).toEqual([65_535, 65_535]);
});

const hostile: [string, Buffer][] = [
  ['a.bin', Buffer.alloc(0)],
  ['a.bin', Buffer.alloc(31)],
  ['zero.bin', Buffer.alloc(4_000)],
  ['a.npy', Buffer.from('\x93NUMPY')],
  ['a.npy', npy('<f4', '99999, 99999, 99999', false, Buffer.alloc(4))],
  ['a.npy', npy('<f4', '3, 2', false, floats([1, 2, 3, 4, 5, 6]))],
  ['photo.npy', npy('|u1', '6, 8, 3', false, Buffer.from(Array.from({ length: 144 }, (_, at) => at)))],
  ['few.bin', floats(counted.slice(0, 8))],
  ['a.nrrd', nrrd('float', 'gzip', Buffer.from('no gzip at all'))],
  ['a.nrrd', nrrd('float', 'gzip', gzipSync(Buffer.alloc(8)))],
  ['a.stl', Buffer.from('solid nothing')],
  ['a.stl', stlOf([Number.NaN, 0, 0], [1, 0, 0], [0, 1, 0])],
  ['a.ply', plyText('0 0 0 2 0')],
  ['a.ply', plyText('0 0 0 2 0 0 2 1 0 0 1 0 3 0 1 99')],
  ['a.ply', Buffer.from('ply\nformat ascii 1.0\nelement vertex 999999999\nproperty float x\nend_header\n')],
  ['a.obj', Buffer.from('f 1 2 3\n')],
  ['a.obj', Buffer.from('v a b c\nf 1 1 1\n')],
  ['a.glb', Buffer.from('glTF\0\0\0\0\0\0\0\0\xff\xff\xff\x7f')],
];

test('files that are not what their names say are left to themselves', async () => {
  const blobs = createFileBlobs(await mkdtemp(join(tmpdir(), 'crucible-space-')));
  for (const [path, bytes] of hostile) {
    const found = await spacesIn(blobs, { [path]: await blobs.put(bytes) });
    expect([path, found]).toEqual([path, { spaces: [], spacesLeft: [] }]);
  }
});

/** A ball of 4 in a cube. */
function ball(n: number): Buffer {
  const values = new Float32Array(n ** 3);
  for (let at = 0; at < values.length; at += 1) {
    const [x, y, z] = [Math.floor(at / n / n), Math.floor(at / n) % n, at % n].map(
      (each) => each - (n - 1) / 2,
    );
    values[at] = Math.hypot(x ?? 0, y ?? 0, z ?? 0) < n * 0.35 ? 4 : 0;
  }
  return Buffer.from(values.buffer);
}

async function found(files: Record<string, Buffer>): Promise<Pick<JobFacts, 'spaces' | 'spacesLeft'>> {
  const blobs = createFileBlobs(await mkdtemp(join(tmpdir(), 'crucible-space-')));
  const outputs: Tree = {};
  for (const [path, bytes] of Object.entries(files)) outputs[path] = await blobs.put(bytes);
  return spacesIn(blobs, outputs);
}

test('a volume and a mesh among the outputs are shown, smaller where they are large, and it is said', async () => {
  const beside = Buffer.from(
    JSON.stringify({ shape: [150, 150, 150], spacing: [0.5, 0.5, 0.5], units: 'mm' }),
  );
  const { spaces } = await found({ 'ball.bin': ball(150), 'ball.bin.json': beside, 'square.stl': square });
  const [volume, mesh] = spaces;
  expect(volume).toMatchObject({
    kind: 'volume',
    shape: [75, 75, 75],
    extent: [75, 75, 75],
    units: 'mm',
    range: [0, 4],
  });
  expect(volume?.told).toBe('150 × 150 × 150 voxels, values from 0 to 4');
  expect(volume?.notes).toEqual(['shown as 75 × 75 × 75, each the mean of 2³ voxels']);
  expect(inflateRawSync(Buffer.from(volume?.bytes ?? '', 'base64'))).toHaveLength(75 ** 3);
  expect(mesh).toMatchObject({ kind: 'mesh', shape: [4, 2, 0] });
  expect(inflateRawSync(Buffer.from(mesh?.bytes ?? '', 'base64'))).toHaveLength(24 + 24);
  for (const { still } of spaces)
    expect(pictureOf(Buffer.from(still, 'base64'))).toEqual({ mime: 'image/png', width: 480, height: 360 });
});

test('noise, which cannot be packed, is shown coarser until it fits', async () => {
  let seed = 1;
  const noise = Float32Array.from({ length: 128 ** 3 }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  });
  const [volume] = (await found({ 'noise.bin': Buffer.from(noise.buffer) })).spaces;
  expect(volume?.shape).toEqual([64, 64, 64]);
  expect(volume?.bytes.length).toBeLessThan(2_000_000);
});

const space = (path: string, bytes = 'AAAA'): SpaceFacts => ({
  ...{ kind: 'volume', path, told: 'voxels', notes: [], shape: [1, 1, 1], extent: [1, 1, 1], units: 'mm' },
  ...{ range: [0, 1], level: 128, still: 'AAAA', bytes },
});

test('a page has room for so many views; the last stages have it before the first', () => {
  const stages = pipelineJob.stages.map((stage) =>
    stage.job === null
      ? stage
      : { ...stage, job: { ...stage.job, spaces: [space('a.bin', 'A'.repeat(3_000_000))] } },
  );
  const { stages: kept } = withinPage({ ...pipelineJob, stages });
  const jobs = kept.flatMap(({ job }) => (job === null ? [] : [job]));
  expect(jobs.at(-1)?.spaces).toHaveLength(1);
  expect(jobs.slice(0, -1).map(({ spaces, spacesLeft }) => [spaces.length, spacesLeft])).toEqual(
    jobs.slice(1).map(() => [0, ['a.bin']]),
  );
});

test('a page with views runs their program alone; one without runs nothing', () => {
  const name = '"><script>alert(1)</script>\u202e.bin';
  const page = renderReport(reportOf({ ...solveJob, spaces: [space(name)], spacesLeft: [name] }));
  const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)];
  expect(scripts).toHaveLength(1);
  expect(page).toContain(`; ${viewPolicy.replaceAll("'", '&#39;')}`);
  expect(page).not.toMatch(/unsafe-eval|script-src[^"]*unsafe-inline|https?:|\u202e/);
  const elements = readStrictly(page.replace(/<script>.*?<\/script>/s, ''));
  expect(elements.filter(({ name: tag }) => tag === 'script')).toEqual([]);
  expect(elements.find(({ attributes }) => attributes.class === 'space')?.attributes['data-name']).toContain(
    '&lt;script&gt;',
  );
  const plain = renderReport(reportOf(solveJob));
  expect(plain).not.toContain('<script');
  expect(plain).not.toContain('script-src');
});
