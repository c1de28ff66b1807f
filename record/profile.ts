import type { Artifact } from '../domain/artifact.schema.ts';
import { ObservedRecord } from '../domain/strategies.schema.ts';
import type { BlobStore } from '../store/blobs.ts';
import { readJson, readProgram } from '../store/documents.ts';
import type { ProfileFacts } from '../web/facts.ts';
import type { KeptJob } from './kept-job.ts';

const most = { lines: 8, arguments: 12 };

/**
 * Returns where the time of a job's own program goes, and what its function was given. Null where none was
 * observed.
 */
export async function profileOf(
  blobs: BlobStore,
  { job, strategies, trials }: KeptJob,
): Promise<ProfileFacts | null> {
  const record = strategies?.record;
  const baseline = trials.find(({ purpose }) => purpose === 'baseline');
  if (record == null || baseline === undefined) return null;
  return observedIn(blobs, record, baseline.candidate.program, enteredBy(job));
}

/**
 * Returns the same of a candidate, as its verification observed it. Null where it was not verified, or left no
 * record.
 */
export async function profileAfter(
  blobs: BlobStore,
  { job, trials }: KeptJob,
  candidate: string | null,
): Promise<ProfileFacts | null> {
  const trial = trials.findLast(
    (each) => each.candidate.id === candidate && each.artifacts.profile !== undefined,
  );
  const { profile, program } = trial?.artifacts ?? {};
  if (profile === undefined || program === undefined) return null;
  return observedIn(blobs, profile, program, enteredBy(job));
}

const enteredBy = (job: KeptJob['job']): string | undefined =>
  job.kind === 'optimize' ? job.function : undefined;

/** Returns what was observed of a program, with the text of its lines. `name` is the function that was entered. */
export async function observedIn(
  blobs: BlobStore,
  record: Artifact,
  program: Artifact,
  name: string | undefined,
): Promise<ProfileFacts> {
  const { lines, functions } = await readJson(blobs, record, ObservedRecord);
  const { files } = await readProgram(blobs, program);
  const texts = new Map<string, string[]>();
  const textAt = async (artifact: Artifact | undefined, file: string, line: number): Promise<string> => {
    if (artifact === undefined) return '';
    if (!texts.has(file)) texts.set(file, (await blobs.get(artifact)).toString('utf8').split('\n'));
    return texts.get(file)?.[line - 1]?.trim() ?? '';
  };
  const entered = functions.find((each) => each.name === name);
  return {
    lines: await Promise.all(
      lines.slice(0, most.lines).map(async ({ file, line, share }) => ({
        ...{ place: `${file}:${line}`, share },
        text: await textAt(files[file], file, line),
      })),
    ),
    held: Object.entries(entered?.arguments ?? {})
      .slice(0, most.arguments)
      .map(([argument, { type }]) => ({ name: argument, type })),
  };
}
