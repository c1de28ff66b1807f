import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { pythonWithNumpy } from '../support/python.ts';

/** What each check of check_voxels.py is about. */
const checks: Record<string, Record<string, string>> = {
  'a volume': {
    round_trips: 'comes back from every format as it was, with spacing, origin and units',
    known_header: 'is read with the header of Pixeltovoxelprojector, too',
    other_axes: 'of other axes, another dtype or byte order is turned, and it is told how it was read',
    wrong_files: 'that does not fit is refused with what was expected, what came and where',
  },
  'the recipes that make one': {
    shapes: 'draw shapes with the volume of the formula',
    text: 'draw any text upright, and refuse a letter that the font lacks',
    images: 'stack images alike whatever their depth, colours, transparency and orientation',
    deep_images: 'keep sixteen bits, of colours too',
    carving: 'carve a ball out of silhouettes, noisy ones too',
    videos: 'take the frames of a video',
    known_angles: 'read the poses of Pixeltovoxelprojector as they are',
    wrong_scenes: 'refuse poses and frames that cannot be meant, each in a sentence',
  },
  'what the best known program gets wrong': {
    every_face: 'rays that enter through a far face are not lost',
    one_grid: 'nothing outlives a call, and a given grid is added to, never a copy',
    same_again: 'the same frames give the same bytes, by any number of threads',
    where_it_is: 'what is written lies where the cameras saw it',
    fades: 'the distance from a camera counts where it is asked to',
    middles_of_pixels: 'rays go through the middles of pixels',
    beyond_int: 'a grid may have more voxels than an int counts',
  },
  'the recipes that change one': {
    transform: 'rotate by quarter turns exactly, crop and scale, and say where the rest lies',
    filters: 'blur, erode, dilate and measure distances',
    combine: 'unite, intersect and subtract, and refuse volumes of different places',
    levels_and_parts: 'find levels, number parts and tell figures',
    meshes: 'make closed meshes that look outwards, in every format',
  },
};

let verdicts: Record<string, unknown> = {};
beforeAll(async () => {
  const python = await pythonWithNumpy(['crucible_native', 'scipy', 'skimage', 'tifffile', 'trimesh', 'av']);
  const script = join(import.meta.dirname, 'check_voxels.py');
  const recipes = join(import.meta.dirname, '../../recipes/voxel');
  const { stdout } = await promisify(execFile)(python, ['-I', '-B', script, recipes]);
  verdicts = JSON.parse(stdout);
});

describe.each(Object.entries(checks))('%s', (_, found) => {
  it.each(Object.entries(found))('%s: %s', (name) => {
    expect(verdicts[name]).toBe('right');
  });
});

it('every check of the Python side is asked for here', () => {
  const { formats, ...asked } = verdicts;
  expect(Object.keys(asked).sort()).toEqual(Object.values(checks).flatMap(Object.keys).sort());
  expect(formats).toEqual(expect.arrayContaining(['.bin', '.npy', '.tif']));
});
