import { readFile } from 'node:fs/promises';
import { importsIn, statementsOf } from './python-source.ts';

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

/** The first parts of the modules that Python sources may import. */
export const importsOf = (sources: readonly string[]): Set<string> =>
  new Set(
    sources
      .flatMap((source) => importsIn(statementsOf(source)))
      .flatMap(({ module, level }) => (level === 0 ? [module.split('.')[0] ?? ''] : [])),
  );
