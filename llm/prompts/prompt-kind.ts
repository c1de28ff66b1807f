import type { Tolerance } from '../../domain/job-fields.schema.ts';
import type { ReplySchema } from '../reply-schema.ts';
import { type PromptValue, promptPart } from './prompt-file.ts';
import type { ShownProgram } from './replies/apply.ts';

/** What code knows of one prompt: the text stands in `prompts/NAME.md`. */
export interface PromptKind<Input, Reply> {
  schema: ReplySchema<Reply>;
  /** What the text can name as `{{name}}`, each made from what the prompt is about. */
  values: Readonly<Record<string, (input: Input) => PromptValue>>;
  /** The program that the reply may change; a prompt without one asks for none, or for one from scratch. */
  parent?: (input: Input) => ShownProgram | null;
}

/** `kind` as it is, with its types inferred and checked. */
export const promptKind = <Input, Reply>(kind: PromptKind<Input, Reply>): PromptKind<Input, Reply> => kind;

/** One line of what was tried. */
export interface TriedProgram {
  id: string;
  /** What it tried. */
  idea: string;
  /** How it ended, as in `Outcome`. */
  outcome: string;
  /** Why, where it failed. */
  reason: string | null;
  /** How fast it is, in words; null where it was not measured. */
  measured: string | null;
}

/** Where a program will run, and what the person who waits for it says. */
export interface Surroundings {
  /** Threads it may use. */
  cores: number;
  /** Python packages it may import, beside the standard library. */
  packages: readonly string[];
  /** What the person says while the job runs; null for nothing. */
  hint: string | null;
}

/** Most characters of each part, so that the whole stays below about 60,000 tokens. */
export const characterLimits = {
  program: 80_000,
  original: 60_000,
  list: 12_000,
  types: 4_000,
  reason: 4_000,
  log: 8_000,
  facts: 40_000,
} as const;

/** The values that every prompt for a program has. */
export const surroundings = {
  cores: ({ cores }: Surroundings) => cores,
  packages: ({ packages }: Surroundings) => packages.join(', ') || 'no package',
  hint: ({ hint }: Surroundings) => hint ?? 'nothing',
  nativeCode: () => promptPart('native-code'),
};

/** Returns a text that a prompt shows and does not follow; of a longer one only `limit` characters are shown. */
export const untrusted = (text: string, limit: number): PromptValue => ({ untrusted: text, limit });

/** Returns the same, or `otherwise` where there is nothing to show. */
export const untrustedOr = (text: string, limit: number, otherwise: string): PromptValue =>
  text.trim() === '' ? otherwise : untrusted(text, limit);

export const shownFiles = ({ files }: ShownProgram, limit: number): PromptValue =>
  untrusted(files.map(({ path, content }) => `=== ${path} ===\n${content}`).join('\n'), limit);

export const triedList = (tried: readonly TriedProgram[]): PromptValue =>
  untrustedOr(tried.map(triedLine).join('\n'), characterLimits.list, 'Nothing was tried yet.');

function triedLine({ id, idea, outcome, reason, measured }: TriedProgram): string {
  const why = measured ?? reason?.replace(/\s+/g, ' ').slice(0, 400);
  return `${id}: ${idea.replace(/\s+/g, ' ')} → ${outcome}${why === undefined ? '' : `: ${why}`}`;
}

export const toleranceText = ({ absolute, relative }: Tolerance): string =>
  absolute === undefined
    ? `|got - expected| <= ${relative} * |expected| (near zero: a thousandth of that at the scale of all that is expected)`
    : `|got - expected| <= ${absolute} + ${relative} * |expected|`;

export const secondsText = (ms: number): string => `${Number((ms / 1000).toPrecision(3))} s`;

/**
 * From this many characters on, a program is changed by edits. To write it out again costs more, and goes wrong
 * more often.
 */
const longProgram = 8_000;

/**
 * Returns how the reply is to state its program: files from scratch, whole files, or edits. It depends on the length of `parent`, the program
 * they are applied to. `named` is what the prompt calls it.
 */
export function replyRules(parent: ShownProgram | null, named: string): PromptValue {
  if (parent === null) return promptPart('reply-new');
  const length = parent.files.reduce((sum, { content }) => sum + content.length, 0);
  return promptPart(length < longProgram ? 'reply-whole' : 'reply-edits').replaceAll('{{parent}}', named);
}
