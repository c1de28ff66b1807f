import type { Artifact } from '../../domain/artifact.schema.ts';
import type { NextDecision } from '../../domain/decision.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import { Limits as LimitsSchema } from '../../domain/limits.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import { Next, type SplitTable } from '../../domain/table.schema.ts';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { below, fittedIn } from './fitted.ts';
import { createLearning } from './learning.ts';
import { fileIn, forPlanner } from './table-files.ts';

type FitDecision = Extract<NextDecision, { kind: 'fit' }>;

/** What to fit next, in order; or why nothing more is to be. */
export type Decided = { kind: 'next'; decisions: FitDecision[] } | { kind: 'done'; why: string };

export type DecideActivities = ReturnType<typeof createDecideActivities>;

export const createDecideActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /** Decides what to fit next, from all that the ledger knows of the job, within `secondsLeft`. `running` is under way. */
    async decideFit({
      table,
      secondsLeft,
      workers,
      running,
      maxLatencyMs,
      second,
      ...place
    }: Place & {
      maxLatencyMs?: number;
      /** A model's plan, where there is one. */
      second?: Artifact;
      table: SplitTable;
      secondsLeft: number;
      workers: number;
      running: { config: string; folds: number[] }[];
    }): Promise<Decided> {
      return takeStep<Decided>(store, place, 'decide', async ({ signal }) => {
        const fitted = await fittedIn(store, place.jobId);
        const rows = [
          // What somebody brought is no configuration of the planner's.
          ...fitted
            .filter(({ config }) => 'model' in config)
            .flatMap(({ config, folds }) => folds.map((each) => ({ id: config.id, config, ...each }))),
          ...running.flatMap(({ config, folds }) =>
            folds.map((fold) => ({
              ...{
                id: config,
                config: fitted.find((each) => each.config.id === config)?.config ?? { id: config },
              },
              ...{ fold, state: 'running', score: null, seconds: 0, memoryMb: 0, problem: null },
            })),
          ),
        ];
        const journal = await writeJson(blobs, { secondsLeft, workers, rows, maxLatencyMs });
        const files = forPlanner(await readTree(blobs, table.files));
        const out = await learning.trusted(
          place,
          {
            ...{
              script: 'propose',
              files: { ...files, 'journal.json': journal, ...(second ? { 'model-plan.json': second } : {}) },
            },
            ...{ shared: { as: 'planner', files: {} }, limits: planning, cores: 1 },
          },
          signal,
        );
        const { decisions, done, why } = await readJson(blobs, fileIn(out, 'next.json'), Next);
        if (done || decisions.length === 0) return { kind: 'done', why };
        const made = decisions.map(
          async ({ id, folds, fold, limitSeconds, why: because }): Promise<FitDecision> => {
            const program: Program = {
              files: below(`programs/${id}`, out),
              entry: { kind: 'script', path: 'train.py', args: [] },
              build: null,
            };
            return {
              ...{ kind: 'fit', config: id, folds, told: fold, limitMs: Math.ceil(limitSeconds * 1000) },
              why: because.slice(0, 200),
              program: await writeJson(blobs, program),
              of: fitted.find(({ config }) => config.id === id)?.id ?? null,
            };
          },
        );
        return { kind: 'next', decisions: await Promise.all(made) };
      });
    },
  };
};

const planning: Limits = LimitsSchema.parse({ wallMs: 60_000, memoryMb: 1_024 });
