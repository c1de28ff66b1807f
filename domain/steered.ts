import type { Budget } from './job-fields.schema.ts';
import type { Extension, Message, MessageKind, Rest, TalkKind, Told, Waiting } from './message.schema.ts';

/** How a job stands by what people told it: the ledger knows it, and its workflow goes by it. */
export interface Steered {
  /** What the job may use now. */
  budget: Extension;
  /** When its time began to run, milliseconds since 1970. */
  beganAt: number;
  /** Since when it stands still; null where it does not. */
  pausedAt: number | null;
  /** How long it stood still before, since its time began: that does not count. */
  pausedMs: number;
}

/** The same with what was asked for and is still to be done. */
export interface Standing extends Steered {
  /** Programs that people brought, in the order they came. */
  tries: readonly Told[];
  /** What it rests for; null where it does not stand still, or people paused it. */
  rest: Rest | null;
  /** That it waits for a person, and why; null where it does not. */
  waiting: Waiting | null;
  /** Whether somebody chose while it waited for a person: then it ends. */
  settled: boolean;
}

/** Returns what a job rests for that stands still, by what it was told; null where people paused it. */
export function restIn(told: readonly Pick<Told, 'message'>[]): Rest | null {
  const last = told.findLast(({ message }) => message.kind === 'pause' || message.kind === 'resume')?.message;
  return last?.kind === 'pause' ? (last.rest ?? null) : null;
}

/** Returns a time as people read it wherever they are: `2026-11-29 14:05 UTC`. */
export const momentText = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const restText = ({ until, why }: Rest): string => `waits until ${momentText(until)}: ${why}`;

/** Returns that a job waits for a person; null where it does not. It does as long as it stands still and was told nothing since. */
export function waitingIn(
  told: readonly Pick<Told, 'message'>[],
  { pausedAt }: Pick<Steered, 'pausedAt'>,
): Waiting | null {
  const last = told.at(-1)?.message;
  return pausedAt !== null && last?.kind === 'wait' ? last : null;
}

/** Returns whether somebody chose while the job waited for a person, and nothing was said since. */
export function settledIn(told: readonly Pick<Told, 'message'>[]): boolean {
  const [before, last] = told.slice(-2).map(({ message }) => message.kind);
  return before === 'wait' && last === 'choose';
}

/** Returns that a job waits, why, and what to type, in one line. */
export const waitsText = ({ why }: Waiting, jobId: string): string =>
  `waits for a person: ${why}. Go on: crucible hint ${jobId} '…', crucible try ${jobId} FILE, or crucible extend ${jobId} trials=N; end it: crucible choose ${jobId} best`;

/** Returns what a message raises of a budget; null: nothing. A hint to a job that waits is worth a trial, where none is left. */
export function raisedBy(message: Message, waiting: Waiting | null, { trials }: Extension): Extension | null {
  if (message.kind === 'extend') return message.budget;
  if (message.kind !== 'hint' || waiting === null || trials === undefined) return null;
  return trials > waiting.tried ? null : { trials: waiting.tried + 1 };
}

/** Returns what ends the waiting of a job, in words. */
export const helps = 'a hint, a program (try), a larger budget (extend) or a choice (choose)';

/** What of a job's budget can be extended. */
export const extensible = ({
  budget: { unknownPrices: _, ...budget },
}: {
  budget: Partial<Budget>;
}): Extension => budget;

/** When a job's time is over, milliseconds since 1970; without end where it has no limit. */
export const endOf = ({ budget, beganAt, pausedAt, pausedMs }: Steered, now: number): number =>
  beganAt + (budget.wallMs ?? Number.POSITIVE_INFINITY) + pausedMs + (pausedAt === null ? 0 : now - pausedAt);

const extensibleFields = ['trials', 'wallMs', 'usd', 'tokens'] as const satisfies (keyof Extension)[];

/** Why a message cannot be acted on, in one sentence; null where it can. `paused`, `rests`: as the job stands when it comes. */
export function refusalOf(
  message: Message,
  {
    paused,
    rests = false,
    waiting = false,
    budget,
  }: { paused: boolean; rests?: boolean; waiting?: boolean; budget: Extension },
): string | null {
  switch (message.kind) {
    case 'pause':
      if (waiting) return 'it waits for a person, and does nothing';
      return paused && !rests ? 'it is paused already' : null;
    case 'resume':
      return waiting ? `it waits for ${helps}` : paused ? null : 'it is not paused';
    case 'extend':
      return lessThanNow(message.budget, budget);
    default:
      return null;
  }
}

function lessThanNow(asked: Extension, now: Extension): string | null {
  for (const field of extensibleFields) {
    const [wanted, has] = [asked[field], now[field]];
    if (wanted !== undefined && has !== undefined && wanted < has)
      return `${budgetText({ [field]: wanted })} is less than the ${budgetText({ [field]: has })} it has, and a budget is only ever extended`;
  }
  return null;
}

/** What the job's log says of a message. */
export function saidOf(message: Message): string {
  switch (message.kind) {
    case 'pause':
      return message.rest === undefined ? 'paused: nothing new is begun' : restText(message.rest);
    case 'resume':
      return 'goes on after a pause';
    case 'hint':
      return `hint: ${message.text}`;
    case 'tryProgram':
      return `${message.name} was brought to be tried${message.of === undefined ? '' : ` on ${message.of}`}`;
    case 'extend':
      return `extended to ${budgetText(message.budget)}`;
    case 'turn':
      return `said: ${message.text}`;
    case 'undo':
      return 'the last turn is taken back';
    case 'redo':
      return 'the turn that was taken back stands again';
    case 'put':
      return 'files were brought';
    case 'stop':
      return 'the turn under way is given up';
    case 'end':
      return 'the conversation is ended';
    case 'choose':
      return message.candidate === null
        ? 'nothing is chosen: what is best counts'
        : `${message.candidate} was chosen`;
    case 'wait':
      return `waits for ${helps}: ${message.why}`;
  }
}

const talk: ReadonlySet<MessageKind> = new Set<TalkKind>(['turn', 'undo', 'redo', 'put', 'stop', 'end']);

/** Returns whether a message is heard in a conversation alone. */
export const isTalk = ({ kind }: Message): boolean => talk.has(kind);

/** `20 trials, 30 minutes, $5, 2000 tokens`, as far as they are given. */
export const budgetText = ({ trials, wallMs, usd, tokens }: Extension): string =>
  [
    ...(trials === undefined ? [] : [`${trials} trials`]),
    ...(wallMs === undefined ? [] : [`${Number((wallMs / 60_000).toPrecision(3))} minutes`]),
    ...(usd === undefined ? [] : [`$${usd}`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
  ].join(', ');

/**
 * What the jobs below are told where one is. They stand still with it, are given up, and have its trials and
 * its time. Its money they have already.
 */
export function toldBelow(told: Told): Told | null {
  const { message } = told;
  if (message.kind === 'pause' || message.kind === 'resume' || message.kind === 'stop') return told;
  if (message.kind !== 'extend') return null;
  const { usd: _, tokens: __, ...budget } = message.budget;
  return Object.keys(budget).length === 0 ? null : { ...told, message: { ...message, budget } };
}

/** Events; a server ends a history at 51,200. A pipeline's stages need some 15 each, and what it is told some two for each stage. */
const mostEvents = 40_000;

/**
 * Returns why a pipeline of so many events is told nothing more; null where it is. It cannot go on as new while stages are under way. What ends
 * a pause is always told.
 */
export const enoughTold = (kind: MessageKind, events: number): string | null =>
  kind === 'resume' || events <= mostEvents
    ? null
    : 'it was told as much as its history holds: cancel it and resume it, then no stage that was done is done again';
