import {
  characterLimits,
  promptKind,
  replyRules,
  type Surroundings,
  secondsText,
  shownFiles,
  surroundings,
  untrusted,
  untrustedOr,
} from './prompt-kind.ts';
import type { ShownProgram } from './replies/apply.ts';
import {
  type DataAnalysis,
  dataAnalysis,
  type Interpretation,
  interpretation,
  type LearningPlan,
  learningPlan,
  type ModelChoice,
  type ModelFamily,
  modelChoice,
  type TuningStrategy,
  tuningStrategy,
} from './replies/learning.ts';
import { type ProgramReply, programReply } from './replies/program.ts';

/** A table and what is to be predicted from it. */
interface LearningTask {
  /** What the user wants the model for, in their words. */
  purpose: string;
  /** The name of the column to predict. */
  target: string;
  /** What was measured of the table: shape, types, missing shares, distributions, correlations. */
  profile: string;
  /** What the person says while the job runs; null for nothing. */
  hint: string | null;
}

/** A task whose table was analysed: `analysis` is a `DataAnalysis` as text. */
interface AnalysedTask extends LearningTask {
  analysis: string;
}

/** What may be spent on the search for a model, and how similar tables went before. */
interface Search {
  /** Runs on similar tables, one a line, the most similar first. */
  priorRuns: string;
  /** Families whose packages are there. */
  models: readonly ModelFamily[];
  /** Time for the whole search, milliseconds. */
  wallMs: number;
  cores: number;
  memoryMb: number;
}

export interface DataAnalysisInput extends LearningTask {
  /** Some rows as CSV. */
  sample: string;
}

export interface PlanningInput extends AnalysedTask, Search {}

export interface PreprocessingInput extends AnalysedTask, Surroundings {
  /** A `LearningPlan` as text. */
  plan: string;
  program: ShownProgram | null;
  /** Why the program cannot be taken as it is; null where nothing is wrong with it, or there is none. */
  problem: string | null;
}

export interface ModelSelectionInput extends AnalysedTask, Search {
  /** How many to choose. */
  count: number;
}

export interface TuningInput extends AnalysedTask {
  model: ModelFamily;
  metric: string;
  direction: 'maximize' | 'minimize';
  /** The parameters that can be set, with type, default and meaning, one a line. */
  parameters: string;
  /** Configurations and their scores with spread over folds, one a line, in the order tried. */
  trials: string;
  /** The best configurations on similar tables, one a line. */
  priorRuns: string;
  /** Time left, and of one trial so far (null before the first), milliseconds. */
  wallMs: number;
  trialMs: number | null;
}

export interface InterpretationInput extends AnalysedTask {
  metric: string;
  /** Models by their score in cross-validation, one a line. */
  leaderboard: string;
  /** Scores on rows that no step of the search saw, with intervals. */
  test: string;
  /** Features by importance, one a line. */
  importance: string;
  /** Errors by class, by range of the target, or by group. */
  errors: string;
}

const task = {
  purpose: ({ purpose }: LearningTask) => purpose,
  target: ({ target }: LearningTask) => untrusted(target, characterLimits.types),
  profile: ({ profile }: LearningTask) => untrusted(profile, characterLimits.facts),
  hint: ({ hint }: LearningTask) => hint ?? 'nothing',
};

const analysed = {
  ...task,
  analysis: ({ analysis }: AnalysedTask) => untrusted(analysis, characterLimits.facts),
};

const priorRuns = ({ priorRuns }: { priorRuns: string }) =>
  untrustedOr(priorRuns, characterLimits.list, 'None is known.');

const search = {
  priorRuns,
  models: ({ models }: Search) => models.join(', '),
  wallTime: ({ wallMs }: Search) => secondsText(wallMs),
  cores: ({ cores }: Search) => cores,
  memory: ({ memoryMb }: Search) => `${memoryMb} MB`,
};

export const learningPrompts = {
  'data-analysis': promptKind<DataAnalysisInput, DataAnalysis>({
    schema: dataAnalysis,
    values: { ...task, sample: ({ sample }) => untrusted(sample, characterLimits.list) },
  }),
  planning: promptKind<PlanningInput, LearningPlan>({
    schema: learningPlan,
    values: { ...analysed, ...search },
  }),
  preprocessing: promptKind<PreprocessingInput, ProgramReply>({
    schema: programReply,
    values: {
      ...surroundings,
      ...analysed,
      plan: ({ plan }) => untrusted(plan, characterLimits.facts),
      program: ({ program }) =>
        program === null ? 'There is none yet.' : shownFiles(program, characterLimits.program),
      problem: ({ problem }) => (problem === null ? 'nothing' : untrusted(problem, characterLimits.log)),
      reply: ({ program }) => replyRules(program, 'the program so far'),
    },
    parent: ({ program }) => program,
  }),
  'model-selection': promptKind<ModelSelectionInput, ModelChoice>({
    schema: modelChoice,
    values: { ...analysed, ...search, count: ({ count }) => count },
  }),
  'tuning-strategy': promptKind<TuningInput, TuningStrategy>({
    schema: tuningStrategy,
    values: {
      ...analysed,
      priorRuns,
      model: ({ model }) => model,
      metric: ({ metric }) => metric,
      direction: ({ direction }) => (direction === 'maximize' ? 'higher' : 'lower'),
      parameters: ({ parameters }) => untrusted(parameters, characterLimits.list),
      trials: ({ trials }) => untrustedOr(trials, characterLimits.facts, 'None yet.'),
      wallTime: ({ wallMs }) => secondsText(wallMs),
      trialTime: ({ trialMs }) => (trialMs === null ? 'not known yet' : secondsText(trialMs)),
    },
  }),
  'results-interpretation': promptKind<InterpretationInput, Interpretation>({
    schema: interpretation,
    values: {
      ...analysed,
      metric: ({ metric }) => metric,
      leaderboard: ({ leaderboard }) => untrusted(leaderboard, characterLimits.list),
      test: ({ test }) => untrusted(test, characterLimits.list),
      importance: ({ importance }) => untrustedOr(importance, characterLimits.list, 'Not measured.'),
      errors: ({ errors }) => untrustedOr(errors, characterLimits.list, 'Not broken down.'),
    },
  }),
};
