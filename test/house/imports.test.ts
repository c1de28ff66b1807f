import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** The floors of the house, from the ground up. A room imports from its own floor and from those below. */
const floors = [
  ['domain'],
  ['llm', 'recipes', 'sandbox', 'store', 'web'],
  ['record'],
  ['activities'],
  ['workflows'],
  ['workers', 'cli'],
];
const rooms = floors.flat();
const floorOf = (path: string): number =>
  floors.findIndex((floor) => floor.includes(path.split('/')[0] ?? ''));

/** Every source file of the rooms with the files of rooms it imports; `types`: imports that leave nothing in the running program. */
async function importsOf(): Promise<Map<string, { path: string; types: boolean }[]>> {
  const all = new Map<string, { path: string; types: boolean }[]>();
  for (const room of rooms)
    for (const entry of await readdir(join(project, room), { recursive: true })) {
      if (!entry.endsWith('.ts')) continue;
      const file = `${room}/${entry}`;
      const text = await readFile(join(project, file), 'utf8');
      const statements = [...text.matchAll(/^(?:import|export)\b([^;]*?)\bfrom '(\.[^']+)';/gms)];
      all.set(
        file,
        statements.map(([, names = '', source = '']) => ({
          path: normalize(join(dirname(file), source)),
          types: names.trimStart().startsWith('type '),
        })),
      );
    }
  return all;
}

describe('the house', () => {
  it('imports point downwards', async () => {
    const upwards = [...(await importsOf())].flatMap(([file, imports]) =>
      imports
        // Workflows know activities by their types alone, which a rule of the linter sees to.
        .filter(({ path }) => floorOf(path) > floorOf(file))
        .map(({ path }) => `${file} → ${path}`),
    );
    expect(upwards).toEqual([]);
  });

  it('no file needs itself in order to be loaded', async () => {
    const all = await importsOf();
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: string[]): void => {
      if (trail.includes(file)) {
        circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const { path, types } of all.get(file) ?? []) if (!types) visit(path, [...trail, file]);
      done.add(file);
    };
    for (const file of all.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('a workflow in a subfolder that imports more than types from activities is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-lint-'));
    try {
      const file = join(folder, 'workflows', 'loop', 'deep', 'story.ts');
      await mkdir(dirname(file), { recursive: true });
      const lint = async (source: string): Promise<string> => {
        await writeFile(file, source);
        const biome = join(project, 'node_modules/@biomejs/biome/bin/biome');
        const args = [biome, 'lint', `--config-path=${join(project, 'biome.json')}`, file];
        return promisify(execFile)(process.execPath, args).then(
          () => 'accepted',
          ({ stderr }: { stderr: string }) => stderr,
        );
      };
      const source = (type: string): string =>
        `import ${type}{ takeStep } from '../../../activities/context.ts';\nexport type Found = typeof takeStep;\n`;
      expect(await lint(source('type '))).toBe('accepted');
      expect(await lint(source(''))).toContain('Workflows take only types from elsewhere');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
