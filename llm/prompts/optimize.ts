import type { Tolerance } from '../../domain/job-fields.schema.ts';
import {
  characterLimits,
  promptKind,
  replyRules,
  type Surroundings,
  secondsText,
  shownFiles,
  surroundings,
  type TriedProgram,
  toleranceText,
  triedList,
  untrusted,
  untrustedOr,
} from './prompt-kind.ts';
import type { ShownProgram } from './replies/apply.ts';
import { type ProgramReply, programReply } from './replies/program.ts';

/** What all prompts of `optimize` tell about the job. */
interface OptimizeTask extends Surroundings {
  /** The user's program as it was given, the file to be made faster first. */
  original: ShownProgram;
  /** Null where a check of the user's judges answers. */
  tolerance: Tolerance | null;
  tried: readonly TriedProgram[];
  /** What others are at while this is asked, one a line. */
  underWay: readonly string[];
  /** The processor it runs on, in words. */
  machine: string;
}

export interface FunctionTask extends OptimizeTask {
  /** The name of the function. */
  function: string;
  /** Types, shapes and values of the arguments of some cases, one case a line. */
  argumentTypes: string;
  /** The source of what makes the cases. */
  generator: string;
  /**
   * Where the time of the original goes on one case, line by line, and what its names hold. Empty where nobody
   * looked.
   */
  observed: string;
  /** What strategies and compilers said against the original, one a line. */
  refusals: string;
  /** Milliseconds of one call of the user's function. */
  baselineMs: number;
}

export interface ScriptTask extends OptimizeTask {
  /** Its path. */
  script: string;
  args: readonly string[];
  /** Glob patterns of the files it writes. */
  outputs: readonly string[];
  /** Milliseconds of one run of the user's script, interpreter start and imports included. */
  baselineMs: number;
}

export interface Improve {
  /** The fastest verified program there is when this is asked, and how fast; null while there is none. */
  best: (ShownProgram & { measured: string }) | null;
  /** What the reply changes: the original, the fastest, or another that was tried, with what it is called. */
  from: 'original' | 'best' | (ShownProgram & { named: string; measured: string });
  /** Where to look, of all that could be tried; null to choose. */
  direction: string | null;
}

export interface Debug {
  failed: ShownProgram & {
    /** How it ended, as in `Outcome`. */
    outcome: string;
    reason: string;
    /** What that comes of, and what it had written; empty where nothing is known of that. */
    diagnosis: string;
    /** The end of its build's or its run's output. */
    log: string;
  };
}

const common = {
  ...surroundings,
  original: ({ original }: OptimizeTask) => shownFiles(original, characterLimits.original),
  tolerance: ({ tolerance }: OptimizeTask) =>
    tolerance === null
      ? "the person's own check accepts them: not the original's alone, for an input may have several right ones"
      : toleranceText(tolerance),
  tried: ({ tried }: OptimizeTask) => triedList(tried),
  underWay: ({ underWay }: OptimizeTask) =>
    untrustedOr(underWay.join('\n'), characterLimits.list, 'Nothing.'),
  machine: ({ machine }: OptimizeTask) => machine,
};

const ofFunction = {
  ...common,
  function: (task: FunctionTask) => task.function,
  argumentTypes: ({ argumentTypes }: FunctionTask) => untrusted(argumentTypes, characterLimits.types),
  generator: ({ generator }: FunctionTask) => untrustedOr(generator, characterLimits.log, 'It is not shown.'),
  observed: ({ observed }: FunctionTask) =>
    untrustedOr(observed, characterLimits.types, 'Nobody has looked at that.'),
  refusals: ({ refusals }: FunctionTask) => untrustedOr(refusals, characterLimits.list, 'Nothing.'),
  baselineTime: ({ baselineMs }: FunctionTask) => `${baselineMs.toPrecision(3)} ms`,
};

const ofScript = {
  ...common,
  script: ({ script }: ScriptTask) => script,
  command: ({ script, args }: ScriptTask) =>
    untrusted(['python', script, ...args].join(' '), characterLimits.types),
  outputs: ({ outputs }: ScriptTask) => (outputs.length === 0 ? 'no files' : outputs.join(', ')),
  baselineTime: ({ baselineMs }: ScriptTask) => secondsText(baselineMs),
};

function startOf({ best, from, original }: Improve & OptimizeTask): ShownProgram {
  if (typeof from === 'object') return from;
  return from === 'best' && best !== null ? best : original;
}

function startText({ from }: Improve): string {
  if (typeof from === 'object')
    return `Start from this program, which was tried as ${from.named}, ${from.measured}:\n\n${shownFiles(from, characterLimits.program)}\n\n`;
  return from === 'best'
    ? 'Start from the fastest right program so far.'
    : 'Start from the original: a way of your own, not a change of the fastest program so far.';
}

function startName(input: Improve & OptimizeTask): string {
  if (typeof input.from === 'object') return input.from.named;
  return startOf(input) === input.best ? 'the fastest right program so far' : 'the original';
}

const ofImproving = {
  bestSpeedup: ({ best }: Improve) => (best === null ? 'the original itself' : best.measured),
  best: ({ best }: Improve) =>
    best === null ? 'There is none yet.' : shownFiles(best, characterLimits.program),
  start: startText,
  direction: ({ direction }: Improve) => direction ?? 'yours to choose',
  reply: (input: Improve & OptimizeTask) => replyRules(startOf(input), startName(input)),
};

const ofDebugging = {
  failed: ({ failed }: Debug) => shownFiles(failed, characterLimits.program),
  outcome: ({ failed }: Debug) => failed.outcome,
  reason: ({ failed }: Debug) => untrusted(failed.reason, characterLimits.reason),
  diagnosis: ({ failed }: Debug) =>
    untrustedOr(failed.diagnosis, characterLimits.reason, 'Nothing is known of that.'),
  log: ({ failed }: Debug) => untrusted(failed.log, characterLimits.log),
  reply: ({ failed }: Debug) => replyRules(failed, 'the program that failed'),
};

export const optimizePrompts = {
  'improve-function': promptKind<FunctionTask & Improve, ProgramReply>({
    schema: programReply,
    values: { ...ofFunction, ...ofImproving },
    parent: startOf,
  }),
  'improve-script': promptKind<ScriptTask & Improve, ProgramReply>({
    schema: programReply,
    values: { ...ofScript, ...ofImproving },
    parent: startOf,
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
