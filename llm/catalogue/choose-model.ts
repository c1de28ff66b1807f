import type { CatalogueModel } from './catalogue.schema.ts';

/** What a model is to do. */
export type ModelTask =
  | 'code generation'
  | 'debugging'
  | 'optimization'
  | 'data analysis'
  | 'planning'
  | 'explanation';

export type Level = 'low' | 'medium' | 'high';

/** What a model is chosen by. */
export interface Need {
  task: ModelTask;
  complexity: Level;
  budget: Level;
  /** `dev`: the cheapest that can be held to a schema. `best`: the strongest. Null: by the rest. */
  profile: 'dev' | 'best' | null;
}

/** US dollars for a million tokens in and a million out together; null where the price is not known. */
export type CostOf = (route: string) => number | null;

/** Why a model was chosen. */
export type Rule = 'low budget' | 'high complexity' | 'reasoning' | 'code generation' | 'default';

/** The first rule that applies decides. A profile is a budget and a complexity in one word. */
export function ruleFor({ task, complexity, budget, profile }: Need): Rule {
  if (profile === 'dev') return 'low budget';
  if (profile === 'best') return 'high complexity';
  if (budget === 'low') return 'low budget';
  if (complexity === 'high') return 'high complexity';
  if (task === 'planning' || task === 'data analysis') return 'reasoning';
  if (task === 'code generation' || task === 'debugging' || task === 'optimization') return 'code generation';
  return 'default';
}

/**
 * Returns one model of each provider that has some, the best for `need` by its rule. The order is that of
 * `providers`. Among equals the one that comes first in `models` is taken.
 */
export function chooseRoutes(
  models: readonly CatalogueModel[],
  providers: readonly string[],
  need: Need,
  costOf: CostOf,
): string[] {
  const penaltiesOf = penalties(need, costOf);
  return providers.flatMap((provider) => {
    const [best] = models
      .filter(({ route }) => route.startsWith(`${provider}/`))
      .map((model) => ({ model, penalties: penaltiesOf(model) }))
      .sort((one, other) => compare(one.penalties, other.penalties));
    return best === undefined ? [] : [best.model.route];
  });
}

const size = { small: 0, medium: 1, large: 2 } as const;

/** Returns what counts against a model under the rule for `need`, the weightiest first; less is better. */
function penalties(need: Need, costOf: CostOf): (model: CatalogueModel) => number[] {
  const bearsAll = need.profile === 'best' || (need.profile === null && need.budget === 'high');
  const lacks = ({ strengths }: CatalogueModel, strength: CatalogueModel['strengths'][number]): number =>
    Number(!strengths.includes(strength));
  /** The strongest are for those who said that money is no matter. */
  const tooDear = (model: CatalogueModel): number => (bearsAll ? 0 : 1 - lacks(model, 'frontier'));
  const unstructured = (model: CatalogueModel): number => Number(!model.structured);
  const byRule: Record<Rule, (model: CatalogueModel) => number[]> = {
    'low budget': (model) => [unstructured(model), costOf(model.route) ?? Number.MAX_VALUE],
    'high complexity': (model) => [
      tooDear(model),
      bearsAll ? lacks(model, 'frontier') : 0,
      -size[model.tier],
      lacks(model, 'reasoning'),
      unstructured(model),
    ],
    reasoning: (model) => [tooDear(model), lacks(model, 'reasoning'), unstructured(model), -size[model.tier]],
    'code generation': (model) => [
      tooDear(model),
      lacks(model, 'code'),
      unstructured(model),
      -size[model.tier],
    ],
    default: (model) => [tooDear(model), Math.abs(size[model.tier] - size.medium), unstructured(model)],
  };
  return byRule[ruleFor(need)];
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Returns how far so many US dollars go for one job; medium where there is no limit. */
export function budgetLevel(usd: number | undefined): Level {
  if (usd === undefined) return 'medium';
  if (usd < 1) return 'low';
  return usd <= 20 ? 'medium' : 'high';
}
