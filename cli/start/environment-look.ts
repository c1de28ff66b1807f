import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StageJob } from '../../domain/job.schema.ts';
import { nearest } from '../../domain/nearest.ts';
import { notLocked, packageName, readRequirements } from '../../domain/requirements.ts';
import { lockedPackages, packagesBroughtByImport } from '../../sandbox/packages.ts';
import type { JobFile } from './job-file.ts';

/**
 * Looks at the packages that a part of a job asks for, by their text alone. Returns what is to be said of them.
 * What no environment can be made from is a mistake; what looks like another package's name is a warning.
 */
export async function lookAtEnvironment(
  { folder, told }: Pick<JobFile, 'folder' | 'told'>,
  { environment }: StageJob,
  place: readonly (string | number)[],
): Promise<{ mistakes: string[]; warnings: string[] }> {
  const { requirements = [], lock } = environment ?? {};
  const field = [...place, 'environment', lock === undefined ? 'requirements' : 'lock'];
  const path = lock ?? (typeof requirements === 'string' ? requirements : null);
  const text =
    path === null ? [...requirements].join('\n') : await readFile(join(folder, path), 'utf8').catch(() => '');
  const read = readRequirements(text);
  const isLock = lock !== undefined || read.requirements.some(({ hashes }) => hashes.length > 0);
  const at = (line: number): string => (path === null ? '' : `${path}:${line}: `);
  const mistakes = [...read.mistakes, ...(isLock ? notLocked(read) : [])]
    .sort((one, other) => one.line - other.line)
    .map(({ line, message }) => told(field, `${at(line)}${message}`));
  if (path !== null && text !== '' && read.requirements.length + read.mistakes.length === 0)
    mistakes.push(told(field, `${path} names no package`));

  const core = [...(await lockedPackages()).values()].map((pinned) =>
    packageName(pinned.split('==')[0] ?? ''),
  );
  const known = [...core, ...packagesBroughtByImport];
  const warnings = isLock
    ? []
    : read.requirements.flatMap(({ line, name }) => {
        const meant = known.includes(name) ? null : nearest(name, known);
        return meant === null || Math.abs(meant.length - name.length) > 2
          ? []
          : [
              told(
                field,
                `${at(line)}${name}: is ${meant} meant? Whoever registers a name like it is not who made ${meant}`,
              ),
            ];
      });
  return { mistakes, warnings };
}
