import { z } from 'zod';
import { Budget, slug } from '../job-fields.schema.ts';
import { FitStage } from './fit.schema.ts';
import { OptimizeStage } from './optimize.schema.ts';
import { SolveStage } from './solve.schema.ts';

/** A job of a pipeline, of any kind but another pipeline. */
export const Stage = z.discriminatedUnion('kind', [OptimizeStage, SolveStage, FitStage]);
export type Stage = z.infer<typeof Stage>;

export const PipelineJob = z
  .strictObject({
    kind: z.literal('pipeline'),
    name: slug,
    /** What all stages together may spend on models; each stage has its own budget within. */
    budget: Budget.pick({ usd: true, tokens: true }).prefault({}),
    stages: z.array(Stage).min(1).max(200),
  })
  .superRefine(({ stages }, context) => {
    for (const { path, message } of wrongNeeds(stages))
      context.addIssue({ code: 'custom', path: ['stages', ...path], message });
  });
export type PipelineJob = z.infer<typeof PipelineJob>;

type Needs = Pick<Stage, 'name' | 'needs'> & { table?: string; test?: string | undefined };

/** Returns what is wrong with the order of stages: a name twice, a need of none, a circle. */
function wrongNeeds(stages: readonly Needs[]): { path: (string | number)[]; message: string }[] {
  const names = stages.map(({ name }) => name);
  const circle = findCycle(stages);
  return [
    ...stages.flatMap(({ name }, index) =>
      names.indexOf(name) === index
        ? []
        : [{ path: [index, 'name'], message: `two stages are named ${name}` }],
    ),
    ...stages.flatMap(({ needs }, index) =>
      needs.flatMap((need, place) =>
        names.includes(need)
          ? []
          : [
              {
                path: [index, 'needs', place],
                message: `there is no stage ${need}; the stages are ${names.join(', ')}`,
              },
            ],
      ),
    ),
    ...stages.flatMap(({ needs, table, test }, index) =>
      Object.entries({ table, test }).flatMap(([field, path]) => {
        const from = path?.split('/')[0] ?? '';
        if (!path?.includes('/') || !names.includes(from) || needs.includes(from)) return [];
        const message = `${path} is written by the stage ${from}: expected it among \`needs\``;
        return [{ path: [index, field], message }];
      }),
    ),
    ...(circle === undefined
      ? []
      : [{ path: [], message: `stages wait for each other: ${circle.join(' → ')}` }]),
  ];
}

/** Returns the names along a cycle of `needs`, its first one repeated at the end; undefined where there is none. */
function findCycle(stages: readonly Needs[]): string[] | undefined {
  const finished = new Set<string>();
  const visit = (name: string, trail: string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (finished.has(name)) return undefined;
    for (const need of stages.find((each) => each.name === name)?.needs ?? []) {
      const found = visit(need, [...trail, name]);
      if (found !== undefined) return found;
    }
    finished.add(name);
    return undefined;
  };
  for (const each of stages) {
    const found = visit(each.name, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
