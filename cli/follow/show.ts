import { forkText } from '../../domain/job.ts';
import type { Origin } from '../../domain/job-input.schema.ts';
import { originOf } from '../../domain/job-input.ts';
import { gridIn, kindOf, stagesOf } from '../../domain/kinds/kinds.ts';
import { objectiveOf } from '../../domain/objective.ts';
import { extensible, restText, waitsText } from '../../domain/steered.ts';
import type { NotUsed } from '../../domain/strategies.schema.ts';
import { notUsedText } from '../../domain/strategies.ts';
import { bestFound, headline, valueText } from '../../domain/trial.ts';
import { armsOf } from '../../record/arms.ts';
import { readCells } from '../../record/cells.ts';
import { type KeptJob, readJob } from '../../record/kept-job.ts';
import { readSession } from '../../record/session.ts';
import { triedBy } from '../../store/trials-of.ts';
import {
  agoText,
  type Cell,
  type CommandContext,
  clean,
  oneLine,
  paint,
  table,
  timeText,
  UserMistake,
  wrap,
} from '../terminal.ts';
import { board } from './board.ts';
import { printNext } from './ending.ts';
import { findJob } from './find-job.ts';
import { armTable } from './results.ts';
import { showCandidate } from './show-candidate.ts';
import { showPrompts } from './show-prompts.ts';
import { statusCell, tookText } from './status.ts';

export interface ShowOptions {
  job: string;
  candidate?: string;
  diff: boolean;
  program: boolean;
  log: boolean;
  prompt: boolean;
}

/** `crucible show JOB [CANDIDATE]`. Throws `UserMistake` for a job or a candidate that is not there. */
export async function show(context: CommandContext, options: ShowOptions): Promise<void> {
  const kept = await readJob(context.store, await findJob(context.store, options.job));
  const parts = (['diff', 'program', 'log', 'prompt'] as const).filter((part) => options[part]);
  if (options.prompt && parts.length > 1)
    throw new UserMistake(`--${parts.join(' --')}: expected --prompt alone`);
  if (options.candidate !== undefined)
    return options.prompt
      ? showPrompts(context, kept, options.candidate)
      : showCandidate(context, kept, options.candidate, options);
  if (parts.length > 0) {
    const [best] = [kept, ...kept.stages].flatMap(
      (each) => bestFound(each.trials, objectiveOf(each.job)) ?? [],
    );
    throw new UserMistake(
      `--${parts.join(' --')}: expected a candidate after the job, as in: crucible show ${options.job} ${best?.candidate ?? 'c-1'} --${parts[0]}`,
    );
  }
  if (context.json) return context.out(JSON.stringify(inJson(kept)));
  await showJob(context, kept);
}

/** What `--json` gives of a job; what its steps and requests say in detail is told of its candidates. */
const inJson = ({
  record,
  input,
  job,
  trials,
  chosen,
  strategies,
  stages,
  cells,
  takenOver,
  verifications,
}: KeptJob): object => ({
  ...{ record, origin: originOf(input), job, trials, chosen, strategies, cells, takenOver, verifications },
  stages: stages.map(inJson),
});

async function showJob(context: CommandContext, kept: KeptJob): Promise<void> {
  const { out, columns } = context;
  const { record, job } = kept;
  const { result } = record;
  const now = Date.now();
  const { text, format } = statusCell(record, kept.rest ?? kept.waiting);
  out(`${paint(context, 'bold', record.id)}  ${paint(context, format, text)}`);
  out(
    `started ${timeText(record.startedAt)} (${agoText(record.startedAt, now)}), ${record.endedAt === null ? 'running for' : 'took'} ${tookText(record, now)}`,
  );
  const origin = originOf(kept.input);
  if (origin !== null)
    for (const line of wrap(`${clean(forkText(origin))}, ${ownText(kept, origin)}`, columns)) out(line);
  for (const { rest, record: each } of [kept, ...kept.stages])
    if (rest !== null)
      for (const line of wrap(clean(`${each === record ? '' : `${each.stage} `}${restText(rest)}`), columns))
        out(line);
  for (const { waiting, record: by } of [kept, ...kept.stages])
    if (waiting !== null) for (const line of wrap(clean(waitsText(waiting, by.id)), columns)) out(line);
  if (result !== null) for (const line of wrap(clean(result.summary), columns)) out(line);

  if (stagesOf(job).length > 0) {
    heading(context, 'Stages');
    for (const line of stageTable(context, kept)) out(line);
  }
  if (kindOf(job).talks) {
    const turns = await turnLines(context, kept);
    if (turns.length > 0) heading(context, 'Turns');
    for (const line of turns) out(line);
  }
  const grid = gridIn(job);
  if (grid !== null) {
    heading(context, 'Arms');
    for (const line of armTable(context, grid, armsOf(grid, await readCells(context.store, record, grid))))
      out(line);
  }
  for (const each of [kept, ...kept.stages]) {
    const of = each === kept ? '' : ` of ${each.record.stage}`;
    if (each.trials.length > 0) {
      heading(context, `Candidates${of}`);
      for (const line of board(context, each.trials, objectiveOf(each.job), each)) out(line);
    }
    const own = stagesOf(each.job).length > 0 ? [] : each.record.result?.notUsed;
    const notUsed = notUsedLines(context, own ?? each.strategies?.notUsed ?? []);
    if (notUsed.length > 0) heading(context, `Strategies not used${of}`);
    for (const line of notUsed) out(line);
  }
  if (kept.verifications.length > 0) {
    heading(context, 'Verified again');
    const rows = kept.verifications.map((each): Cell[] => [
      timeText(each.startedAt),
      statusCell(each),
      headline(each.result?.summary ?? ''),
    ]);
    for (const line of table(
      context,
      [{ title: 'when' }, { title: 'status' }, { title: 'result', stretch: true }],
      rows,
    ))
      out(line);
  }

  out('');
  await printNext(context, record);
}

/** More turns than these are told by `crucible chat` alone. */
const mostTurns = 50;

/** What was said in a conversation, and what came of it, a turn a line. */
async function turnLines(context: CommandContext, { record }: KeptJob): Promise<string[]> {
  const { said, next } = await readSession(context.store, record);
  const turns = [...said, ...(next === null ? [] : [next])].filter(({ turn }) => turn !== null);
  const rows = turns
    .slice(-mostTurns)
    .map(({ turn, text, end }): Cell[] => [
      String(turn),
      end === null
        ? { text: 'running', format: 'dim' }
        : { text: end.kind, format: end.kind === 'done' ? 'green' : 'red' },
      oneLine(text),
      end === null ? '' : oneLine(end.kind === 'done' ? end.note : end.why),
    ]);
  const left = turns.length - rows.length;
  const shown = table(
    context,
    [
      { title: 'turn', align: 'right' },
      { title: 'state' },
      { title: 'said', stretch: true },
      { title: 'came of it', stretch: true },
    ],
    rows,
  );
  return turns.length === 0 ? [] : left === 0 ? shown : [`${left} turns before these`, ...shown];
}

/** `5 tried there and 2 of 20 here`. */
function ownText({ record, recorded, job }: KeptJob, { tried }: Origin): string {
  const all = triedBy(recorded, Number.POSITIVE_INFINITY);
  const { trials = 0 } = { ...extensible(job), ...record.budget };
  return `${tried} tried there and ${all - tried} of ${trials - tried} here`;
}

/** Why strategies were not used, a reason a line; on a terminal wrapped. */
export const notUsedLines = (context: CommandContext, notUsed: readonly NotUsed[]): string[] =>
  notUsed
    .map((each) => clean(notUsedText(each)))
    .flatMap((text) => (context.terminal ? wrap(text, context.columns) : [oneLine(text)]));

function heading({ out, ...context }: CommandContext, text: string): void {
  out('');
  out(paint(context, 'bold', text));
}

/** A pipeline's stages, in its order, with what came out of those that ended. */
export function stageTable(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  { job, stages, takenOver }: Pick<KeptJob, 'job' | 'stages' | 'takenOver'>,
): string[] {
  const now = Date.now();
  const rows = stagesOf(job).map((stage): Cell[] => {
    const { name, kind } = stage;
    const ran = stages.find((each) => each.record.stage === name);
    const record = ran?.record;
    const known = takenOver[name];
    const result = known ?? ran?.record.result ?? null;
    const state: Cell =
      record !== undefined
        ? statusCell(record, ran?.rest ?? ran?.waiting)
        : known === undefined
          ? { text: 'waiting', format: 'dim' }
          : { text: 'done before', format: 'green' };
    return [
      name,
      kind,
      state,
      result?.best?.metric == null ? '' : valueText(result.best.metric, objectiveOf(stage)),
      record === undefined ? '' : tookText(record, now),
      headline(result?.summary ?? ''),
    ];
  });
  return table(
    context,
    [
      { title: 'stage', stretch: true },
      { title: 'kind' },
      { title: 'state' },
      { title: 'best', align: 'right' },
      { title: 'took' },
      { title: 'result', stretch: true },
    ],
    rows,
  );
}
