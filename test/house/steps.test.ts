import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));
const rooms = [
  'activities',
  'cli',
  'domain',
  'llm',
  'record',
  'sandbox',
  'store',
  'web',
  'workers',
  'workflows',
];

/** The key of a hold in an account has the request's number behind a `#`, and is no step's. */
const others = ['domain/step.ts', 'domain/job-id.ts', 'store/ledger/model-calls.ts'];

it('paths of steps, their keys and the IDs of jobs are built and taken apart in one place each', async () => {
  const found: string[] = [];
  for (const room of rooms)
    for (const entry of await readdir(join(project, room), { recursive: true })) {
      const file = `${room}/${entry}`;
      if (!entry.endsWith('.ts') || others.includes(file)) continue;
      const lines = (await readFile(join(project, file), 'utf8')).split('\n');
      for (const [index, line] of lines.entries())
        if (
          !/^\s*(\/\*\*|\*|\/\/)/.test(line) &&
          /[}\w]#\$\{|(?:indexOf|split)\('#'\)|\/(?:propose|repair|again|verify)-|\/(?:proposed|files)`/.test(
            line,
          )
        )
          found.push(`${file}:${index + 1}: ${line.trim()}`);
    }
  expect(found).toEqual([]);
});
