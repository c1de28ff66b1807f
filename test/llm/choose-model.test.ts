import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../llm/catalogue/catalogue.schema.ts';
import {
  budgetLevel,
  chooseRoutes,
  type Level,
  type ModelTask,
  type Need,
  ruleFor,
} from '../../llm/catalogue/choose-model.ts';

const model = (route: string, about: Partial<CatalogueModel>): CatalogueModel => ({
  ...{ route, context: 1, maxOutput: 1, takesTemperature: false, structured: true, reasoning: false },
  ...{ strengths: [], tier: 'medium', price: null, priceFrom: 'catalogue', deadlines: {} },
  ...about,
});

const models: CatalogueModel[] = [
  model('a/large', { tier: 'large', strengths: ['code', 'reasoning'] }),
  model('a/frontier', { tier: 'large', strengths: ['code', 'reasoning', 'frontier'] }),
  model('a/coder', { tier: 'medium', strengths: ['code'] }),
  model('a/talker', { tier: 'medium' }),
  model('a/small', { tier: 'small', strengths: ['cheap'] }),
  model('a/loose', { tier: 'small', strengths: ['cheap', 'code'], structured: false }),
  model('b/coder', { tier: 'medium', strengths: ['code'] }),
  model('b/thinker', { tier: 'medium', strengths: ['reasoning'] }),
  model('b/unpriced', { tier: 'small' }),
];
const costs: Record<string, number> = {
  ...{ 'a/large': 24, 'a/frontier': 60, 'a/coder': 12, 'a/talker': 10, 'a/small': 0.6, 'a/loose': 0.1 },
  ...{ 'b/coder': 3, 'b/thinker': 5 },
};

const choose = (need: Partial<Need>, providers = ['a', 'b']): string[] =>
  chooseRoutes(
    models,
    providers,
    { task: 'explanation', complexity: 'medium', budget: 'medium', profile: null, ...need },
    (route) => costs[route] ?? null,
  );

describe('the rule a model is chosen by', () => {
  it.each<[Partial<Need>, string]>([
    [{ budget: 'low', complexity: 'high', task: 'planning' }, 'low budget'],
    [{ complexity: 'high', task: 'code generation' }, 'high complexity'],
    [{ complexity: 'high', budget: 'high', task: 'planning' }, 'high complexity'],
    [{ task: 'planning' }, 'reasoning'],
    [{ task: 'data analysis' }, 'reasoning'],
    [{ task: 'code generation' }, 'code generation'],
    [{ task: 'debugging', complexity: 'low' }, 'code generation'],
    [{ task: 'optimization' }, 'code generation'],
    [{ task: 'explanation' }, 'default'],
    [{ profile: 'dev', complexity: 'high', budget: 'high' }, 'low budget'],
    [{ profile: 'best', budget: 'low', task: 'explanation' }, 'high complexity'],
  ])('for %j is: %s', (need, rule) => {
    const whole: Need = { task: 'explanation', complexity: 'medium', budget: 'medium', profile: null };
    expect(ruleFor({ ...whole, ...need })).toBe(rule);
  });
});

describe('of each provider is chosen', () => {
  it.each<[Partial<Need>, string[]]>([
    // The cheapest that can be held to a schema; what has no known price comes last.
    [{ budget: 'low' }, ['a/small', 'b/coder']],
    [{ profile: 'dev' }, ['a/small', 'b/coder']],
    // The strongest within reason, and beyond it where money is no matter.
    [{ complexity: 'high' }, ['a/large', 'b/thinker']],
    [{ complexity: 'high', budget: 'high' }, ['a/frontier', 'b/thinker']],
    [{ profile: 'best' }, ['a/frontier', 'b/thinker']],
    [{ task: 'planning' }, ['a/large', 'b/thinker']],
    [{ task: 'data analysis' }, ['a/large', 'b/thinker']],
    [{ task: 'code generation' }, ['a/large', 'b/coder']],
    [{ task: 'debugging' }, ['a/large', 'b/coder']],
    // One of middle size for what is neither hard nor code.
    [{ task: 'explanation' }, ['a/coder', 'b/coder']],
  ])('for %j: %j', (need, routes) => {
    expect(choose(need)).toEqual(routes);
  });

  it('one model, in the order of the providers, and none of others', () => {
    expect(choose({ task: 'planning' }, ['b', 'c', 'a'])).toEqual(['b/thinker', 'a/large']);
    expect(choose({}, [])).toEqual([]);
  });

  it('something, whatever is needed', () => {
    const tasks: ModelTask[] = [
      'code generation',
      'debugging',
      'optimization',
      'data analysis',
      'planning',
      'explanation',
    ];
    const levels: Level[] = ['low', 'medium', 'high'];
    for (const task of tasks)
      for (const complexity of levels)
        for (const budget of levels)
          for (const profile of [null, 'dev', 'best'] as const)
            expect(choose({ task, complexity, budget, profile })).toHaveLength(2);
  });
});

it('a budget in dollars is low below one, high above twenty, and medium where there is none', () => {
  expect([0.5, 1, 20, 21, undefined].map(budgetLevel)).toEqual(['low', 'medium', 'medium', 'high', 'medium']);
});
