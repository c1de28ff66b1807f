import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Conducted,
  createMeasureActivities,
  type Measured,
  type MeasureInput,
} from '../../activities/try/measure.ts';
import { optimizeExam } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { Place } from '../../domain/step.ts';
import type { Measurement } from '../../domain/trial.schema.ts';
import type { ConductResult, Isolation, Sandbox } from '../../sandbox/sandbox.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';

const isolation: Isolation = { kind: 'bubblewrap', memory: 'watched', image: 'none' };
const unasked = () => Promise.reject(new Error('not asked for here'));

let store: Store;
let keys: string[];
/** What each of its runs takes, baseline and candidate, milliseconds of the clock; the last stands for all that follow. */
let takes: { baseline: number; candidate: number; cpuMs?: number }[];

/** A sandbox in which scripts take as long as `takes` says; each measurement of one is `runs` of them. */
const sandbox: Sandbox = {
  isolation,
  layers: null,
  image: async () => ({ id: '', mb: 0 }),
  run: unasked,
  async conduct({ key, samples }): Promise<ConductResult> {
    if (!/\/\d+$/.test(key)) keys.push(key);
    const now = takes[Math.min(keys.length, takes.length) - 1];
    const [sample] = samples;
    const ms = sample?.player === 'baseline' ? now?.baseline : now?.candidate;
    const player = sample?.player ?? '';
    return {
      samples: [
        { player, timed: true, ns: (ms ?? Number.NaN) * 1e6, answers: [], outputs: {}, stdout: null },
      ],
      players: [],
      usage: { wallMs: 1, cpuMs: now?.cpuMs ?? ms ?? 0, peakMemoryMb: 1 },
      isolation,
    };
  },
  runWarm: unasked,
  cool: unasked,
  sweep: unasked,
};

beforeEach(async () => {
  store = await temporaryStore();
  keys = [];
});

let steps = 0;
async function measured(earlier: Measurement | null = null): Promise<{
  measurement: Measurement;
  conducted: Conducted;
}> {
  const program: Program = { files: {}, entry: { kind: 'script', path: 'a.py', args: [] }, build: null };
  const artifact = await store.blobs.put(JSON.stringify(program));
  const files = await store.blobs.put('{}');
  const job = OptimizeJob.parse({ kind: 'optimize', name: 'a', program: 'a.py', outputs: ['*.txt'] });
  const input: Place & MeasureInput = {
    ...{ storeId: store.id, jobId: 'measured', step: `c-1/measure-${steps++}` },
    exam: optimizeExam(job, files, files),
    ...{ baseline: artifact, candidate: artifact, cases: null, pairs: 6, batch: 1, noiseFloor: 0, earlier },
  };
  const { measure } = createMeasureActivities({ store, sandbox });
  const found: Measured = await new MockActivityEnvironment().run(measure, input);
  if (found.kind === 'failed') throw new Error(JSON.stringify(found.outcome));
  const conducted = Conducted.parse(JSON.parse(await store.blobs.text(found.conducted)));
  return { measurement: found.measurement, conducted };
}

describe('a second measurement of a program', () => {
  it('that agrees with the first is one interval with it', async () => {
    takes = [{ baseline: 1_000, candidate: 100 }];
    const first = await measured();
    expect(first.measurement).toMatchObject({ pairs: 6, speedup: { value: 10 } });
    expect(first.measurement.runs).toBeUndefined();
    takes = [{ baseline: 1_020, candidate: 100 }];
    keys = [];
    const { measurement, conducted } = await measured(first.measurement);
    expect(keys).toHaveLength(1);
    expect(conducted.samples).toHaveLength(12);
    expect(measurement).toMatchObject({ pairs: 12, runs: [{ value: 10 }, { value: 10.2 }] });
    expect(measurement.speedup.low).toBe(first.measurement.speedup.low);
    expect(measurement.speedup.high).toBeGreaterThan(first.measurement.speedup.high);
  });

  it('that does not is followed by a third, and the interval covers them all', async () => {
    takes = [{ baseline: 3_070, candidate: 10 }];
    const first = await measured();
    takes = [
      { baseline: 1_210, candidate: 10 },
      { baseline: 1_500, candidate: 10 },
    ];
    keys = [];
    const { measurement, conducted } = await measured(first.measurement);
    expect(keys).toEqual([
      expect.stringMatching(/measure-\d+$/),
      expect.stringMatching(/measure-\d+\/again$/),
    ]);
    expect(measurement.runs?.map(({ value }) => value)).toEqual([307, 121, 150]);
    expect(measurement).toMatchObject({ pairs: 18, speedup: { value: 150 } });
    expect(measurement.speedup.low).toBeLessThan(121);
    expect(measurement.speedup.high).toBeGreaterThan(307);
    // All that was timed is there to be judged.
    expect(conducted.plan).toHaveLength(24);
    expect(conducted.samples).toHaveLength(24);
  });
});
