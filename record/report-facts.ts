import { arch, availableParallelism, cpus, hostname, release, totalmem, type } from 'node:os';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Artifact, Tree } from '../domain/artifact.schema.ts';
import { isBaseline } from '../domain/candidate.ts';
import { ArtifactDamaged } from '../domain/errors.ts';
import { forkText } from '../domain/job.ts';
import { originOf } from '../domain/job-input.ts';
import { gridIn, kindOf, stagesOf } from '../domain/kinds/kinds.ts';
import { objectiveOf } from '../domain/objective.ts';
import type { Program } from '../domain/program.schema.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { bestFound } from '../domain/trial.ts';
import packageJson from '../package.json' with { type: 'json' };
import { Isolation } from '../sandbox/sandbox.ts';
import type { BlobStore } from '../store/blobs.ts';
import { readJson, readProgram, readTree } from '../store/documents.ts';
import type { CallRecord } from '../store/ledger/model-calls.ts';
import type { StepRecord } from '../store/ledger/steps.ts';
import type { TrialRecord } from '../store/ledger/trials.ts';
import type { Store } from '../store/store.ts';
import { excerpt } from '../web/excerpt.ts';
import {
  type CandidateFacts,
  type EnvironmentFacts,
  type GridFacts,
  type HostFacts,
  isMeasured,
  type JobFacts,
  type PictureFacts,
  type ReportFacts,
  type RouteSpend,
  type StageFacts,
} from '../web/facts.ts';
import { pictureOf } from '../web/picture.ts';
import { armNames, armsOf } from './arms.ts';
import { readCells, reasonsOf, textOf } from './cells.ts';
import { changesOf } from './changes.ts';
import { type KeptJob, readEarlier, readJob, timesOf } from './kept-job.ts';
import { learntIn } from './learnt.ts';
import { isPlainNumpy } from './plain-numpy.ts';
import { profileAfter, profileOf } from './profile.ts';
import { spacesIn, withinPage } from './space/spaces.ts';

/**
 * Everything a report on `jobId` shows, from the ledger and the blobs. A blob that is no longer kept leaves a note in its
 * place. Throws where the ledger has no such job.
 */
export async function collectReport(store: Store, jobId: string): Promise<ReportFacts> {
  const record = await store.ledger.job(jobId);
  if (record === undefined)
    throw new Error(`job ${jobId}: expected it in the ledger of this store, found no such job`);
  const kept = await readJob(store, record);
  return { job: withinPage(await factsOf(store, kept)), environment: await environmentOf(store.blobs, kept) };
}

/** Shapes what the ledger knows of a job for a report, with the files that it shows. */
async function factsOf(store: Store, kept: KeptJob): Promise<JobFacts> {
  const { blobs } = store;
  const { id, name, kind, status, startedAt, endedAt } = kept.record;
  const { job } = kept;
  const { result } = kept.record;
  const candidates = await candidatesOf(blobs, kept);
  const origin = originOf(kept.input);
  const objective = objectiveOf(job);
  const best = bestFound(kept.trials, objective);
  const stages = await stageFactsOf(store, kept);
  const measured = stages.find(isMeasured)?.job;
  const given = await outputsOf(blobs, kept.trials, (kept.chosen ?? best)?.candidate ?? null);
  return {
    ...{ id, name, kind, status, startedAt, endedAt },
    task: kindOf(job).sentence(job),
    forked: origin === null ? null : forkText(origin),
    yaml: stringify(job),
    summary: result?.summary ?? null,
    baseline: candidates.find((each) => each.tries[0]?.purpose === 'baseline') ?? null,
    candidates: candidates.filter((each) => each.tries[0]?.purpose !== 'baseline'),
    objective,
    check: kindOf(job).check(job),
    best: best ?? measured?.best ?? null,
    chosen: kept.chosen ?? measured?.chosen ?? null,
    notUsed: result?.notUsed ?? [],
    profile: await found(profileOf(blobs, kept)),
    profileAfter: await found(profileAfter(blobs, kept, (kept.chosen ?? best)?.candidate ?? null)),
    stages,
    learnt: await learntIn(blobs, kept.trials),
    grid: await gridFactsOf(store, kept),
    outputs: Object.entries(given).map(([path, artifact]) => ({ path, artifact })),
    pictures: await picturesIn(blobs, given),
    ...(await spacesIn(blobs, given)),
    spend: spendOf(kept.calls),
    log: kept.events.map(({ at, text }) => ({ at, text })),
  };
}

/** Returns what the cells of an experiment came to; null for any other job. */
async function gridFactsOf(store: Store, { record, job }: KeptJob): Promise<GridFacts | null> {
  const grid = gridIn(job);
  if (grid === null) return null;
  const rows = await readCells(store, record, grid);
  const names = armNames(grid);
  return {
    ...{ names, cells: rows.length },
    baseline: Object.entries(grid.baseline ?? {})
      .map(([name, value]) => `${name} ${textOf(value)}`)
      .join(', '),
    arms: armsOf(grid, rows).map(({ values, usd: _, ...arm }) => ({
      ...arm,
      values: names.map((name) => textOf(values[name])),
    })),
    reasons: reasonsOf(rows.filter(({ status }) => status === 'failed')),
  };
}

const MeasuredStep = z.object({ conducted: z.string() });
const Isolated = z.object({ isolation: Isolation });

/** The trials of one candidate stand together, in the order they were recorded. */
async function candidatesOf(blobs: BlobStore, kept: KeptJob): Promise<CandidateFacts[]> {
  const { recorded } = kept;
  const records = Map.groupBy(recorded, (each) => each.trial.candidate.id);
  const baseline = recorded.find((each) => each.trial.purpose === 'baseline')?.trial.candidate;
  const before = baseline === undefined ? null : await found(readProgram(blobs, baseline.program));
  const facts: CandidateFacts[] = [];
  for (const [id, ofOne] of records) {
    const [first] = ofOne;
    if (first === undefined) continue;
    const { candidate } = first.trial;
    const program = await found(readProgram(blobs, candidate.program));
    const { title, operator, note, parents } = candidate;
    facts.push({
      ...{ id, title, operator, note, parents },
      entry: program === null ? 'no longer kept' : entryOf(program),
      build: program?.build?.tool ?? null,
      plainNumpy: program !== null && (await found(isPlainNumpy(blobs, program))) === true,
      changes: program === null ? [] : await changesOf(blobs, isBaseline(candidate) ? null : before, program),
      tries: await Promise.all(ofOne.map((each) => tryOf(blobs, kept, each))),
    });
  }
  return facts;
}

async function tryOf(
  blobs: BlobStore,
  kept: KeptJob,
  recorded: TrialRecord,
): Promise<CandidateFacts['tries'][number]> {
  const { purpose, outcome, measurement, seeds, artifacts } = recorded.trial;
  const timings = timesOf(kept, recorded);
  const logs: Record<string, string> = {};
  for (const name of ['build log', 'stdout', 'stderr']) {
    const artifact = artifacts[name];
    const bytes = artifact === undefined ? undefined : await found(blobs.get(artifact));
    if (bytes === null) logs[name] = noLongerKept;
    else if (bytes !== undefined && bytes.length > 0)
      logs[name] = excerpt(bytes.toString('utf8'), longestLog);
  }
  const error = await errorIn(blobs, artifacts.verdict);
  return { purpose, at: recorded.createdAt, outcome, measurement, error, timings, seeds, artifacts, logs };
}

const Judged = z.object({
  largestError: z.object({ relative: z.number(), allowedRatio: z.number() }).nullable(),
});

/** Returns the largest error in a verdict; null where no fraction was compared. */
async function errorIn(
  blobs: BlobStore,
  verdict: Artifact | undefined,
): Promise<CandidateFacts['tries'][number]['error']> {
  if (verdict === undefined) return null;
  const judged = Judged.safeParse(await found(readJson(blobs, verdict, z.unknown())));
  const largest = judged.data?.largestError ?? null;
  return largest === null ? null : { relative: largest.relative, share: largest.allowedRatio };
}

const noLongerKept = '(no longer in the store)';
const longestLog = 40_000;

/** Returns what `reading` gives; null where a blob is no longer kept. */
async function found<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof ArtifactDamaged) return null;
    throw error;
  }
}

const entryOf = ({ entry }: Program): string =>
  entry.kind === 'function' ? `${entry.module}:${entry.name}` : [entry.path, ...entry.args].join(' ');

const stageFactsOf = (store: Store, kept: KeptJob): Promise<StageFacts[]> =>
  Promise.all(
    stagesOf(kept.job).map(async ({ name, kind, needs }): Promise<StageFacts> => {
      const ran = kept.stages.find(({ record }) => record.stage === name);
      if (ran !== undefined)
        return { name, kind, needs, state: { kind: 'ran' }, job: await factsOf(store, ran) };
      const known = kept.takenOver[name];
      if (known === undefined) return { name, kind, needs, state: { kind: 'waiting' }, job: null };
      const earlier = await readEarlier(store, known);
      const job = earlier === null ? null : await factsOf(store, earlier);
      return { name, kind, needs, state: { kind: 'takenOver', from: known.jobId }, job };
    }),
  );

/** Returns the files that the job's best gave back, or its only program; none for a function. */
async function outputsOf(blobs: BlobStore, trials: readonly Trial[], best: string | null): Promise<Tree> {
  const chosen = trials.findLast(({ outcome, candidate }) =>
    best === null ? outcome.kind === 'passed' : candidate.id === best,
  );
  const outputs = chosen?.artifacts.outputs;
  return outputs === undefined ? {} : ((await found(readTree(blobs, outputs))) ?? {});
}

/** A report stays small enough to be sent around: larger pictures, and more, are left to the outputs. */
const largestPictureBytes = 3_000_000;
const mostPictures = 12;

async function picturesIn(blobs: BlobStore, outputs: Tree): Promise<PictureFacts[]> {
  const pictures: PictureFacts[] = [];
  for (const [path, artifact] of Object.entries(outputs)) {
    if (!/\.(png|jpe?g|gif)$/i.test(path)) continue;
    const bytes = await found(blobs.get(artifact));
    const picture = bytes === null || bytes.length > largestPictureBytes ? null : pictureOf(bytes);
    if (bytes !== null && picture !== null)
      pictures.push({ path, ...picture, base64: bytes.toString('base64') });
    if (pictures.length === mostPictures) break;
  }
  return pictures;
}

function spendOf(calls: readonly CallRecord[]): RouteSpend[] {
  // A reply from the cache was no request, and cost nothing.
  const sent = calls.filter(({ cached }) => !cached);
  const routes = Map.groupBy(sent, (call) => call.route);
  return [...routes].map(([route, requests]) => {
    const sum = (of: (call: CallRecord) => number): number =>
      requests.reduce((total, call) => total + of(call), 0);
    const number = (status: CallRecord['status']): number => sum((call) => Number(call.status === status));
    // A request that failed is unknown too: a provider may charge for it and say nothing.
    return {
      route,
      requests: requests.length,
      failed: number('failed'),
      ambiguous: number('ambiguous'),
      inputTokens: sum((call) => call.usage?.input ?? 0),
      outputTokens: sum((call) => call.usage?.output ?? 0),
      tokensUnknown: sum((call) => Number(call.usage?.input === undefined)),
      costUnknown: sum((call) => Number(call.microUsd === null)),
      microUsd: sum((call) => call.microUsd ?? 0),
    };
  });
}

/** Where a job and its stages ran; a machine is described where it is the one that writes the report. */
async function environmentOf(blobs: BlobStore, kept: KeptJob): Promise<EnvironmentFacts> {
  const steps = stepsBelow(kept);
  const hosts = [...new Set(steps.map((step) => step.worker.split(':')[0] ?? ''))].sort();
  return {
    isolation: await isolationOf(blobs, steps),
    hosts: hosts.map((name) => ({ name, machine: name === hostname() ? thisMachine() : null })),
    node: process.versions.node,
    crucible: packageJson.version,
  };
}

const stepsBelow = ({ steps, stages }: KeptJob): StepRecord[] => [...steps, ...stages.flatMap(stepsBelow)];

const thisMachine = (): NonNullable<HostFacts['machine']> => ({
  cpu: cpus()[0]?.model.trim() ?? arch(),
  cores: availableParallelism(),
  memoryMb: Math.round(totalmem() / 2 ** 20),
  kernel: `${type()} ${release()}`,
});

/** As stamped on the last measurement, or the last run of a script; null where there was neither. */
async function isolationOf(
  blobs: BlobStore,
  steps: readonly StepRecord[],
): Promise<EnvironmentFacts['isolation']> {
  for (const { kind, end } of steps.toReversed()) {
    if (end.kind !== 'done') continue;
    const ran = kind === 'run' || kind === 'fit' ? Isolated.safeParse(end.result).data : undefined;
    if (ran !== undefined) return ran.isolation;
    if (kind !== 'measure') continue;
    const measured = MeasuredStep.safeParse(end.result).data;
    if (measured === undefined) continue;
    return (await found(readJson(blobs, measured.conducted, Isolated)))?.isolation ?? null;
  }
  return null;
}
