import { isBaseline } from './candidate.ts';
import type { BestFound } from './job-input.schema.ts';
import { isRight, type JournalRow } from './journal.ts';
import { checksText, outcomeWords } from './leaderboard.ts';
import type { Told } from './message.schema.ts';
import { clears, type Objective, stands } from './objective.ts';
import { valueText } from './trial.ts';

/** Returns the candidate that people chose last; null where what is best counts. */
export function chosenIn(told: readonly Pick<Told, 'message'>[]): string | null {
  const last = told.findLast(({ message }) => message.kind === 'choose')?.message;
  return last?.kind === 'choose' ? last.candidate : null;
}

/** Returns why a candidate cannot be chosen of those that were tried, in one sentence; null where it can. */
export function refusedChoice(
  candidate: string,
  tried: readonly JournalRow[],
  objective: Objective,
): string | null {
  const row = tried.find(({ id }) => id === candidate);
  if (row === undefined) return `no ${candidate} was tried${nearestTo(candidate, tried)}`;
  if (isBaseline(row)) return `${candidate} is the program as it is, which is there already`;
  if (!isRight(row)) {
    const found = row.passed === null ? outcomeWords[row.outcome] : checksText(row.passed);
    return `${candidate} is not right (${found}), and only what is right can be chosen`;
  }
  return clears(row, objective)
    ? null
    : `${candidate} is right, and not surely better than the program as it is`;
}

/** The candidate that was probably meant: that of the nearest number. */
function nearestTo(candidate: string, tried: readonly JournalRow[]): string {
  const away = ({ id }: JournalRow): number => Math.abs(Number(id.slice(2)) - Number(candidate.slice(2)));
  const [nearest] = tried.filter((row) => !isBaseline(row)).sort((a, b) => away(a) - away(b));
  return nearest === undefined ? ', and nothing else so far' : `; the nearest is ${nearest.id}`;
}

/**
 * Returns what a choice is to what a job gives, in one sentence without its end. Null where nothing was chosen.
 */
export function choiceText(
  chosen: string | null,
  tried: readonly JournalRow[],
  best: BestFound | null,
  objective: Objective,
): string | null {
  if (chosen === null) return null;
  const row = tried.find(({ id }) => id === chosen);
  if (row === undefined) return `${chosen} was chosen by hand, and is on record no longer: the best counts`;
  const { id: candidate, title, metric } = row;
  return stands(row, objective)
    ? chosenText({ candidate, title, metric }, best, objective)
    : `${candidate} ${title} was chosen by hand, and ${whyNot(row, objective)}`;
}

/** Returns that a candidate was chosen, beside what was best. */
export function chosenText(chosen: BestFound, best: BestFound | null, objective: Objective): string {
  const beside =
    best === null || best.candidate === chosen.candidate
      ? ', and is the best too'
      : `; the best is ${foundText(best, objective)}`;
  return `${foundText(chosen, objective)} was chosen by hand${beside}`;
}

const foundText = ({ candidate, title, metric }: BestFound, objective: Objective): string =>
  `${candidate} ${title}${metric === null ? '' : ` (${valueText(metric, objective)})`}`;

const whyNot = (row: JournalRow, objective: Objective): string =>
  clears(row, objective)
    ? 'was measured only once: the best counts until that holds a second time'
    : 'did not hold: the best counts';
