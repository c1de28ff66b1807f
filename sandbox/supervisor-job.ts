import { randomBytes, randomInt } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { Artifact, Tree } from '../domain/artifact.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import { blotted } from '../domain/harmless-text.ts';
import type { Limits } from '../domain/limits.schema.ts';
import type { BlobStore } from '../store/blobs.ts';
import {
  type ConductResult,
  type ConductSpec,
  Ending,
  type Isolation,
  type Log,
  type Player,
  type RunResult,
  type RunSpec,
  SandboxUsage,
  type WarmSpec,
} from './sandbox.ts';

/**
 * What stands where inside a sandbox. `private` is for the supervisor alone. In a container it is a tmpfs of
 * mode 0700. So it does not matter who owns the host's folders mounted below it.
 */
export const places = {
  /** `RunSpec.files`, read-only: the staged folder `in`. */
  in: '/in',
  /** `WarmSpec.files`, read-only: the staged folder `base`. */
  base: '/base',
  /** Working directory and home of a run's program; a player's is `/work/NAME`. A tmpfs, exec, mode 1777. */
  work: '/work',
  /** A player's files are below `/players/NAME`, which that player alone can read. A tmpfs, exec, mode 1777. */
  players: '/players',
  supervisor: '/sandbox/supervisor',
  guest: '/sandbox/guest',
  python: '/opt/crucible/python',
  nanobind: '/opt/crucible/nanobind',
  /** A layer of packages, read-only. Python looks there before it looks among its own. */
  packages: '/opt/crucible/packages',
  private: '/sandbox/private',
  /** The staged folder `given`, read-only. */
  given: '/sandbox/private/given',
  /** The staged folder `result`: the only host folder that can be written to. */
  result: '/sandbox/private/result',
  /**
   * Requests to a warm sandbox, each with its own `given` and `result`. It is the staged folder `trials`, which
   * can be written to, too.
   */
  trials: '/sandbox/private/trials',
} as const;

/** What the staging functions lay out below their folder; mounted as `places` says. */
export const staged = {
  in: 'in',
  base: 'base',
  given: 'given',
  result: 'result',
  job: 'given/job',
  trials: 'trials',
} as const;

/** What process 1 of a container is started with. */
export const supervisorCommand = [places.supervisor, 'job', `${places.given}/job`] as const;

/** Where the supervisor runs, and so by what it holds programs in. */
export type Habitat =
  /** As process 1 of a container, as user 0 with CAP_SETUID, CAP_SETGID and CAP_KILL. */
  | { kind: 'container' }
  /** On the host, as the parent of one bubblewrap for each program; `fields` go into the job file. */
  | { kind: 'bubblewrap'; fields: readonly JobField[] }
  /** In a warm sandbox, whose supervisor sees the staged folder `at`. */
  | { kind: 'warm'; at: string };

/** One field of the job file, as sandbox/supervisor/README.md lists them. */
export type JobField = readonly [key: string, value: string | number];

export type StageOptions = {
  blobs: BlobStore;
  /** A secret the result record must repeat (`newNonce`); keep it outside of what is mounted. */
  nonce: string;
  habitat: Habitat;
};

export type CollectOptions = {
  blobs: BlobStore;
  nonce: string;
  isolation: Isolation;
  /** What the engine alone could see; it goes before the supervisor's finding. */
  engineVerdict?: 'outOfMemory';
};

/** 128 random bits in hex. */
export const newNonce = (): string => randomBytes(16).toString('hex');

const MIB = 1024 * 1024;
/** A warm sandbox that nobody has asked for so long ends itself. */
const WARM_IDLE_MS = 300_000;
/** What a zygote may use for all its forks; the time of a fork is its own. */
const FORKING_CPU_MS = 600_000;
/**
 * The first of the users of a container's programs; the group has the same number. Each container has users of its own. The kernel counts
 * much for a user in all containers together: queued signals, watched files, what pipes hold. They are drawn from numbers that no system
 * gives out; bubblewrap shows every program as the same user.
 */
const firstUserOf = (): number => 1_879_048_192 + 64 * randomInt(2 ** 22);
/** Long enough for the whole of most tracebacks. */
const TAIL_BYTES = 32 * 1024;
/** A request to a player is one message, and those have a largest size. */
const MOST_CASES = 8192;
const RECORD_BYTES = 64 * MIB;

/**
 * Lays out a run below `folder` (which must not exist, or be empty): `in`, `given` and `result`.
 * Throws `JobRejected` for paths, arguments or variables that no sandbox takes, and what the blob store throws.
 */
export async function stageRun(folder: string, spec: RunSpec, options: StageOptions): Promise<void> {
  const { blobs, habitat } = options;
  await layOut(folder);
  await placeTree(blobs, spec.files, join(folder, staged.in));
  await placeTree(blobs, spec.workspace, join(folder, staged.given, 'workspaces/program'));
  const program = programFields(folder, habitat, {
    name: 'program',
    kind: 'command',
    user: firstUserOf(),
    cwd: places.work,
    ...spec,
    files: {},
  });
  if (habitat.kind === 'warm') program.push(['in', `${habitat.at}/${staged.in}`]);
  await writeJob(folder, [['mode', 'run'], ...commonFields(folder, spec.limits, options), ...program]);
}

/** Lays out below `folder` what a warm sandbox shows at /base. */
export const stageBase = (folder: string, files: Tree, blobs: BlobStore): Promise<void> =>
  placeTree(blobs, files, join(folder, staged.base));

/** Lays out a warm sandbox below `folder`: what every run has, `base`, and `trials` for its requests. */
export async function stageWarm(folder: string, warm: WarmSpec, options: StageOptions): Promise<void> {
  const { blobs, habitat } = options;
  await layOut(folder);
  await stageBase(folder, warm.files, blobs);
  await mkdir(join(folder, staged.trials), { mode: 0o755 });
  await mkdir(join(folder, staged.given, 'workspaces/zygote'));
  const zygote = programFields(folder, habitat, {
    name: 'zygote',
    kind: 'serve',
    user: firstUserOf(),
    cwd: places.work,
    argv: [...warmInterpreter, `${places.base}/${warm.preload}`],
    ...{ env: {}, files: {}, workspace: {}, outputs: [] },
  });
  const cpuMs = warm.limits.wallMs * availableParallelism() + FORKING_CPU_MS;
  await writeJob(folder, [
    ['mode', 'warm'],
    ...commonFields(folder, { ...warm.limits, cpuMs }, options),
    ['trials', habitat.kind === 'container' ? places.trials : join(folder, staged.trials)],
    ['idleMs', WARM_IDLE_MS],
    ...zygote,
  ]);
}

/** How the guest's part of a warm sandbox is started; the preload follows. */
export const warmInterpreter = [`${places.python}/bin/python3`, '-I', `${places.guest}/warm.py`] as const;

/** As `stageRun`, for a plan with players: their files, and cases that only the conductor can read. */
export async function stageConduct(folder: string, spec: ConductSpec, options: StageOptions): Promise<void> {
  const { blobs, habitat } = options;
  const given = seenAt(folder, habitat);
  await layOut(folder);
  const names = spec.players.map((player) => player.name);
  if (new Set(names).size < names.length)
    throw new JobRejected(`players: expected different names, got ${names.join(', ')}`);
  for (const player of spec.players) {
    await placeTree(blobs, player.files, join(folder, staged.given, 'players', player.name));
    await placeTree(blobs, player.workspace, join(folder, staged.given, 'workspaces', player.name));
  }
  await mkdir(join(folder, staged.given, 'cases'));
  for (const [index, artifact] of spec.cases.entries())
    await blobs.place(artifact, join(folder, staged.given, 'cases', `${index}`));

  const firstUser = firstUserOf();
  const players = spec.players.flatMap((player, index) =>
    programFields(folder, habitat, {
      ...player,
      user: firstUser + index,
      cwd: `${places.work}/${player.name}`,
    }),
  );
  const samples = spec.samples.map((sample, index): JobField => {
    const player = names.indexOf(sample.player);
    if (player < 0) throw new JobRejected(`samples[${index}]: there is no player ${sample.player}`);
    const missing = sample.cases.find((number) => number >= spec.cases.length);
    if (sample.cases.length > MOST_CASES)
      throw new JobRejected(
        `samples[${index}]: expected at most ${MOST_CASES} cases, got ${sample.cases.length}`,
      );
    if (missing !== undefined) throw new JobRejected(`samples[${index}]: there is no case ${missing}`);
    const limitMs = Math.ceil(sample.limitMs ?? spec.sampleMs);
    return ['sample', [player, limitMs, ...sample.cases].join(' ')];
  });
  await writeJob(folder, [
    ['mode', 'conduct'],
    ...commonFields(folder, spec.limits, options),
    ['answerBytes', Math.ceil((spec.answerMb * MIB + 64) / 4096) * 4096],
    ...players,
    ...spec.cases.map((_, index): JobField => ['case', `${given}/cases/${index}`]),
    ...samples,
  ]);
}

/**
 * Reads what the supervisor left in `folder/result`, and stores logs and outputs as blobs.
 * Null where there is no whole record with the right nonce: the sandbox is unfinished, or failed.
 */
export async function collectRun(
  folder: string,
  spec: RunSpec,
  options: CollectOptions,
): Promise<RunResult | null> {
  const record = await readRecord(folder, RunRecord, options.nonce);
  if (record === null) return null;
  const keep = keeper(folder, options.blobs);
  const overruled = options.engineVerdict === 'outOfMemory' && record.ending.kind !== 'outOfMemory';
  return {
    ending: overruled ? { kind: 'outOfMemory', limitMb: spec.limits.memoryMb } : record.ending,
    stdout: await keep.log(record.stdout),
    stderr: await keep.log(record.stderr),
    outputs: overruled ? {} : await keep.tree(record.outputs, spec.workspace),
    untouched: overruled ? [] : await keep.untouched(record.outputs, spec.workspace),
    written: record.written.map(({ path, bytes }) => ({ path: oneLine(path), bytes })),
    refused: record.refused.map(({ path, why }) => ({ path: oneLine(path), why })),
    usage: record.usage,
    isolation: options.isolation,
  };
}

/** As `collectRun`, for what `stageConduct` laid out. */
export async function collectConduct(
  folder: string,
  spec: ConductSpec,
  options: CollectOptions,
): Promise<ConductResult | null> {
  const record = await readRecord(folder, ConductRecord, options.nonce);
  if (record === null) return null;
  const keep = keeper(folder, options.blobs);
  const limitMb = spec.limits.memoryMb;
  const samples: ConductResult['samples'] = [];
  for (const [index, sample] of record.samples.entries()) {
    const answers: ConductResult['samples'][number]['answers'] = [];
    for (const { output, mutatedInput } of sample.answers)
      answers.push({
        output: output && (await keep.file(output)),
        mutatedInput: mutatedInput && (await keep.file(mutatedInput)),
      });
    samples.push({
      player: sample.player,
      timed: spec.samples[index]?.timed ?? false,
      ns: sample.ns,
      cpuNs: sample.cpuNs,
      waitedNs: sample.waitedNs,
      answers,
      outputs: await keep.tree(
        sample.outputs,
        spec.players.find(({ name }) => name === sample.player)?.workspace ?? {},
      ),
      stdout: sample.stdout && (await keep.file(sample.stdout)),
    });
  }
  const players: ConductResult['players'] = [];
  for (const player of record.players) {
    // The engine does not say whose memory it was: it was the player's that did not end well.
    const starved = options.engineVerdict === 'outOfMemory' && player.ending.kind === 'signalled';
    players.push({
      name: player.name,
      ending: starved ? { kind: 'outOfMemory', limitMb } : player.ending,
      error: player.error === null ? null : neutralise(player.error),
      stdout: await keep.log(player.stdout),
      stderr: await keep.log(player.stderr),
    });
  }
  return { samples, players, usage: record.usage, isolation: options.isolation };
}

/** Returns a program's text without escape sequences, and safe to keep and to show. */
export const neutralise = (text: string): string => blotted(stripVTControlCharacters(text));

const oneLine = (text: string): string => neutralise(text).replace(/[\n\t]/g, '\uFFFD');

type SupervisedProgram = Pick<
  Player,
  'name' | 'kind' | 'argv' | 'env' | 'files' | 'workspace' | 'outputs'
> & {
  user: number;
  cwd: string;
};

/** The staged folder `given`, where the supervisor sees it. */
const seenAt = (folder: string, habitat: Habitat): string =>
  habitat.kind === 'container'
    ? places.given
    : join(habitat.kind === 'warm' ? habitat.at : folder, staged.given);

async function layOut(folder: string): Promise<void> {
  // The folder itself is closed to other users of the host; below it, a container's process 1 must get in without owning it.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of [
    staged.in,
    staged.given,
    join(staged.given, 'workspaces'),
    join(staged.given, 'players'),
  ])
    await mkdir(join(folder, name), { recursive: true, mode: 0o755 });
  const result = join(folder, staged.result);
  await mkdir(result);
  await chmod(result, 0o777);
}

async function placeTree(blobs: BlobStore, tree: Tree, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const [path, artifact] of Object.entries(tree)) {
    const parts = path.split('/');
    const bad = parts.some((part) => part === '' || part === '.' || part === '..');
    if (bad || unsafeInName.test(path) || Buffer.byteLength(path) > 255)
      throw new JobRejected(`expected a relative path of at most 255 bytes, got ${JSON.stringify(path)}`);
    await mkdir(join(folder, dirname(path)), { recursive: true, mode: 0o755 });
    await blobs.place(artifact, join(folder, path));
  }
}

const unsafeInName = /\p{Cc}/u;

function commonFields(folder: string, limits: Limits, { nonce, habitat }: StageOptions): JobField[] {
  const results = {
    container: places.result,
    bubblewrap: join(folder, staged.result),
    warm: habitat.kind === 'warm' ? `${habitat.at}/${staged.result}` : '',
  };
  return [
    ['habitat', habitat.kind],
    ['nonce', nonce],
    ['result', results[habitat.kind]],
    ['wallMs', limits.wallMs],
    ['cpuMs', limits.cpuMs ?? limits.wallMs * availableParallelism()],
    ['memoryMb', limits.memoryMb],
    ['processes', limits.processes],
    ['outputBytes', limits.outputMb * MIB],
    ['fileBytes', (limits.fileMb ?? limits.memoryMb) * MIB],
    ['diskBytes', limits.diskMb * MIB],
    ...(habitat.kind === 'bubblewrap' ? habitat.fields : []),
  ];
}

function programFields(folder: string, habitat: Habitat, program: SupervisedProgram): JobField[] {
  const given = seenAt(folder, habitat);
  const env = { ...environment(program.cwd), ...program.env };
  for (const name of Object.keys(env))
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new JobRejected(`env: expected the name of a variable, got ${JSON.stringify(name)}`);
  return [
    ['program', program.name],
    ['kind', program.kind],
    ['user', program.user],
    ['cwd', program.cwd],
    ['workspace', `${given}/workspaces/${program.name}`],
    ...(Object.keys(program.files).length > 0
      ? [['files', `${given}/players/${program.name}`] as const]
      : []),
    ...program.argv.map((argument): JobField => ['arg', argument]),
    ...Object.entries(env).map(([name, value]): JobField => ['env', `${name}=${value}`]),
    ...program.outputs.map((pattern): JobField => ['output', pattern]),
  ];
}

/** The folder of a layer in which the loader looks for libraries. Nothing is imported by such a name. */
export const layerLibraries = '.lib';

/** All that a program finds in its environment besides what its spec gives: never a variable of this process. */
const environment = (home: string): Record<string, string> => ({
  PATH: `${places.python}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: home,
  USER: 'candidate',
  LANG: 'C.UTF-8',
  // The supervisor makes this folder. Names with a dot match no output pattern that does not ask for them.
  TMPDIR: `${home}/.tmp`,
  XDG_CACHE_HOME: `${home}/.cache`,
  NUMBA_CACHE_DIR: `${home}/.cache/numba`,
  MPLCONFIGDIR: `${home}/.cache/matplotlib`,
  // Where the loader looks for what a layer has of libraries that others ask for by name.
  LD_LIBRARY_PATH: `${places.packages}/${layerLibraries}`,
  PYTHONDONTWRITEBYTECODE: '1',
});

/**
 * The job file: NUL-terminated strings, a key and its value in turn. The first and the last line show that it
 * is whole.
 */
async function writeJob(folder: string, fields: readonly JobField[]): Promise<void> {
  const parts = [['crucible-job', '1'] as const, ...fields, ['end', ''] as const];
  for (const [key, value] of parts)
    if (`${value}`.includes('\0'))
      throw new JobRejected(`${key}: expected text without NUL, got ${JSON.stringify(value)}`);
  const bytes = parts.map(([key, value]) => `${key}\0${value}\0`).join('');
  await writeFile(join(folder, staged.job), bytes, { mode: 0o644 });
}

const FileName = z.string().regex(/^[a-z]+[0-9]*$/);
const LogRecord = z.object({ file: FileName, bytes: z.number(), truncated: z.boolean() });
/** `placed`: the file has the time that placed files are given. */
const TreeRecord = z.array(z.object({ path: z.string(), file: FileName, placed: z.boolean() }));

const RunRecord = z.object({
  nonce: z.string(),
  ending: Ending,
  stdout: LogRecord,
  stderr: LogRecord,
  outputs: TreeRecord,
  written: z.array(z.object({ path: z.string(), bytes: z.number() })),
  refused: z.array(z.object({ path: z.string(), why: z.string() })),
  usage: SandboxUsage,
});

const ConductRecord = z.object({
  nonce: z.string(),
  samples: z.array(
    z.object({
      player: z.string(),
      ns: z.number(),
      cpuNs: z.number().nullish(),
      waitedNs: z.number().nullish(),
      answers: z.array(z.object({ output: FileName.nullable(), mutatedInput: FileName.nullable() })),
      outputs: TreeRecord,
      stdout: FileName.nullable(),
    }),
  ),
  players: z.array(
    z.object({
      name: z.string(),
      ending: Ending,
      error: z.string().nullable(),
      stdout: LogRecord,
      stderr: LogRecord,
    }),
  ),
  usage: SandboxUsage,
});

async function readRecord<Schema extends z.ZodType<{ nonce: string }>>(
  folder: string,
  schema: Schema,
  nonce: string,
): Promise<z.infer<Schema> | null> {
  const text = await readResult(join(folder, staged.result, 'record.json'), RECORD_BYTES);
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text.toString('utf8'));
  } catch {
    return null;
  }
  const record = schema.safeParse(json);
  return record.success && record.data.nonce === nonce ? record.data : null;
}

/** The bytes of a regular file of at most `most` bytes, following no link; null where there is none. */
async function readResult(path: string, most: number): Promise<Buffer | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const found = await file.stat();
    return found.isFile() && found.size <= most ? await file.readFile() : null;
  } finally {
    await file.close();
  }
}

/** Stores files of the result folder, each name once. */
function keeper(folder: string, blobs: BlobStore) {
  const kept = new Map<string, Promise<Artifact>>();

  async function put(name: string): Promise<Artifact> {
    const path = join(folder, staged.result, name);
    if (!(await lstat(path)).isFile()) throw new Error(`expected a regular file at ${path}`);
    return blobs.putFile(path);
  }

  function file(name: string): Promise<Artifact> {
    const stored = kept.get(name) ?? put(name);
    kept.set(name, stored);
    return stored;
  }

  /** The bytes are looked at too: writing into a file that is mapped leaves its time alone. */
  const isUntouched = async (entry: z.infer<typeof TreeRecord>[number], workspace: Tree): Promise<boolean> =>
    entry.placed && workspace[entry.path] === (await file(entry.file));

  return {
    file,

    /** The files that were written. */
    async tree(entries: z.infer<typeof TreeRecord>, workspace: Tree): Promise<Tree> {
      const tree: [string, Artifact][] = [];
      for (const entry of entries)
        if (!(await isUntouched(entry, workspace))) tree.push([entry.path, await file(entry.file)]);
      // A file may be called __proto__; this makes it an ordinary entry.
      return Object.fromEntries(tree);
    },

    async untouched(entries: z.infer<typeof TreeRecord>, workspace: Tree): Promise<string[]> {
      const paths: string[] = [];
      for (const entry of entries) if (await isUntouched(entry, workspace)) paths.push(entry.path);
      return paths;
    },

    async log(record: z.infer<typeof LogRecord>): Promise<Log> {
      const path = join(folder, staged.result, record.file);
      const empty = record.bytes === 0;
      return {
        tail: empty ? '' : neutralise(await readTail(path)),
        artifact: empty ? null : await file(record.file),
        bytes: record.bytes,
        truncated: record.truncated,
      };
    },
  };
}

/** The last part as text, begun at a whole character. */
async function readTail(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    let from = 0;
    while (start > 0 && from < 3 && ((buffer[from] ?? 0) & 0xc0) === 0x80) from += 1;
    return buffer.subarray(from, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Removes what the staging functions laid out. */
export const removeStaged = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
