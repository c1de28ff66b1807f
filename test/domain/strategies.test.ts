import { describe, expect, it } from 'vitest';
import { notUsed, strategiesIn } from '../../domain/strategies.ts';

const compilers = ['vectorize_loops', 'use_cpp_extension', 'use_pythran'];
const known = [...compilers, 'parallelize', 'fastmath'];
const print = 'slow.py:5: f calls print';
const because = (text: string, edit?: string) => [{ text, ...(edit === undefined ? {} : { edit }) }];
const order = 'slow.py:9: reads f where other turns may change it';

describe('why strategies are not used', () => {
  it('is said once where several have one reason, and of what goes together with them', () => {
    const refused = [...compilers.map((each) => [each]), ['vectorize_loops', 'parallelize']].map(
      (strategies) => ({ strategies, reasons: because(print) }),
    );
    expect(notUsed(refused, [], known)).toEqual([
      { strategies: compilers, reason: print },
      {
        strategies: ['parallelize', 'fastmath'],
        reason: 'used together with others only, and none of those can be used',
      },
    ]);
  });

  it('is said of a strategy by its own name where no combination with it applies', () => {
    const refused = ['vectorize_loops', 'use_cpp_extension'].map((each) => ({
      strategies: [each, 'parallelize'],
      reasons: because(order),
    }));
    const applicable = [...compilers.map((each) => [each]), ['vectorize_loops', 'fastmath']];
    expect(notUsed(refused, applicable, known)).toEqual([{ strategies: ['parallelize'], reason: order }]);
  });

  it('is said of the combination where the strategy applies in another one', () => {
    const refused = [{ strategies: ['use_cpp_extension', 'parallelize'], reasons: because(order) }];
    const applicable = [...compilers.map((each) => [each]), ['vectorize_loops', 'parallelize', 'fastmath']];
    expect(notUsed(refused, applicable, known)).toEqual([
      { strategies: ['use_cpp_extension + parallelize'], reason: order },
    ]);
  });

  it('names the edit that would let all of them apply, or some', () => {
    const refused = compilers.map((each) => ({
      strategies: [each],
      reasons: because(print, 'without this line'),
    }));
    const [all] = notUsed(refused, [], compilers);
    expect(all?.reason).toBe(`${print}; without this line, they would apply`);
    const one = { strategies: ['use_pythran'], reasons: because(print) };
    const [some] = notUsed([...refused.slice(0, 2), one], [], compilers);
    expect(some).toEqual({
      strategies: compilers,
      reason: `${print}; without this line, vectorize_loops and use_cpp_extension would apply`,
    });
  });

  it('keeps every reason of a script, each on its own', () => {
    const refused = [{ strategies: ['vectorize_loops'], reasons: [...because(print), ...because(order)] }];
    expect(notUsed(refused, [], ['vectorize_loops'])).toEqual([
      { strategies: ['vectorize_loops'], reason: print },
      { strategies: ['vectorize_loops'], reason: order },
    ]);
  });
});

describe('the strategies that a job has kept', () => {
  const step = (result: unknown) => ({ kind: 'strategies', end: { kind: 'done' as const, result } });

  it('are those that its step found', () => {
    const list = { applicable: [], notUsed: [{ strategies: compilers, reason: print }] };
    expect(strategiesIn([step(list)])).toEqual(list);
  });

  it('are none before they were looked for', () => {
    expect(strategiesIn([{ kind: 'strategies', end: { kind: 'none' } }])).toBeNull();
  });
});
