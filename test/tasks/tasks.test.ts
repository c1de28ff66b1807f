import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Judge, jobOf, startJudge } from './judge.ts';
import { faults } from './task.ts';
import { tasks, wrongOf } from './tasks.ts';

let judge: Judge;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ judge, stop } = await startJudge());
});
afterAll(() => stop?.());

it('there are thirty tasks, each with programs that are wrong in every way', () => {
  expect(tasks).toHaveLength(30);
  expect(new Set(tasks.map(({ name }) => name)).size).toBe(30);
  for (const task of tasks) {
    expect(jobOf(task).job.name).toBe(task.name);
    expect(new Set(wrongOf(task).map(({ fault }) => fault)), task.name).toEqual(new Set(faults));
    expect(task.wrong.filter(({ fault }) => fault === 'subtle').length, task.name).toBeGreaterThan(1);
  }
});

/** One of each check that tells most; all of them are judged in the full tier. */
it.each(['sum-by-region', 'word-count', 'circle'])(
  '%s: a right program passes, one that is off by little does not',
  async (name) => {
    const task = tasks.find((each) => each.name === name) ?? expect.fail();
    const [right = expect.fail()] = task.right;
    expect((await judge(task, right)).kind).toBe('passed');
    const [wrong = expect.fail()] = task.wrong;
    expect(['wrong', 'invalidOutput']).toContain((await judge(task, wrong.program)).kind);
  },
);
