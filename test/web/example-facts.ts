import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import type { Interval, Outcome } from '../../domain/outcome.schema.ts';
import type { Measurement } from '../../domain/trial.schema.ts';
import type { CandidateFacts, JobFacts, PictureFacts, ReportFacts, TryFacts } from '../../web/facts.ts';

/** Facts of jobs as they would be collected, for the tests of what is made of them. */

const startedAt = Date.UTC(2026, 2, 1, 14, 5);
const minutes = (count: number): number => startedAt + count * 60_000;
export const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

export const interval = (value: number, share = 0.03): Interval => ({
  value,
  low: value * (1 - share),
  high: value * (1 + share),
});

const baselineMs = 412;

function measurement(speedup: Interval): Measurement {
  return {
    baselineMs: interval(baselineMs, 0.02),
    candidateMs: interval(baselineMs / speedup.value, 0.02),
    speedup,
    noiseFloor: 0.021,
    pairs: 7,
    askingMs: interval(0.018, 0.1),
    host: 'forge',
    samples: hash(`samples ${speedup.value}`),
  };
}

/** A try that ended `afterMinutes`; a number stands for a speed-up that was measured. */
export function tried(
  afterMinutes: number,
  ended: Interval | Exclude<Outcome, { kind: 'scored' }>,
  purpose: TryFacts['purpose'] = 'trial',
): TryFacts {
  const scored = 'value' in ended;
  return {
    purpose,
    at: minutes(afterMinutes),
    outcome: scored ? { kind: 'scored', metric: ended, verdict: hash(`verdict ${afterMinutes}`) } : ended,
    measurement: scored ? measurement(ended) : null,
    error: scored ? { relative: 3e-10, share: 0.3 } : null,
    timings: { build: 1240, cases: 830, run: 910, grade: 480, measure: 14_200, 'grade timed': 620 },
    seeds: [String(180_000_000_000 + Math.round(afterMinutes * 7919))],
    artifacts: { program: hash(`program ${afterMinutes}`), verdict: hash(`verdict ${afterMinutes}`) },
    logs: {},
  };
}

const numbaPatch = `@@ -1,4 +1,5 @@
 import math
 
+import numba
 import numpy as np
 
@@ -31,6 +32,7 @@
     return max(near, first), min(far, second)
 
 
+@numba.njit(cache=False, fastmath=False)
 def backproject(image, position, rotation, focal, n, step=0.5):
     """Adds every pixel to all voxels that its ray crosses."""
-    height, width = image.shape
+    height, width = image.shape[0], image.shape[1]
     grid = np.zeros((n, n, n))`;

export function candidate(
  id: string,
  title: string,
  tries: TryFacts[],
  more: Partial<CandidateFacts> = {},
): CandidateFacts {
  return {
    id,
    title,
    operator: 'strategy',
    note: '',
    parents: ['c-0'],
    entry: 'backproject.py:backproject',
    build: null,
    plainNumpy: false,
    changes: [{ path: 'backproject.py', change: 'changed', patch: numbaPatch, note: null }],
    tries,
    ...more,
  };
}

const baseline = candidate('c-0', 'as it is', [tried(0.6, interval(1, 0.021), 'baseline')], {
  operator: 'baseline',
  note: 'backproject.py, unchanged',
  parents: [],
  changes: [
    { path: 'backproject.py', change: 'whole', patch: 'import math\n\nimport numpy as np\n', note: null },
  ],
});

const candidates: CandidateFacts[] = [
  candidate(
    'c-1',
    'vectorize_loops',
    [tried(1.6, interval(61, 0.05)), tried(2.1, interval(59.4, 0.04), 'verification')],
    {
      note: 'The loops are compiled to machine code by Numba, with the same order of additions.',
    },
  ),
  candidate(
    'c-2',
    'use_cpp_extension',
    [tried(2.9, interval(88)), tried(3.6, interval(86.2, 0.05), 'verification')],
    {
      note: 'Translated to C++ by Pythran and bound as an extension module.',
      build: 'pythran',
    },
  ),
  candidate('c-3', 'parallelize', [tried(4.1, interval(1.02, 0.05))], {
    note: 'Rows are shared out among two processes; starting them costs about what they save.',
  }),
  candidate(
    'c-4',
    'reduce_precision',
    [
      tried(4.9, {
        kind: 'wrong',
        reason:
          'case 2 (image: float64[64, 64], n = 48): grid[3, 17, 20]\nexpected 4.50000001, got 4.49999976: off by 5.6e-8 relative, 1e-9 allowed',
        verdict: hash('wrong'),
      }),
    ],
    { note: 'Carries the grid in float32.' },
  ),
  candidate(
    'c-5',
    'vectorize_loops + parallelize',
    [tried(6.0, interval(141)), tried(6.9, interval(143, 0.035), 'verification')],
    { note: 'Numba with prange over slabs of the grid, so that no two threads add to one voxel.' },
  ),
  candidate(
    'c-6',
    'a sparse matrix of rays',
    [
      tried(7.8, {
        kind: 'crashed',
        reason:
          'Traceback (most recent call last):\n  File "backproject.py", line 41, in backproject\nIndexError: index 48 is out of bounds for axis 0 with size 48',
      }),
    ],
    {
      operator: 'draft',
      parents: [],
      note: 'anthropic/claude: the geometry as one sparse matrix, applied to the image',
    },
  ),
  candidate(
    'c-7',
    'hand-written C++ with OpenMP',
    [
      {
        ...tried(8.6, {
          kind: 'buildFailed',
          reason: 'rays.cpp:27:18: error: ‘omp_get_thread_num’ was not declared in this scope',
        }),
        logs: {
          'build log':
            'rays.cpp: In function ‘void backproject(…)’:\nrays.cpp:27:18: error: ‘omp_get_thread_num’ was not declared in this scope\n   27 |   const int me = omp_get_thread_num();\n      |                  ^~~~~~~~~~~~~~~~~~\n',
        },
        timings: { build: 3800 },
      },
    ],
    {
      operator: 'draft',
      parents: [],
      note: 'openai/gpt: a nanobind kernel, one private grid a thread',
      build: 'nanobind',
    },
  ),
  candidate('c-8', 'hand-written C++ with OpenMP, mended', [tried(10.2, interval(118, 0.09))], {
    operator: 'debug',
    parents: ['c-7'],
    note: 'openai/gpt: includes omp.h',
    build: 'nanobind',
  }),
  candidate(
    'c-9',
    'march through all voxels instead',
    [tried(12.4, { kind: 'timedOut', reason: 'not done after 300 s of wall time' })],
    {
      operator: 'improve',
      parents: ['c-5'],
      note: 'anthropic/claude: gathers for every voxel what its ray adds',
    },
  ),
];

export const optimizeJob: JobFacts = {
  id: 'optimize/backproject/4f2a90c1d7.1',
  name: 'backproject',
  kind: 'optimize',
  status: 'finished',
  startedAt,
  endedAt: minutes(12.9),
  forked: null,
  task: 'Make backproject in backproject.py faster on up to 2 cores, and keep its answers the same within 1e-6 × their size.',
  yaml: 'kind: optimize\nname: backproject\nprogram: backproject.py\nfunction: backproject\ncases: cases.py\nbudget:\n  trials: 9\n',
  summary:
    'vectorize_loops + parallelize is 143× faster (at least 138× with 95 % confidence); 9 tried, 5 right; stopped because all 9 trials of the budget are used',
  baseline,
  candidates,
  objective: { kind: 'ratio', atLeast: 1 },
  check: null,
  best: { candidate: 'c-5', title: 'vectorize_loops + parallelize', metric: interval(143, 0.035) },
  chosen: null,
  profile: {
    lines: [
      { place: 'slow.py:7', text: 'total += image[y, x]', share: 0.9 },
      { place: 'slow.py:2', text: 'out = prepared(image)', share: 0.999 },
    ],
    held: [{ name: 'image', type: 'float64[64,64]' }],
  },
  profileAfter: {
    lines: [{ place: 'fast.py:3', text: 'return compiled(image)', share: 0.99 }],
    held: [],
  },
  notUsed: [
    {
      strategies: ['use_cpp_extension', 'use_pythran'],
      reason: 'backproject.py:12: slices are not translated',
    },
  ],
  stages: [],
  outputs: [],
  grid: null,
  learnt: null,
  pictures: [],
  spaces: [],
  spacesLeft: [],
  spend: [
    {
      route: 'anthropic/claude',
      requests: 3,
      failed: 1,
      ambiguous: 0,
      inputTokens: 18_204,
      outputTokens: 6_120,
      tokensUnknown: 1,
      costUnknown: 3,
      microUsd: 0,
    },
    {
      route: 'openai/gpt',
      requests: 2,
      failed: 0,
      ambiguous: 1,
      inputTokens: 12_010,
      outputTokens: 4_402,
      tokensUnknown: 0,
      costUnknown: 0,
      microUsd: 48_300,
    },
  ],
  log: [
    { at: minutes(0.6), text: 'c-0 as it is: 412 ms a call, noise ±2.1 % on forge' },
    { at: minutes(2.1), text: 'c-1 vectorize_loops: verified with new secret inputs: 59.4× [57×, 61.8×]' },
    {
      at: minutes(6.9),
      text: 'c-5 vectorize_loops + parallelize: verified with new secret inputs: 143× [138×, 148×]',
    },
    { at: minutes(12.9), text: 'finished' },
  ],
};

/** A PNG of `size` × `size` pixels, each given as red, green and blue by `colour` of its place in −1…1. */
export function png(size: number, colour: (x: number, y: number) => [number, number, number]): Buffer {
  const rows = Buffer.alloc(size * (1 + 3 * size));
  for (let y = 0; y < size; y += 1)
    for (let x = 0; x < size; x += 1)
      rows.set(
        colour((2 * x) / size - 1, (2 * y) / size - 1).map((each) =>
          Math.min(255, Math.max(0, Math.round(each))),
        ),
        y * (1 + 3 * size) + 1 + 3 * x,
      );
  const chunk = (type: string, content: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A lit ball on a dark ground. */
const ball = png(320, (x, y) => {
  const depth = 0.55 - x * x - y * y;
  if (depth < 0) return [24 + 14 * y, 26 + 14 * y, 32 + 18 * y];
  const light = Math.max(0.12, (-0.5 * x - 0.62 * y + Math.sqrt(depth)) * 0.9);
  const band = Math.sin(18 * (x + 0.4 * y)) > 0 ? 1 : 0.86;
  return [236 * light * band, 138 * light * band, 78 * light];
});

export const ballPicture: PictureFacts = {
  path: 'render/turntable-000.png',
  mime: 'image/png',
  width: 320,
  height: 320,
  base64: ball.toString('base64'),
};

export const solveJob: JobFacts = {
  ...optimizeJob,
  id: 'pipeline/voxels/91c4ab22fe.1/render',
  name: 'render',
  kind: 'solve',
  startedAt: minutes(14),
  endedAt: minutes(14.4),
  forked: null,
  task: 'Run render.py and check the 2 files it must write.',
  summary: 'render.py ran and its outputs passed every check',
  baseline: null,
  candidates: [
    candidate('c-0', 'as it is', [tried(14.4, { kind: 'passed', verdict: hash('passed') })], {
      operator: 'human',
      parents: [],
      entry: 'render.py',
      changes: [{ path: 'render.py', change: 'whole', patch: 'from PIL import Image\n', note: null }],
    }),
  ],
  objective: { kind: 'passes' },
  check: null,
  best: null,
  profile: null,
  profileAfter: null,
  notUsed: [],
  outputs: [
    { path: 'render/turntable-000.png', artifact: hash('ball') },
    { path: 'render/scene.json', artifact: hash('scene') },
  ],
  grid: null,
  learnt: null,
  pictures: [ballPicture],
  spaces: [],
  spacesLeft: [],
  spend: [],
  log: [{ at: minutes(14.4), text: 'c-0 as it is: passed' }],
};

export const pipelineJob: JobFacts = {
  ...optimizeJob,
  id: 'pipeline/voxels/91c4ab22fe.1',
  name: 'voxels',
  kind: 'pipeline',
  endedAt: minutes(14.5),
  forked: null,
  task: 'Run 3 stages, each as soon as those it needs are done: phantom, speed-up, render.',
  summary: '3 stages done; render.py ran and its outputs passed every check',
  baseline: null,
  candidates: [],
  stages: [
    {
      name: 'phantom',
      kind: 'solve',
      needs: [],
      state: { kind: 'takenOver', from: 'pipeline/voxels/0b71d2aa90.1/phantom' },
      job: {
        ...solveJob,
        name: 'phantom',
        grid: null,
        learnt: null,
        pictures: [],
        spaces: [],
        spacesLeft: [],
        summary: 'phantom.py ran and its outputs passed every check',
        task: 'Run phantom.py and check the 1 file it must write.',
      },
    },
    {
      name: 'speed-up',
      kind: 'optimize',
      needs: [],
      state: { kind: 'ran' },
      job: { ...optimizeJob, name: 'speed-up' },
    },
    { name: 'render', kind: 'solve', needs: ['phantom', 'speed-up'], state: { kind: 'ran' }, job: solveJob },
  ],
  spend: [],
  log: [{ at: minutes(0.1), text: 'phantom: unchanged, taken over' }],
};

export const reportOf = (job: JobFacts): ReportFacts => ({
  job,
  environment: {
    isolation: { kind: 'docker', memory: 'cgroup', image: 'crucible/sandbox@sha256:4be1…' },
    hosts: [
      { name: 'forge', machine: { cpu: 'AMD EPYC 7763', cores: 2, memoryMb: 7954, kernel: 'Linux 6.1.0' } },
      { name: 'anvil', machine: null },
    ],
    node: '24.21.0',
    crucible: '0.1.0',
  },
});
