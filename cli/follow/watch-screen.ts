import { defaults } from '../../domain/defaults.ts';
import { subjectOf } from '../../domain/job.ts';
import { stagesOf } from '../../domain/kinds/kinds.ts';
import { dollars } from '../../domain/money.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { restText, waitsText } from '../../domain/steered.ts';
import type { StrategyList } from '../../domain/strategies.schema.ts';
import { notUsedText } from '../../domain/strategies.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { bestFound, lineOf, metricText, scoreText } from '../../domain/trial.ts';
import type { KeptJob } from '../../record/kept-job.ts';
import type { Progress, SearchProgress } from '../../record/progress.ts';
import type { UnfinishedReply } from '../../store/ledger/partials.ts';
import {
  type CommandContext,
  clean,
  cut,
  durationText,
  type Format,
  msText,
  oneLine,
  paint,
  percentText,
  wrap,
} from '../terminal.ts';
import { stageTable } from './show.ts';
import { statusCell, tookText } from './status.ts';

type Screen = Pick<CommandContext, 'terminal' | 'columns'>;

const longestBar = 20;
/** A narrow screen has a short bar, or none: the numbers beside it say the same. */
const barOn = ({ columns }: Screen): number => Math.max(0, Math.min(longestBar, columns - 30));
const lastShown = 5;
/** A pipeline of more stages shows only those that are running or have failed. */
const mostStages = 12;
/** With no step under way for so long, nobody seems to be working on the job. */
const silentMs = 20_000;

/** The block that `watch` redraws: no line is wider than the screen. `now` is milliseconds since 1970. */
export function progressBlock(screen: Screen, progress: Progress, now: number): string[] {
  const { kept, searches } = progress;
  const { record } = kept;
  const status = statusCell(record, kept.rest ?? kept.waiting);
  return [
    `${paint(screen, 'bold', cut(record.name, 40))}  ${record.role === 'verification' ? 'verification' : record.kind}  ${paint(screen, status.format, status.text)}  ${tookText(record, now)}`,
    ...stageLines(screen, progress),
    ...cellLines(screen, kept, now),
    ...searches.flatMap((search) =>
      searchLines(screen, search, searches.length > 1 || search.record !== record),
    ),
    ...spendLine(screen, kept),
    ...waitingLines(screen, kept),
    ...(record.status === 'running' && kept.waiting === null ? nowLines(screen, progress, now) : []),
  ];
}

/** What models cost so far, beside what they may. */
function spendLine(screen: Screen, { account }: Progress['kept']): string[] {
  if (account === null) return [];
  const { cap, spent } = account;
  const [money, read] = [cap.microUsd, cap.tokens];
  const shares = [money === null ? 0 : spent.microUsd / money, read === null ? 0 : spent.tokens / read];
  const parts = [
    ...(money === null && spent.microUsd === 0
      ? []
      : [`${dollars(spent.microUsd)}${money === null ? '' : ` of ${dollars(money)}`}`]),
    ...(read === null ? [] : [`${spent.tokens.toLocaleString('en')} of ${read.toLocaleString('en')} tokens`]),
  ];
  if (parts.length === 0) return [];
  const share = Math.max(...shares);
  const percent = share === 0 ? '' : ` (${Math.round(share * 100)} %)`;
  const [high, half] = defaults.model.warnAt;
  const format = share >= high ? 'red' : share >= half ? 'yellow' : 'reset';
  return ['', field(screen, 'spend', `${parts.join(', ')}${percent}`, '', format)];
}

/** What a job, or a stage of it, waits for a person for, and what to type. */
const waitingLines = (screen: Screen, kept: KeptJob): string[] =>
  [kept, ...kept.stages].flatMap(({ waiting, record }) =>
    waiting === null ? [] : ['', ...wrap(clean(waitsText(waiting, record.id)), screen.columns)],
  );

function stageLines(screen: Screen, { kept }: Progress): string[] {
  const asked = stagesOf(kept.job);
  if (asked.length === 0) return [];
  const lines = stageTable(screen, kept);
  if (asked.length <= mostStages) return ['', ...lines];
  const [header = '', ...rows] = lines;
  const { stages, takenOver } = kept;
  const recordOf = (name: string) => stages.find((each) => each.record.stage === name)?.record;
  const shown = rows.filter((_, index) =>
    ['running', 'failed'].includes(recordOf(asked[index]?.name ?? '')?.status ?? ''),
  );
  const done = asked.filter(
    ({ name }) => takenOver[name] !== undefined || recordOf(name)?.status === 'finished',
  );
  return ['', `${done.length} of ${asked.length} stages done`, header, ...shown.slice(0, mostStages)];
}

/** How the cells of an experiment stand, how fast they go, and how long the rest may take. */
function cellLines(screen: Screen, { cells, record }: KeptJob, now: number): string[] {
  if (cells === null) return [];
  const { total, finished, failed, running } = cells;
  const over = finished + failed;
  const share = total === 0 ? 0 : over / total;
  const room = barOn(screen);
  const bar = room === 0 ? '' : `${'━'.repeat(Math.round(share * room)).padEnd(room)} `;
  const since = (record.endedAt ?? now) - record.beganAt - record.pausedMs;
  const each = over === 0 ? null : since / over;
  const left =
    record.status !== 'running' || each === null || over === total
      ? ''
      : `, ${(60_000 / each).toFixed(each > 6_000 ? 1 : 0)} a minute, about ${durationText(each * (total - over))} left`;
  return [
    '',
    field(screen, 'cells', `${over} of ${total}${left}`, bar),
    ...(running > 0 && record.status === 'running' ? [field(screen, '', `${running} under way`)] : []),
    ...(failed > 0
      ? [field(screen, '', `${failed} failed: crucible results ${record.name}`, '', 'yellow')]
      : []),
  ];
}

function searchLines(
  screen: Screen,
  { record, job, trials, chosen, strategies, done, total }: SearchProgress,
  named: boolean,
): string[] {
  const baseline = trials.find(({ purpose }) => purpose === 'baseline');
  const objective = objectiveOf(job);
  const best = bestFound(trials, objective);
  // A task in words may begin with no program.
  const measures = objective.kind === 'ratio' || baseline !== undefined;
  const what = subjectOf(job);
  const length = barOn(screen);
  const filled = total === 0 ? 0 : Math.min(length, Math.round((done / total) * length));
  const bar = paint(screen, 'cyan', '━'.repeat(filled)) + paint(screen, 'dim', '─'.repeat(length - filled));
  const last = trials.filter(({ purpose }) => purpose !== 'baseline').slice(-lastShown);
  return [
    '',
    ...(named
      ? [paint(screen, 'bold', cut(`${record.stage ?? record.name}: ${what}`, screen.columns))]
      : [cut(what, screen.columns)]),
    ...(measures
      ? [field(screen, 'baseline', baseline === undefined ? 'not measured yet' : baselineText(baseline))]
      : []),
    ...strategyFields(screen, strategies),
    field(screen, 'trials', `${done} of ${total}`, `${bar} `),
    field(
      screen,
      'best',
      best === null
        ? 'none yet'
        : `${best.metric === null ? '' : `${metricText(best.metric, objective)} `}${best.candidate} ${best.title}`,
      '',
      best === null ? 'dim' : 'green',
    ),
    ...(chosen === null ? [] : [field(screen, 'chosen', `${chosen.candidate} ${chosen.title}, by hand`)]),
    ...last.map((trial, index) =>
      field(screen, index === 0 ? 'last' : '', lineOf(trial, objective), '', formatOf(trial)),
    ),
  ];
}

/** What the program as it is takes, or scores. */
function baselineText({ measurement, outcome }: Trial): string {
  if (measurement !== null)
    return `${msText(measurement.baselineMs.value)} a call, noise ±${percentText(measurement.noiseFloor)}, on ${measurement.host}`;
  return outcome.kind === 'scored' ? scoreText(outcome.metric) : outcome.kind;
}

/** What applies, and below it what does not, with the reason. */
const strategyFields = (screen: Screen, strategies: StrategyList | null): string[] =>
  strategies === null
    ? []
    : [
        field(screen, 'apply', strategies.applicable.join(', ') || 'no strategy'),
        ...strategies.notUsed.map((each, index) =>
          field(screen, index === 0 ? 'not used' : '', notUsedText(each), '', 'dim'),
        ),
      ];

const formatOf = ({ outcome }: Trial): Format =>
  outcome.kind === 'scored' || outcome.kind === 'passed' ? 'reset' : 'yellow';

function nowLines(screen: Screen, progress: Progress, now: number): string[] {
  const { kept, doing, lastSign } = progress;
  const rests = [kept, ...kept.stages].flatMap(({ rest }) => (rest === null ? [] : [restText(rest)]));
  const silent = now - lastSign > silentMs && doing.length === 0 && rests.length === 0;
  const lines = doing.map(({ what, since }) => `${what}, ${durationText(now - since)}`);
  const shown = silent
    ? [`nothing has happened for ${durationText(now - lastSign)}: is a worker running? (crucible up)`]
    : lines.length === 0 && rests.length === 0
      ? ['deciding what comes next']
      : [...rests, ...lines];
  const left = leftText(progress, now);
  return [
    '',
    ...shown.map((line, index) =>
      field(screen, index === 0 ? 'now' : '', line, '', silent ? 'yellow' : 'reset'),
    ),
    ...progress.again.slice(-1).map((reason) => field(screen, '', reason, '', 'yellow')),
    ...progress.writing.map((partial) => field(screen, 'reply', writingText(partial), '', 'dim')),
    ...(left === null ? [] : [field(screen, 'left', left)]),
  ];
}

/** The end of a reply that is coming in: what was written last. */
const writingText = ({ route, text }: UnfinishedReply): string => {
  // Programs come inside JSON, where the end of a line is written out.
  const lines = text.trimEnd().split(/\n|\\n/);
  return `${route}: … ${lines.at(-1)?.trim()}`;
};

/** A line with its name before it, cut to the screen; `before` is painted already and counts as a bar. */
function field(screen: Screen, name: string, text: string, before = '', format: Format = 'reset'): string {
  const room = screen.columns - 10 - (before === '' ? 0 : barOn(screen) + 1);
  return `${paint(screen, 'dim', name.padEnd(8))}  ${before}${paint(screen, format, cut(oneLine(text), room))}`;
}

/**
 * Returns what is likely left, by the time that candidates took so far; before the first, by the baseline. It counts down from when the
 * last was done. Null where there is nothing to go by.
 */
function leftText({ kept, searches }: Progress, now: number): string | null {
  const estimates = searches.flatMap((search) => {
    const { done, takenOver, total, searchingSince, lastDone, baselineMs, job, record } = search;
    if (searchingSince === null || lastDone === null) return [];
    const here = done - takenOver;
    const each = here === 0 ? baselineMs : (lastDone - searchingSince) / here;
    if (each === null) return [];
    const byTrials = lastDone + each * Math.max(0, total - done) - now;
    return [Math.min(byTrials, record.beganAt + job.budget.wallMs - now)];
  });
  const waiting = stagesOf(kept.job).filter(
    ({ name }) =>
      kept.takenOver[name] === undefined && !kept.stages.some(({ record }) => record.stage === name),
  );
  const then =
    waiting.length === 0
      ? ''
      : `then ${waiting
          .slice(0, 4)
          .map(({ name }) => name)
          .join(', ')}${waiting.length > 4 ? ` and ${waiting.length - 4} more` : ''}`;
  if (estimates.length === 0) return then === '' ? null : then;
  const longest = Math.max(...estimates);
  // The last candidate is under way, or takes longer than those before it.
  const about = longest >= 1_000 ? `about ${durationText(longest)}` : 'longer than expected';
  return then === '' ? about : `${about} in this stage, ${then}`;
}
