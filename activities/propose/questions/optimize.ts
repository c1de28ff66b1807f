import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import { z } from 'zod';
import { Artifact } from '../../../domain/artifact.schema.ts';
import { candidateNumber, isBaseline } from '../../../domain/candidate.ts';
import { CaseSet } from '../../../domain/case-set.schema.ts';
import type { ModelDecision } from '../../../domain/decision.schema.ts';
import type { OptimizeJob } from '../../../domain/kinds/optimize.schema.ts';
import { metricIn } from '../../../domain/leaderboard.ts';
import { objectiveOf } from '../../../domain/objective.ts';
import type { Entry } from '../../../domain/program.schema.ts';
import { stepKey, stepOfKey, trialStep } from '../../../domain/step.ts';
import { notUsedText, strategiesIn } from '../../../domain/strategies.ts';
import type { Trial } from '../../../domain/trial.schema.ts';
import { bestTrial, intervalText } from '../../../domain/trial.ts';
import { promptRequest } from '../../../llm/prompts/prompts.ts';
import { packagesForModel } from '../../../record/environment.ts';
import { observedIn } from '../../../record/profile.ts';
import { readJson, readTree } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';
import { pathOf } from '../../try/outputs.ts';
import {
  type AsksFor,
  digestOf,
  ideaOf,
  logOf,
  proposedIn,
  shownProgram,
  triedPrograms,
} from './question.ts';

/** Cases that are described. */
const describedCases = 4;

/** Where drafts look, in turn: two that are written at once would else be the same. */
const directions = [
  'less work: a better algorithm or data structure, the same answers from fewer operations',
  'compiled loops: Numba or C++ that goes through memory once, in vector instructions',
  'memory and threads: layout, blocking, no temporaries, work shared out among the cores',
];

/** Asks to make the user's program faster, or to repair a candidate that was meant to. */
export const optimizeQuestion: AsksFor<OptimizeJob> = async (
  store,
  { job, decision, sample, jobId, id, files },
  trials,
  own,
  hint,
) => {
  const baseline = trials.find(({ purpose }) => purpose === 'baseline');
  if (baseline === undefined || baseline.measurement === null)
    throw new Error(`job ${jobId}: expected a measured baseline before a proposal, found none`);
  const original = await shownProgram(store, baseline.candidate.program);
  const top = bestTrial(trials, objectiveOf(job));
  const topMetric = top === null ? null : metricIn(top.outcome);
  const task = {
    original: { files: [...original.files].sort((one) => (one.path === job.program ? -1 : 1)) },
    baselineMs: baseline.measurement.baselineMs.value,
    tolerance: job.accepts === undefined ? job.tolerance : null,
    cores: job.cores,
    packages: await packagesForModel(store, jobId, job),
    machine: machine(),
    tried: triedPrograms(trials, measuredText),
    underWay: await underWay(store, jobId, id, trials),
    hint,
  };
  const cases = sample === null ? null : await readJson(store.blobs, sample, CaseSet);
  const ofFunction = {
    function: job.function ?? '',
    argumentTypes: [...new Set(cases?.described)].slice(0, describedCases).join('\n'),
    generator: await generatorOf(store, job, files),
    ...(await observationsOf(store, jobId, baseline.candidate.program, job.function)),
  };
  const ofScript = { script: job.program, args: job.args, outputs: job.outputs.map(pathOf) };
  const name = job.function;
  const isFunction = name !== undefined;
  const replied = {
    known: [baseline.candidate],
    entryAt: (path: string): Entry =>
      isFunction ? { kind: 'function', module: path, name } : { kind: 'script', path, args: job.args },
  };

  const failing =
    decision.kind === 'debug' &&
    trials.findLast(({ candidate }) => candidate.id === decision.parent && candidate !== baseline.candidate);
  if (failing && 'reason' in failing.outcome) {
    const tried = await casesOf(store, failing, jobId);
    const ofFailure = {
      ...ofFunction,
      ...(tried.length === 0 ? {} : { argumentTypes: tried.slice(0, describedCases).join('\n') }),
    };
    const failed = {
      ...(await shownProgram(store, failing.candidate.program)),
      outcome: failing.outcome.kind,
      reason: failing.outcome.reason,
      diagnosis: await digestOf(store, failing),
      log: await logOf(store, failing),
    };
    return {
      request: isFunction
        ? promptRequest('debug-function', { ...task, ...ofFailure, failed }, own)
        : promptRequest('debug-script', { ...task, ...ofScript, failed }, own),
      parent: failing.candidate.id,
      ...replied,
    };
  }

  const best =
    top === null || topMetric === null
      ? null
      : {
          ...(await shownProgram(store, top.candidate.program)),
          measured: `${intervalText(topMetric)} the original's speed`,
        };
  const start = startOf(decision, trials, best === null ? null : top);
  const from =
    start === null
      ? ('original' as const)
      : start === top
        ? ('best' as const)
        : { ...(await shownProgram(store, start.candidate.program)), ...namedBy(start) };
  const improving = {
    ...{ best, from },
    direction:
      decision.kind === 'draft' ? (directions[candidateNumber({ id }) % directions.length] ?? null) : null,
  };
  return {
    request: isFunction
      ? promptRequest('improve-function', { ...task, ...ofFunction, ...improving }, own)
      : promptRequest('improve-script', { ...task, ...ofScript, ...improving }, own),
    parent: start?.candidate.id ?? null,
    ...replied,
  };
};

/**
 * Returns the trial of the program that the reply is to change: the one that was decided on. The best where
 * that failed, or was the user's own. Null for the user's own, which drafts begin with.
 */
function startOf(decision: ModelDecision, trials: readonly Trial[], top: Trial | null): Trial | null {
  if (decision.kind === 'draft') return null;
  if (decision.kind === 'debug') return top;
  const decided = trials.findLast(({ candidate }) => candidate.id === decision.parents[0]);
  if (decided === undefined || decided.outcome.kind !== 'scored' || isBaseline(decided.candidate)) return top;
  return decided.candidate.id === top?.candidate.id ? top : decided;
}

const namedBy = (trial: Trial): { named: string; measured: string } => ({
  named: trial.candidate.id,
  measured: measuredText(trial) ?? 'not measured',
});

const Prepared = z.object({ caseSet: Artifact });

/** Returns what a trial was asked, a case a line by its number; none for a script. */
async function casesOf(store: Store, { candidate, purpose }: Trial, jobId: string): Promise<string[]> {
  const key = stepKey({ jobId, step: `${trialStep(candidate.id, purpose)}/cases` });
  const step = (await store.ledger.steps(jobId)).find((each) => each.key === key);
  const prepared = step?.end.kind === 'done' ? Prepared.safeParse(step.end.result) : undefined;
  if (!prepared?.success) return [];
  const { described } = await readJson(store.blobs, prepared.data.caseSet, CaseSet);
  return described.map((text, number) => `case ${number}: ${text}`);
}

/** Returns the source of the user's maker of cases; empty for a script. */
async function generatorOf(store: Store, job: OptimizeJob, files: Artifact): Promise<string> {
  const [path = ''] = (job.cases ?? '').split(':');
  const file = (await readTree(store.blobs, files))[path];
  return file === undefined ? '' : store.blobs.text(file);
}

/** Returns what was observed of the original, and what strategies said against it, as they are on record. */
async function observationsOf(
  store: Store,
  jobId: string,
  program: Artifact,
  name: string | undefined,
): Promise<{ observed: string; refusals: string }> {
  const found = strategiesIn(await store.ledger.steps(jobId));
  const refusals = (found?.notUsed ?? []).map(notUsedText).join('\n');
  if (found?.record == null) return { observed: '', refusals };
  const { lines, held } = await observedIn(store.blobs, found.record, program, name);
  const observed = [
    ...lines.map(({ place, share, text }) => `${(100 * share).toFixed(0).padStart(3)} %  ${place}  ${text}`),
    ...held.map((each) => `${each.name}: ${each.type}`),
  ];
  return { observed: observed.join('\n'), refusals };
}

/** Returns how fast a trial was, and whether that was found twice; null where it was not measured. */
const measuredText = ({ outcome, purpose, measurement }: Trial): string | null =>
  outcome.kind !== 'scored' || measurement === null
    ? null
    : `${intervalText(outcome.metric)} the original's speed, ${msText(measurement.candidateMs.value)} a call, ${msText(measurement.askingMs.value)} of them to ask it; ${purpose === 'verification' ? 'verified' : 'not verified'}`;

const msText = (ms: number): string => `${Number(ms.toPrecision(3))} ms`;

/** Returns what others of the job are at: programs under trial, and programs that are being written. */
async function underWay(
  store: Store,
  jobId: string,
  id: string,
  trials: readonly Trial[],
): Promise<string[]> {
  const tried = new Set([id, ...trials.map(({ candidate }) => candidate.id)]);
  const lines = new Map<string, string>();
  for (const candidate of await proposedIn(store, jobId))
    if (!tried.has(candidate.id)) lines.set(candidate.id, ideaOf(candidate));
  for (const { key, status } of await store.ledger.calls(jobId)) {
    const writer = stepOfKey(key).candidate;
    if (status === 'started' && writer !== null && !tried.has(writer) && !lines.has(writer))
      lines.set(writer, 'being written, by the same question');
  }
  return [...lines].map(([writer, what]) => `${writer}: ${what}`);
}

const worthNaming = ['sse4_2', 'avx', 'avx2', 'fma', 'bmi2', 'avx512f', 'avx512vl', 'avx512_bf16'];
let described: string | undefined;

/** Returns the processor in words: its name, cores, vector instructions and caches. Found once. */
function machine(): string {
  described ??= [
    `${cpus()[0]?.model.trim() || arch()}, ${cpus().length} cores`,
    vectorInstructions(),
    caches(),
  ]
    .filter((part) => part !== '')
    .join('; ');
  return described;
}

function vectorInstructions(): string {
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.trim().split(/\s+/));
  return worthNaming.filter((each) => flags.has(each)).join(' ');
}

function caches(): string {
  const found = [0, 1, 2, 3, 4].flatMap((index) => {
    const folder = `/sys/devices/system/cpu/cpu0/cache/index${index}`;
    if (!existsSync(`${folder}/size`)) return [];
    const [level, type, size] = ['level', 'type', 'size'].map((name) =>
      readFileSync(`${folder}/${name}`, 'utf8').trim(),
    );
    return type === 'Instruction' ? [] : [`L${level} ${size}`];
  });
  return found.length === 0 ? '' : `caches ${found.join(', ')}`;
}
