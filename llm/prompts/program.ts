import type { ExtensionTool } from '../../domain/extension.schema.ts';
import {
  characterLimits,
  promptKind,
  replyRules,
  type Surroundings,
  secondsText,
  shownFiles,
  surroundings,
  type TriedProgram,
  triedList,
  untrusted,
  untrustedOr,
} from './prompt-kind.ts';
import type { ShownProgram } from './replies/apply.ts';
import { type ErrorAnalysis, errorAnalysis } from './replies/error-analysis.ts';
import { type ProgramReply, programReply } from './replies/program.ts';

/** What a program for a task in words must know of its run. */
interface Run extends Surroundings {
  /** Wall-clock time of one run, milliseconds. */
  wallMs: number;
  memoryMb: number;
  /** The files that are there when it starts, one a line with what is known of each. */
  inputs: string;
}

/** What a program for a task in words is asked for by. */
interface Writing extends Run {
  /** What the user asks for, in their words. */
  task: string;
  /** The program to go on from: the last turn's, or the one that was tried last. Null to begin. */
  program: ShownProgram | null;
  /** How that program failed; null where it passed, or was not tried. */
  failure: Failure | null;
  /** Its score, in words; null where it has none. */
  standing: string | null;
  tried: readonly TriedProgram[];
  /** What was said before in a conversation, and what came of it; null where there is none. */
  conversation?: string | null;
  args: readonly string[];
  /** Why native code, by Numba or in C++, is worthwhile here; null where nothing says so. */
  native: string | null;
  /** What is checked of its outputs, one sentence each. */
  checks: readonly string[];
}

/** Why a program is not done. */
interface Failure {
  /** How it ended, as in `Outcome`. */
  outcome: string;
  reason: string;
  /** What that comes of, and what it had written; empty where nothing is known of that. */
  diagnosis: string;
  /** The end of its build's or its run's output. */
  log: string;
}

export type CodeGeneration = Writing;

/**
 * Its task is the function, or functions, that the module is to have. They are told in words, as a signature,
 * or as Python.
 */
export interface CppModuleCreation extends Writing {
  tool: ExtensionTool;
  /** A Python test that must pass, which imports the module; null where the model is to write one. */
  test: string | null;
}

export interface ErrorAnalysisInput extends Run, Failure {
  /** What the program is for, in the user's words; null where only the program is known. */
  task: string | null;
  program: ShownProgram;
  /** How it was started. */
  command: string;
  tried: readonly TriedProgram[];
  /** How many fixes to propose. */
  fixes: number;
}

const run = {
  ...surroundings,
  wallTime: ({ wallMs }: Run) => secondsText(wallMs),
  memory: ({ memoryMb }: Run) => `${memoryMb} MB`,
  inputs: ({ inputs }: Run) => untrustedOr(inputs, characterLimits.list, 'None.'),
};

const writing = {
  ...run,
  task: ({ task }: Writing) => task,
  program: ({ program }: Writing) =>
    program === null ? 'There is none yet.' : shownFiles(program, characterLimits.program),
  outcome: ({ failure, standing }: Writing) =>
    failure !== null
      ? `It failed (${failure.outcome}).`
      : standing === null
        ? 'It was not tried, or did what was checked.'
        : `It has ${standing}: write one with a better score.`,
  reason: ({ failure }: Writing) => untrustedOr(failure?.reason ?? '', characterLimits.reason, 'Nothing.'),
  diagnosis: ({ failure }: Writing) =>
    untrustedOr(failure?.diagnosis ?? '', characterLimits.reason, 'Nothing is known of that.'),
  log: ({ failure }: Writing) => untrustedOr(failure?.log ?? '', characterLimits.log, 'Nothing.'),
  tried: ({ tried }: Writing) => triedList(tried),
  conversation: ({ conversation }: Writing) =>
    untrustedOr(conversation ?? '', characterLimits.list, 'Nothing.'),
  arguments: ({ args }: Writing) => untrustedOr(args.join(' '), characterLimits.types, 'None.'),
  checks: ({ checks }: Writing) =>
    untrustedOr(
      checks.map((check) => `- ${check}`).join('\n'),
      characterLimits.list,
      'That it ends with exit status 0.',
    ),
  reply: ({ program }: Writing) => replyRules(program, 'the program so far'),
};

/** How each tool builds, and what its files are to say. */
const toolRules: Record<ExtensionTool, string> = {
  nanobind:
    'Every `NAME.cpp` at the top becomes the extension module `NAME`. Compiler flags cannot be chosen.',
  pybind11:
    'Every `NAME.cpp` at the top becomes the extension module `NAME`. Compiler flags cannot be chosen.',
  setuptools:
    'Write a `setup.py` at the top, too: `setup.py build_ext --inplace` builds the module, with `Pybind11Extension` of `pybind11.setup_helpers`; setuptools is the version 59.8.',
  cmake:
    'Write a `CMakeLists.txt` at the top, too, which builds the module as a target of its name: `find_package(pybind11 CONFIG REQUIRED)` and `pybind11_add_module`.',
};

export const programPrompts = {
  'code-generation': promptKind<CodeGeneration, ProgramReply>({
    schema: programReply,
    values: {
      ...writing,
      native: ({ native }) =>
        native === null
          ? 'Nothing of this task says that plain NumPy is too slow.'
          : `Native code, by Numba or in C++, is worthwhile here: ${native}.`,
    },
    parent: ({ program }) => program,
  }),
  'cpp-module-creation': promptKind<CppModuleCreation, ProgramReply>({
    schema: programReply,
    values: {
      ...writing,
      tool: ({ tool }) => tool,
      header: ({ tool }) => toolRules[tool],
      test: ({ test }) =>
        test === null ? 'None is given: write one.' : untrusted(test, characterLimits.original),
    },
    parent: ({ program }) => program,
  }),
  'error-analysis': promptKind<ErrorAnalysisInput, ErrorAnalysis>({
    schema: errorAnalysis,
    values: {
      ...run,
      task: ({ task }) => task ?? 'not said; keep what it evidently is meant to do',
      program: ({ program }) => shownFiles(program, characterLimits.program),
      command: ({ command }) => untrusted(command, characterLimits.types),
      outcome: ({ outcome }) => outcome,
      reason: ({ reason }) => untrusted(reason, characterLimits.reason),
      diagnosis: ({ diagnosis }) =>
        untrustedOr(diagnosis, characterLimits.reason, 'Nothing is known of that.'),
      log: ({ log }) => untrustedOr(log, characterLimits.log, 'It wrote nothing.'),
      tried: ({ tried }) => triedList(tried),
      fixes: ({ fixes }) => fixes,
      reply: ({ program }) => replyRules(program, 'the program'),
    },
    parent: ({ program }) => program,
  }),
};
