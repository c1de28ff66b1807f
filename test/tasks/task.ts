import type { z } from 'zod';
import type { SolveJob } from '../../domain/kinds/solve.schema.ts';

/** A program as a model gives it: its script, or files with what is compiled of them. */
export type Given = string | { files: Record<string, string>; build: 'nanobind' };

/** What is wrong with a program that must not be accepted. */
export const faults = [
  /** Runs to its end and is off by a little. */
  'subtle',
  /** Writes what looks right and holds nothing, or the same whatever it is given. */
  'empty',
  /** Meets an error and says nothing of it. */
  'hiding',
  /** Looks for the answer where it is not meant to. */
  'peeking',
  'broken',
  'truncated',
  'hostile',
] as const;
export type Fault = (typeof faults)[number];

/** A task in words with programs whose verdict is known. */
export interface Task {
  name: string;
  task: string;
  /** What the program is given. */
  inputs: Record<string, string>;
  outputs: z.input<typeof SolveJob>['outputs'];
  /** The user's own check, `check(inputs, outputs)`. */
  check?: string;
  /** Files that only the check reads. */
  hidden?: Record<string, string>;
  right: Given[];
  /** What is wrong in this task's own way; `commonFaults` adds to them. */
  wrong: { fault: Fault; program: Given }[];
}

export const subtle = (...programs: Given[]): Task['wrong'] =>
  programs.map((program) => ({ fault: 'subtle', program }));
export const empty = (...programs: Given[]): Task['wrong'] =>
  programs.map((program) => ({ fault: 'empty', program }));
export const hiding = (...programs: Given[]): Task['wrong'] =>
  programs.map((program) => ({ fault: 'hiding', program }));
export const hostile = (...programs: Given[]): Task['wrong'] =>
  programs.map((program) => ({ fault: 'hostile', program }));
