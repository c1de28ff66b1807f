import type { Job, SolveJob, Tolerance } from './job.schema.ts';
import type { StageJob } from './job-input.ts';

/** The files and folders a job names: it can see these and no others. */
export function filesNamedBy(job: StageJob): string[] {
  const named =
    job.kind === 'solve'
      ? [job.script, job.prompts]
      : [job.program, job.cases?.split(':')[0], job.accepts?.split(':')[0], job.prompts];
  return [...named.filter((path) => path !== undefined), ...job.inputs];
}

/** Every file and folder named anywhere in a job, each once, with the field that names it first. */
export function filesToPack(job: Job): { path: string; field: (string | number)[] }[] {
  const stages = job.kind === 'pipeline' ? job.stages : [job];
  const named = stages.flatMap((stage, index) =>
    filesNamedBy(stage).map((path) => ({
      path,
      field: [...(job.kind === 'pipeline' ? ['stages', index] : []), fieldOf(stage, path)],
    })),
  );
  return named.filter((each, index) => named.findIndex((other) => other.path === each.path) === index);
}

function fieldOf(job: StageJob, path: string): string {
  if (job.inputs.includes(path)) return 'inputs';
  if (path === job.prompts) return 'prompts';
  if (job.kind === 'solve') return 'script';
  if (path === job.program) return 'program';
  return path === job.cases?.split(':')[0] ? 'cases' : 'accepts';
}

/** By how much numbers may differ: `1e-9 + 0.000001 × their size`. */
export const toleranceWords = ({ relative, absolute }: Tolerance): string =>
  `${absolute === undefined ? '' : `${absolute} + `}${relative} × their size`;

/** What a job may spend on models, in the ledger's units: millionths of a dollar, and tokens. Null is without limit. */
export const capOf = ({ budget }: Job): { microUsd: number | null; tokens: number | null } => ({
  microUsd: budget.usd === undefined ? null : Math.round(budget.usd * 1e6),
  tokens: budget.tokens ?? null,
});

/** What a job is about: a function and its file, a script, the stages of a pipeline. */
export function subjectOf(job: Job): string {
  if (job.kind === 'pipeline') return job.stages.map(({ name }) => name).join(', ');
  if (job.kind === 'solve') return programOf(job);
  return job.function === undefined ? job.program : `${job.function} in ${job.program}`;
}

/** What a `solve` job runs, in words: its script, its recipe with what that is told, or its task. */
export function programOf({ script, recipe, with: values = {}, task = '' }: SolveJob): string {
  if (script !== undefined) return script;
  if (recipe === undefined) return task.split('\n', 1)[0] ?? '';
  const told = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return [`recipe ${recipe}`, ...told].join(' ');
}

/** Whether a job asks models for programs. */
export const asksModels = (job: StageJob): boolean => job.kind === 'optimize' || job.task !== undefined;

/** Whether models are all that a job has: it begins with no program. */
export const needsModels = (job: StageJob): boolean =>
  job.kind === 'solve' && job.script === undefined && job.recipe === undefined;
