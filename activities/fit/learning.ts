import { z } from 'zod';
import type { Tree } from '../../domain/artifact.schema.ts';
import type { Mounted } from '../../domain/environment.schema.ts';
import { JobRejected, LessonFailed } from '../../domain/errors.ts';
import { Limits } from '../../domain/limits.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { placeBelow } from '../../domain/tree.ts';
import { noLayers } from '../../sandbox/layers.ts';
import { learnLock } from '../../sandbox/packages.ts';
import type { RunResult } from '../../sandbox/sandbox.ts';
import { readJson } from '../../store/documents.ts';
import type { ActivityContext } from '../context.ts';
import { programsOf } from '../propose/sandbox-programs.ts';
import { python, threads } from '../try/command.ts';
import { outcomeOfEnding, saidBy } from '../try/outcome-of-ending.ts';

/** What a script of `learn/` is run with. */
export interface Lesson {
  /** `look` of `learn/look.py`. */
  script: string;
  /** Below /in. */
  files: Tree;
  /** Where others ran before: what they share below /base, by who may share it; null: a sandbox of its own. */
  shared: { as: 'programs' | 'grader' | 'planner'; files: Tree } | null;
  limits: Limits;
  cores: number;
}

/** What each shared sandbox has imported before a script comes to it. */
const preloads = { programs: 'warm', grader: 'warm_grader', planner: 'warm_grader' } as const;

/** What the interpreter with its libraries may take beside a script. */
const warmMb = 1_500;

const Problem = z.object({
  message: z.string(),
  column: z.string().nullish(),
  row: z.number().nullish(),
});

const problem = 'out/problem.json';
/** The exit status of a script that a user's mistake ends. */
const mistaken = 3;

/** Runs the scripts of `learn/` in the sandbox, with the packages they need. */
export const createLearning = ({ store, sandbox }: ActivityContext) => {
  let packages: Promise<Mounted> | null = null;

  async function environment(signal: AbortSignal): Promise<Mounted> {
    const { layers } = sandbox;
    if (layers === null) throw noLayers();
    const text = await learnLock();
    await layers.layer(text, signal);
    return { kind: 'layer', lock: await store.blobs.put(text) };
  }

  /** Returns the packages; they are installed where they are not yet. */
  function installed(signal: AbortSignal): Promise<Mounted> {
    packages ??= environment(signal).catch((error: unknown) => {
      packages = null;
      throw error;
    });
    return packages;
  }

  /** Returns what the script wrote below `out/`, and how it ended. */
  async function run(
    place: Place,
    { script, files, shared, limits, cores }: Lesson,
    signal: AbortSignal,
  ): Promise<{ ran: RunResult; out: Tree }> {
    const mounted = await installed(signal);
    const scripts = await programsOf('learn', store.blobs);
    const common = {
      ...{ key: `${stepKey(place)}/${script}`, label: place.step, outputs: ['out/**'] },
      env: { ...threads(cores), PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
      limits: { ...limits, cpuMs: limits.wallMs * cores },
    };
    const ran =
      shared === null
        ? await sandbox.run(
            {
              ...common,
              argv: [python, '-B', `/in/learn/${script}.py`],
              files: { ...placeBelow('learn', scripts), ...files },
              environment: mounted,
            },
            signal,
          )
        : await sandbox.runWarm(
            {
              ...common,
              argv: [`/base/learn/${script}.py`],
              files,
              warm: {
                key: warmKey(place, shared.as),
                preload: `learn/${preloads[shared.as]}.py`,
                files: { ...placeBelow('learn', scripts), ...shared.files },
                limits: Limits.parse({
                  ...limits,
                  ...{ memoryMb: limits.memoryMb + warmMb, wallMs: Limits.parse({}).wallMs },
                }),
                environment: mounted,
              },
            },
            signal,
          );
    const out = Object.fromEntries(
      Object.entries(ran.outputs).map(([path, artifact]) => [path.slice('out/'.length), artifact]),
    );
    return { ran, out };
  }

  /** The same of a script that runs none but Crucible's own code. Throws `JobRejected` for a user's mistake; any other end is a fault of ours. */
  async function trusted(place: Place, lesson: Lesson, signal: AbortSignal): Promise<Tree> {
    const { ran, out } = await run(place, lesson, signal);
    const { ending } = ran;
    const [refused] = ran.refused;
    if (ending.kind === 'exited' && ending.code === 0 && refused === undefined) return out;
    const said = ran.outputs[problem];
    if (ending.kind === 'exited' && ending.code === mistaken && said !== undefined)
      throw new JobRejected(problemText(await readJson(store.blobs, said, Problem)));
    if (ending.kind === 'outOfMemory')
      throw new JobRejected(
        `${lesson.script}: the table needs more than ${ending.limitMb} MiB of memory: raise --memory, or leave columns out with --drop`,
      );
    const words = outcomeOfEnding(ending, saidBy(ran));
    const why =
      words !== null && 'reason' in words ? words.reason : `${refused?.path} was not taken: ${refused?.why}`;
    throw new LessonFailed(`learn/${lesson.script}.py: ${why}`);
  }

  return {
    run,
    trusted,
    /** Installs the packages where they are not yet. */
    async install(signal: AbortSignal): Promise<void> {
      await installed(signal);
    },
    /** Closes what the job's scripts shared. */
    async cool(place: Place): Promise<void> {
      for (const as of ['programs', 'grader', 'planner'] as const) await sandbox.cool(warmKey(place, as));
    },
  };
};

export type Learning = ReturnType<typeof createLearning>;

const warmKey = ({ jobId }: Place, as: string): string => stepKey({ jobId, step: `learn/${as}` });

function problemText({ message, column, row }: z.infer<typeof Problem>): string {
  const where = [
    ...(column == null || message.includes(column) ? [] : [`column ${column}`]),
    ...(row == null || message.includes(String(row)) ? [] : [`row ${row}`]),
  ];
  return where.length === 0 ? message : `${where.join(', ')}: ${message}`;
}
