import type { Job } from '../job.schema.ts';
import type { AskedEnvironment, Models } from '../job-fields.schema.ts';
import type { Role } from '../job-input.ts';
import type { Objective } from '../objective.ts';
import type { Stage } from './pipeline.schema.ts';

/** A Python file that a job names. It says what that is to the job, and which function in it is called. */
export interface NamedPython {
  as: 'program' | 'cases' | 'check' | 'oracle' | 'onFolders' | 'evaluator';
  /** Null where the file is run as a script. */
  calls: string | null;
}

/** A file or folder that a job names. */
export interface NamedFile {
  path: string;
  /** The field that names it. */
  field: string;
  /** Null for what is read, and not run. */
  python: NamedPython | null;
}

/** How a job asks models for programs. */
export interface Asking {
  models: Models;
  /** The roles it asks for. */
  roles: readonly Role[];
  /** What does the work where no model can be asked, in words; null: nothing does. */
  otherwise: string | null;
}

/** All that the house has to know of a kind of job. The workflow of its name, and its questions to models, are the rest of it. */
export interface Kind<J extends Job> {
  /** What makes one of its programs better than another. */
  objective(job: J): Objective;
  /**
   * What a user gets of it: the best program, the files of a run, or what predicts. Of stages it is a folder
   * for each.
   */
  product: 'program' | 'outputs' | 'stages' | 'model';
  /** Whether people talk to it, turn by turn; it goes on until they end it. */
  talks?: true;
  /** Files and folders it names: it can see these and no others. */
  files(job: J): readonly NamedFile[];
  /** The files its programs are to write, as glob patterns. */
  writes(job: J): readonly string[];
  /** The jobs it is made of, in order. */
  stages(job: J): readonly Stage[];
  /** What it is about, in a few words. */
  subject(job: J): string;
  /** What was asked, in one sentence. */
  sentence(job: J): string;
  /** Null where it asks models for nothing. */
  asking(job: J): Asking | null;
  /** The user's own function that judges answers, in words; null: they are compared. */
  check(job: J): string | null;
}

/** Files and folders that are read and not run, by the field that names them. */
export const read = (field: string, paths: readonly (string | undefined)[]): NamedFile[] =>
  paths.flatMap((path) => (path === undefined ? [] : [{ path, field, python: null }]));

/** The file that a job's environment is made from; none where it names packages, an image, or has none. */
export function environmentFiles({
  environment,
}: {
  environment?: AskedEnvironment | undefined;
}): NamedFile[] {
  const { requirements, lock } = environment ?? {};
  const path = lock ?? (typeof requirements === 'string' ? requirements : undefined);
  return read('environment', [path]);
}
