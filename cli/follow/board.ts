import type { BestFound } from '../../domain/job-input.schema.ts';
import { metricIn, ranked, standingOf, verdictWords } from '../../domain/leaderboard.ts';
import type { Objective } from '../../domain/objective.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { bestTrial, headline, intervalText, scoreText, times } from '../../domain/trial.ts';
import {
  type Cell,
  type Column,
  type CommandContext,
  cut,
  type Format,
  msText,
  oneLine,
  paint,
  percentText,
  table,
} from '../terminal.ts';

type Screen = Pick<CommandContext, 'terminal' | 'columns'>;

/** All looks at one candidate, in the order they were taken; the last counts. */
interface Looked {
  first: Trial;
  last: Trial;
}

const barColumns = 16;
/** Below this width there are no bars and no parents. */
const wideColumns = 100;

/**
 * Returns the candidates of a job as lines, the best first, at most `most`. Each has a bar on a logarithmic scale and, below it, why it was
 * refused. The one that a person chose is marked.
 */
export function board(
  screen: Screen,
  trials: readonly Trial[],
  objective: Objective,
  { most = Number.POSITIVE_INFINITY, chosen = null }: { most?: number; chosen?: BestFound | null } = {},
): string[] {
  const byCandidate = Map.groupBy(trials, ({ candidate }) => candidate.id);
  const looked = [...byCandidate.values()].flatMap((ofOne): Looked[] => {
    const [first, last] = [ofOne.at(0), ofOne.at(-1)];
    return first === undefined || last === undefined ? [] : [{ first, last }];
  });
  const all = ranked(looked, ({ last }) => last, objective);
  const shown = all.slice(0, most);
  const best = bestTrial(trials, objective)?.candidate.id;
  const highest = Math.max(1, ...all.map(({ last }) => metricIn(last.outcome)?.value ?? 1));
  const wide = screen.columns >= wideColumns;
  const measured = all.some(({ last }) => metricIn(last.outcome) !== null);
  const bars = wide && objective.kind === 'ratio' && highest > 1;
  const columns: Column[] = [
    { title: 'id' },
    { title: 'title', stretch: true },
    ...(wide ? [{ title: 'from' }] : []),
    { title: 'verdict' },
    ...(measured ? [{ title: objective.kind === 'score' ? objective.metric : 'speed-up' }] : []),
    ...(bars ? [{ title: `1× to ${times(highest)}` }] : []),
  ];
  const rows = shown.map(({ first, last }): Cell[] => {
    const { candidate, measurement } = last;
    const isBest = candidate.id === best;
    const metric = metricIn(last.outcome);
    const isBaseline = last.purpose === 'baseline';
    return [
      candidate.id,
      isBest ? { text: candidate.title, format: 'bold' } : candidate.title,
      ...(wide ? [candidate.parents.join(' ')] : []),
      {
        text: `${candidate.id === chosen?.candidate ? 'chosen, ' : ''}${isBest ? 'best, ' : ''}${verdictWords(last, objective)}`,
        format: formatOf(first, last, objective),
      },
      ...(measured
        ? [
            isBaseline && measurement !== null
              ? `${msText(measurement.baselineMs.value)} ±${percentText(measurement.noiseFloor)}`
              : metric === null
                ? ''
                : objective.kind === 'score'
                  ? scoreText(metric)
                  : intervalText(metric),
          ]
        : []),
      ...(bars ? [metric === null || isBaseline ? '' : bar(metric.value, highest)] : []),
    ];
  });
  const [header = '', ...lines] = table(screen, columns, rows);
  const under = shown.map(({ last: { candidate, outcome } }) => {
    if (!('reason' in outcome)) return [];
    const indent = ' '.repeat(candidate.id.length + 2);
    return [paint(screen, 'dim', cut(`${indent}${oneLine(headline(outcome.reason))}`, screen.columns))];
  });
  const hidden = all.length - shown.length;
  return [
    header,
    ...lines.flatMap((line, index) => [line, ...(under[index] ?? [])]),
    ...(hidden === 0 ? [] : [paint(screen, 'dim', `and ${hidden} more`)]),
  ];
}

/** From 1× to the highest, by the logarithm. */
const bar = (value: number, highest: number): string =>
  '━'.repeat(Math.max(0, Math.round((Math.log(Math.max(1, value)) / Math.log(highest)) * barColumns)));

const formats: Record<ReturnType<typeof standingOf>, Format> = {
  ...{ verified: 'green', better: 'green', worse: 'reset', passed: 'green' },
  ...{ refused: 'red', failed: 'yellow' },
};

const formatOf = (first: Trial, last: Trial, objective: Objective): Format =>
  first.purpose === 'baseline' ? 'dim' : formats[standingOf(last, objective)];
