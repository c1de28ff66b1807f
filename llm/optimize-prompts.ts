import type { Tolerance } from '../domain/job.schema.ts';
import {
  data,
  limits,
  promptKind,
  replyRules,
  type Surroundings,
  secondsText,
  shownFiles,
  surroundings,
  type TriedProgram,
  toleranceText,
  triedList,
} from './prompt-kind.ts';
import type { ShownProgram } from './replies/apply.ts';
import { type ProgramReply, programReply } from './replies/program.ts';

/** What all prompts of `optimize` tell about the job. */
interface Task extends Surroundings {
  /** The user's program as it was given, the file to be made faster first. */
  original: ShownProgram;
  tolerance: Tolerance;
  tried: readonly TriedProgram[];
}

export interface FunctionTask extends Task {
  /** The name of the function. */
  function: string;
  /** Types, dtypes and shapes of the arguments of one case, one a line. */
  argumentTypes: string;
  /** Milliseconds of one call of the user's function. */
  baselineMs: number;
}

export interface ScriptTask extends Task {
  /** Its path. */
  script: string;
  args: readonly string[];
  /** Glob patterns of the files it writes. */
  outputs: readonly string[];
  /** Milliseconds of one run of the user's script, interpreter start and imports included. */
  baselineMs: number;
}

export interface Improve {
  /** The fastest right program so far with its speed-up; null to start from the original. */
  best: (ShownProgram & { speedup: number }) | null;
}

export interface Debug {
  failed: ShownProgram & {
    /** How it ended, as in `Outcome`. */
    outcome: string;
    reason: string;
    /** The end of its build's or its run's output. */
    log: string;
  };
}

const common = {
  ...surroundings,
  original: ({ original }: Task) => shownFiles(original, limits.original),
  tolerance: ({ tolerance }: Task) => toleranceText(tolerance),
  tried: ({ tried }: Task) => triedList(tried),
};

const ofFunction = {
  ...common,
  function: (task: FunctionTask) => task.function,
  argumentTypes: ({ argumentTypes }: FunctionTask) => data(argumentTypes, limits.types),
  baselineTime: ({ baselineMs }: FunctionTask) => `${baselineMs.toPrecision(3)} ms`,
};

const ofScript = {
  ...common,
  script: ({ script }: ScriptTask) => script,
  command: ({ script, args }: ScriptTask) => data(['python', script, ...args].join(' '), limits.types),
  outputs: ({ outputs }: ScriptTask) => (outputs.length === 0 ? 'no files' : outputs.join(', ')),
  baselineTime: ({ baselineMs }: ScriptTask) => secondsText(baselineMs),
};

const bestOrOriginal = ({ best, original }: Improve & Task): ShownProgram => best ?? original;

const ofImproving = {
  bestSpeedup: ({ best }: Improve) =>
    best === null ? 'the original itself' : `${best.speedup.toFixed(2)}× the original's speed`,
  best: ({ best }: Improve) =>
    best === null ? 'Start from the original above.' : shownFiles(best, limits.program),
  reply: (input: Improve & Task) =>
    replyRules(
      bestOrOriginal(input),
      input.best === null ? 'the original' : 'the fastest right program so far',
    ),
};

const ofDebugging = {
  failed: ({ failed }: Debug) => shownFiles(failed, limits.program),
  outcome: ({ failed }: Debug) => failed.outcome,
  reason: ({ failed }: Debug) => data(failed.reason, limits.reason),
  log: ({ failed }: Debug) => data(failed.log, limits.log),
  reply: ({ failed }: Debug) => replyRules(failed, 'the program that failed'),
};

export const optimizePrompts = {
  'improve-function': promptKind<FunctionTask & Improve, ProgramReply>({
    schema: programReply,
    values: { ...ofFunction, ...ofImproving },
    parent: bestOrOriginal,
  }),
  'improve-script': promptKind<ScriptTask & Improve, ProgramReply>({
    schema: programReply,
    values: { ...ofScript, ...ofImproving },
    parent: bestOrOriginal,
  }),
  'debug-function': promptKind<FunctionTask & Debug, ProgramReply>({
    schema: programReply,
    values: { ...ofFunction, ...ofDebugging },
    parent: ({ failed }) => failed,
  }),
  'debug-script': promptKind<ScriptTask & Debug, ProgramReply>({
    schema: programReply,
    values: { ...ofScript, ...ofDebugging },
    parent: ({ failed }) => failed,
  }),
};
