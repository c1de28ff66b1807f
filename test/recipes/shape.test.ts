import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type RecipeValues, valuesSchema } from '../../domain/recipe.schema.ts';
import { readRecipe, renderRecipe } from '../../recipes/recipes.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { pythonWithNumpy } from '../support/python.ts';

const run = promisify(execFile);

/** Runs the program of `shape` with these values; the voxels it wrote, and what it says of them. */
async function drawn(given: RecipeValues): Promise<{ voxels: Float32Array; said: Record<string, unknown> }> {
  const recipe = await readRecipe('shape');
  if (recipe === null) throw new Error('expected the recipe shape, found none');
  const { program } = await renderRecipe(recipe, valuesSchema(recipe).parse(given));
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'shape.py'), program);
  await run(await pythonWithNumpy(), ['-I', '-B', 'shape.py'], { cwd: folder });
  const bytes = await readFile(join(folder, 'shape.bin'));
  return {
    voxels: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
    said: JSON.parse(await readFile(join(folder, 'shape.json'), 'utf8')),
  };
}

const inside = (voxels: Float32Array): number => voxels.reduce((sum, each) => sum + each, 0);

const sphere = (radius: number): number => (4 / 3) * Math.PI * radius ** 3;
const torus = (ring: number, tube: number): number => 2 * Math.PI ** 2 * ring * tube ** 2;

describe('the volume of what shape draws is that of the formula', () => {
  it.each<{ name: string; values: RecipeValues; volume: number }>([
    { name: 'a sphere', values: { shape: 'sphere', size: 0.8 }, volume: sphere(0.4) },
    { name: 'a box', values: { shape: 'box', size: 0.5 }, volume: 0.5 ** 3 },
    { name: 'a torus', values: { shape: 'torus', size: 0.8, tube: 0.25 }, volume: torus(0.3, 0.1) },
    {
      name: 'the wall of a sphere',
      values: { shape: 'sphere', size: 0.8, fill: 'shell', wall: 6 },
      volume: sphere(0.4) - sphere(0.4 - 6 / 96),
    },
    {
      name: 'the wall of a box',
      values: { shape: 'box', size: 0.5, fill: 'shell', wall: 4 },
      volume: 0.5 ** 3 - (0.5 - 8 / 96) ** 3,
    },
    {
      name: 'the wall of a torus',
      values: { shape: 'torus', size: 0.8, tube: 0.25, fill: 'shell', wall: 4 },
      volume: torus(0.3, 0.1) - torus(0.3, 0.1 - 4 / 96),
    },
  ])('$name', async ({ values, volume }) => {
    const { voxels, said } = await drawn({ ...values, n: 96 });
    expect(voxels).toHaveLength(96 ** 3);
    expect(new Set(voxels)).toEqual(new Set([0, 1]));
    expect(said).toMatchObject({ ...values, n: 96, inside: inside(voxels) });
    expect(Math.abs(inside(voxels) / 96 ** 3 / volume - 1)).toBeLessThan(0.01);
  });
});

it('a torus lies around z, which changes fastest: its hole is open along the last axis', async () => {
  const n = 32;
  const { voxels } = await drawn({ shape: 'torus', n, size: 1, tube: 0.3 });
  const at = (x: number, y: number, z: number): number | undefined => voxels[(x * n + y) * n + z];
  const middle = n / 2;
  const along = (place: (step: number) => number | undefined): number =>
    Array.from({ length: n }, (_, step) => place(step) ?? 0).reduce((sum, each) => sum + each, 0);
  expect(along((z) => at(middle, middle, z))).toBe(0);
  expect(along((x) => at(x, middle, middle))).toBeGreaterThan(0);
  expect(along((y) => at(middle, y, middle))).toBeGreaterThan(0);
});

it('a shape too small for its grid ends the program with what to do, and leaves no file', async () => {
  await expect(drawn({ shape: 'sphere', n: 8, size: 0.05 })).rejects.toThrow(/make n or size larger/);
});
