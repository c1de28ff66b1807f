import { expect, it } from 'vitest';
import * as all from '../../domain/errors.ts';

/** Every error class that the domain exports. */
const classes = Object.values(all).filter(
  (each): each is typeof all.SandboxUnavailable =>
    typeof each === 'function' && each.prototype instanceof Error,
);

it('every error says how it is to be tried again, by a name that is its own', () => {
  const ways: all.Retry[] = ['never', 'next route', 'wait', 'again'];
  expect(classes.length).toBeGreaterThan(20);
  for (const each of classes) {
    expect(ways).toContain(each.retry);
    expect(new each('').name).toBe(each.name);
  }
  expect(all.errorsToRetry(...ways).toSorted()).toEqual(classes.map(({ name }) => name).toSorted());
});

it('Temporal tries again what is waited out or passes, and nothing else', () => {
  const final = new Set(all.finalErrors);
  expect(
    ['ModelRateLimited', 'BudgetHeld', 'SandboxUnavailable', 'StorageFull'].some((each) => final.has(each)),
  ).toBe(false);
  expect(
    ['JobRejected', 'NoSandbox', 'BudgetExhausted', 'ModelRefused'].every((each) => final.has(each)),
  ).toBe(true);
});

it('a job goes on by another route after an error of a model, and after no other', () => {
  expect(all.modelErrors.filter((each) => !/^(Model|Budget|Price|Route)/.test(each))).toEqual([]);
  expect(
    classes.filter(({ name }) => /^(Model|Budget|Price|Route)/.test(name)).map(({ name }) => name),
  ).toEqual([...all.modelErrors]);
});
