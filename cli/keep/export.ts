import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathOf } from '../../activities/try/outputs.ts';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { chosenText } from '../../domain/choosing.ts';
import { defaults } from '../../domain/defaults.ts';
import { extensionHarness } from '../../domain/extension.ts';
import { filesNamedBy, subjectOf } from '../../domain/job.ts';
import { kindOf, stagesOf } from '../../domain/kinds/kinds.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { doubled } from '../../domain/kinds/optimize.ts';
import { objectiveOf } from '../../domain/objective.ts';
import type { Entry, Program } from '../../domain/program.schema.ts';
import { SafePath } from '../../domain/safe-path.schema.ts';
import { nowIn } from '../../domain/session.ts';
import { pick, placeBelow } from '../../domain/tree.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { bestFound, nearestTrial, productTrial } from '../../domain/trial.ts';
import { type KeptJob, readEarlier, readJob } from '../../record/kept-job.ts';
import { readSession } from '../../record/session.ts';
import { lockedPackages } from '../../sandbox/packages.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readProgram, readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { findJob } from '../follow/find-job.ts';
import { type CommandContext, UserMistake } from '../terminal.ts';
import { buildScript, taggedExtension } from './export-build.ts';
import { moduleReadme, pipelineReadme, programReadme, solveReadme } from './export-readme.ts';
import { importsOf, lockOf, requirementsText } from './export-requirements.ts';
import { refuseToReplace } from './in-the-way.ts';

/** A folder to be written: stored files and texts, by path. */
interface Folder {
  stored: Tree;
  texts: Record<string, string>;
}

/** Marks a folder as an export, and tells the programs in it what they compare. */
const settingsFile = 'export.json';

/**
 * `crucible export JOB`: writes what a job gave as the folder `out`, which works without Crucible. The default
 * is `NAME-export` in the current folder. That is its best program, the one that was chosen, or what every
 * stage of a pipeline gave. Throws `UserMistake` where there is nothing to export, or something in the way.
 */
export async function exportJob(
  { store, json, out }: CommandContext,
  { job: text, out: folder, force }: { job: string; out?: string; force: boolean },
): Promise<void> {
  const kept = await readJob(store, await findJob(store, text));
  const exported = await folderOf(store, kept);
  if (exported === null)
    throw new UserMistake(
      kept.record.status === 'running'
        ? `${kept.record.id} has nothing to export yet: it is still running. Follow it with crucible watch ${kept.record.id}`
        : `${kept.record.id} has nothing to export: ${kept.record.result?.summary ?? kept.record.status}`,
    );
  const path = resolve(folder ?? `${kept.record.name}-export`);
  await refuseToReplace(path, { marker: settingsFile, force });
  await writeFolder(store.blobs, path, exported);
  const files = [...Object.keys(exported.stored), ...Object.keys(exported.texts)].sort();
  if (json) return out(JSON.stringify({ job: kept.record.id, folder: path, files }));
  out(path);
  for (const file of files) if (!file.includes('/') && file !== settingsFile) out(`  ${file}`);
}

/** What is exported of a job; null where it gave nothing. */
async function folderOf(store: Store, kept: KeptJob): Promise<Folder | null> {
  const { job } = kept;
  if (kindOf(job).talks) return conversationFolder(store, kept);
  if (stagesOf(job).length > 0) return pipelineFolder(store, kept);
  if (kindOf(job).product === 'model') return modelFolder(store, kept);
  return job.kind === 'optimize' ? programFolder(store, kept, job) : outputsFolder(store, kept);
}

/** The files of a conversation as they are now, and the program of its last turn. */
async function conversationFolder(store: Store, { record }: KeptJob): Promise<Folder | null> {
  const now = nowIn(await readSession(store, record));
  const files = await readTree(store.blobs, now.files);
  const program = now.program === null ? {} : (await readProgram(store.blobs, now.program)).files;
  if (Object.keys({ ...files, ...program }).length === 0) return null;
  return {
    stored: { ...placeBelow('files', files), ...placeBelow('program', program) },
    texts: { [settingsFile]: jsonText({ job: record.id, turn: now.turn }) },
  };
}

async function pipelineFolder(
  store: Store,
  { record, job, stages, takenOver }: KeptJob,
): Promise<Folder | null> {
  const folder: Folder = { stored: {}, texts: {} };
  const told: { name: string; kind: string; summary: string }[] = [];
  for (const { name, kind } of stagesOf(job)) {
    const known = takenOver[name];
    const stage =
      stages.find((each) => each.record.stage === name) ?? (known && (await readEarlier(store, known)));
    const exported = stage && (await folderOf(store, stage));
    if (stage == null || exported == null) continue;
    Object.assign(folder.stored, placeBelow(name, exported.stored));
    for (const [path, text] of Object.entries(exported.texts)) folder.texts[`${name}/${path}`] = text;
    told.push({ name, kind, summary: stage.record.result?.summary ?? stage.record.status });
  }
  if (told.length === 0) return null;
  folder.texts['README.md'] = pipelineReadme({ name: record.name, jobId: record.id, stages: told });
  folder.texts[settingsFile] = jsonText({ job: record.id, stages: told });
  return folder;
}

/** What predicts, as it was put together when the search was over. */
async function modelFolder(store: Store, { record }: KeptJob): Promise<Folder | null> {
  const product = record.result?.product ?? null;
  if (product === null) return null;
  const stored = await readTree(store.blobs, product);
  return { stored, texts: { [settingsFile]: jsonText({ job: record.id }) } };
}

/** What a script gave; where its job failed what it left, and marked as that. */
async function outputsFolder(store: Store, { record, job, trials, chosen }: KeptJob): Promise<Folder | null> {
  const { result } = record;
  const failed = record.status === 'failed';
  const objective = objectiveOf(job);
  const nearest =
    productTrial(trials, objective, chosen?.candidate ?? null) ?? nearestTrial(trials, objective);
  const product = failed ? nearest?.artifacts.outputs : result?.product;
  if (product == null && !(failed && nearest !== null)) return null;
  const outputs = product == null ? {} : await readTree(store.blobs, product);
  // A script is the user's own already, and of a stage that was taken over no trial is known.
  const isOwn =
    nearest === null ||
    (nearest.candidate.id === 'c-0' && ['human', 'baseline'].includes(nearest.candidate.operator));
  const source = nearest && (await readProgram(store.blobs, nearest.candidate.program));
  if (nearest !== null && source !== null && isModule(source) && !failed)
    return moduleFolder(store.blobs, { jobId: record.id, source, outputs, nearest });
  const written = isOwn ? null : source;
  const program = written?.files ?? {};
  if (failed && Object.keys({ ...outputs, ...program }).length === 0) return null;
  const failure = failed ? (result?.summary ?? record.status) : null;
  const lock = await lockOf(store.blobs, nearest);
  return {
    stored: { ...placeBelow('outputs', outputs), ...placeBelow('program', program) },
    texts: {
      'README.md': solveReadme({
        jobId: record.id,
        script: written?.entry.kind === 'script' ? written.entry.path : subjectOf(job),
        outputs: Object.keys(outputs),
        program: Object.keys(program),
        failure,
        isLocked: lock !== null,
      }),
      ...lockFile(lock),
      [settingsFile]: jsonText({ job: record.id, ...(failure === null ? {} : { failed: failure }) }),
    },
  };
}

/** A C++ module with what tests, measures, installs and builds it. */
async function moduleFolder(
  blobs: BlobStore,
  { jobId, source, outputs, nearest }: { jobId: string; source: Program; outputs: Tree; nearest: Trial },
): Promise<Folder> {
  const program = withTaggedExtensions(outputs, source.files);
  const imports = importsOf(Object.values(await textsOf(blobs, pickPython(program))));
  const packages = await lockedPackages();
  const lock = await lockOf(blobs, nearest);
  const { build } = source;
  return {
    stored: placeBelow('program', program),
    texts: {
      'README.md': moduleReadme({ jobId, files: Object.keys(program).sort(), build, trial: nearest }),
      'requirements.txt': requirementsText(packages, new Set([...imports, 'numpy', 'pytest']), lock),
      ...lockFile(lock),
      ...(build === null ? {} : { 'build.sh': buildScript(build, (name) => packages.get(name) ?? name) }),
      [settingsFile]: jsonText({ job: jobId, candidate: nearest.candidate.id }),
    },
  };
}

const isModule = ({ entry }: Program): boolean =>
  entry.kind === 'function' && entry.module === extensionHarness;

const pickPython = (tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => path.endsWith('.py')));

/** So many inputs the exported test compares. */
const testCases = 5;

/** The best program beside the original, with what tests, measures, installs and builds it. */
async function programFolder(
  store: Store,
  { record, input, trials, chosen }: KeptJob,
  job: OptimizeJob,
): Promise<Folder | null> {
  const { blobs } = store;
  const objective = objectiveOf(job);
  const best = productTrial(trials, objective, chosen?.candidate ?? null);
  if (best === null) return null;
  const source = await readProgram(blobs, best.candidate.program);
  const built = await readProgram(blobs, best.artifacts.program ?? best.candidate.program);
  const asked = await readTree(blobs, input.files);
  const program = withTaggedExtensions(built.files, source.files);
  const original = pick(asked, filesNamedBy(job));
  const sources = await textsOf(blobs, {
    ...placeBelow('program', program),
    ...placeBelow('original', original),
  });
  const python = Object.entries(sources).flatMap(([path, text]) => (path.endsWith('.py') ? [text] : []));
  const imports = importsOf(python);
  const packages = await lockedPackages();
  const lock = await lockOf(blobs, best);

  const [generator = '', maker = 'make_case'] = job.cases?.split(':') ?? [];
  const [accepts, check = 'accepts'] = job.accepts?.split(':') ?? [];
  const settings = {
    job: record.id,
    candidate: best.candidate.id,
    program: entrySettings(source.entry),
    original:
      job.function === undefined
        ? { script: job.program, args: job.args }
        : { module: job.program, function: job.function },
    ...(job.function === undefined
      ? {
          outputs: job.outputs.map(pathOf),
          checks: job.outputs.filter((output) => typeof output !== 'string'),
          ignoreLines: job.ignoreLines,
        }
      : {
          cases: { module: generator, function: maker },
          accepts: accepts === undefined ? null : { module: accepts, function: check },
          seed: best.seeds[0] ?? '0',
          testCases,
        }),
    // Each of the two may be off to its own side of what an oracle answers.
    tolerance: job.oracle === undefined ? job.tolerance : doubled(job.tolerance),
    answers: job.answers ?? defaults.answers,
    takesWhatTheOriginalTook: sendsOnToOriginal(source),
    cores: job.cores,
  };
  return {
    stored: { ...placeBelow('program', program), ...placeBelow('original', original) },
    texts: {
      ...(await checkFiles(source.entry.kind)),
      [settingsFile]: jsonText(settings),
      'requirements.txt': requirementsText(packages, neededBy(imports, job), lock),
      ...lockFile(lock),
      ...(source.build === null
        ? {}
        : { 'build.sh': buildScript(source.build, (name) => packages.get(name) ?? name) }),
      'README.md': programReadme({
        jobId: record.id,
        job,
        entry: source.entry,
        best,
        choice: chosen === null ? null : chosenText(chosen, bestFound(trials, objective), objective),
        build: source.build,
        startedAt: record.startedAt,
        takesWhatTheOriginalTook: settings.takesWhatTheOriginalTook,
        threads: Object.entries(sources).some(
          ([path, text]) =>
            path.startsWith('program/') && !path.endsWith('/python_numbers.hpp') && usesThreads.test(text),
        ),
        missing: [...imports].filter((name) => name === 'crucible_native'),
      }),
    },
  };
}

/**
 * Whether the program has the original beside it, to which it sends what it was not compiled for. It is
 * `original_files` of `strategies/program.py`.
 */
const sendsOnToOriginal = ({ entry, files }: Program): boolean =>
  entry.kind === 'function' &&
  Object.keys(files).some((path) => path.startsWith(`${entry.name}_original`) && path.endsWith('.py'));

/** A program reads how many threads it may use, or shares loops out by what `python_numbers.hpp` has for that. */
const usesThreads = /CRUCIBLE_CORES|\bthreads\(\)/;

const entrySettings = (entry: Entry) =>
  entry.kind === 'function'
    ? { module: entry.module, function: entry.name }
    : { script: entry.path, args: entry.args };

const withTaggedExtensions = (built: Tree, source: Tree): Tree =>
  Object.fromEntries(
    Object.entries(built).map(([path, artifact]) => [
      source[path] === undefined ? taggedExtension(path) : path,
      artifact,
    ]),
  );

const pictures = /\.(png|jpe?g|gif|bmp|tiff?|webp)$/i;

/** What the programs, the generator and the comparison import, as it was when the program was judged. */
const neededBy = (imports: Set<string>, job: OptimizeJob): Set<string> =>
  new Set([
    ...imports,
    'numpy',
    ...(job.outputs.some((output) => pictures.test(pathOf(output))) ? ['PIL'] : []),
  ]);

/** The packages of the job's environment with their hashes, where it had one. */
const lockFile = (lock: string | null): Record<string, string> =>
  lock === null ? {} : { 'requirements.lock': lock };

const exportedFiles = new URL('./exported/', import.meta.url);
const guestFiles = new URL('../../sandbox/guest/', import.meta.url);

/** The comparison is the grader's own. */
const comparison = {
  function: ['accepting.py', 'comparing.py', 'user_code.py'],
  script: ['comparing.py', 'comparing_files.py', 'pictures.py', 'verdict.py', 'voxels.py'],
};

/** `test_same.py`, `benchmark.py` and what they import. */
async function checkFiles(kind: Entry['kind']): Promise<Record<string, string>> {
  const own = ['test_same.py', 'benchmark.py', 'check/programs.py'];
  if (kind === 'function') own.push('check/variants.py');
  const texts = [
    ...own.map((path) => [path, new URL(`${kind}/${path}`, exportedFiles)] as const),
    ...comparison[kind].map((name) => [`check/${name}`, new URL(name, guestFiles)] as const),
  ];
  return Object.fromEntries(
    await Promise.all(texts.map(async ([path, url]) => [path, await readFile(url, 'utf8')] as const)),
  );
}

/** Above this a file is data, whatever its name. */
const mostSourceBytes = 4 * 2 ** 20;

/** The source files of a tree. */
async function textsOf(blobs: BlobStore, tree: Tree): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [path, artifact] of Object.entries(tree)) {
    if (!/\.(py|c|cc|cpp|h|hpp)$/.test(path)) continue;
    const bytes = await blobs.get(artifact);
    if (bytes.length <= mostSourceBytes) texts[path] = bytes.toString('utf8');
  }
  return texts;
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes the folder beside its place, then puts it there. Files are copies: what a user edits is not what the store keeps. */
async function writeFolder(blobs: BlobStore, path: string, { stored, texts }: Folder): Promise<void> {
  const draft = `${path}.${process.pid}.part`;
  const before = `${path}.${process.pid}.before`;
  const write = async (file: string, content: string | Buffer): Promise<void> => {
    const target = join(draft, SafePath.parse(file));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    if (file.endsWith('.sh')) await chmod(target, 0o755);
  };
  try {
    for (const [file, artifact] of Object.entries<Artifact>(stored))
      await write(file, await blobs.get(artifact));
    for (const [file, text] of Object.entries(texts)) await write(file, text);
    await rename(path, before).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(draft, path);
    await rm(before, { recursive: true, force: true });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
