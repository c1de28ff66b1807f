import { ConfigWrong } from '../../domain/errors.ts';
import { layersBelow } from '../../sandbox/layers.ts';
import { lockedPackages, packagesForPrograms } from '../../sandbox/packages.ts';
import { cache } from '../../setup/places.mjs';
import { type Fact, facts } from '../../setup/toolchain.mjs';
import { shownUrl } from '../../store/postgres.ts';
import { openStore } from '../../store/store.ts';
import { readConfig, readHome } from '../../workers/config.ts';
import { complaintOf } from '../mistakes.ts';
import { type Cell, type Column, type CommandContext, paint, table, wrap } from '../terminal.ts';

/** Below this width what is wanted is said of what is missing alone. */
const wideColumns = 120;

/**
 * `crucible doctor`: what this machine has of what Crucible needs, and whether its settings can be used. Returns whether nothing that
 * is needed is missing.
 */
export async function doctor(
  context: Omit<CommandContext, 'store'>,
  environment: Record<string, string | undefined>,
): Promise<boolean> {
  const { json, out, columns } = context;
  const packages = await packagesFact();
  const layers = await layersFact();
  const found = [
    ...(await facts(readHome(environment))),
    settings(environment),
    await storeFact(environment),
    packages,
    layers,
  ];
  const missing = found.filter(({ how }) => how !== null);
  if (json) {
    out(JSON.stringify(found));
    return missing.length === 0;
  }
  const wide = columns >= wideColumns;
  const rows = found
    .filter((fact) => fact !== packages && fact !== layers)
    .map((fact): Cell[] => [
      fact.name,
      fact.how !== null
        ? { text: 'missing', format: 'red' }
        : fact.found === null
          ? { text: 'not there', format: 'dim' }
          : { text: fact.used ? 'ok' : 'not used', format: fact.used ? 'green' : 'dim' },
      fact.version ?? '',
      fact.found ?? '',
      fact.wanted,
    ]);
  const headings: Column[] = [
    { title: 'what' },
    { title: '' },
    { title: 'version' },
    { title: 'found', stretch: true },
    ...(wide ? [{ title: 'wanted', stretch: true } as const] : []),
  ];
  const [header = '', ...lines] = table(context, headings, rows);
  out(header);
  for (const [index, line] of lines.entries()) {
    out(line);
    const fact = found[index];
    if (fact?.how == null) continue;
    const help = [...(wide ? [] : [`wanted: ${fact.wanted}`]), `to get it: ${fact.how}`];
    for (const text of help.flatMap((each) => wrap(each, columns - 2)))
      out(paint(context, 'yellow', `  ${text}`));
  }
  out('');
  // More than a column holds.
  for (const line of wrap(`packages in the sandbox: ${packages.found}`, columns)) out(line);
  for (const line of wrap(`packages of jobs: ${layers.found}`, columns)) out(line);
  out('');
  out(
    missing.length === 0
      ? paint(context, 'green', 'Nothing that is needed is missing.')
      : paint(context, 'red', `Missing: ${missing.map(({ name }) => name).join(', ')}.`),
  );
  return missing.length === 0;
}

/** Where the store is; one on servers is opened, as it is by every command. */
async function storeFact(environment: Record<string, string | undefined>): Promise<Fact> {
  const fact = { name: 'store', wanted: 'a folder, or servers that can be used', version: null, used: true };
  try {
    const { home, shared } = readConfig(environment);
    if (shared === null) return { ...fact, found: `in ${home}`, how: null };
    const { id, close } = await openStore(home, { shared });
    await close();
    const blobs = 'folder' in shared.blobs ? shared.blobs.folder : shared.blobs.url;
    return { ...fact, found: `${shownUrl(shared.ledger)} with ${blobs}, ID ${id}`, how: null };
  } catch (error) {
    // What cannot be read is told by the settings.
    if (error instanceof ConfigWrong) return { ...fact, used: false, found: null, how: null };
    return { ...fact, found: null, how: `mend ${complaintOf(error, { traced: false })}` };
  }
}

/** The settings of the environment and of models.yaml. */
function settings(environment: Record<string, string | undefined>): Fact {
  let wrong: string | null = null;
  try {
    readConfig(environment);
  } catch (error) {
    wrong = complaintOf(error, { traced: false });
  }
  return {
    name: 'settings',
    wanted: 'variables and models.yaml that can be read',
    found: wrong === null ? 'in order' : null,
    version: null,
    used: true,
    how: wrong === null ? null : `mend ${wrong}`,
  };
}

/** Every package of the sandbox's Python, those that programs are written with first. */
async function packagesFact(): Promise<Fact> {
  const main = await packagesForPrograms();
  const all = [...(await lockedPackages()).values()].map((pinned) => pinned.replace('==', ' '));
  return {
    name: 'packages',
    wanted: 'what a program can import in the sandbox, besides what comes with Python 3.11',
    found: [...main, ...all.filter((each) => !main.includes(each)).sort()].join(', '),
    version: null,
    used: true,
    how: null,
  };
}

/** What was installed for environments of jobs. */
async function layersFact(): Promise<Fact> {
  const { folder, count, mb } = await layersBelow(cache);
  return {
    name: 'packages of jobs',
    wanted: 'made when a job asks for packages; they may be removed at any time',
    found: count === 0 ? 'none yet' : `${count} ${count === 1 ? 'layer' : 'layers'}, ${mb} MB, in ${folder}`,
    version: null,
    used: count > 0,
    how: null,
  };
}
