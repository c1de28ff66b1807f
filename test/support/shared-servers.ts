import type { TestProject } from 'vitest/node';
import { testBucket } from '../store/temporary-store.ts';
import { startPostgres } from './postgres.ts';
import { startS3 } from './s3.ts';

/** Starts a PostgreSQL and an S3 server for all files of a project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [postgres, s3] = await Promise.all([startPostgres(), startS3()]);
  await s3.makeBucket(testBucket);
  project.provide('servers', {
    postgres: { port: postgres.port, password: postgres.password },
    s3: { endpoint: s3.endpoint, folder: s3.folder },
  });
  return async () => {
    await Promise.all([postgres.stop(), s3.stop()]);
  };
}
