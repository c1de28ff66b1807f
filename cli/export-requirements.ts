import { readFile } from 'node:fs/promises';

const lockFile = new URL('../docker/sandbox/core.txt', import.meta.url);

/** What a package is imported as, where that is not its name. */
const imported: Record<string, string> = { pillow: 'PIL', 'scikit-image': 'skimage' };

/** The packages of the sandbox, `name==version` by the name they are imported by. */
export async function lockedPackages(): Promise<Map<string, string>> {
  const lock = await readFile(lockFile, 'utf8');
  return new Map(
    [...lock.matchAll(/^([A-Za-z0-9._-]+)==([^\s\\;]+)/gm)].map(([, name = '', version = '']) => [
      imported[name] ?? name.replaceAll('-', '_'),
      `${name}==${version}`,
    ]),
  );
}

/** `import a, b.c`, `from a.b import c`, and modules that are found or imported by a name in quotes. */
const statements = /^\s*(?:import\s+([\w., \t]+)|from\s+(\w[\w.]*)\s+import)/gm;
const byName = /(?:import_module|find_spec|__import__)\(\s*['"](\w+)/g;

/** The first parts of the modules that Python sources may import. */
export function importsOf(sources: readonly string[]): Set<string> {
  const names = sources.flatMap((source) => [
    ...[...source.matchAll(statements)].flatMap(([, list, from]) => list?.split(',') ?? from ?? []),
    ...[...source.matchAll(byName)].map(([, name = '']) => name),
  ]);
  return new Set(names.map((name) => /^\s*(\w+)/.exec(name)?.[1] ?? '').filter((name) => name !== ''));
}
