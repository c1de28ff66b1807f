import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Models } from '../../domain/job-fields.schema.ts';
import { plainReason } from '../plain-reason.ts';
import { UserMistake } from '../terminal.ts';

/** Options of what a job may use, which all commands have that make one. */
export interface Allowances {
  trials?: number;
  minutes?: number;
  usd?: number;
  tokens?: number;
  cores?: number;
  memory?: number;
  profile?: Models['profile'];
  packages?: string[];
  onFailure?: string;
}

/** The fields of a job that say what it may use. */
export const allowances = ({
  trials,
  minutes,
  usd,
  tokens,
  cores,
  memory,
  profile,
  packages,
  onFailure,
}: Allowances) => ({
  environment: packages === undefined ? undefined : { requirements: packages },
  cores,
  on_failure: onFailure,
  limits: memory === undefined ? undefined : { memoryMb: memory },
  budget: given({
    trials,
    usd,
    tokens,
    wallMs: minutes === undefined ? undefined : Math.round(minutes * 60_000),
  }),
  models: profile === undefined ? undefined : { profile },
});

/** Options whose name is not that of their field. */
const optionOfField: Record<string, string> = {
  program: 'the program',
  ignoreLines: '--ignore-lines',
  'budget.wallMs': '--minutes',
  'limits.memoryMb': '--memory',
  'models.profile': '--profile',
  environment: '--packages',
  on_failure: '--on-failure',
};

/** A field of the job in the words of the command line. */
export function optionOf(path: readonly PropertyKey[]): string {
  const names = path.filter((part) => typeof part === 'string');
  return (
    optionOfField[names.join('.')] ??
    optionOfField[names[0] ?? ''] ??
    `--${names.at(names[0] === 'budget' ? 1 : 0)}`
  );
}

/** Without the fields that are not set: a default stands where there is none. */
export const given = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

export interface TypedPath {
  option: string;
  typed: string;
}

/** The lowest folder that all paths are below, and each path as seen from there. Throws `UserMistake` where there is none. */
export async function folderOf(
  paths: readonly TypedPath[],
): Promise<{ folder: string; pathOf: (typed: string) => string }> {
  const found = new Map<string, string>();
  for (const { option, typed } of paths) {
    try {
      await stat(typed);
      // The folder as it is, the last name as typed: a link there is followed when its file is read.
      found.set(typed, join(await realpath(dirname(resolve(typed))), basename(resolve(typed))));
    } catch (error) {
      throw new UserMistake(`${option} ${typed} in ${process.cwd()}: ${plainReason(error)}`);
    }
  }
  const [first = '', ...others] = [...found.values()].map(dirname);
  let folder = first;
  while (others.some((other) => other !== folder && !other.startsWith(folder === '/' ? '/' : `${folder}/`)))
    folder = dirname(folder);
  if (folder === '/' && first !== '/')
    throw new UserMistake(
      `${paths.map(({ typed }) => typed).join(', ')}: the files of a job are in one folder or below it, and these have none in common; copy them below one`,
    );
  return { folder, pathOf: (typed) => relative(folder, found.get(typed) ?? typed) };
}

const longestName = 63;

/** A job's name out of what it is about, each word once: `slow-blur`. */
export function nameFrom(texts: readonly string[]): string {
  const slugOf = (text: string): string =>
    text
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '');
  const parts = texts.map(slugOf).filter((part) => part !== '');
  const name = [...new Set(parts)].join('-').slice(0, longestName).replace(/-+$/, '');
  return name === '' ? 'job' : name;
}
