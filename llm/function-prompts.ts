import type { Tolerance } from '../domain/job.schema.ts';
import type { ModelRequest } from './model.ts';
import { type ProgramReply, programReply } from './program-reply.ts';
import { loadPrompt, type PromptValues, renderPrompt } from './prompt.ts';

/** A program that was tried, with its files as text. */
export interface ShownProgram {
  files: readonly { path: string; content: string }[];
}

/** One line of what was tried. */
export interface TriedProgram {
  id: string;
  /** What it tried, in a few words. */
  title: string;
  /** How it ended, as in `Outcome`. */
  outcome: string;
  /** Why, where it failed. */
  reason: string | null;
  /** How many times faster than the baseline; null where it was not measured. */
  speedup: number | null;
}

/** What both prompts tell about the function and about how a candidate is judged. */
export interface FunctionTask {
  /** The name of the function. */
  function: string;
  /** The user's module, as it was given. */
  source: string;
  /** Types, dtypes and shapes of the arguments of one case, one a line. */
  argumentTypes: string;
  /** Milliseconds of one call of the user's function. */
  baselineMs: number;
  tolerance: Tolerance;
  /** Threads it may use. */
  cores: number;
  /** Python packages it may import, beside the standard library. */
  packages: readonly string[];
  tried: readonly TriedProgram[];
  /** What the person who waits for it says; null for nothing. */
  hint: string | null;
}

export interface ImproveInput extends FunctionTask {
  /** The fastest right program so far with its speed-up; null while that is the user's own. */
  best: (ShownProgram & { speedup: number }) | null;
}

export interface DebugInput extends FunctionTask {
  failed: ShownProgram & {
    /** How it ended, as in `Outcome`. */
    outcome: string;
    reason: string;
    /** The end of its build's or its run's output. */
    log: string;
  };
}

export type ProgramRequest = Pick<ModelRequest<ProgramReply>, 'system' | 'messages' | 'schema'> & {
  /** `improve-function@1`: which text was asked, to be remembered with the reply. */
  prompt: string;
};

/** Most characters of each part, so that the whole stays below about 60,000 tokens. */
const limits = { source: 60_000, types: 4_000, program: 80_000, tried: 12_000, reason: 4_000, log: 8_000 };

/** Asks for a faster program than the best so far. `override`: the text of the job's own `improve-function.md`. */
export const improveFunction = (input: ImproveInput, override?: string): ProgramRequest =>
  programRequest('improve-function', override, {
    ...taskValues(input),
    bestSpeedup: input.best === null ? 'the original itself' : `${input.best.speedup.toFixed(2)}×`,
    best:
      input.best === null
        ? 'Nothing right is faster than the original yet.'
        : { untrusted: showFiles(input.best), limit: limits.program },
  });

/** Asks for a repaired program. `override`: the text of the job's own `debug-function.md`. */
export const debugFunction = (input: DebugInput, override?: string): ProgramRequest =>
  programRequest('debug-function', override, {
    ...taskValues(input),
    failed: { untrusted: showFiles(input.failed), limit: limits.program },
    outcome: input.failed.outcome,
    reason: { untrusted: input.failed.reason, limit: limits.reason },
    log: { untrusted: input.failed.log, limit: limits.log },
  });

function programRequest(name: string, override: string | undefined, values: PromptValues): ProgramRequest {
  const prompt = loadPrompt(name, override);
  if (prompt.schema !== programReply.name)
    throw new Error(`prompt ${name}: expected schema ${programReply.name}, got ${prompt.schema}`);
  return {
    ...renderPrompt(prompt, values),
    schema: programReply,
    prompt: `${name}@${prompt.version}${override === undefined ? '' : ' (own)'}`,
  };
}

const taskValues = (task: FunctionTask): PromptValues => ({
  function: task.function,
  source: { untrusted: task.source, limit: limits.source },
  argumentTypes: { untrusted: task.argumentTypes, limit: limits.types },
  baselineMs: task.baselineMs.toPrecision(3),
  relative: task.tolerance.relative,
  absolute: task.tolerance.absolute,
  cores: task.cores,
  packages: task.packages.join(', '),
  tried:
    task.tried.length === 0
      ? 'Nothing was tried yet.'
      : { untrusted: task.tried.map(triedLine).join('\n'), limit: limits.tried },
  hint: task.hint ?? 'nothing',
});

function triedLine({ id, title, outcome, reason, speedup }: TriedProgram): string {
  const result = speedup === null ? outcome : `${outcome}, ${speedup.toFixed(2)}× the baseline`;
  const why = reason === null ? '' : `: ${reason.replace(/\s+/g, ' ').slice(0, 400)}`;
  return `${id}: ${title.replace(/\s+/g, ' ')} → ${result}${why}`;
}

const showFiles = ({ files }: ShownProgram): string =>
  files.map(({ path, content }) => `=== ${path} ===\n${content}`).join('\n');
