import type { z } from 'zod';
import { type Artifact, Tree } from '../domain/artifact.schema.ts';
import { JobInput } from '../domain/job-input.schema.ts';
import { Program } from '../domain/program.schema.ts';
import type { BlobStore } from './blobs.ts';
import type { JobRecord } from './ledger/jobs.ts';

/** Reads an artifact that holds JSON of a known schema. */
export async function readJson<T>(blobs: BlobStore, artifact: Artifact, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await blobs.text(artifact)));
}

/** Returns what a job's workflow was started with. */
export const readInput = (blobs: BlobStore, { input }: Pick<JobRecord, 'input'>): Promise<JobInput> =>
  readJson(blobs, input, JobInput);

export const writeJson = (blobs: BlobStore, value: unknown): Promise<Artifact> =>
  blobs.put(JSON.stringify(value));

export const readTree = (blobs: BlobStore, artifact: Artifact): Promise<Tree> =>
  readJson(blobs, artifact, Tree);

export const readProgram = (blobs: BlobStore, artifact: Artifact): Promise<Program> =>
  readJson(blobs, artifact, Program);
