import type { NotUsed, StrategyList } from './strategies.schema.ts';

/** Strategies that go together in one candidate. */
export const combined = (strategies: readonly string[]): string => strategies.join(' + ');

/**
 * A combination that does not apply, with its reasons. `edit` is what alone would do away with one, as in
 * `without this line`.
 */
export interface Refusal {
  strategies: readonly string[];
  reasons: readonly { text: string; edit?: string | null }[];
}

/**
 * Returns why strategies are not used, equal reasons once. Of a combination nothing is said where a part of it
 * does not apply. A strategy that is in no combination that applies goes by its own name. `known` are those the
 * job allows.
 */
export function notUsed(
  refused: readonly Refusal[],
  applicable: readonly (readonly string[])[],
  known: readonly string[],
): NotUsed[] {
  const used = new Set(applicable.flat());
  const byReason = new Map<string, Map<string, string | null>>();
  for (const { strategies, reasons } of refused) {
    const follows = refused.some(
      (part) =>
        part.strategies.length < strategies.length &&
        part.strategies.every((name) => strategies.includes(name)),
    );
    if (follows) continue;
    const unused = strategies.filter((name) => !used.has(name));
    const named =
      unused.length === 0 || unused.length === strategies.length ? [combined(strategies)] : unused;
    for (const { text, edit = null } of reasons) {
      const names = byReason.get(text) ?? new Map();
      byReason.set(text, names);
      for (const name of named) names.set(name, edit);
    }
  }
  const told = new Set(
    [...byReason.values()].flatMap((names) => [...names.keys()]).flatMap((name) => name.split(' + ')),
  );
  const left = known.filter((name) => !used.has(name) && !told.has(name));
  const rows = [...byReason].map(([reason, names]) => ({
    strategies: [...names.keys()],
    reason: [reason, ...editsOf(names)].join('; '),
  }));
  return left.length === 0
    ? rows
    : [
        ...rows,
        { strategies: left, reason: 'used together with others only, and none of those can be used' },
      ];
}

/** Which of the strategies that are refused for one reason would apply after an edit; each edit once. */
function editsOf(names: ReadonlyMap<string, string | null>): string[] {
  const edits = new Set([...names.values()].filter((edit) => edit !== null));
  return [...edits].map((edit) => {
    const mended = [...names].flatMap(([name, other]) => (other === edit ? [name] : []));
    const who = mended.length < names.size ? mended.join(' and ') : mended.length === 1 ? 'it' : 'they';
    return `${edit}, ${who} would apply`;
  });
}

/** `vectorize_loops, use_pythran: prog.py:5: blur calls print`. */
export const notUsedText = ({ strategies, reason, stage }: NotUsed): string =>
  `${stage === undefined ? '' : `${stage}: `}${strategies.join(', ')}: ${reason}`;

/** Returns what was not used in the end: also what applies and was never tried. `tried` are the titles of candidates. */
export function notUsedIn({ applicable, notUsed }: StrategyList, tried: readonly string[]): NotUsed[] {
  const left = applicable.filter((each) => !tried.includes(each));
  return left.length === 0
    ? notUsed
    : [...notUsed, { strategies: left, reason: 'would apply, and was not tried before the job ended' }];
}

/** What to do where no strategy applies and no model is configured. */
export const withoutAny = 'set a key for a model, which may find other ways (crucible models)';

/** Returns what a job found of strategies, from its steps; null before it looked. */
export function strategiesIn(
  steps: readonly { kind: string; end: { kind: 'none' } | { kind: 'done'; result: unknown } }[],
): StrategyList | null {
  const step = steps.find(({ kind, end }) => kind === 'strategies' && end.kind === 'done');
  // The step was written by `listStrategies`.
  return step?.end.kind === 'done' ? (step.end.result as StrategyList) : null;
}
