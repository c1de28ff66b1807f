import type { Job } from './job.schema.ts';
import type { StageJob } from './job-input.ts';

/** The files and folders a job names: it can see these and no others. */
export function filesNamedBy(job: StageJob): string[] {
  if (job.kind === 'solve') return [job.script, ...job.inputs];
  const cases = job.cases?.split(':')[0];
  return [job.program, ...(cases === undefined ? [] : [cases]), ...job.inputs];
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
  if (job.kind === 'solve') return 'script';
  return path === job.program ? 'program' : 'cases';
}
