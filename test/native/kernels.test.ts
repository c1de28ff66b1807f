import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesBelow, openSandbox, printed } from '../strategies/sandboxed-python.ts';
import type { TestSandbox } from '../support/sandbox.ts';

const rays: Record<string, string> = {
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
  bundles: 'rays close together give what each of them gives alone, along every axis',
};

const kernels: Record<string, string> = {
  box_filter: 'a box filter agrees with SciPy at every border, in one thread and in three',
  gaussian_filter: 'a gaussian filter agrees with SciPy at every border',
  convolution: 'a dense convolution agrees with SciPy',
  morphology: 'erosion and dilation are the extremes of a box or a cross; opening shrinks, closing grows',
  conserved: 'a box filter keeps the sum away from borders',
  affine_resampling: 'affine resampling by order 0, 1 and 3 agrees with SciPy',
  quarter_turns: 'four quarter turns give the volume back',
  scaled: 'a scaled volume agrees with SciPy',
  distances: 'the distance transform is exact, also where spacings differ',
  components: 'components by 6, 18 and 26 neighbours are those of SciPy, numbered by their first voxels',
  figures: 'statistics and percentiles leave out what is not finite',
  motion: 'a motion mask holds what changed by more than the threshold, and teaches the background',
  stacks: 'a stack of 8-bit, 16-bit and float images becomes a volume, also of another depth',
  points: 'points fall into their voxel, or are shared by eight',
  cameras: 'the ray of a pixel leads where the camera shows it, also through a lens',
  angles: 'yaw, pitch and roll turn a camera as known programs have it',
  fading: 'a value fades with the distance from the camera, where that is asked for',
  whole_lengths: 'the weights of 400 rays each add up to its length',
  carving: 'carving takes away what a silhouette does not cover, and adds nothing',
  not_finite: 'what is not a number stays where it is',
  refusals: 'wrong arguments are refused by name',
  large: 'a volume too large for the cache is filtered and turned as SciPy does, wherever an array begins',
  instruction_sets: 'every instruction set gives the same to the last bit',
};

let sandbox: TestSandbox | undefined;
const verdicts: Record<string, Record<string, string>> = {};

/** The checks of one script against the kernels that every sandbox has. */
async function check(script: string): Promise<Record<string, string>> {
  return JSON.parse(await printed(sandbox, await filesBelow('test/native', 'test'), [`/in/test/${script}`]));
}

beforeAll(async () => {
  sandbox = await openSandbox();
  verdicts.rays = await check('check_rays.py');
  verdicts.kernels = await check('check_kernels.py');
});
afterAll(() => sandbox?.close());

test.each(Object.entries(rays))('%s: %s', (name) => {
  expect(verdicts.rays?.[name]).toBe('right');
});

test.each(Object.entries(kernels))('%s: %s', (name) => {
  expect(verdicts.kernels?.[name]).toBe('right');
});

test('every check of the Python side is asked for here', () => {
  expect(Object.keys(verdicts.rays ?? {}).sort()).toEqual(Object.keys(rays).sort());
  expect(Object.keys(verdicts.kernels ?? {}).sort()).toEqual(Object.keys(kernels).sort());
});

test('kernels know nothing of Python', async () => {
  const native = await filesBelow('native', 'native');
  for (const [path, text] of Object.entries(native))
    if (path.endsWith('.hpp')) expect(text, path).not.toMatch(/#include [<"](nanobind|Python|pybind)/);
});
