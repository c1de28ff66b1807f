import { type Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { Program } from '../../domain/program.schema.ts';
import { type Recipe, valuesSchema } from '../../domain/recipe.schema.ts';
import type { Place } from '../../domain/step.ts';
import { filesBeside, libraryOf, readRecipe, renderRecipe } from '../../recipes/recipes.ts';
import { readTree, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { takeStep } from '../context.ts';

export type RecipeActivities = ReturnType<typeof createRecipeActivities>;

export const createRecipeActivities = ({ store }: { store: Store }) => {
  /** A tree of files with those that the scripts of a recipe import. */
  async function withLibrary(seen: Artifact, recipe: Recipe): Promise<Artifact> {
    const library = await putAll(await libraryOf(recipe));
    if (Object.keys(library).length === 0) return seen;
    return writeJson(store.blobs, { ...(await readTree(store.blobs, seen)), ...library });
  }

  async function putAll(files: Record<string, string | Uint8Array>): Promise<Tree> {
    const put = Object.entries(files).map(
      async ([path, bytes]) => [path, await store.blobs.put(bytes)] as const,
    );
    return Tree.parse(Object.fromEntries(await Promise.all(put)));
  }

  return {
    /**
     * Returns the program of a recipe as a candidate, and the path of its script. With them comes what every
     * candidate may see: `seen`, and what the recipe imports.
     */
    async proposeByRecipe({
      id,
      recipe: name,
      with: given,
      seen,
      ...place
    }: Place & { id: string; recipe: string; with: Record<string, unknown>; seen: Artifact }): Promise<{
      candidate: Candidate;
      program: string;
      /** Earlier versions did not say it. */
      seen?: Artifact;
    }> {
      return takeStep(store, place, 'recipe', async () => {
        const recipe = await readRecipe(name);
        if (recipe === null) throw new JobRejected(`recipe: there is no recipe ${name} on this worker`);
        const values = valuesSchema(recipe).parse(given);
        const { program: text } = await renderRecipe(recipe, values);
        const program: Program = {
          files: {
            ...(await putAll(await filesBeside(recipe))),
            [recipe.entry]: await store.blobs.put(text),
          },
          entry: { kind: 'script', path: recipe.entry, args: [] },
          build: null,
        };
        const artifact: Artifact = await writeJson(store.blobs, program);
        const told = Object.entries(values).map(([parameter, value]) => `${parameter}=${value}`);
        const candidate: Candidate = {
          ...{ id, parents: [], operator: 'recipe', program: artifact },
          title: `recipe ${name}`,
          note: `${recipe.title}: ${told.join(' ')}`.slice(0, 500),
        };
        return { candidate, program: recipe.entry, seen: await withLibrary(seen, recipe) };
      });
    },
  };
};
