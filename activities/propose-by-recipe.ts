import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { CaseSet } from '../domain/case-set.schema.ts';
import { type OptimizeJob, Strategy } from '../domain/job.schema.ts';
import { Build, type Program } from '../domain/program.schema.ts';
import { type Place, stepKey } from '../domain/step.ts';
import type { RunResult } from '../sandbox/sandbox.ts';
import { type ActivityContext, placeBelow, readJson, readProgram, takeStep, writeJson } from './context.ts';
import { outcomeOfEnding } from './ended.ts';
import { python, threads } from './player.ts';
import { recipeFiles } from './recipe-files.ts';

export type RecipeActivities = ReturnType<typeof createRecipeActivities>;

/** The mechanical strategies: they run in the sandbox, for they read the user's program. */
export const createRecipeActivities = ({ store, sandbox }: ActivityContext) => {
  async function runRecipes(
    {
      job,
      program,
      sample,
      ...place
    }: Place & { job: OptimizeJob; program: Program; sample: Artifact | null },
    args: string[],
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { entry, files } = program;
    const cases = sample === null ? null : await readJson(store.blobs, sample, CaseSet);
    const [frame] = cases?.cases ?? [];
    return sandbox.run(
      {
        key: stepKey(place),
        label: place.step,
        argv: [
          ...[python, '-I', '-B', '/in/recipes/strategies.py', ...args],
          ...(entry.kind === 'function'
            ? ['--module', `/in/program/${entry.module}`, '--function', entry.name]
            : ['--script', `/in/program/${entry.path}`]),
          ...(frame === undefined ? [] : ['--case', '/in/case.frame']),
        ],
        env: threads(job.cores),
        files: {
          ...placeBelow('recipes', await recipeFiles(store.blobs)),
          ...placeBelow('program', files),
          ...(frame === undefined ? {} : { 'case.frame': frame }),
        },
        limits: job.limits,
        outputs: ['out/**'],
      },
      signal,
    );
  }

  return {
    /** The strategies, alone and combined, that apply to a program, in the order worth trying. */
    async listRecipes({
      job,
      program,
      sample,
      ...place
    }: Place & { job: OptimizeJob; program: Artifact; sample: Artifact | null }): Promise<string[]> {
      return takeStep(store, place, 'recipes', async ({ signal }) => {
        const input = { ...place, job, sample, program: await readProgram(store.blobs, program) };
        const ran = await runRecipes(input, ['--list', '--out', 'out'], signal);
        const listed = ran.outputs['out/strategies.json'];
        if (listed === undefined) {
          // A program that the strategies cannot even read has none that apply; models may still be asked.
          if (ran.outputs['out/problem.json'] !== undefined || outcomeOfEnding(ran.ending, '') !== null)
            return [];
          throw new Error(`listing strategies left no list: ${ran.stderr.tail}`);
        }
        const { applicable } = await readJson(store.blobs, listed, Listed);
        return applicable
          .filter(({ strategies }) => strategies.every((each) => job.strategies.includes(strategyOf(each))))
          .map(({ strategies }) => strategies.join(' + '));
      });
    },

    /** The program after a strategy or a combination; null where it turns out not to apply. */
    async proposeByRecipe({
      job,
      id,
      recipe,
      program,
      sample,
      ...place
    }: Place & {
      job: OptimizeJob;
      id: string;
      recipe: string;
      program: Artifact;
      sample: Artifact | null;
    }): Promise<Candidate | null> {
      return takeStep(store, place, 'propose', async ({ signal }) => {
        const before = await readProgram(store.blobs, program);
        const ran = await runRecipes(
          { ...place, job, sample, program: before },
          ['--strategies', recipe.split(' + ').join(','), '--out', 'out'],
          signal,
        );
        const problem = ran.outputs['out/problem.json'];
        if (problem !== undefined) {
          const { message } = await readJson(store.blobs, problem, NotApplicable);
          await store.ledger.say(
            place.jobId,
            stepKey(place),
            `${id} ${recipe}: does not apply: ${message}`,
            Date.now(),
          );
          return null;
        }
        const written = ran.outputs['out/program.json'];
        if (written === undefined)
          throw new Error(
            `the strategy ${recipe} ended as ${ran.ending.kind} and left no program: ${ran.stderr.tail}`,
          );
        const { entry, build, note } = await readJson(store.blobs, written, Written);
        // A script stays in its folder: it may look for files beside itself.
        const folder = before.entry.kind === 'script' ? dirname(before.entry.path) : '.';
        const files = Object.fromEntries(
          Object.entries(ran.outputs)
            .filter(([path]) => path !== 'out/program.json')
            .map(([path, artifact]) => [join(folder, path.slice('out/'.length)), artifact]),
        );
        const after: Program = {
          files: { ...before.files, ...files },
          entry:
            before.entry.kind === 'function'
              ? { ...before.entry, module: entry }
              : { ...before.entry, path: join(folder, entry) },
          build,
        };
        return {
          id,
          parents: ['c-0'],
          operator: 'recipe',
          title: recipe,
          note,
          program: await writeJson(store.blobs, after),
        };
      });
    },
  };
};

/** The job's word for a strategy of a recipe: two ways of doing one thing go by one name there. */
function strategyOf(name: string): Strategy {
  if (name === 'use_pythran') return 'use_cpp_extension';
  if (name === 'fastmath') return 'reduce_precision';
  return Strategy.parse(name);
}

/** What `strategies.py` writes. */
const Listed = z.object({ applicable: z.array(z.object({ strategies: z.array(z.string()) })) });
const Written = z.object({ entry: z.string(), build: Build.nullable(), note: z.string().max(500) });
const NotApplicable = z.object({ message: z.string() });
