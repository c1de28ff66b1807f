import {
  ApplicationFailure,
  CancellationScope,
  condition,
  currentUpdateInfo,
  defineSignal,
  defineUpdate,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import type { NextDecision } from '../../domain/decision.schema.ts';
import type { Extension, Message, MessageKind, Rest, Told } from '../../domain/message.schema.ts';
import { endOf, isTalk, refusalOf, type Standing } from '../../domain/steered.ts';

/** What a job hears, with what the Temporal UI says of it. */
const heard: Record<Exclude<MessageKind, 'wait'>, string> = {
  pause: 'Begin nothing new; what is under way is finished',
  resume: 'Go on after a pause',
  tryProgram: 'Try a program that somebody brought',
  hint: 'Say something that models read with every question',
  extend: 'Raise the budget',
  choose: 'Choose the candidate whose program the job gives',
  turn: 'Say what is to be done next',
  undo: 'Take the last turn back',
  redo: 'Have the turn that was taken back again',
  put: 'Bring files',
  stop: 'Give up the turn under way',
  end: 'End the conversation',
};

/** What a job passes on to the jobs below it. */
export const steerSignal = defineSignal<[Told]>('steer');

/** A decision that somebody made. */
type ByHand = Extract<NextDecision, { kind: 'human' }>;

/** What people tell a job while it runs. Its workflow asks it what to do next. */
export interface Steering {
  /** What the job may use now; another object whenever that was extended. */
  readonly budget: Extension;
  readonly paused: boolean;
  /** Whether everything that was accepted is on record. */
  readonly idle: boolean;
  /** What somebody asked to be tried, before anything else; null where there is nothing. */
  next(): ByHand | null;
  /** That it is decided on, under the ID of its message. */
  begin(told: string): void;
  /** When the job's time is over, milliseconds since 1970: a pause does not count. */
  endsAt(): number;
  /** Resolves when something was told since it was asked for; rejects where the job is to end. */
  told(): Promise<void>;
  /** Stands still until then, and goes on by itself; people can have it go on before. Where it stands still already, nothing changes. */
  rest(rest: Rest): void;
  /** Whether it waits for a person. */
  readonly waiting: boolean;
  /** Whether somebody chose while it waited for a person: then it ends. */
  readonly settled: boolean;
  /** Has the job stand still until somebody helps, after what was told before; `tried` candidates did not get it there. */
  waitFor(why: string, tried: number): void;
  /** Waits out a pause. */
  going(): Promise<void>;
  /** Lets a body refuse what it cannot act on: a reason in one sentence, or null. */
  refuse(why: (message: Message) => string | null): void;
}

/** The side of the frame. */
export interface Listening extends Steering {
  /** Begins to act on what is told, from how the job stands; returns only by throwing. */
  attend(steered: Standing): Promise<never>;
  /** Refuses all that is told from now on, with the reason, and waits until what was accepted is on record. */
  close(why: string): Promise<void>;
}

export interface Ear {
  /** Whether the job is a conversation. */
  talks: boolean;
  /** What the job may use when it is started. */
  budget: Extension;
  /** Takes a message into the ledger, and returns how the job stands then. */
  take(told: Told): Promise<Standing>;
  /** Hears of each message that was taken, and whether the job waited for it. */
  taken(told: Told, helped: boolean): Promise<void>;
}

/**
 * Hears what a job is told from its first moment. Validators refuse at once. Handlers only put a message in line, so that they have always
 * ended. `attend` takes the messages into the ledger, in order. The ledger knows each by its ID: none is lost, none counts twice.
 */
export function listen({ talks, budget: given, take, taken }: Ear): Listening {
  const line: Told[] = [];
  let steered: Standing = {
    ...{ budget: given, beganAt: Date.now(), pausedAt: null, pausedMs: 0, tries: [] },
    ...{ rest: null, waiting: null, settled: false },
  };
  const begun = new Set<string>();
  let closed: string | null = null;
  let bell = ring();
  let bodyRefuses: (message: Message) => string | null = ({ kind }) =>
    kind === 'choose' ? 'its search has not begun, so there is nothing to choose from yet' : null;
  let attended = false;

  /** As it stands with what is in line: nothing is begun after a pause was accepted. */
  const stands = (): { paused: boolean; waiting: boolean; rest: Rest | null } =>
    line.reduce<{ paused: boolean; waiting: boolean; rest: Rest | null }>(
      (before, { message }) => {
        if (message.kind === 'pause') return { paused: true, waiting: false, rest: message.rest ?? null };
        if (message.kind === 'wait') return { paused: true, waiting: true, rest: null };
        const goesOn = message.kind === 'resume' || before.waiting;
        return goesOn ? { paused: false, waiting: false, rest: null } : before;
      },
      // A history from before jobs rested, or waited, says nothing of it.
      {
        ...{ paused: steered.pausedAt !== null, waiting: steered.waiting != null },
        rest: steered.pausedAt === null ? null : (steered.rest ?? null),
      },
    );
  const resting = (): Rest | null => stands().rest;
  const budget = (): Extension =>
    Object.assign(
      {},
      steered.budget,
      ...line.map(({ message }) => (message.kind === 'extend' ? message.budget : {})),
    );
  const refusal = (message: Message): string | null => {
    const { paused, waiting, rest } = stands();
    return (
      closed ??
      (isTalk(message) && !talks ? 'it is no conversation: start one with crucible chat' : null) ??
      bodyRefuses(message) ??
      refusalOf(message, { paused, waiting, rests: rest !== null, budget: budget() })
    );
  };
  const wake = (): void => {
    const before = bell;
    bell = ring();
    before.resolve();
  };
  const accept = (told: Told): void => {
    if (told.message.kind === 'choose' && stands().waiting)
      closed ??= 'somebody chose what it gives, and it is ending';
    line.push(told);
    wake();
  };

  /** Ends each rest when its time has come, unless somebody did before. */
  async function endRests(): Promise<never> {
    for (;;) {
      await condition(() => resting() !== null);
      const rest = resting();
      if (rest === null) continue;
      const ended = await condition(
        () => resting()?.until !== rest.until,
        Math.max(1, rest.until - Date.now()),
      );
      if (!ended) accept({ id: `rest-over/${Date.now()}`, message: { kind: 'resume' }, at: Date.now() });
    }
  }

  for (const [kind, description] of Object.entries(heard))
    setHandler(
      defineUpdate<Message, [Message]>(kind),
      async (message) => {
        accept({ id: currentUpdateInfo()?.id ?? '', message, at: Date.now() });
        return message;
      },
      {
        description,
        validator(message) {
          const why = refusal(message);
          if (why !== null) throw ApplicationFailure.nonRetryable(why, 'MessageRefused');
        },
      },
    );
  setHandler(steerSignal, (told) => {
    if (refusal(told.message) === null) accept(told);
  });

  return {
    get budget() {
      return steered.budget;
    },
    get paused() {
      return stands().paused;
    },
    get waiting() {
      return stands().waiting;
    },
    get settled() {
      return steered.settled === true;
    },
    waitFor: (why, tried) => accept({ id: uuid4(), message: { kind: 'wait', why, tried }, at: Date.now() }),
    get idle() {
      return line.length === 0;
    },
    next() {
      const told = steered.tries.find(({ id }) => !begun.has(id));
      if (told?.message.kind !== 'tryProgram') return null;
      const { name, file, of } = told.message;
      return { kind: 'human', told: told.id, name, file, ...(of === undefined ? {} : { of }) };
    },
    begin: (id) => void begun.add(id),
    endsAt: () => endOf(steered, Date.now()),
    told: () => Promise.race([bell.rung, CancellationScope.current().cancelRequested]),
    rest(rest) {
      if (!stands().paused)
        accept({ id: `rest/${Date.now()}`, message: { kind: 'pause', rest }, at: Date.now() });
    },
    going: () => condition(() => !stands().paused),
    refuse(why) {
      bodyRefuses = why;
    },
    async attend(now) {
      steered = now;
      attended = true;
      endRests().catch(() => undefined);
      try {
        for (;;) {
          await condition(() => line.length > 0);
          const [first] = line;
          if (first === undefined) continue;
          const { budget, ...rest } = await take(first);
          // Another object means that it was raised: whoever gave up for lack of it looks again.
          const helped = steered.waiting != null && rest.waiting == null;
          const raised = helped || first.message.kind === 'extend';
          steered = { ...rest, budget: raised ? budget : steered.budget };
          await taken(first, helped);
          line.shift();
          wake();
        }
      } finally {
        attended = false;
      }
    },
    async close(why) {
      closed = why;
      await condition(() => line.length === 0 || !attended);
    },
  };
}

/** A promise and what resolves it. */
function ring(): { rung: Promise<void>; resolve: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { rung: promise, resolve };
}
