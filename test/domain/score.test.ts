import { describe, expect, it } from 'vitest';
import { hiddenOf, scriptOriginal, solveExam } from '../../domain/judging.ts';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { bestOf, meanOf } from '../../domain/score.ts';

describe('the mean of some scores', () => {
  it('has the 95 % interval of Student', () => {
    // scipy.stats.t.interval(0.95, 4, loc=3, scale=scipy.stats.sem([1, 2, 3, 4, 5]))
    const { value, low, high } = meanOf([1, 2, 3, 4, 5]);
    expect(value).toBeCloseTo(3, 12);
    expect([low, high].map((each) => Number(each.toFixed(2)))).toEqual([1.04, 4.96]);
    // The same of [10, 12], with one degree of freedom.
    expect(meanOf([10, 12]).high).toBeCloseTo(11 + 12.706, 3);
    expect(meanOf(Array.from({ length: 30 }, (_, index) => index)).high).toBeCloseTo(14.5 + 3.287, 3);
  });

  it('has none where they are the same, or there is one', () => {
    expect(meanOf([0.1, 0.1, 0.1])).toEqual({ value: 0.1, low: 0.1, high: 0.1 });
    expect(meanOf([7])).toEqual({ value: 7, low: 7, high: 7 });
  });
});

it('the best of some scores is the first of the largest, or of the smallest', () => {
  expect(bestOf([2, 3, 3, 1], 'maximize')).toBe(1);
  expect(bestOf([2, 1, 3, 1], 'minimize')).toBe(1);
});

describe('a job with an objective', () => {
  const objective = { metric: 'RMSE', direction: 'minimize', check: 'evaluate.py' };
  const asked = { kind: 'solve', name: 'fit', script: 'fit.py', inputs: ['data'], objective };
  const mistakes = (fields: object): string[] =>
    SolveJob.safeParse({ ...asked, ...fields }).error?.issues.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    ) ?? [];

  it('is after the score, and starts from its script', () => {
    const job = SolveJob.parse({ ...asked, objective: { ...objective, goal: 0.5 } });
    expect(objectiveOf(job)).toEqual({ kind: 'score', metric: 'RMSE', direction: 'minimize', goal: 0.5 });
    expect(scriptOriginal('fit.py', job).operator).toBe('baseline');
    expect(kindOf(job).sentence(job)).toBe(
      'Improve fit.py for the smallest RMSE, scored by evaluate in evaluate.py.',
    );
    expect(kindOf(job).check(job)).toBe('evaluate in evaluate.py');
    expect(kindOf(job).asking(job)?.otherwise).toBe('fit.py is scored alone');
  });

  it('hides what scores, and what that reads, from every program', () => {
    const job = SolveJob.parse({ ...asked, hidden: ['truth.csv'], check: 'check.py:valid' });
    expect(hiddenOf(job)).toEqual(['check.py', 'evaluate.py', 'truth.csv']);
    const { judging } = solveExam(job, { program: 'fit.py', seen: 'a', files: 'b' });
    expect(judging).toMatchObject({
      kind: 'score',
      repeats: 5,
      check: { function: { module: 'check.py', name: 'valid' } },
      evaluator: { function: { module: 'evaluate.py', name: 'evaluate' }, files: 'b' },
    });
  });

  it('is refused with what is wrong with it', () => {
    expect(mistakes({})).toEqual([]);
    expect(mistakes({ inputs: ['evaluate.py'] })[0]).toMatch(
      /^objective: expected another file than evaluate.py/,
    );
    expect(mistakes({ script: undefined, recipe: 'shape' })[0]).toMatch(
      /^objective: `objective` is for a `script`/,
    );
    const wrong = (fields: object): string | undefined =>
      mistakes({ objective: { ...objective, ...fields } })[0];
    expect(wrong({ metric: 'a\nb' })).toMatch(/^objective.metric: expected a name/);
    expect(wrong({ direction: 'up' })).toMatch(/^objective.direction/);
    expect(wrong({ check: 'evaluate' })).toMatch(/^objective.check: expected `file.py`/);
    expect(wrong({ repeats: 0 })).toMatch(/^objective.repeats/);
    expect(wrong({ constraints: { size: {} } })).toMatch(
      /^objective.constraints.size: expected `min`, `max` or both/,
    );
    expect(wrong({ constraints: { size: { min: 2, max: 1 } } })).toMatch(
      /expected a `min` that is not above/,
    );
  });
});
