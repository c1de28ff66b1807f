import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../domain/kinds/kinds.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const rooms = [
  'domain',
  'llm',
  'sandbox',
  'store',
  'web',
  'record',
  'activities',
  'workflows',
  'workers',
  'cli',
];
const names = Object.keys(kinds).join('|');

/** A comparison with the name of a kind, as `job.kind === 'solve'` or `case 'solve':`. */
const asked = new RegExp(`[!=]==?\\s*'(${names})'|'(${names})'\\s*[!=]==?|case '(${names})'`);

/** Every line of the house outside the table that asks which kind a job is, as `file:line`. */
async function placesThatAsk(): Promise<string[]> {
  const places: string[] = [];
  for (const room of rooms)
    for (const entry of await readdir(join(project, room), { recursive: true })) {
      const file = `${room}/${entry}`;
      if (!file.endsWith('.ts') || file.startsWith('domain/kinds/')) continue;
      const lines = (await readFile(join(project, file), 'utf8')).split('\n');
      places.push(...lines.flatMap((line, index) => (asked.test(line) ? [`${file}:${index + 1}`] : [])));
    }
  return places;
}

describe('a kind of job', () => {
  it('is asked for by its name in ten places at most: all else is in the table', async () => {
    expect("if (job.kind === 'optimize') {").toMatch(asked);
    const places = await placesThatAsk();
    expect(places.length, places.join('\n')).toBeLessThanOrEqual(10);
  });

  it('has a story of at most 90 lines', async () => {
    for (const kind of Object.keys(kinds)) {
      const story = await readFile(join(project, 'workflows', `${kind}.ts`), 'utf8');
      expect(story.split('\n').length - 1, `lines of workflows/${kind}.ts`).toBeLessThanOrEqual(90);
    }
  });
});
