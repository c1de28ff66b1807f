import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Judge, startJudge } from './judge.ts';
import { tasks, wrongOf } from './tasks.ts';

let judge: Judge;
let stop: () => Promise<void>;
/** How many programs of a fault ended so. */
const ends = new Map<string, number>();

beforeAll(async () => {
  ({ judge, stop } = await startJudge());
});
afterAll(async () => {
  await stop?.();
  console.log(
    [...ends]
      .sort()
      .map(([end, count]) => `${end}: ${count}`)
      .join('\n'),
  );
});

it.concurrent.each(tasks.map((task) => [task.name, task] as const))(
  '%s: what is right passes, and nothing else',
  async (_, task) => {
    for (const program of task.right) expect(await judge(task, program)).toMatchObject({ kind: 'passed' });
    const accepted: string[] = [];
    for (const [index, { fault, program }] of wrongOf(task).entries()) {
      const { kind } = await judge(task, program);
      ends.set(`${fault} ${kind}`, (ends.get(`${fault} ${kind}`) ?? 0) + 1);
      // What is said to be off by little is judged, and does not merely fail to run.
      if (fault === 'subtle')
        expect(['wrong', 'invalidOutput'], `${index} ${JSON.stringify(program)}`).toContain(kind);
      if (kind === 'passed') accepted.push(`${index} ${fault}: ${JSON.stringify(program)}`);
    }
    expect(accepted).toEqual([]);
  },
);
