import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesBelow, openSandbox, printed } from '../strategies/sandboxed-python.ts';
import type { TestSandbox } from '../support/sandbox.ts';

const sentences: Record<string, string> = {
  odd_shapes: 'grids of odd shapes agree with the slow reference',
  six_faces: 'rays that enter through any of the six faces reach the grid',
  axis_parallel: 'rays along an axis, also along faces, light the voxels that the half-open boxes say',
  from_inside: 'rays that begin inside go on from there, also from a plane between voxels',
  misses: 'rays that miss, have no direction or are not finite light nothing',
  diagonals: 'voxels that a ray only touches at an edge or a corner get nothing',
  whole_length: 'the lengths in all voxels add up to the length of the ray in the grid',
  reproducible: 'the result is the same to the last bit for any number of threads',
  adds_to_out: 'a given grid is added to, and it is the one that is returned',
  refuses: 'a wrong type, shape or layout is refused by name',
  camera: 'every pixel of a camera has its ray, in tiles',
};

let sandbox: TestSandbox | undefined;
let verdicts: Record<string, string>;

beforeAll(async () => {
  sandbox = await openSandbox();
  const files = { ...(await filesBelow('native', 'native')), ...(await filesBelow('test/native', 'test')) };
  const program = `
import subprocess, sys
build = ['/in/native/build.py', '--python', sys.executable, '--nanobind', '/opt/crucible/nanobind', '--out', '/work/built']
subprocess.run([sys.executable, '-I', '-B', *build], check=True)
subprocess.run([sys.executable, '-I', '-B', '/in/test/check_rays.py', '/work/built'], check=True)
`;
  verdicts = JSON.parse(await printed(sandbox, files, ['-c', program]));
});
afterAll(() => sandbox?.close());

test.each(Object.entries(sentences))('%s: %s', (check) => {
  expect(verdicts[check]).toBe('right');
});

test('every check of the Python side is asked for here', () => {
  expect(Object.keys(verdicts).sort()).toEqual(Object.keys(sentences).sort());
});
