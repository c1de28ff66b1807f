import type { Artifact } from '../domain/artifact.schema.ts';
import type { Operator } from '../domain/candidate.schema.ts';
import type { FileChange } from '../domain/file-change.ts';
import type { BestFound } from '../domain/job-input.schema.ts';
import { metricIn, type Standing, standingOf as standing } from '../domain/leaderboard.ts';
import type { Objective } from '../domain/objective.ts';
import type { Interval, Outcome } from '../domain/outcome.schema.ts';
import type { NotUsed } from '../domain/strategies.schema.ts';
import type { Blend, Explained, Judged } from '../domain/table.schema.ts';
import type { Measurement, Trial } from '../domain/trial.schema.ts';
import type { Interpretation } from '../llm/prompts/replies/learning.ts';

/** All that a report shows, as plain data. Times are milliseconds since 1970 where they are named `…At`. */
export interface ReportFacts {
  job: JobFacts;
  environment: EnvironmentFacts;
}

export interface JobFacts {
  id: string;
  name: string;
  kind: string;
  status: 'running' | 'finished' | 'failed' | 'cancelled';
  startedAt: number;
  /** Null while it runs. */
  endedAt: number | null;
  /** What was asked, in one sentence. */
  task: string;
  /** What it was forked from, in words; null where it is no fork. */
  forked: string | null;
  /** What was asked, as the job file says it with every default. */
  yaml: string;
  /** The one line the job ended with; null while it runs. */
  summary: string | null;
  baseline: CandidateFacts | null;
  /** The others, in the order they were decided on. */
  candidates: CandidateFacts[];
  objective: Objective;
  /** The user's function that judged answers, `accepts in check.py`; null where they were compared. */
  check: string | null;
  /** What stands as best; of a pipeline, that of the first stage where something was measured. */
  best: BestFound | null;
  /** What a person chose, and the job gives in place of its best; null where it gives that. */
  chosen: BestFound | null;
  /** Strategies that were not used, and why. */
  notUsed: NotUsed[];
  /** Where the time of the program as it is goes, on one case; null where nobody looked. */
  profile: ProfileFacts | null;
  /** The same of what the job gives. */
  profileAfter: ProfileFacts | null;
  /** Of a pipeline, in the order of the job file. */
  stages: StageFacts[];
  /** Of a table; null for any other job, and before its test was scored. */
  learnt: LearntFacts | null;
  /** Of an experiment; null for any other job. */
  grid: GridFacts | null;
  /** Files the job gave back, where it gave files. */
  outputs: { path: string; artifact: Artifact }[];
  pictures: PictureFacts[];
  /** The volumes and meshes that are shown, and the paths of those that a page has no room for. */
  spaces: SpaceFacts[];
  spacesLeft: string[];
  spend: RouteSpend[];
  log: { at: number; text: string }[];
}

/** The lines that most of the time goes through, by share; a line counts with all that it calls. */
export interface ProfileFacts {
  lines: { place: string; text: string; share: number }[];
  /** What arguments hold, in words. */
  held: { name: string; type: string }[];
}

/** What was learnt from a table. */
export interface LearntFacts {
  judged: Judged;
  blend: Omit<Blend, 'leaderboard'> & { leaderboard: (Blend['leaderboard'][number] & { title: string })[] };
  /** Null where there was no time for it. */
  explain: Explained | null;
  /** What a model says of it, whose every number is of the record; null where none did. */
  words: Interpretation | null;
  /** Earlier jobs whose experience it began with. */
  from: { job: string; what: string }[];
  /** What is to be known of the table, and of its split. */
  warnings: string[];
}

export interface CandidateFacts {
  id: string;
  title: string;
  operator: Operator;
  note: string;
  parents: string[];
  /** Where it is entered, `module.py:function` or `script.py`, and what builds it. */
  entry: string;
  build: string | null;
  /** Its text files against those of the baseline; the files themselves where there is no baseline. */
  changes: FileChange[];
  /** Whether it is built by nothing, and imports nothing but NumPy beside Python's own. */
  plainNumpy: boolean;
  /** At least one: the trial, then the verification. The last one counts. */
  tries: TryFacts[];
}

/** A candidate built, run, judged and measured once. */
export interface TryFacts {
  purpose: Trial['purpose'];
  at: number;
  outcome: Outcome;
  measurement: Measurement | null;
  /**
   * The largest error of an answer beside its size, and the share it takes of what is allowed. Null where no
   * fraction was compared.
   */
  error: { relative: number; share: number } | null;
  /** Milliseconds by step. */
  timings: Record<string, number>;
  seeds: string[];
  artifacts: Record<string, Artifact>;
  /** What it printed, by name: `build log`, `stdout`, `stderr`. */
  logs: Record<string, string>;
}

export interface StageFacts {
  name: string;
  kind: string;
  needs: string[];
  /** `takenOver`: the result of an earlier job on the same files; `waiting`: it was never begun. */
  state: { kind: 'ran' } | { kind: 'takenOver'; from: string } | { kind: 'waiting' };
  /** Null where it was never begun, or where what it was taken over from is no longer on record. */
  job: JobFacts | null;
}

/** What the cells of an experiment came to. */
export interface GridFacts {
  /** The names that make its arms. */
  names: string[];
  cells: number;
  /** The baseline, in words; empty where there is none. */
  baseline: string;
  arms: ArmFacts[];
  /** Why cells failed, the most frequent first. */
  reasons: { text: string; count: number }[];
}

/** One arm; its mean is null where none of its cells has ended. */
export interface ArmFacts {
  /** One a name. */
  values: string[];
  cells: number;
  done: number;
  failed: number;
  mean: Interval | null;
  seconds: number | null;
  difference: { mean: Interval; p: number } | null;
}

export interface PictureFacts {
  path: string;
  mime: 'image/png' | 'image/jpeg' | 'image/gif';
  /** Pixels. */
  width: number;
  height: number;
  base64: string;
}

/** A volume or a mesh, as a view of it needs it. */
export interface SpaceFacts {
  kind: 'volume' | 'mesh';
  path: string;
  /** What it is, in words, and what of it is shown otherwise. */
  told: string;
  notes: string[];
  /** Of a volume its voxels along x, y and z; of a mesh its corners and faces. */
  shape: [number, number, number];
  /** The edges of its box, in `units`. */
  extent: [number, number, number];
  units: string;
  /** What the levels 0 and 255 stand for, and the level whose surface is shown at first. */
  range: [number, number];
  level: number;
  /** A PNG for readers whose browser draws no view, in base64. */
  still: string;
  /** Levels in the order x, y, z with z fastest; or corners and faces. Deflated, in base64. */
  bytes: string;
}

/** What one route was asked and cost. */
export interface RouteSpend {
  route: string;
  requests: number;
  failed: number;
  /** Begun, their end never seen; they may have been paid for. */
  ambiguous: number;
  inputTokens: number;
  outputTokens: number;
  /** Requests whose tokens, and whose price, nobody reported. */
  tokensUnknown: number;
  costUnknown: number;
  microUsd: number;
}

export interface EnvironmentFacts {
  /** What held the programs in; null where it was not recorded. */
  isolation: { kind: string; memory: string; image: string; perJob?: true | undefined } | null;
  hosts: HostFacts[];
  node: string;
  crucible: string;
}

/** A machine that worked on the job. `machine` is null where it is not the one that wrote the facts. */
export interface HostFacts {
  name: string;
  machine: { cpu: string; cores: number; memoryMb: number; kernel: string } | null;
}

/** Returns the try that counts: the last. Throws for a candidate without any. */
export function lastTry({ id, tries }: CandidateFacts): TryFacts {
  const last = tries.at(-1);
  if (last === undefined) throw new Error(`candidate ${id}: expected at least one try, got none`);
  return last;
}

/** Returns how a candidate stands by the last try. */
export const standingOf = (candidate: CandidateFacts, objective: Objective): Standing =>
  standing(lastTry(candidate), objective);

/** Returns the speed-up that counts; null where none was measured. */
export const metricOf = (candidate: CandidateFacts): Interval | null => metricIn(lastTry(candidate).outcome);

/** Returns what a job gives: what was chosen, else its best. */
export const givenBy = ({ chosen, best }: Pick<JobFacts, 'chosen' | 'best'>): BestFound | null =>
  chosen ?? best;

/** Returns whether something stands as best in a stage that was measured. */
export const isMeasured = ({ job }: StageFacts): boolean => job?.best?.metric != null;

/** Returns the job, then the jobs of its stages that ran for it: what was spent and said below it. */
export const jobsBelow = (job: JobFacts): JobFacts[] => [
  job,
  ...job.stages.flatMap((stage) =>
    stage.state.kind === 'ran' && stage.job !== null ? jobsBelow(stage.job) : [],
  ),
];
