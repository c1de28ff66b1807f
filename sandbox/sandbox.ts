import { z } from 'zod';
import { Artifact, Tree } from '../domain/artifact.schema.ts';
import { Mounted } from '../domain/environment.schema.ts';
import { Limits } from '../domain/limits.schema.ts';
import type { Layers } from './layers.ts';

/**
 * One command in one new sandbox: no network, no host path, no environment but what is given.
 * `key` names the sandbox: running the same key again adopts or collects what is there.
 */
export const RunSpec = z.strictObject({
  key: z.string().min(1),
  /** For people: job, trial and step, shown in `docker ps` and in messages. */
  label: z.string(),
  argv: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).default({}),
  /** Read-only below /in. */
  files: Tree.default({}),
  /** Copied below /work, the working directory, before the command starts. */
  workspace: Tree.default({}),
  limits: Limits,
  /** What it finds beside what every sandbox has; unset: nothing. */
  environment: Mounted.optional(),
  /** Glob patterns below /work (`*`, `?`, `**`): the files to bring out. */
  outputs: z.array(z.string()).default([]),
});
export type RunSpec = z.infer<typeof RunSpec>;
export type RunRequest = z.input<typeof RunSpec>;

/**
 * A sandbox of one job that stays: an interpreter of ours that has imported what the job's programs need. Each
 * request is a fork of it, with a `/work` and a `/in` of its own. It is held and ended as a `run` is.
 */
export const WarmSpec = z.strictObject({
  /** Requests with the same key share it; what else is said of it must then be the same. */
  key: z.string().min(1),
  /** Python file, a path below /base: run once as a module, which every request can import by its name. No candidate's code. */
  preload: z.string().min(1),
  /** Read-only below /base. */
  files: Tree,
  /** `memoryMb`, `processes` and `diskMb` bound the interpreter together with a request; `wallMs` bounds the preload. */
  limits: Limits,
  /** What it finds beside what every sandbox has; unset: nothing. */
  environment: Mounted.optional(),
});
export type WarmSpec = z.infer<typeof WarmSpec>;

/** A Python program, `argv[0]` below /in or /base, in a fork of a warm sandbox. Its environment is the warm sandbox's. */
export const WarmRunSpec = RunSpec.omit({ environment: true }).extend({ warm: WarmSpec });
export type WarmRunSpec = z.infer<typeof WarmRunSpec>;
export type WarmRunRequest = z.input<typeof WarmRunSpec>;

/** How the command's process tree ended, decided by the supervisor and the kernel, never by output. */
export const Ending = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exited'), code: z.number().int() }),
  /** `detail`: which file system in memory was full, where that may be why. */
  z.object({ kind: z.literal('signalled'), signal: z.string(), detail: z.string().optional() }),
  z.object({ kind: z.literal('timedOut'), limit: z.enum(['wall', 'cpu']), limitMs: z.number() }),
  /** `detail`: which file system in memory held much of it. */
  z.object({ kind: z.literal('outOfMemory'), limitMb: z.number(), detail: z.string().optional() }),
  z.object({
    kind: z.literal('resourceLimit'),
    resource: z.enum(['output', 'fileSize', 'files', 'processes']),
    detail: z.string(),
  }),
]);
export type Ending = z.infer<typeof Ending>;

/** What a stream said: its last part, cleaned of control characters, and all that was kept. */
export const Log = z.object({
  tail: z.string(),
  artifact: Artifact.nullable(),
  bytes: z.number(),
  truncated: z.boolean(),
});
export type Log = z.infer<typeof Log>;

export const SandboxKind = z.enum(['docker', 'bubblewrap', 'e2b']);
export type SandboxKind = z.infer<typeof SandboxKind>;

/** What CRUCIBLE_SANDBOX may say. */
export const WantedSandbox = z.enum(['auto', ...SandboxKind.options]);
export type WantedSandbox = z.infer<typeof WantedSandbox>;

/** What holds the program in, and by what its memory is held: stamped on every result. */
export const Isolation = z.object({
  kind: SandboxKind,
  memory: z.enum(['cgroup', 'watched']),
  image: z.string(),
  /** Set where it ran in a warm sandbox, which held other programs of the same job before it. */
  perJob: z.literal(true).optional(),
});
export type Isolation = z.infer<typeof Isolation>;

export const SandboxUsage = z.object({
  wallMs: z.number(),
  cpuMs: z.number(),
  peakMemoryMb: z.number(),
});

export const RunResult = z.object({
  ending: Ending,
  stdout: Log,
  stderr: Log,
  /** What the command wrote. */
  outputs: Tree,
  /** Files of the workspace that matched, and that it did not write: they stand as they were placed. */
  untouched: z.array(z.string()),
  /** The first hundred files it wrote, brought out or not, without those whose name begins with a dot. */
  written: z.array(z.object({ path: z.string(), bytes: z.number() })),
  /** Outputs that matched but were not taken: links, devices, too large, bad names. */
  refused: z.array(z.object({ path: z.string(), why: z.string() })),
  usage: SandboxUsage,
  isolation: Isolation,
});
export type RunResult = z.infer<typeof RunResult>;

/** One separate, untrusted process tree under its own user: it answers calls, the conductor keeps time. */
export const Player = z.strictObject({
  name: z.string().regex(/^[a-z]+$/),
  /** `serve`: started once, answers one request a sample. `command`: started anew for every sample. */
  kind: z.enum(['serve', 'command']),
  argv: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).default({}),
  /** Read-only below /players/NAME, where no other player can read. */
  files: Tree.default({}),
  /** `command` only: copied below the player's /work before every start. */
  workspace: Tree.default({}),
  /** `command` only: glob patterns below the player's /work, taken after every sample. */
  outputs: z.array(z.string()).default([]),
});
export type Player = z.infer<typeof Player>;

/**
 * One timed sample. The player answers the `cases` one after the other, and gets each when it has answered the
 * one before. Untimed samples warm up.
 */
export const Sample = z.strictObject({
  player: z.string(),
  cases: z.array(z.number().int().nonnegative()),
  timed: z.boolean(),
  /** Where it may not take `sampleMs`. */
  limitMs: z.number().positive().optional(),
});
export type Sample = z.infer<typeof Sample>;

/**
 * A measurement, or a checked run of a function, by a trusted conductor. It alone holds the cases and the
 * clock. A player sees an input with its "go", and is seen stopped before it is another's turn.
 */
export const ConductSpec = z.strictObject({
  key: z.string().min(1),
  label: z.string(),
  players: z.array(Player).min(1),
  /** Case inputs (frames), in the order `Sample.cases` counts them. No player can read them beforehand. */
  cases: z.array(Artifact).default([]),
  samples: z.array(Sample),
  /** Largest answer a player may give to one case, MiB. */
  answerMb: z.number().positive(),
  /** Limits of the whole; `wallMs` bounds everything, `sampleMs` one sample. */
  limits: Limits,
  /** What every player finds beside what every sandbox has; unset: nothing. */
  environment: Mounted.optional(),
  sampleMs: z.number().positive(),
  /** Take the host's measuring lock exclusively, so that no other sandbox runs meanwhile. */
  exclusive: z.boolean(),
});
export type ConductSpec = z.infer<typeof ConductSpec>;

export const Answer = z.object({
  /** The frame a `serve` player answered with. */
  output: Artifact.nullable(),
  /** The case's input as the player left it; null where it was left as it was. */
  mutatedInput: Artifact.nullable(),
});
export type Answer = z.infer<typeof Answer>;

export const SampleResult = z.object({
  player: z.string(),
  timed: z.boolean(),
  /** Nanoseconds from "go" to the answer, over all cases, CLOCK_MONOTONIC_RAW. */
  ns: z.number(),
  /**
   * Of that, what all its threads ran, and what they stood in line for a processor. Null where it is not known.
   */
  cpuNs: z.number().nullish(),
  waitedNs: z.number().nullish(),
  /** One a case for `serve`. */
  answers: z.array(Answer),
  /** `command` only: what it wrote. */
  outputs: Tree,
  stdout: Artifact.nullable(),
});
export type SampleResult = z.infer<typeof SampleResult>;

export const PlayerResult = z.object({
  name: z.string(),
  /** How it ended; a `serve` player that answered everything and was then stopped ended as `exited` 0. */
  ending: Ending,
  /** The error a `serve` player reported for a case (exception type, message, traceback), cleaned. */
  error: z.string().nullable(),
  stdout: Log,
  stderr: Log,
});

export const ConductResult = z.object({
  /** In the order of the plan; ends early at the first sample whose player failed. */
  samples: z.array(SampleResult),
  players: z.array(PlayerResult),
  usage: SandboxUsage,
  isolation: Isolation,
});
export type ConductResult = z.infer<typeof ConductResult>;

export interface SweepOptions {
  all?: boolean;
  isOver?: (key: string) => Promise<boolean>;
}

/** Infrastructure trouble is thrown as `SandboxUnavailable`; what a program did is a result. */
export interface Sandbox {
  readonly isolation: Isolation;
  /** Where the packages of environments are installed; null where none can be shown. */
  readonly layers: Layers | null;
  /** Finds an image by its name. Throws `JobRejected` where there is none, or none can be run. */
  image(name: string): Promise<{ id: string; mb: number }>;
  run(request: RunRequest, signal: AbortSignal): Promise<RunResult>;
  conduct(spec: z.input<typeof ConductSpec>, signal: AbortSignal): Promise<ConductResult>;
  /**
   * As `run`, in a fork of the warm sandbox, which is opened where there is none. Where a preload fails, so does every request, with
   * the preload's ending. A back end that can keep no sandbox warm runs the preload first, each time.
   */
  runWarm(request: WarmRunRequest, signal: AbortSignal): Promise<RunResult>;
  /** Closes the warm sandbox `key`; it need not be there. One that nobody asks closes itself. */
  cool(key: string): Promise<void>;
  /**
   * Removes this host's sandboxes of this store and returns how many. Removed is what is past its deadline, or
   * whose key `isOver` says nobody will ask for again. With `all` it is every one.
   */
  sweep(options?: SweepOptions): Promise<number>;
}
