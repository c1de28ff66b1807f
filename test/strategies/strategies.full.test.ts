import { afterAll, beforeAll, expect, test } from 'vitest';
import { all, openStrategies, type Strategies } from './made-by-strategies.ts';

let programs: Strategies | undefined;
beforeAll(async () => {
  programs = await openStrategies();
});
afterAll(() => programs?.close());

test.each(['pairwise_distance', 'n_body', 'mandelbrot', 'histogram', 'tabbed'])(
  'every strategy makes a right program of %s',
  async (name) => {
    expect(await programs?.verdicts(name, all)).toEqual(
      all.map((strategies) => ({ strategies, kind: 'right' })),
    );
  },
);
