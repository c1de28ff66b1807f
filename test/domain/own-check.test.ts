import { describe, expect, it } from 'vitest';
import { functionWords, isTests, outputCheckOf } from '../../domain/judging.ts';

describe("a check of the user's own", () => {
  it.each([
    ['check.py', 'check in check.py', false],
    ['a/check.py:fine', 'fine in a/check.py', false],
    ['test_out.py', 'tests in test_out.py', true],
    ['a/out_test.py', 'tests in a/out_test.py', true],
    ['test_out.py:fine', 'fine in test_out.py', false],
    ['contest.py', 'check in contest.py', false],
  ])('%s is %s', (check, words, tests) => {
    const found = outputCheckOf({ check });
    expect(found === null ? null : [functionWords(found), isTests(found)]).toEqual([words, tests]);
  });
});
