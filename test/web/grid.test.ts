import { expect, it } from 'vitest';
import type { ArmFacts } from '../../web/facts.ts';
import { gridSection } from '../../web/grid.ts';

const arm = (more: Partial<ArmFacts>): ArmFacts => ({
  ...{ values: ['0.1'], cells: 3, done: 3, failed: 0, seconds: 2, difference: null },
  mean: { value: 0.5, low: 0.4, high: 0.6 },
  ...more,
});

it('the arms of an experiment stand on one scale, escaped, with how they differ and why cells failed', () => {
  const text = gridSection({
    ...{ names: ['rate'], cells: 9, baseline: 'rate 0.1' },
    arms: [
      arm({}),
      arm({ values: ['<b>'], difference: { mean: { value: 0.25, low: 0.2, high: 0.3 }, p: 0.0002 } }),
      arm({
        values: ['1'],
        mean: { value: 0.9, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
      }),
      arm({ values: ['9'], mean: null, done: 0, failed: 3, seconds: null }),
    ],
    reasons: [{ text: 'it <i>crashed</i>', count: 3 }],
  }).toString();
  expect(text).toContain('<td>0.1</td><td>3 of 3</td><td></td><td>0.5 ±0.1</td>');
  expect(text).toContain('<td>+0.25 ±0.05</td><td>&lt;0.001</td>');
  expect(text).toContain('<td>9</td><td>0 of 3</td><td>3</td><td></td><td></td>');
  expect(text).toContain('&lt;b&gt;');
  expect(text).toContain('3: it &lt;i&gt;crashed&lt;/i&gt;');
  expect(text).not.toMatch(/NaN|Infinity|<b>/);
  const places = [...text.matchAll(/translate\(([\d.]+) 7\)/g)].map(([, x]) => Number(x));
  expect(places[2]).toBeGreaterThan(places[0] ?? Number.NaN);
});
