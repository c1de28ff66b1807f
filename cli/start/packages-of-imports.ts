import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job, StageJob } from '../../domain/job.schema.ts';
import { filesOf } from '../../domain/job.ts';
import type { AskedEnvironment } from '../../domain/job-fields.schema.ts';
import { partsOf, withParts } from '../../domain/kinds/kinds.ts';
import { packageName, readRequirements } from '../../domain/requirements.ts';
import { lockedPackages, namedLayers, packageOf } from '../../sandbox/packages.ts';
import { importsIn, statementsOf } from './python-source.ts';

/**
 * Returns a job with the packages in its environment that its Python files import. They are those that may be
 * brought by an import alone. One that names its environment has that and no other.
 */
export async function withPackagesOfImports(
  job: Job,
  folder: string,
  files: readonly string[],
): Promise<Job> {
  const found = new Map<StageJob, AskedEnvironment>();
  for (const { part } of partsOf(job)) {
    const requirements = part.environment === undefined ? await packagesOfImports(part, folder, files) : [];
    if (requirements.length > 0) found.set(part, { requirements });
  }
  return withParts(job, (part) => {
    const environment = found.get(part);
    return environment === undefined ? part : { ...part, environment };
  });
}

async function packagesOfImports(
  part: StageJob,
  folder: string,
  files: readonly string[],
): Promise<string[]> {
  const sandbox = await lockedPackages();
  const own = (name: string): boolean =>
    files.some((path) => path.split('/').some((each) => each.split('.')[0] === name));
  const sources = filesOf(part).flatMap(({ path, field, python }) =>
    python === null && field !== 'script' ? [] : [path],
  );
  const modules = await Promise.all(
    [...new Set(sources)].map(async (path) => {
      const text = await readFile(join(folder, path), 'utf8').catch(() => '');
      return importsIn(statementsOf(text)).flatMap(({ module, level, optional }) =>
        level > 0 || optional ? [] : [module.split('.')[0] ?? ''],
      );
    }),
  );
  const wanted = modules.flat().filter((name) => !sandbox.has(name) && !own(name));
  return [...new Set(wanted.flatMap((name) => packageOf(name) ?? []))].sort();
}

/**
 * Returns the packages that a part of a job asks for, as indexes write their names. Returns null where that is
 * not to be known here.
 */
export async function packagesAskedFor(
  { environment }: StageJob,
  folder: string,
): Promise<ReadonlySet<string> | null> {
  const { requirements = [], lock, image, layer } = environment ?? {};
  if (image !== undefined) return null;
  if (layer !== undefined) return new Set(namesIn(await namedLayers[layer].lock()));
  const path = lock ?? (typeof requirements === 'string' ? requirements : null);
  const text =
    path === null
      ? [...requirements].join('\n')
      : await readFile(join(folder, path), 'utf8').catch(() => null);
  return text === null ? null : new Set(namesIn(text));
}

const namesIn = (text: string): string[] => readRequirements(text).requirements.map(({ name }) => name);

/** Returns whether a package that is asked for is what `module` is imported from, as far as names tell. */
export const bringsModule = (asked: ReadonlySet<string>, module: string): boolean =>
  asked.has(packageName(module)) || asked.has(packageName(packageOf(module) ?? module));
