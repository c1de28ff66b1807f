import { dirname } from 'node:path';
import { z } from 'zod';
import type { Exam } from '../../domain/judging.ts';
import { type Place, parseStep } from '../../domain/step.ts';
import { packagesOf } from '../../record/environment.ts';
import { bringing } from '../../sandbox/packages.ts';
import { readInput, readJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import type { Surroundings } from '../diagnose/failure.ts';

/** Returns one line on what a program missed: a module, a file, the network, room. Null where its own words do not say so. */
export function hintOn(said: string, around: Surroundings): string | null {
  const module = [...said.matchAll(/No module named '?([\w.]+)'?/g)].at(-1)?.[1];
  if (module !== undefined) return moduleHint(module, around);
  if (said.includes('attempted relative import with no known parent package'))
    return `${around.program} is run by itself, not as part of a package: import what stands beside it by its name, without a dot in front`;
  if (/Temporary failure in name resolution|Name or service not known|Network is unreachable/.test(said))
    return 'a sandbox has no network: fetch it before, and name the file in `inputs`';
  const room = roomHints.find(([words]) => words.test(said))?.[1];
  return room ?? fileHint(said, around);
}

/** Which field allows more, where the system's own words name none. */
const roomHints: readonly (readonly [RegExp, string])[] = [
  [
    /\[Errno 27\]|File too large/,
    'no file, and no block of shared memory, may be larger than `limits.fileMb`, or than `limits.memoryMb` where that is not given',
  ],
  [
    /\[Errno 28\]|No space left on device/,
    'its working directory holds as much as `limits.diskMb` says; /tmp and shared memory as `limits.memoryMb` says',
  ],
];

/** Returns what the ledger knows of them. Only the user is told what stands beside the inputs: others' programs cannot ask for it. */
export async function surroundings(
  store: Store,
  { jobId, step }: Pick<Place, 'jobId' | 'step'>,
  { program, judging }: Exam,
  had: readonly string[],
): Promise<Surroundings> {
  const record = await store.ledger.job(jobId);
  const input = record && (await readInput(store.blobs, record));
  const isOwn = parseStep(step).candidate === 'c-0';
  const beside = isOwn && input ? await readJson(store.blobs, input.beside, z.array(z.string())) : [];
  return {
    program,
    had,
    beside: beside.filter((path) => !had.includes(path)),
    packages: await packagesOf(store, jobId),
    options: isOwn && judging.kind !== 'checks' && judging.kind !== 'score' && input?.parent === null,
  };
}

const add = (path: string, { options }: Surroundings): string =>
  `add inputs: [${path}]${options ? `, or --inputs ${path}` : ''}`;

function moduleHint(module: string, around: Surroundings): string {
  const path = module.split('.').join('/');
  const folder = dirname(around.program);
  const places = folder === '.' ? [''] : [`${folder}/`, ''];
  for (const place of places) {
    const file = `${place}${path}.py`;
    if (around.beside.includes(file)) return besideHint(file, around);
    if (around.beside.some((each) => each.startsWith(`${place}${path}/`) && each.endsWith('.py')))
      return besideHint(`${place}${path}`, around);
  }
  const elsewhere = (paths: readonly string[]): string | undefined =>
    paths.find((each) => `/${each}`.endsWith(`/${path}.py`) || `/${each}`.endsWith(`/${path}/__init__.py`));
  const here = elsewhere(around.had);
  if (here !== undefined)
    return `there is ${here}, but Python looks beside ${around.program}: import it by its whole name, or put its folder on sys.path`;
  const near = elsewhere(around.beside);
  if (near !== undefined) return besideHint(near, around);
  const [name = module] = module.split('.');
  return `the sandbox has no ${name}; it has ${around.packages.join(', ')}. ${bringing(name)}`;
}

const besideHint = (path: string, around: Surroundings): string =>
  `${path} stands in the folder of the job and is not among its inputs: ${add(path, around)}`;

const mostHeld = 10;

function fileHint(said: string, around: Surroundings): string | null {
  const line = said
    .split('\n')
    .find((each) =>
      /FileNotFoundError|No such file|(?:does )?not (?:found|exist)|can(?:no|')t open/i.test(each),
    );
  if (line === undefined) return null;
  const quoted = [...line.matchAll(/'([^']+)'|"([^"]+)"/g)].map(
    ([, single, double]) => single ?? double ?? '',
  );
  const words = line.split(/\s+/).map((word) => word.replace(/[:,;.]+$/, ''));
  const names = [...quoted, ...words.filter((word) => /[./\\]/.test(word))];
  const found = names.map((name) => whereIs(name, around)).find((hint) => hint !== null);
  if (found === undefined && !/FileNotFoundError|No such file/i.test(line)) return null;
  const top = [...new Set(around.had.map((path) => path.replace(/\/.*/, '/')))].sort();
  const more = top.length > mostHeld ? ` and ${top.length - mostHeld} more` : '';
  const held = `its working directory held ${top.slice(0, mostHeld).join(', ')}${more}`;
  return found == null ? held : `${found}; ${held}`;
}

/** Returns where the file is that a program opened as `name`, and what to do; null where it is nowhere. */
function whereIs(name: string, around: Surroundings): string | null {
  const { beside, had, program } = around;
  const path = name
    .replaceAll('\\', '/')
    .replace(/^\/(?:work\/(?:baseline|candidate)|work|players\/[a-z]+|in\/job)\//, '')
    .replace(/^\.\//, '')
    .replace(/\/$/, '');
  if (path === '' || path === '.') return null;
  const isIn = (paths: readonly string[], wanted: string): boolean =>
    paths.some((each) => each === wanted || each.startsWith(`${wanted}/`));
  if (isIn(beside, path)) return besideHint(path, around);

  const open = (there: string): string => `open it as ${there}: paths begin at the folder of the job`;
  const inFolder = `${dirname(program)}/${path}`;
  if (isIn(beside, inFolder)) return `${besideHint(inFolder, around)}, and ${open(inFolder)}`;
  const ending = (paths: readonly string[]): string | undefined =>
    paths.filter((each) => `/${path}`.endsWith(`/${each}`)).sort((a, b) => b.length - a.length)[0];
  const known = ending(had);
  if (known !== undefined) return known === path ? null : `${name} is a path of your machine: ${open(known)}`;
  const near = ending(beside);
  if (near !== undefined) return `${besideHint(near, around)}, and ${open(near)}`;
  const same = had.find((each) => each.endsWith(`/${path}`));
  return same === undefined ? null : open(same);
}
