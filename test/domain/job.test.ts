import { describe, expect, it } from 'vitest';
import { defaults } from '../../domain/defaults.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import { Job } from '../../domain/job.schema.ts';
import { filesNamedBy, filesToPack } from '../../domain/job.ts';
import { SafePath } from '../../domain/safe-path.schema.ts';
import { strategyNames } from '../../domain/strategy-names.ts';

const job = (fields: object): Job => Job.parse({ name: 'a', ...fields });

describe('a job', () => {
  it('needs its kind, its name and its program; everything else has a default', () => {
    expect(job({ kind: 'optimize', program: 'slow.py' })).toEqual({
      kind: 'optimize',
      name: 'a',
      program: 'slow.py',
      inputs: [],
      limits: defaults.limits,
      cores: defaults.cores,
      seed: defaults.seed,
      budget: { trials: defaults.trials, wallMs: defaults.wallMs, unknownPrices: 'refuse' },
      args: [],
      outputs: [],
      ignoreLines: [],
      tolerance: defaults.tolerance,
      answers: 'exact',
      strategies: [...strategyNames],
      policy: 'tree',
      models: { complexity: 'medium', cache: true, temperature: 0.1, programTokens: 16_000, tries: 3 },
    });
  });

  it('waits for a person where it searches: not for a script alone', () => {
    const waits = { kind: 'solve', on_failure: 'wait' };
    expect(job({ ...waits, task: 'count' })).toMatchObject({ on_failure: 'wait' });
    expect(job({ kind: 'optimize', program: 'a.py', on_failure: 'wait' })).toMatchObject({
      on_failure: 'wait',
    });
    expect(() => job({ ...waits, script: 'a.py' })).toThrow('nothing is searched for, so nobody could help');
  });

  it('has a check of answers for a function alone, in a file that no candidate has', () => {
    const fields = { kind: 'optimize', program: 'slow.py', function: 'f', cases: 'cases.py' };
    const checked = job({ ...fields, accepts: 'check.py:fits' });
    expect(checked).toMatchObject({ accepts: 'check.py:fits' });
    expect(filesToPack(checked)).toContainEqual({ path: 'check.py', field: ['accepts'] });
    expect(() => job({ ...fields, accepts: 'slow.py:fits' })).toThrow(/expected another file than slow\.py/);
    expect(() => job({ kind: 'optimize', program: 'slow.py', accepts: 'check.py' })).toThrow(
      /`accepts` needs `function`/,
    );
  });

  it('keeps the defaults of the limits it does not set', () => {
    expect(job({ kind: 'solve', script: 'a.py', limits: { wallMs: 1000 } })).toMatchObject({
      limits: { ...defaults.limits, wallMs: 1000 },
    });
  });

  it('takes an output by its path alone as a file that must be there', () => {
    expect(job({ kind: 'solve', script: 'a.py', outputs: ['out.txt'] })).toMatchObject({
      outputs: [{ kind: 'file', path: 'out.txt' }],
    });
  });

  it('may have stages that wait for several others, as long as none waits for itself', () => {
    const stage = (name: string, needs: string[]) => ({ kind: 'solve', name, script: 'a.py', needs });
    const stages = [stage('d', ['b', 'c']), stage('b', ['a']), stage('c', ['a']), stage('a', [])];
    expect(Job.safeParse({ kind: 'pipeline', name: 'diamond', stages }).success).toBe(true);
    const closed = [...stages.slice(0, 3), stage('a', ['d'])];
    expect(Job.safeParse({ kind: 'pipeline', name: 'circle', stages: closed }).error?.issues).toMatchObject([
      { path: ['stages'], message: 'stages wait for each other: d → b → a → d' },
    ]);
  });
});

describe('a path inside the workspace', () => {
  it.each(['a', 'a/b.txt', '.hidden', 'a/.../b', 'ünïcode', 'with space', '*.png'])(
    'is taken: %s',
    (path) => {
      expect(SafePath.safeParse(path).success).toBe(true);
    },
  );

  it.each([
    '',
    '/a',
    '..',
    'a/..',
    '../a',
    'a//b',
    'a/',
    '-a',
    'a\\b',
    'a\nb',
    'a\u0000b',
    'x'.repeat(256),
    'ä'.repeat(128),
    'a\u0085b',
    '\ud800',
  ])('is refused where it could lead out of it or confuse a command: %j', (path) => {
    expect(SafePath.safeParse(path).success).toBe(false);
  });
});

describe('the files a job names', () => {
  it('are its program, the file of its cases and its inputs', () => {
    const optimize = job({
      kind: 'optimize',
      program: 'slow.py',
      function: 'f',
      cases: 'made.py:large',
      inputs: ['data'],
    });
    expect(filesNamedBy(optimize as StageJob)).toEqual(['slow.py', 'made.py', 'data']);
    expect(filesNamedBy(job({ kind: 'solve', script: 'a.py' }) as StageJob)).toEqual(['a.py']);
  });

  it('are each packed once, under the field that names them first', () => {
    const stages = [
      { kind: 'optimize', name: 'x', program: 'slow.py', function: 'f', cases: 'made.py', inputs: ['data'] },
      { kind: 'solve', name: 'y', script: 'a.py', inputs: ['data', 'more'], needs: ['x'] },
    ];
    expect(filesToPack(job({ kind: 'pipeline', stages }))).toEqual([
      { path: 'slow.py', field: ['stages', 0, 'program'] },
      { path: 'made.py', field: ['stages', 0, 'cases'] },
      { path: 'data', field: ['stages', 0, 'inputs'] },
      { path: 'a.py', field: ['stages', 1, 'script'] },
      { path: 'more', field: ['stages', 1, 'inputs'] },
    ]);
  });
});
