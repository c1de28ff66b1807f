import type { Artifact, Tree } from '../../../domain/artifact.schema.ts';
import { Candidate } from '../../../domain/candidate.schema.ts';
import type { ModelDecision } from '../../../domain/decision.schema.ts';
import { diagnosisLines } from '../../../domain/diagnosis.ts';
import type { ExtensionTool } from '../../../domain/extension.schema.ts';
import { extensionHarness } from '../../../domain/extension.ts';
import type { Entry } from '../../../domain/program.schema.ts';
import type { Place } from '../../../domain/step.ts';
import type { Trial } from '../../../domain/trial.schema.ts';
import type { TriedProgram } from '../../../llm/prompts/prompt-kind.ts';
import type { OwnPrompts, ProgramRequest, PromptRequest } from '../../../llm/prompts/prompts.ts';
import type { ShownProgram } from '../../../llm/prompts/replies/apply.ts';
import { type ErrorAnalysis, errorAnalysis } from '../../../llm/prompts/replies/error-analysis.ts';
import { readProgram, readTree } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';

/** What a question is about: a decision of a job's search. */
export interface QuestionInput<J> extends Place {
  job: J;
  id: string;
  decision: ModelDecision;
  /** A case set that shows what a program is given; null where there is none. */
  sample: Artifact | null;
  /** The job's files, where its own prompts are, too. */
  files: Artifact;
  /** The program that the job edits; unset: it begins one. */
  from?: Artifact;
}

/** Asks for several fixes of one failure, each of which makes a program. */
export type FixesRequest = PromptRequest<ErrorAnalysis>;

/** Tells whether a reply is to hold several programs. */
export const asksForFixes = (request: ProgramQuestion['request']): request is FixesRequest =>
  request.schema.name === errorAnalysis.name;

/** What a model is asked for a program, and what is made of its reply. */
export interface ProgramQuestion {
  request: ProgramRequest | FixesRequest;
  /** The candidate whose program the reply changes; null where that is the user's own, or none. */
  parent: string | null;
  /** Programs that were not proposed in the job, which a reply may not repeat either. */
  known: readonly Candidate[];
  /** How a program whose main file is `path` is entered. */
  entryAt(path: string): Entry;
  /** What must build the program, and the files that stand beside what is written; unset: any, and none. */
  module?: { tool: ExtensionTool; beside: Tree };
}

/**
 * Makes the question of a kind of job. `trials` are the job's as they stood when it was first put. A reply on
 * record is so read against what was shown then. `hint` is what people told the job by then.
 */
export type AsksFor<J> = (
  store: Store,
  input: QuestionInput<J>,
  trials: readonly Trial[],
  own: OwnPrompts,
  hint: string | null,
) => Promise<ProgramQuestion>;

/** Returns the files of a program that a model can read. */
export async function shownProgram({ blobs }: Store, artifact: Artifact): Promise<ShownProgram> {
  const { files } = await readProgram(blobs, artifact);
  const texts = Object.entries(files).filter(
    ([path]) => /(?:\.(?:py|cpp|h|hpp)|^CMakeLists\.txt)$/.test(path) && path !== extensionHarness,
  );
  return {
    files: await Promise.all(texts.map(async ([path, file]) => ({ path, content: await blobs.text(file) }))),
  };
}

/** Returns the end of what a failed trial's build, else its run, wrote. */
export async function logOf({ blobs }: Store, { artifacts }: Trial): Promise<string> {
  const log = artifacts['build log'] ?? artifacts.stderr;
  return log === undefined ? '' : blobs.text(log);
}

/** Files of a failed run that are named. */
const mostNamed = 20;

/**
 * Returns what is known of a failure without a model. It is what it comes of, where, what to do, and the
 * outputs that were there.
 */
export async function digestOf({ blobs }: Store, { outcome, artifacts }: Trial): Promise<string> {
  const { diagnosis = null } = 'reason' in outcome ? outcome : {};
  const there = artifacts.outputs === undefined ? {} : await readTree(blobs, artifacts.outputs);
  const named = Object.entries(there).slice(0, mostNamed);
  const files = await Promise.all(
    named.map(
      async ([path, file]) => `${path} (${(await blobs.head(file, 0)).bytes.toLocaleString('en')} bytes)`,
    ),
  );
  const written = files.length === 0 ? 'none of its outputs' : files.join(', ');
  return [
    ...(diagnosis === null ? [] : diagnosisLines(diagnosis)),
    ...(artifacts.outputs === undefined ? [] : [`It had written ${written}.`]),
  ].join('\n');
}

/** One line a candidate: what was found of it last. `measured` says how fast it is; null where that is not known. */
export function triedPrograms(
  trials: readonly Trial[],
  measured: (trial: Trial) => string | null = () => null,
): TriedProgram[] {
  const last = new Map(
    trials
      .filter(({ purpose }) => purpose !== 'baseline')
      .map((trial) => [trial.candidate.id, trial] as const),
  );
  return [...last.values()].map((trial) => ({
    id: trial.candidate.id,
    idea: ideaOf(trial.candidate),
    outcome: trial.outcome.kind,
    reason: 'reason' in trial.outcome ? trial.outcome.reason : null,
    measured: measured(trial),
  }));
}

/** Returns what a candidate tries, without the route that wrote it. */
export const ideaOf = ({ title, note }: Candidate): string => note.replace(/^[^\s/]+\/\S+: /, '') || title;

/** Returns every candidate that was proposed in a job, by models and strategies. */
export async function proposedIn(store: Store, jobId: string): Promise<Candidate[]> {
  return (await store.ledger.steps(jobId, 'propose')).flatMap(({ end }) => {
    const read = end.kind === 'done' ? Candidate.safeParse(end.result) : undefined;
    return read?.success ? [read.data] : [];
  });
}
