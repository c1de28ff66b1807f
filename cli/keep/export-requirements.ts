import { readRequirements } from '../../domain/requirements.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { importsIn, statementsOf } from '../start/python-source.ts';

/** The first parts of the modules that Python sources may import. */
export const importsOf = (sources: readonly string[]): Set<string> =>
  new Set(
    sources
      .flatMap((source) => importsIn(statementsOf(source)))
      .flatMap(({ module, level }) => (level === 0 ? [module.split('.')[0] ?? ''] : [])),
  );

/** Returns the lock of the packages that a trial had beside those of every sandbox; null where it had none. */
export const lockOf = async (blobs: BlobStore, trial: Trial | null): Promise<string | null> =>
  trial?.artifacts.requirements === undefined ? null : blobs.text(trial.artifacts.requirements);

/**
 * Returns a requirements file: what is `needed` of the sandbox's `packages` by their modules, and all of a
 * lock. The lock's versions go first.
 */
export function requirementsText(
  packages: ReadonlyMap<string, string>,
  needed: ReadonlySet<string>,
  lock: string | null,
): string {
  const locked = readRequirements(lock ?? '').requirements;
  const names = new Set(locked.map(({ name }) => name));
  const own = [...packages].flatMap(([module, pinned]) =>
    needed.has(module) && !names.has(pinned.split('==')[0] ?? '') ? [pinned] : [],
  );
  return [...own, ...locked.map(({ text }) => text)]
    .sort()
    .map((line) => `${line}\n`)
    .join('');
}
