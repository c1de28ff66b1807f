import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Files beside the cheats: what is optimised, its inputs, honest programs, and what several of them import. */
const others = ['work', 'cases', 'few_cases', 'slow', 'same', 'once', 'exchange', 'in_the_kernel'];

test('each cheat stands in the table of what candidates try, in a row with the guard that meets it, and is tried', () => {
  const cheats = readdirSync(at('test/fixtures/honest'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.py'))
    .map((path) => basename(path, '.py'))
    .filter((name) => !others.includes(name));
  const text = readFileSync(at('docs/judging.md'), 'utf8').split('## What candidates try')[1] ?? '';
  const rows = text
    .split('\n')
    .filter((line) => /^\| (?!A candidate|---)/.test(line))
    .map((line) => line.split('|')[3] ?? '');
  const named = rows.map((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  expect(named.filter((names) => names.length === 0)).toEqual([]);
  expect(named.flat().sort()).toEqual([...new Set(cheats)].sort());
  expect(named.flat().length).toBeGreaterThanOrEqual(40);

  const tests = ['honest', 'honest.full', 'guards.full']
    .map((name) => readFileSync(at(`test/jobs/${name}.test.ts`), 'utf8'))
    .join('\n');
  expect(named.flat().filter((name) => !new RegExp(`['/]${name}(\\.py)?'`).test(tests))).toEqual([]);
});
