import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { Extension } from '../../domain/extension.schema.ts';
import {
  environmentFor,
  extensionCases,
  extensionWords,
  isMeasured,
  signatureOf,
  toleranceOf,
  toolOf,
} from '../../domain/extension.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';

const scale = {
  name: 'scale',
  meaning: 'Each number times the factor.',
  arguments: [
    { name: 'values', dtype: 'float64', shape: ['n'] },
    { name: 'factor', dtype: 'float' },
  ],
  returns: { dtype: 'float64', shape: ['n'] },
  examples: [{ arguments: [[1, 2], 3], returns: [3, 6] }],
} satisfies z.input<typeof Extension>['functions'][number];

/** What is wrong with a module, by field. */
const mistakes = (fields: object): string[] =>
  Extension.safeParse({ name: 'fast', functions: [scale], ...fields }).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  ) ?? [];

describe('the specification of a module', () => {
  it('needs something that says what each function is to answer', () => {
    const { examples: _, ...silent } = scale;
    expect(mistakes({})).toEqual([]);
    expect(mistakes({ functions: [silent], reference: 'slow.py' })).toEqual([]);
    expect(mistakes({ functions: [silent] })).toEqual([
      'functions.0.examples: nothing says what scale is to answer: expected a `reference` or `accepts` of the module, or an example',
    ]);
  });

  it('names functions, arguments and axes once, and gives every argument in its examples', () => {
    const [values] = scale.arguments;
    const twice = { ...scale, arguments: [values, values] };
    expect(mistakes({ functions: [scale, twice] })).toEqual([
      'functions.1.name: two functions are called scale',
      'functions.1.arguments.1.name: two arguments are called values',
    ]);
    const short = { ...scale, examples: [{ arguments: [[1]], returns: [1] }] };
    expect(mistakes({ functions: [short], sizes: { m: { measured: 3 } } })).toEqual([
      'functions.0.examples.0.arguments: expected 2 values, one an argument, got 1',
      'sizes.m: expected the name of an axis: n',
    ]);
  });

  it('stands alone: what is of programs and their files is refused beside it', () => {
    const job = { kind: 'solve', name: 'fast', module: { name: 'fast', functions: [scale] } };
    expect(SolveJob.safeParse(job).success).toBe(true);
    const found = SolveJob.safeParse({ ...job, outputs: ['a.txt'], script: 'run.py' }).error?.issues ?? [];
    expect(found.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'script: a `module` is tested on calls: expected its `reference`, `accepts` or examples in place of `script`',
      'outputs: a `module` is tested on calls: expected its `reference`, `accepts` or examples in place of `outputs`',
    ]);
  });

  it('is told in words, with its tool, its cases, and what it may be off by', () => {
    const module = Extension.parse({ name: 'fast', functions: [scale], reference: 'slow.py' });
    expect(signatureOf(scale)).toBe('scale(values: float64[n], factor: float) -> float64[n]');
    expect(extensionWords(module)).toContain('For example, scale([1,2], 3) gives [3,6].');
    expect([toolOf(module), toolOf(module, 'built by setup.py')]).toEqual(['nanobind', 'setuptools']);
    expect([extensionCases(module), toleranceOf(module), isMeasured(module)]).toEqual([33, 1e-9, true]);
    const whole = Extension.parse({
      ...{ name: 'fast', reference: 'slow.py' },
      functions: [{ name: 'gcd', arguments: [{ name: 'a', dtype: 'int' }], returns: { dtype: 'int' } }],
    });
    expect(isMeasured(whole)).toBe(false);
  });

  it('brings CMake, which no sandbox has, beside what a job asks for', () => {
    expect(environmentFor(undefined, 'nanobind')).toBeUndefined();
    expect(environmentFor(undefined, 'cmake')).toEqual({ requirements: ['cmake'] });
    expect(environmentFor({ requirements: ['h5py'] }, 'cmake')).toEqual({ requirements: ['h5py', 'cmake'] });
  });
});
