import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { createRecipeActivities } from '../../activities/propose/by-recipe.ts';
import { valuesSchema } from '../../domain/recipe.schema.ts';
import { readRecipe, recipeNames, renderRecipe } from '../../recipes/recipes.ts';
import { readProgram } from '../../store/documents.ts';
import { temporaryStore } from '../store/temporary-store.ts';

async function recipeNamed(name: string) {
  const recipe = await readRecipe(name);
  if (recipe === null) throw new Error(`expected a recipe ${name}, found none`);
  return recipe;
}

describe('every recipe that ships', () => {
  it('has its name, and makes a program with its checks of its defaults alone', async () => {
    const names = await recipeNames();
    expect(names).toContain('shape');
    for (const name of names) {
      const recipe = await recipeNamed(name);
      expect(recipe.name).toBe(name);
      const needed = Object.entries(recipe.parameters).flatMap(([parameter, { default: of }]) =>
        of === undefined ? [[parameter, 'a.bin']] : [],
      );
      const values = valuesSchema(recipe).parse(Object.fromEntries(needed));
      const { program, outputs } = await renderRecipe(recipe, values);
      expect(program).not.toContain('{{');
      expect(outputs.length).toBeGreaterThan(0);
    }
  });
});

describe('shape', () => {
  it('is written with its values as Python has them, and its voxels are checked for as many as were asked for', async () => {
    const recipe = await recipeNamed('shape');
    const values = valuesSchema(recipe).parse({ shape: 'torus', n: 32, tube: 0.25 });
    const { program, outputs } = await renderRecipe(recipe, values);
    for (const line of [
      'SHAPE = "torus"',
      'N = 32',
      'SIZE = 0.75',
      'TUBE = 0.25',
      'FILL = "filled"',
      'WALL = 2',
    ])
      expect(program).toContain(`\n${line}  #`);
    expect(outputs[0]).toEqual({ kind: 'voxels', path: 'shape.bin', n: 32, minimum: 0, maximum: 1 });
  });

  it('refuses what is out of bounds, of another type, or no parameter of its', async () => {
    const schema = valuesSchema(await recipeNamed('shape'));
    for (const wrong of [{ n: 7 }, { n: 9.5 }, { n: '64' }, { size: 1.01 }, { shape: 'cone' }, { radius: 1 }])
      expect(schema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });
});

it('the candidate of a recipe is a plain script, and is found again by its step', async () => {
  const store = await temporaryStore();
  const jobId = 'solve/drawn/1.1';
  await store.ledger.openJob({
    ...{ id: jobId, series: 'solve/drawn/1', run: 1, name: 'drawn', kind: 'solve' },
    ...{ role: 'job', input: await store.blobs.put('{}'), startedAt: Date.now() },
  });
  const { proposeByRecipe } = createRecipeActivities({ store });
  const seen = await store.blobs.put('{}');
  const place = { storeId: store.id, jobId, step: 'c-0/recipe', seen };
  const made = (n: number): ReturnType<typeof proposeByRecipe> =>
    new MockActivityEnvironment().run(proposeByRecipe, {
      ...{ ...place, id: 'c-0', recipe: 'shape', with: { n } },
    }) as ReturnType<typeof proposeByRecipe>;
  const { candidate } = await made(16);
  expect(candidate).toMatchObject({
    ...{ id: 'c-0', operator: 'recipe', parents: [], title: 'recipe shape' },
    note: expect.stringContaining('shape=sphere n=16'),
  });
  const { files, entry } = await readProgram(store.blobs, candidate.program);
  expect(entry).toEqual({ kind: 'script', path: 'shape.py', args: [] });
  expect(await store.blobs.text(files['shape.py'] ?? '')).toContain('\nN = 16  #');
  expect(await made(32)).toEqual({ candidate, program: 'shape.py', seen });
});

it('a recipe that is not there rejects the job', async () => {
  const store = await temporaryStore();
  const { proposeByRecipe } = createRecipeActivities({ store });
  const seen = await store.blobs.put('{}');
  const place = { storeId: store.id, jobId: 'solve/none/1.1', step: 'c-0/recipe', seen };
  await expect(
    new MockActivityEnvironment().run(proposeByRecipe, { ...place, id: 'c-0', recipe: '../shape', with: {} }),
  ).rejects.toMatchObject({ name: 'JobRejected' });
});
