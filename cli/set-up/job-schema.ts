import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Job } from '../../domain/job.schema.ts';

export const jobSchemaPath = fileURLToPath(new URL('../../job.schema.json', import.meta.url));

/**
 * Returns the schema of job files for editors, as text. It says what a user may write, so fields with a default
 * may be left out.
 */
export const jobSchema = (): string =>
  `${JSON.stringify({ title: 'A Crucible job', ...z.toJSONSchema(Job, { target: 'draft-7', io: 'input' }) }, null, 2)}\n`;

// `node cli/set-up/job-schema.ts` writes the file again, after the schemas have changed.
if (import.meta.main) await writeFile(jobSchemaPath, jobSchema());
