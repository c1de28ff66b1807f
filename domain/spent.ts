import { defaults } from './defaults.ts';
import { dollars } from './money.ts';

/** What was spent on models: millionths of a dollar, and tokens where they are known. */
export interface Spent {
  microUsd: number;
  tokens?: number;
}

/** What is to be said once: `key` tells it from all else. */
interface Warning {
  key: string;
  text: string;
}

const units = [
  ['microUsd', dollars],
  ['tokens', (count: number) => `${count.toLocaleString('en')} tokens`],
] as const;

/** Returns that half of a budget is spent, or four fifths: for money and for tokens. A budget that was extended is another. */
export const budgetWarnings = (
  spent: Spent,
  cap: { microUsd: number | null; tokens: number | null },
): Warning[] =>
  units.flatMap(([unit, text]) => {
    const [most, used] = [cap[unit], spent[unit] ?? 0];
    const share = defaults.model.warnAt.find((each) => most !== null && used >= each * most);
    if (most === null || share === undefined) return [];
    const percent = `${share * 100} %`;
    return [
      {
        key: `budget ${unit} ${most} ${share}`,
        text: `${percent} of the budget is spent: ${text(used)} of ${text(most)}`,
      },
    ];
  });
