import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { Program } from '../../domain/program.schema.ts';
import { valuesSchema } from '../../domain/recipe.schema.ts';
import type { Place } from '../../domain/step.ts';
import { readRecipe, renderRecipe } from '../../recipes/recipes.ts';
import { writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { takeStep } from '../context.ts';

export type RecipeActivities = ReturnType<typeof createRecipeActivities>;

export const createRecipeActivities = ({ store }: { store: Store }) => ({
  /** Returns the program of a recipe as a candidate, and the path of its script. */
  async proposeByRecipe({
    id,
    recipe: name,
    with: given,
    ...place
  }: Place & { id: string; recipe: string; with: Record<string, unknown> }): Promise<{
    candidate: Candidate;
    program: string;
  }> {
    return takeStep(store, place, 'recipe', async () => {
      const recipe = await readRecipe(name);
      if (recipe === null) throw new JobRejected(`recipe: there is no recipe ${name} on this worker`);
      const values = valuesSchema(recipe).parse(given);
      const { program: text } = await renderRecipe(recipe, values);
      const program: Program = {
        files: { [recipe.entry]: await store.blobs.put(text) },
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
      return { candidate, program: recipe.entry };
    });
  },
});
