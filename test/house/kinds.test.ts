import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../activities/try', import.meta.url));

it('what tries a candidate knows its exam, and not the kind of its job', async () => {
  const asking: string[] = [];
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  for (const name of names)
    for (const [index, line] of (await readFile(join(folder, name), 'utf8')).split('\n').entries())
      if (
        /\bjob\.(kind|function)\b|\b(Optimize|Solve|Pipeline|Stage)Job\b|\b(Job|JobKind)\b.*from/.test(line)
      )
        asking.push(`${name}:${index + 1}: ${line.trim()}`);
  expect(asking).toEqual([]);
  expect(names).toContain('grade.ts');
});
