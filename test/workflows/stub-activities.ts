import { ApplicationFailure, heartbeat, sleep } from '@temporalio/activity';
import type { JobActivities } from '../../activities/job.ts';
import type { HandActivities } from '../../activities/propose/by-hand.ts';
import type { ModelActivities, ProposeInput } from '../../activities/propose/by-model.ts';
import type { StrategyActivities } from '../../activities/propose/by-strategy.ts';
import type { ReportActivities } from '../../activities/report.ts';
import type { BuildActivities } from '../../activities/try/build.ts';
import type { CaseActivities } from '../../activities/try/cases.ts';
import type { GradeActivities } from '../../activities/try/grade.ts';
import type { MeasureActivities } from '../../activities/try/measure.ts';
import type { RunActivities } from '../../activities/try/run.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { NumberedDecision } from '../../domain/decision.schema.ts';
import { type Known, nothingKnown } from '../../domain/known.ts';
import type { NotUsed } from '../../domain/strategies.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';

export const artifact = 'a'.repeat(64);

/** How a candidate of a stubbed job behaves, by its title. */
export type Script = Record<
  string,
  | { speedups: number[] }
  | { wrong: string }
  | { buildFailed: string }
  | { crashed: string }
  | { notApplicable: true }
>;

export type AllActivities = JobActivities &
  ReportActivities &
  HandActivities &
  CaseActivities &
  StrategyActivities &
  RunActivities &
  BuildActivities &
  GradeActivities &
  MeasureActivities &
  ModelActivities;

/** What a stubbed worker saw. */
export interface Seen {
  activities: string[];
  decided: NumberedDecision[];
  /** Numbers of decisions that led to no program. */
  inVain: number[];
  trials: Trial[];
  closed: { status: string; summary: string }[];
  /** Requests to models. */
  asked: ProposeInput[];
}

export interface StubOptions {
  /** The type of the failure a request to a model ends with; undefined where the script answers it. */
  failModel?: (input: ProposeInput) => string | undefined;
  /** What the job had done when it was taken up again. */
  known?: Known;
  /** An activity that does not end before it is cancelled. */
  endless?: keyof AllActivities;
  /** Strategies that do not apply. */
  notUsed?: NotUsed[];
  /** Why what was timed of the original does not pass; unset: it does. */
  refused?: string;
  /** The artifact of a candidate's program. */
  programOf?: (id: string) => string;
}

/**
 * Activities that do nothing and say what a script says: the workflows' own decisions can be seen by what they ask for.
 * `speedups` are what the measurements of a candidate give, one after another.
 */
export function stubActivities(
  script: Script,
  {
    failModel = () => undefined,
    known = nothingKnown,
    endless,
    notUsed = [],
    refused,
    programOf = named,
  }: StubOptions = {},
): { activities: AllActivities; seen: Seen } {
  const seen: Seen = { activities: [], decided: [], inVain: [], trials: [], closed: [], asked: [] };
  const titles = new Map<string, string>();
  const measured = new Map<string, number>();
  const titleOf = (program: string): string => titles.get(program) ?? 'as it is';
  const candidate = (
    id: string,
    title: string,
    operator: Candidate['operator'],
    parents: string[],
  ): Candidate => {
    titles.set(programOf(id), title);
    return { id, parents, operator, title, note: title, program: programOf(id) };
  };
  const behaviour = (program: string) => script[titleOf(program)] ?? { speedups: [1] };
  const measurement = (value: number) => {
    const interval = { value, low: value * 0.9, high: value * 1.1 };
    const fixed = (ms: number) => ({ value: ms, low: ms, high: ms });
    return {
      baselineMs: fixed(100),
      candidateMs: fixed(100 / value),
      speedup: interval,
      noiseFloor: 0.01,
      pairs: 7,
      askingMs: fixed(0.1),
      host: 'stub-host',
      samples: artifact,
    };
  };
  const right = { kind: 'right', verdict: artifact } as const;

  const activities: AllActivities = {
    async openJob({ input }) {
      const { budget } = input.job;
      return {
        known,
        steered: {
          ...{ budget, beganAt: Date.now(), pausedAt: null, pausedMs: 0, tries: [] },
          ...{ rest: null, waiting: null, settled: false },
        },
      };
    },
    async recordDecision({ decided }) {
      seen.decided.push(decided);
    },
    async endInVain({ number }) {
      seen.inVain.push(number);
    },
    async readJournal() {
      return [];
    },
    async takeMessage() {
      throw new Error('expected a store where messages are sent');
    },
    async recordTrial({ trial }) {
      seen.trials.push(trial);
      return { microUsd: 0 };
    },
    async closeJob({ jobId, status, ended }) {
      seen.closed.push({ status, summary: ended.summary });
      return { result: { jobId, status, ...ended, report: null }, microUsd: 0 };
    },
    async packProgram() {
      return { candidate: candidate('c-0', 'as it is', 'baseline', []), seen: artifact };
    },
    async packInputs() {
      return { seen: artifact };
    },
    async mergeFiles() {
      return { files: artifact, known: null };
    },
    async writeReport() {
      return artifact;
    },
    async prepareCases() {
      return { caseSet: artifact, seed: '1', oracleMs: 100, answerBytes: 8 };
    },
    async listStrategies() {
      return { applicable: Object.keys(script).filter((title) => !title.startsWith('model:')), notUsed };
    },
    async proposeByHand({ id, name }) {
      return candidate(id, name, 'human', ['c-0']);
    },
    async proposeByStrategy({ id, strategy }) {
      if ('notApplicable' in (script[strategy] ?? {})) return null;
      return candidate(id, strategy, 'strategy', ['c-0']);
    },
    async proposeByModel(input) {
      const { id, route, decision } = input;
      seen.asked.push(input);
      const type = failModel(input);
      if (type !== undefined)
        throw ApplicationFailure.create({ type, message: `${route}: ${type}`, nonRetryable: true });
      const planned = Object.keys(script).filter((title) => title.startsWith(`model:${route}`));
      const title = planned.find((each) => ![...titles.values()].includes(each));
      if (title === undefined)
        throw ApplicationFailure.create({
          type: 'RouteUnavailable',
          message: `${route} is down`,
          nonRetryable: true,
        });
      const parents =
        decision.kind === 'debug' ? [decision.parent] : decision.kind === 'improve' ? decision.parents : [];
      return candidate(id, title, decision.kind, parents);
    },
    async buildProgram({ program }) {
      const acts = behaviour(program);
      return 'buildFailed' in acts
        ? { kind: 'failed', outcome: { kind: 'buildFailed', reason: acts.buildFailed }, log: artifact }
        : { kind: 'built', program, log: null };
    },
    async runProgram({ program }) {
      const acts = behaviour(program);
      return 'crashed' in acts
        ? { kind: 'failed', outcome: { kind: 'crashed', reason: acts.crashed }, artifacts: {} }
        : { kind: 'ran', returned: program, artifacts: { outputs: artifact } };
    },
    async gradeModule() {
      return right;
    },
    async gradeRun({ returned }) {
      const acts = behaviour(returned);
      return 'wrong' in acts
        ? { kind: 'refused', outcome: { kind: 'wrong', reason: acts.wrong, verdict: artifact } }
        : right;
    },
    async tryCheck() {
      return { acceptsNothing: false };
    },
    async gradeTimed() {
      return refused === undefined
        ? right
        : { kind: 'refused', outcome: { kind: 'invalidOutput', reason: refused } };
    },
    async claimBench() {
      return { kind: 'measured', measurement: measurement(1), conducted: artifact };
    },
    async measure({ candidate: program, isOurs }) {
      const acts = behaviour(program);
      const count = measured.get(program) ?? 0;
      measured.set(program, count + 1);
      const value = 'speedups' in acts ? (acts.speedups[Math.min(count, acts.speedups.length - 1)] ?? 1) : 1;
      const found = { ...measurement(value), ...(isOurs ? { isOurs } : {}) };
      return { kind: 'measured', measurement: found, conducted: artifact };
    },
  };
  for (const [name, activity] of Object.entries(activities)) {
    Object.assign(activities, {
      [name]: async (input: never) => {
        seen.activities.push(name);
        while (name === endless) {
          heartbeat();
          await sleep(100);
        }
        return (activity as (input: never) => Promise<unknown>)(input);
      },
    });
  }
  return { activities, seen };
}

/** A program is named by the candidate it belongs to, in hex, so that every stub knows whom it is asked about. */
const named = (id: string): string => Buffer.from(id).toString('hex').padEnd(64, '0');
