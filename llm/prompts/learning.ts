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
  target: ({ target }: LearningTask) => data(target, limits.types),
  profile: ({ profile }: LearningTask) => data(profile, limits.facts),
  hint: ({ hint }: LearningTask) => hint ?? 'nothing',
};

const analysed = { ...task, analysis: ({ analysis }: AnalysedTask) => data(analysis, limits.facts) };

const priorRuns = ({ priorRuns }: { priorRuns: string }) => dataOr(priorRuns, limits.list, 'None is known.');

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
    values: { ...task, sample: ({ sample }) => data(sample, limits.list) },
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
      plan: ({ plan }) => data(plan, limits.facts),
      program: ({ program }) =>
        program === null ? 'There is none yet.' : shownFiles(program, limits.program),
      problem: ({ problem }) => (problem === null ? 'nothing' : data(problem, limits.log)),
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
      parameters: ({ parameters }) => data(parameters, limits.list),
      trials: ({ trials }) => dataOr(trials, limits.facts, 'None yet.'),
      wallTime: ({ wallMs }) => secondsText(wallMs),
      trialTime: ({ trialMs }) => (trialMs === null ? 'not known yet' : secondsText(trialMs)),
    },
  }),
  'results-interpretation': promptKind<InterpretationInput, Interpretation>({
    schema: interpretation,
    values: {
      ...analysed,
      metric: ({ metric }) => metric,
      leaderboard: ({ leaderboard }) => data(leaderboard, limits.list),
      test: ({ test }) => data(test, limits.list),
      importance: ({ importance }) => dataOr(importance, limits.list, 'Not measured.'),
      errors: ({ errors }) => dataOr(errors, limits.list, 'Not broken down.'),
    },
  }),
};
