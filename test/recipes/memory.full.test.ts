import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { recipeMb } from '../../domain/estimates.ts';
import { readRecipe } from '../../recipes/recipes.ts';
import { pythonWithNumpy } from '../support/python.ts';

const edges = [96, 288];

it('no recipe takes more than is said of it before it runs, nor a small part of that', async () => {
  const python = await pythonWithNumpy(['crucible_native', 'scipy', 'skimage', 'trimesh']);
  const script = join(import.meta.dirname, 'measure_memory.py');
  const recipes = join(import.meta.dirname, '../../recipes/voxel');
  const { stdout } = await promisify(execFile)(python, ['-B', script, recipes, ...edges.map(String)]);
  const measured: Record<string, Record<string, [number, string]>> = JSON.parse(stdout);
  expect(Object.keys(measured).length).toBeGreaterThan(10);
  for (const [name, byEdge] of Object.entries(measured))
    for (const edge of edges) {
      const memory = (await readRecipe(`voxel.${name}`))?.memory;
      if (memory === undefined) throw new Error(`voxel.${name}: expected what it takes, found nothing`);
      const said = recipeMb(memory, edge ** 3);
      const taken = byEdge[edge]?.[0] ?? Number.NaN;
      expect(taken, `voxel.${name} at ${edge}³`).toBeLessThan(said);
      expect(taken, `voxel.${name} at ${edge}³`).toBeGreaterThan(said / 4);
    }
});
