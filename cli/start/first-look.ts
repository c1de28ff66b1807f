import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative } from 'node:path';
import { defaults } from '../../domain/defaults.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import { askingOf, filesOf, subjectOf } from '../../domain/job.ts';
import { modulesTested } from '../../domain/judging.ts';
import type { NamedPython } from '../../domain/kinds/kind.ts';
import { kindOf, partsOf, stagesOf } from '../../domain/kinds/kinds.ts';
import { nearest } from '../../domain/nearest.ts';
import { standardModules } from '../../domain/python-modules.ts';
import { explainNoRoute, type ModelConfig, routesFor, takesBatches } from '../../llm/catalogue/routes.ts';
import { beyondMachine, type Machine, thisMachine } from '../../sandbox/machine.ts';
import { bringing, lockedPackages, packagesForPrograms } from '../../sandbox/packages.ts';
import { isThere } from '../keep/in-the-way.ts';
import type { Session } from '../server/session.ts';
import { paint, sayOf, UserMistake } from '../terminal.ts';
import { lookAtEnvironment } from './environment-look.ts';
import { estimatesOf } from './estimates.ts';
import type { JobFile } from './job-file.ts';
import { bringsModule, packagesAskedFor } from './packages-of-imports.ts';
import {
  functionNamed,
  hasNoResult,
  isGenerator,
  type ModuleNames,
  namesIn,
  notPython,
  returnsNothing,
} from './python-names.ts';
import { importsIn, type PythonStatement, pathsIn, statementsOf } from './python-source.ts';

/** What can be said of a job's programs before anything is started. */
export interface FirstLook {
  /** With these it must fail. */
  mistakes: string[];
  /** With these it may. */
  warnings: string[];
}

/** A Python source of the job. */
interface Source {
  /** Relative to the job's folder. */
  path: string;
  /** In the words of how the job was given. */
  told: string;
  statements: PythonStatement[];
  names: ModuleNames;
}

/**
 * Looks at the text of a job's programs and of what makes their inputs, and returns what is wrong. They are to be Python, to have the
 * functions that the job names, and to import what can be imported. What cannot be known without running them is not claimed. `machine` is
 * where sandboxes are; null: not known.
 */
export async function firstLook(file: JobFile, machine: Machine | null): Promise<FirstLook> {
  const { job } = file;
  const stages = stagesOf(job).map(({ name }) => name);
  const found: FirstLook = { mistakes: [], warnings: [] };
  for (const { part, path: place } of partsOf(job)) {
    const looked = await lookAt(file, part, stages);
    for (const { path, message } of misnamedOutputs(part))
      found.mistakes.push(file.told([...place, ...path], message));
    if (machine !== null)
      for (const { path, message } of tooMuchFor(machine, part))
        found.mistakes.push(file.told([...place, ...path], message));
    const packages = await lookAtEnvironment(file, part, place);
    found.mistakes.push(...packages.mistakes, ...looked.mistakes);
    found.warnings.push(...packages.warnings, ...looked.warnings);
  }
  return { mistakes: [...new Set(found.mistakes)], warnings: [...new Set(found.warnings)] };
}

/**
 * Returns the fields that ask for more than the machine has. No program could be started, or its threads would
 * wait for each other.
 */
function tooMuchFor(machine: Machine, { limits, cores }: StageJob): { path: string[]; message: string }[] {
  // What nobody asked for is no mistake on a machine with one core.
  const mostCores = Math.max(machine.cores, defaults.cores);
  return [
    { path: ['limits', 'memoryMb'], most: machine.memoryMb, got: limits.memoryMb },
    { path: ['cores'], most: mostCores, got: cores },
  ].flatMap(({ path, most, got }) => (got > most ? [{ path, message: beyondMachine(most, got) }] : []));
}

const ofAnotherKind = {
  image: { names: /\.(txt|csv|tsv|json|md|html?|py|npy|npz)$/i, expected: 'a picture, as in out.png' },
  npy: { names: /\.(txt|csv|tsv|json|md|html?|py|png|jpe?g|gif)$/i, expected: 'an array, as in out.npy' },
  json: { names: /\.(csv|tsv|md|html?|py|npy|npz|png|jpe?g|gif)$/i, expected: 'a document, as in out.json' },
  csv: { names: /\.(json|md|html?|py|npy|npz|png|jpe?g|gif|parquet)$/i, expected: 'a table, as in out.csv' },
  table: {
    names: /\.(csv|tsv|json|txt|md|xlsx?|npy|npz|png)$/i,
    expected: 'a table in Parquet, as in out.parquet',
  },
  npz: { names: /\.(txt|csv|tsv|json|md|html?|py|npy|png|jpe?g|gif)$/i, expected: 'arrays, as in out.npz' },
  video: {
    names: /\.(?!(?:mp4|m4v|mov|webm|mkv|avi|gif|png|webp)$)[^./*]+$/i,
    expected: 'a video, as in out.mp4 or out.gif',
  },
  mesh: {
    names: /\.(?!(?:stl|obj|ply|off)$)[^./*]+$/i,
    expected: 'a mesh, as in out.stl, .obj, .ply or .off',
  },
} as const;

/** Outputs whose names say that they are something else than what is checked of them. */
function misnamedOutputs(part: StageJob): { path: (string | number)[]; message: string }[] {
  const outputs = 'outputs' in part ? part.outputs : [];
  return outputs.flatMap((output, index) => {
    if (typeof output === 'string' || !('path' in output) || !(output.kind in ofAnotherKind)) return [];
    const { names, expected } = ofAnotherKind[output.kind as keyof typeof ofAnotherKind];
    if (!names.test(output.path)) return [];
    const message = `expected the name of ${expected}, for kind ${output.kind}; got ${output.path}`;
    return [{ path: ['outputs', index, 'path'], message }];
  });
}

/** Returns the machine that sandboxes are on; null where it may be another than this one. */
function machineOf({ temporalAddress, sandbox, models }: Session['config']): Machine | null {
  const mayBeRemote = sandbox === 'e2b' || (sandbox === 'auto' && models.access.e2b !== undefined);
  return temporalAddress === null && !mayBeRemote ? thisMachine() : null;
}

export interface BeginOptions {
  dryRun?: boolean;
  detached?: boolean;
  /** A folder that is to be written in the end. */
  out?: string;
}

/**
 * Looks at a job before it is submitted, and before what submits it is loaded. Returns false where that was all that was asked for. It
 * throws `UserMistake` with all that must fail, warns of what may, and says what the job is about.
 */
export async function beginJob(
  { config, context }: Pick<Session, 'config' | 'context'>,
  file: JobFile,
  { dryRun = false, detached = false, out: folder }: BeginOptions,
): Promise<boolean> {
  const { json, out } = context;
  const say = sayOf(context);
  if (folder !== undefined && (await isThere(folder)))
    throw new UserMistake(`--out ${folder}: it is there already: choose another folder`);
  const { mistakes, warnings } = await firstLook(file, machineOf(config));
  const estimates = await estimatesOf(file);
  mistakes.push(...estimates.mistakes, ...lacksModels(file, config.models));
  if (mistakes.length > 0) throw new UserMistake(mistakes.join('\n'));
  for (const warning of [...file.fitted, ...warnings]) say(paint(context, 'yellow', warning));
  const { job } = file;
  if (dryRun) {
    const { withoutModels } = await import('./submit.ts');
    const without = withoutModels(file, config.models, { newcomer: true });
    if (without !== null) say(without);
    for (const line of estimates.notes) say(line);
    const { affordable } = await import('./affordable.ts');
    for (const line of await affordable(file, config.models, context.store.ledger)) say(line);
    out(
      json
        ? JSON.stringify(job)
        : `${job.kind} ${job.name}: the job and its files are in order${warnings.length === 0 ? '' : ', but for what is said above'}; nothing was started`,
    );
  } else if (!detached) say(`${job.kind} ${job.name}: ${subjectOf(job)}`);
  return !dryRun;
}

/**
 * Returns what is to be said of each part of a job that begins with no program. It is said where no model can
 * write it one as it wants.
 */
export const lacksModels = ({ job, told }: Pick<JobFile, 'job' | 'told'>, models: ModelConfig): string[] =>
  partsOf(job).flatMap(({ part, path }) => {
    const asking = askingOf(part);
    if (asking === null) return [];
    const routes = routesFor('draft', asking.models, models, part.budget.usd);
    if (routes.length === 0)
      return asking.otherwise === null
        ? [told([...path, begunBy(part)], explainNoRoute(asking.models, models))]
        : [];
    const isBatched = asking.models.batch !== true || routes.some((route) => takesBatches(route, models));
    return isBatched ? [] : [told([...path, 'models', 'batch'], noBatches(routes))];
  });

const noBatches = (routes: readonly string[]): string =>
  `expected a route of a provider that takes batches (openai, anthropic or gemini), got ${routes.join(', ')}: name one, or leave \`batch\` out`;

/** The field that says what is to be written. */
const begunBy = (part: StageJob): string =>
  'template' in part && part.template !== undefined
    ? 'template'
    : 'module' in part && part.module !== undefined && part.task === undefined
      ? 'module'
      : 'task';

async function lookAt(file: JobFile, part: StageJob, stages: readonly string[]): Promise<FirstLook> {
  const found: FirstLook = { mistakes: [], warnings: [] };
  const files = filesOf(part).filter(({ python }) => python !== null);
  for (const [path, named] of Map.groupBy(files, (each) => each.path)) {
    // What an earlier stage makes is not there yet.
    if (stages.some((stage) => path.startsWith(`${stage}/`))) continue;
    const source = await sourceAt(file, path, found);
    if (source === null) continue;
    for (const { python } of named)
      if (python?.calls != null) found.mistakes.push(...mistakesOf[python.as](source, python.calls));
    await lookAtImports(file, part, source, found);
    await lookAtPaths(file, part, source, found);
  }
  return found;
}

/** Null where there is nothing more to say of it. */
async function sourceAt(file: JobFile, path: string, { mistakes }: FirstLook): Promise<Source | null> {
  const bytes = await readFile(join(file.folder, path));
  const told = toldAs(file, path);
  const text = bytes.toString('utf8');
  if (bytes.includes(0)) {
    mistakes.push(`${told}: expected a Python source, found bytes that are no text`);
    return null;
  }
  const statements = statementsOf(text);
  if (statements.length === 0) {
    mistakes.push(
      `${told}: expected a Python source, found ${text.trim() === '' ? 'an empty file' : 'comments alone'}`,
    );
    return null;
  }
  const wrong = notPython(statements);
  if (wrong !== null) {
    const line = text.split('\n')[wrong.line - 1]?.trim() ?? '';
    mistakes.push(`${told}:${wrong.line}: this is no Python: ${line.slice(0, 80)}`);
    return null;
  }
  return { path, told, statements, names: namesIn(statements) };
}

/** Why `name` cannot be what is called; empty where nothing is known against it. */
function mistakesOfName({ path, told, names }: Source, name: string): string[] {
  if (names.open || names.names.has(name)) return [];
  const inside = names.definitions.find((each) => each.name === name);
  const outer = inside?.around.at(-1);
  if (inside !== undefined && outer?.kind === 'class')
    return [
      `${told}:${inside.line}: ${name} is a method of ${outer.name}: methods are not supported; write a function beside the class that makes the object and calls ${name}, and name that one`,
    ];
  if (inside !== undefined)
    return [
      `${told}:${inside.line}: ${name} stands inside of ${outer?.name}: expected a function of the module itself`,
    ];
  const there = names.definitions.filter(({ around, kind }) => around.length === 0 && kind !== 'class');
  const has = [...new Set(there.map((each) => each.name))];
  const meant = nearest(name, has);
  return [
    `${told}: ${basename(path)} has no function ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}; it has: ${has.join(', ') || 'none'}`,
  ];
}

function mistakesOfFunction(source: Source, name: string): string[] {
  if (!source.path.endsWith('.py'))
    return [`${source.told}: expected a Python file with a name that ends in .py, to call ${name} in it`];
  const missing = mistakesOfName(source, name);
  const definition = functionNamed(source.names, name);
  if (missing.length > 0 || definition === null) return missing;
  const at = `${source.told}:${definition.line}: ${name}`;
  if (definition.kind === 'class') return [`${at} is a class: expected a function`];
  if (definition.kind === 'async def')
    return [
      `${at} is a coroutine (async def), which only gives something once it is awaited: write a function that calls asyncio.run(${name}(…)), and name that one`,
    ];
  if (isGenerator(definition))
    return [
      `${at} is a generator (it has yield), which only gives something once it is gone through: write a function that returns list(${name}(…)), and name that one`,
    ];
  if (hasNoResult(definition))
    return [
      `${at} returns nothing and changes none of its arguments, so there is nothing to compare: is a return missing?`,
    ];
  return [];
}

/** What keeps a function from being called as what the job names it for. */
const mistakesOf: Record<NamedPython['as'], (source: Source, name: string) => string[]> = {
  program: mistakesOfFunction,
  cases: mistakesOfMaker,
  check: mistakesOfCheck,
  oracle: mistakesOfFunction,
  onFolders: mistakesOfFoldersCheck,
  evaluator: mistakesOfEvaluator,
};

function mistakesOfMaker(source: Source, name: string): string[] {
  const missing = mistakesOfName(source, name);
  const definition = functionNamed(source.names, name);
  if (missing.length > 0 || definition === null) return missing;
  const at = `${source.told}:${definition.line}: ${name}`;
  const expected = `expected a function of a seed that returns the arguments, as in: def ${name}(seed): return (…,)`;
  if (definition.kind !== 'def')
    return [`${at} is ${definition.kind === 'class' ? 'a class' : 'a coroutine'}: ${expected}`];
  if (definition.parameters?.trim() === '') return [`${at} takes nothing: ${expected}`];
  if (isGenerator(definition)) return [`${at} is a generator: ${expected}`];
  if (returnsNothing(definition)) return [`${at} returns nothing: ${expected}`];
  return [];
}

function mistakesOfCheck(source: Source, name: string): string[] {
  const missing = mistakesOfName(source, name);
  const definition = functionNamed(source.names, name);
  if (missing.length > 0 || definition === null) return missing;
  const at = `${source.told}:${definition.line}: ${name}`;
  const expected = `expected a function of the arguments and an answer that returns whether it is right, as in: def ${name}(value, answer): return …`;
  if (definition.kind !== 'def')
    return [`${at} is ${definition.kind === 'class' ? 'a class' : 'a coroutine'}: ${expected}`];
  if (definition.parameters?.trim() === '') return [`${at} takes nothing: ${expected}`];
  if (isGenerator(definition)) return [`${at} is a generator: ${expected}`];
  if (returnsNothing(definition)) return [`${at} returns nothing: ${expected}`];
  return [];
}

function mistakesOfEvaluator(source: Source, name: string): string[] {
  const mistakes = mistakesOfFoldersCheck(source, name);
  const definition = functionNamed(source.names, name);
  if (mistakes.length > 0 || definition === null || !returnsNothing(definition)) return mistakes;
  return [
    `${source.told}:${definition.line}: ${name} returns nothing: expected a number, as in: def ${name}(inputs, outputs): return …`,
  ];
}

function mistakesOfFoldersCheck(source: Source, name: string): string[] {
  const missing = mistakesOfName(source, name);
  const definition = functionNamed(source.names, name);
  if (missing.length > 0 || definition === null) return missing;
  const at = `${source.told}:${definition.line}: ${name}`;
  const expected = `expected a function of two folders, as in: def ${name}(inputs, outputs): …`;
  if (definition.kind !== 'def')
    return [`${at} is ${definition.kind === 'class' ? 'a class' : 'a coroutine'}: ${expected}`];
  if (definition.parameters?.trim() === '') return [`${at} takes nothing: ${expected}`];
  if (isGenerator(definition)) return [`${at} is a generator: ${expected}`];
  return [];
}

/** How a file is added to the inputs, in the words of how the job was given. */
const toAdd = (file: JobFile, path: string): string =>
  file.typed ? `add --inputs ${toldAs(file, path)}` : `add inputs: [${path}]`;

/** A file of the job: as it would be typed, or as it would stand in the job file. */
const toldAs = ({ typed, folder }: JobFile, path: string): string =>
  typed ? relative(process.cwd(), join(folder, path)) : path;

/** Modules that neither Python, nor the sandbox, nor the job has. */
async function lookAtImports(file: JobFile, part: StageJob, source: Source, found: FirstLook): Promise<void> {
  // It looks in places of its own.
  if (source.statements.some(({ code }) => /\bsys\.path|addsitedir|sys\.modules/.test(code))) return;
  const packages = await lockedPackages();
  const asked = await packagesAskedFor(part, file.folder);
  const has = (await packagesForPrograms()).join(', ');
  const own = new Set(source.names.own.map(({ line }) => line));
  const tested = 'check' in part ? modulesTested(part) : [];
  for (const { module, level, line, optional } of importsIn(source.statements)) {
    const [name = ''] = module.split('.');
    if (tested.includes(name)) continue;
    if (level > 0 || name === '' || name === 'crucible_native') continue;
    if (standardModules.has(name) || name.startsWith('_') || packages.has(name)) continue;
    if (file.files.some((path) => path.split('/').some((each) => each.split('.')[0] === name))) continue;
    if (asked === null || bringsModule(asked, name)) continue;
    // What an earlier stage wrote stands below that stage's name, and nowhere else that Python looks.
    if (needsOf(part).includes(name)) continue;
    const beside = await moduleBeside(file, dirname(source.path), name);
    const said =
      beside === null
        ? `the sandbox has no ${name}; it has ${has}. ${bringing(name)}`
        : `${toldAs(file, beside)} stands in the folder of the job and is not among its inputs: ${toAdd(file, beside)}`;
    // What packages are called tells little of what they bring.
    const isKnown = part.environment === undefined || beside !== null;
    const certain = !optional && own.has(line) && isKnown;
    (certain ? found.mistakes : found.warnings).push(`${source.told}:${line}: imports ${name}: ${said}`);
  }
}

const needsOf = (part: StageJob): readonly string[] => ('needs' in part ? (part.needs as string[]) : []);

async function moduleBeside({ folder }: JobFile, below: string, name: string): Promise<string | null> {
  const places = below === '.' ? [''] : [`${below}/`, ''];
  for (const place of places)
    for (const path of [`${place}${name}.py`, `${place}${name}`])
      if (await isThere(join(folder, path))) return path;
  return null;
}

/** Files that a program names and that stand in the job's folder, but are not given to it. */
async function lookAtPaths(file: JobFile, part: StageJob, source: Source, found: FirstLook): Promise<void> {
  const folder = dirname(source.path);
  for (const { path, line } of pathsIn(source.statements)) {
    if (path.startsWith('/') || path.split('/').includes('..')) continue;
    for (const place of new Set([path, join(folder, path)])) {
      if (file.files.includes(place) || isWritten(part, place)) continue;
      const known = await stat(join(file.folder, place)).catch(() => null);
      if (known?.isFile() !== true) continue;
      found.warnings.push(
        `${source.told}:${line}: names ${path}: ${toldAs(file, place)} stands in the folder of the job and is not among its inputs; if it is read, ${toAdd(file, place)}`,
      );
      break;
    }
  }
}

/** Whether the job says that its program writes it. */
const isWritten = (part: StageJob, path: string): boolean =>
  kindOf(part)
    .writes(part)
    .some((pattern) => posix.matchesGlob(path, pattern));
