import type { Tree } from '../../domain/artifact.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { BlobStore } from '../../store/blobs.ts';
import type { ModelRequest } from '../model.ts';
import { learningPrompts } from './learning.ts';
import { optimizePrompts } from './optimize.ts';
import { programPrompts } from './program.ts';
import { cut, loadPrompt, namesIn, type PromptValue, parsePrompt, renderPrompt } from './prompt-file.ts';
import type { PromptKind } from './prompt-kind.ts';
import type { ShownProgram } from './replies/apply.ts';
import type { ProgramReply } from './replies/program.ts';

/** Every prompt that asks a model for something, by the name of its file. */
export const prompts = { ...programPrompts, ...optimizePrompts, ...learningPrompts };
export type PromptName = keyof typeof prompts;

type InputOf<Name extends PromptName> =
  (typeof prompts)[Name] extends PromptKind<infer Input, infer _Reply> ? Input : never;
type ReplyOf<Name extends PromptName> =
  (typeof prompts)[Name] extends PromptKind<infer _Input, infer Reply> ? Reply : never;

/** A rendered prompt: what is asked, and what is to be remembered with the reply. */
export interface PromptRequest<Reply> extends Pick<ModelRequest<Reply>, 'system' | 'messages'> {
  schema: NonNullable<ModelRequest<Reply>['schema']>;
  /** `improve-function@2`: which text was asked; `(own)` where it was the job's, `+ repair@1` where it was repaired. */
  prompt: string;
  /** What `applyReply` is to apply the reply to, where that is a program. */
  parent: ShownProgram | null;
}
export type ProgramRequest = PromptRequest<ProgramReply>;

/** The texts of a job's own prompts by name, as `promptsIn` gives them. */
export type OwnPrompts = Readonly<Record<string, string>>;

/** Renders the prompt `name` about `input`, in the job's own words where `own` has them. Throws an `Error` where those are wrong. */
export function promptRequest<Name extends PromptName>(
  name: Name,
  input: InputOf<Name>,
  own: OwnPrompts = {},
): PromptRequest<ReplyOf<Name>> {
  // The table's entry of a name takes that name's input and gives its reply; TypeScript cannot relate the two.
  const kind = prompts[name] as unknown as PromptKind<InputOf<Name>, ReplyOf<Name>>;
  const prompt = loadPrompt(name, own[name]);
  const filled = (value: string): PromptValue | undefined =>
    Object.hasOwn(kind.values, value) ? kind.values[value]?.(input) : undefined;
  return {
    ...renderPrompt(prompt, filled),
    schema: kind.schema,
    prompt: recorded(name, prompt.version, own),
    parent: kind.parent?.(input) ?? null,
  };
}

const recorded = (name: string, version: number, own: OwnPrompts): string =>
  `${name}@${version}${own[name] === undefined ? '' : ' (own)'}`;

/** What `repair.md` can name. */
const repairValues = {
  problem: (problem: string): PromptValue => ({ untrusted: problem, limit: 8_000 }),
};
/** The schema that `repair.md` names: that of the request it repairs. */
const sameSchema = 'as-asked';
/** A longer reply was too long to be used: only its beginning is sent back. */
const longestReplied = 80_000;
const shownOfTooLong = 4_000;

/**
 * Returns the conversation with the reply that could not be used, and what was wrong with it. That is the
 * message of a `ReplyProblem` or of a `ModelReplyUnusable`.
 */
export function repairRequest<Reply>(
  asked: PromptRequest<Reply>,
  replyText: string,
  problem: string,
  own: OwnPrompts = {},
): PromptRequest<Reply> {
  const prompt = loadPrompt('repair', own.repair);
  const { messages } = renderPrompt(prompt, (name) =>
    name === 'problem' ? repairValues.problem(problem) : undefined,
  );
  // Providers refuse a turn without text.
  const shown = replyText.length > longestReplied ? shownOfTooLong : longestReplied;
  const replied = replyText.trim() === '' ? '(an empty reply)' : cut(replyText.toWellFormed(), shown);
  return {
    ...asked,
    messages: [...asked.messages, { role: 'assistant', text: replied }, ...messages],
    prompt: `${asked.prompt} + ${recorded('repair', prompt.version, own)}`,
  };
}

/** Returns what the file of a prompt has to agree with. */
function rulesOf(name: string): { schema: string; values: readonly string[] } | undefined {
  if (name === 'repair') return { schema: sameSchema, values: Object.keys(repairValues) };
  if (!Object.hasOwn(prompts, name)) return undefined;
  const { schema, values } = prompts[name as PromptName]; // the line before
  return { schema: schema.name, values: Object.keys(values) };
}

/**
 * Returns what is wrong in `text` as the file of prompt `name`, each with its line: `line 3: …`. Empty where it can be used.
 */
export function checkPrompt(name: string, text: string): string[] {
  const rules = rulesOf(name);
  if (rules === undefined)
    return [
      `line 1: there is no prompt ${name}; there are ${[...Object.keys(prompts), 'repair'].join(', ')}`,
    ];
  const { prompt, problems } = parsePrompt(text);
  for (const { name: value, line } of namesIn(text))
    if (!rules.values.includes(value))
      problems.push(`line ${line}: there is no {{${value}}}; there are ${rules.values.join(', ')}`);
  const lineOf = (key: string): number =>
    text.split('\n').findIndex((each) => each.startsWith(`${key}:`)) + 1;
  if (prompt !== null && prompt.schema !== rules.schema)
    problems.push(`line ${lineOf('schema')}: expected schema ${rules.schema}, got ${prompt.schema}`);
  const { role } = loadPrompt(name);
  if (prompt !== null && prompt.role !== role)
    problems.push(`line ${lineOf('role')}: expected role ${role}, got ${prompt.role}`);
  return problems;
}

/**
 * Returns the name of the prompt that a file right in a job's folder of prompts replaces. Null for any other
 * file.
 */
export const promptOf = (path: string, folder: string): string | null =>
  path.startsWith(`${folder}/`) ? (/^([^/]+)\.md$/.exec(path.slice(folder.length + 1))?.[1] ?? null) : null;

/** Returns what is wrong with a job's own prompts, `texts` by path: each as `FILE:LINE: …`. Empty where they can be used. */
export function checkOwnPrompts(folder: string, texts: ReadonlyMap<string, string>): string[] {
  if (texts.size === 0) return [`expected files such as ${folder}/improve-function.md, found none`];
  return [...texts].flatMap(([path, text]) =>
    checkPrompt(promptOf(path, folder) ?? '', text).map((problem) => problem.replace(/^line /, `${path}:`)),
  );
}

/** Returns a job's own prompts: the files `NAME.md` right in `folder` of its files. Throws `JobRejected` naming every file and line that is wrong. */
export async function promptsIn(tree: Tree, folder: string, blobs: BlobStore): Promise<OwnPrompts> {
  const texts = new Map<string, string>();
  for (const [path, artifact] of Object.entries(tree))
    if (promptOf(path, folder) !== null) texts.set(path, await blobs.text(artifact));
  const problems = checkOwnPrompts(folder, texts);
  if (problems.length > 0) throw new JobRejected(problems.join('\n'));
  return Object.fromEntries([...texts].map(([path, text]) => [promptOf(path, folder) ?? '', text]));
}
