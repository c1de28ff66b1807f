import type { z } from 'zod';
import { createJobActivities } from '../../activities/job.ts';
import type { CommandContext } from '../../cli/terminal.ts';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { Job } from '../../domain/job.schema.ts';
import type { JobInput, JobResult } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import type { Interval, Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import type { Store } from '../../store/store.ts';

/** A context of 100 columns that keeps the lines it is given. */
export function recorded(
  store: Store,
  options: Partial<CommandContext> = {},
): { context: CommandContext; lines: string[] } {
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  return { context: { store, json: false, out, terminal: false, columns: 100, ...options }, lines };
}

/** Stores files given as text or bytes. */
export async function tree(store: Store, files: Record<string, string | Uint8Array>): Promise<Tree> {
  const stored: Tree = {};
  for (const [path, content] of Object.entries(files)) stored[path] = await store.blobs.put(content);
  return stored;
}

/** Jobs end in `.RUN`, verifications in `-RUN`; a stage runs once and is its own series. */
function seriesOf(id: string): { series: string; run: number } {
  const [, series = id, run = '1'] = /^(.*)\.(\d+)$/.exec(id) ?? /^(.*\/verify)-(\d+)$/.exec(id) ?? [];
  return { series, run: Number(run) };
}

/** Opens a job in the ledger as its workflow does. */
export async function openJob(
  store: Store,
  asked: z.input<typeof Job>,
  {
    id,
    files = {},
    parent = null,
  }: { id: string; files?: Record<string, string | Uint8Array>; parent?: JobInput['parent'] },
): Promise<JobInput> {
  const job = Job.parse(asked);
  const input: JobInput = {
    jobId: id,
    ...seriesOf(id),
    storeId: store.id,
    job,
    files: await store.blobs.put(JSON.stringify(await tree(store, files))),
    beside: await store.blobs.put('[]'),
    role: parent === null ? 'job' : parent.stage === 'verify' ? 'verification' : 'stage',
    parent,
    routes: noRoutes,
    stageRoutes: {},
    searchable: false,
    fresh: false,
    resumed: 0,
  };
  await createJobActivities({ store }).openJob({ storeId: store.id, jobId: id, step: 'open', input });
  return input;
}

/** Closes a job in the ledger as its workflow does. */
export async function closeJob(
  store: Store,
  { jobId }: JobInput,
  ended: Partial<JobResult> & { summary: string },
): Promise<JobResult> {
  const { result } = await createJobActivities({ store }).closeJob({
    storeId: store.id,
    jobId,
    step: 'close',
    status: ended.status ?? 'finished',
    ended: { best: null, refused: 0, product: null, ...ended },
  });
  return result;
}

export const storeProgram = (store: Store, program: Program): Promise<Artifact> =>
  store.blobs.put(JSON.stringify(program));

/** Records a trial of a candidate as the workflow does; one that `scored` has a measurement. */
export async function recordTrial(
  store: Store,
  jobId: string,
  candidate: Partial<Candidate> & Pick<Candidate, 'id' | 'title' | 'program'>,
  outcome: Outcome | Interval,
  more: Partial<Trial> = {},
): Promise<void> {
  const scored = 'value' in outcome;
  const purpose = more.purpose ?? 'trial';
  const trial: Trial = {
    candidate: { parents: ['c-0'], operator: 'strategy', note: `${candidate.title}.`, ...candidate },
    purpose,
    outcome: scored ? { kind: 'scored', metric: outcome, verdict: await store.blobs.put('{}') } : outcome,
    measurement: scored ? await measurement(store, outcome) : null,
    artifacts: {},
    timings: { build: 12, run: 480, measure: 6_200 },
    seeds: ['181783497276652'],
    ...more,
  };
  const step = `${candidate.id}${purpose === 'verification' ? '/verify' : ''}/record`;
  await createJobActivities({ store }).recordTrial({ storeId: store.id, jobId, step, trial });
}

async function measurement(store: Store, speedup: Interval): Promise<Measurement> {
  const around = (value: number): Interval => ({ value, low: value * 0.98, high: value * 1.02 });
  return {
    baselineMs: around(512),
    candidateMs: around(512 / speedup.value),
    speedup,
    noiseFloor: 0.021,
    pairs: 7,
    askingMs: around(0.04),
    host: 'bench-1',
    samples: await store.blobs.put('[]'),
  };
}

export const interval = (value: number): Interval => ({ value, low: value * 0.97, high: value * 1.04 });

/** Leaves a step open, as a worker does that is in the middle of it. */
export async function openStep(store: Store, jobId: string, step: string, kind: string): Promise<void> {
  const stopped = new Error('left open');
  await store.ledger
    .once(`${jobId}#${step}`, { jobId, kind }, () => Promise.reject(stopped))
    .catch((error: unknown) => {
      if (error !== stopped) throw error;
    });
}
