import {
  data,
  dataOr,
  limits,
  promptKind,
  replyRules,
  type Surroundings,
  secondsText,
  shownFiles,
  surroundings,
  type TriedProgram,
  triedList,
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

export interface CodeGeneration extends Run {
  /** What the user asks for, in their words. */
  task: string;
  /** The program to go on from: the last turn's, or the one that was tried last. Null to begin. */
  program: ShownProgram | null;
  args: readonly string[];
  /** What is checked of its outputs, one sentence each. */
  checks: readonly string[];
}

export interface CppModuleCreation extends Run {
  /** The function, or functions, that the module is to have: in words, as a signature, or as Python. */
  task: string;
  tool: 'nanobind' | 'pybind11';
  program: ShownProgram | null;
  /** A Python test that must pass, which imports the module; null where the model is to write one. */
  test: string | null;
}

export interface ErrorAnalysisInput extends Run {
  /** What the program is for, in the user's words; null where only the program is known. */
  task: string | null;
  program: ShownProgram;
  /** How it was started. */
  command: string;
  /** How it ended, as in `Outcome`. */
  outcome: string;
  reason: string;
  /** The end of its build's or its run's output. */
  log: string;
  tried: readonly TriedProgram[];
  /** How many fixes to propose. */
  fixes: number;
}

const run = {
  ...surroundings,
  wallTime: ({ wallMs }: Run) => secondsText(wallMs),
  memory: ({ memoryMb }: Run) => `${memoryMb} MB`,
  inputs: ({ inputs }: Run) => dataOr(inputs, limits.list, 'None.'),
};

const writing = {
  ...run,
  task: ({ task }: { task: string }) => task,
  program: ({ program }: { program: ShownProgram | null }) =>
    program === null ? 'There is none yet.' : shownFiles(program, limits.program),
  reply: ({ program }: { program: ShownProgram | null }) => replyRules(program, 'the program so far'),
};

export const programPrompts = {
  'code-generation': promptKind<CodeGeneration, ProgramReply>({
    schema: programReply,
    values: {
      ...writing,
      arguments: ({ args }) => dataOr(args.join(' '), limits.types, 'None.'),
      checks: ({ checks }) =>
        dataOr(
          checks.map((check) => `- ${check}`).join('\n'),
          limits.list,
          'That it ends with exit status 0.',
        ),
    },
    parent: ({ program }) => program,
  }),
  'cpp-module-creation': promptKind<CppModuleCreation, ProgramReply>({
    schema: programReply,
    values: {
      ...writing,
      tool: ({ tool }) => tool,
      test: ({ test }) => (test === null ? 'None is given: write one.' : data(test, limits.original)),
    },
    parent: ({ program }) => program,
  }),
  'error-analysis': promptKind<ErrorAnalysisInput, ErrorAnalysis>({
    schema: errorAnalysis,
    values: {
      ...run,
      task: ({ task }) => task ?? 'not said; keep what it evidently is meant to do',
      program: ({ program }) => shownFiles(program, limits.program),
      command: ({ command }) => data(command, limits.types),
      outcome: ({ outcome }) => outcome,
      reason: ({ reason }) => data(reason, limits.reason),
      log: ({ log }) => dataOr(log, limits.log, 'It wrote nothing.'),
      tried: ({ tried }) => triedList(tried),
      fixes: ({ fixes }) => fixes,
      reply: ({ program }) => replyRules(program, 'the program'),
    },
    parent: ({ program }) => program,
  }),
};
