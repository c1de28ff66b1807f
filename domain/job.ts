import type { Job, StageJob } from './job.schema.ts';
import type { Origin } from './job-input.schema.ts';
import type { Asking, NamedFile } from './kinds/kind.ts';
import { kindOf, partsOf } from './kinds/kinds.ts';
import type { Extension } from './message.schema.ts';
import { triesTwice } from './objective.ts';

/** Returns the files and folders a job names, the inputs last. */
export const filesOf = (job: StageJob): readonly NamedFile[] => kindOf(job).files(job);

/** Returns the paths of those: a job can see these and no others. */
export const filesNamedBy = (job: StageJob): string[] => filesOf(job).map(({ path }) => path);

/**
 * Returns every file and folder named anywhere in a job, each once, with the field that names it first. An
 * input is one before all else.
 */
export function filesToPack(job: Job): { path: string; field: (string | number)[] }[] {
  const named = partsOf(job).flatMap(({ part, path: place }) => {
    const files = filesOf(part);
    const inputs = new Set(files.flatMap(({ path, field }) => (field === 'inputs' ? [path] : [])));
    return files.map(({ path, field }) => ({
      path,
      field: [...place, inputs.has(path) ? 'inputs' : field],
    }));
  });
  return named.filter((each, index) => named.findIndex((other) => other.path === each.path) === index);
}

/** What a job may spend on models, in the ledger's units: millionths of a dollar, and tokens. Null is without limit. */
export const capOf = ({
  budget,
}: {
  budget: Extension;
}): { microUsd: number | null; tokens: number | null } => ({
  microUsd: budget.usd === undefined ? null : Math.round(budget.usd * 1e6),
  tokens: budget.tokens ?? null,
});

/** Returns what a job is about: a function and its file, a script, the stages of a pipeline. */
export const subjectOf = (job: Job): string => kindOf(job).subject(job);

/** Returns what a job was forked from, in words. */
export const forkText = ({ jobId, from }: Pick<Origin, 'jobId' | 'from'>): string =>
  `forked from ${jobId} at ${from}`;

/** Returns how a job asks models for programs; null where it does not. */
export const askingOf = (job: Job): Asking | null => kindOf(job).asking(job);

/** Returns whether a job asks models for programs. */
export const asksModels = (job: Job): boolean => askingOf(job) !== null;

/** Returns whether a job tries one candidate after another, within a budget. */
export const searches = (job: Job): boolean => asksModels(job) || triesTwice(kindOf(job).objective(job));
