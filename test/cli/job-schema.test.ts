import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { jobSchema, jobSchemaPath } from '../../cli/set-up/job-schema.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const pages = ['job-file', 'checks', 'experiments', 'cpp-module'].map((name) =>
  fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)),
);

it('the schema for editors is up to date: after a change, node cli/set-up/job-schema.ts writes it again', async () => {
  expect(await readFile(jobSchemaPath, 'utf8')).toBe(jobSchema());
});

it('the schema for editors takes every example, and marks a wrong field of one', async () => {
  const schema = z.fromJSONSchema(JSON.parse(jobSchema()));
  const files = (await readdir(examples)).filter((name) => name.endsWith('.yaml'));
  expect(files).toContain('start.yaml');
  for (const file of files) {
    const job = parse(await readFile(join(examples, file), 'utf8'));
    expect(schema.safeParse(job).error, file).toBeUndefined();
    expect(schema.safeParse({ ...job, scirpt: 'a.py' }).success, file).toBe(false);
    expect(schema.safeParse({ ...job, name: 'My Job' }).success, file).toBe(false);
  }
});

it('the pages about the job file and its checks name every field there is', async () => {
  const text = (await Promise.all(pages.map((page) => readFile(page, 'utf8')))).join('\n');
  const fields = new Set<string>();
  JSON.stringify(JSON.parse(jobSchema()), (key, value) => {
    if (key === 'properties') for (const field of Object.keys(value)) fields.add(field);
    return value;
  });
  expect(fields.size).toBeGreaterThan(40);
  expect([...fields].filter((field) => !text.includes(`\`${field}\``))).toEqual([]);
});
