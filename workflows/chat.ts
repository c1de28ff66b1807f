import type { NextTurn, Standing } from '../activities/chat.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import type { ChatJob } from '../domain/kinds/chat.schema.ts';
import { turnJob } from '../domain/kinds/chat.ts';
import type { Message } from '../domain/message.schema.ts';
import { saidStep } from '../domain/step.ts';
import { runChild } from './job/child.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { endTurn, readStanding } from './job/proxies.ts';

/**
 * Does what people say, turn after turn, until they end it. Each turn is a `solve` that edits the program of the one before; one that
 * fails changes nothing. How it stands is in the ledger: between two turns it can go on as new at any time.
 */
export async function chat(input: JobInput<ChatJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { steering } = running;
    let standing: Standing | null = null;
    steering.refuse((message) => refusalIn(message, standing, running.children.size > 0));
    for (;;) {
      // Asked for before it is looked: what is said meanwhile is not missed.
      const told = steering.told();
      told.catch(() => undefined);
      if (steering.paused || !steering.idle) {
        await told;
        continue;
      }
      if (running.isLong(longTalk)) await running.goOn();
      const now: Standing = await readStanding(running.placeOf('standing'));
      standing = now;
      if (now.next !== null) {
        await take(running, now.next);
      } else if (now.ended) {
        return { summary: 'the conversation is over', best: null, refused: 0, product: now.files };
      } else {
        running.tell('waiting for words');
        await told;
      }
    }
  });
}

/** Has one turn done, and keeps what it came to. */
async function take(running: RunningJob<ChatJob>, turn: NextTurn): Promise<void> {
  const { input, job, placeOf } = running;
  const { name, text, files, from } = turn;
  running.tell(`${name}: ${text}`);
  const of = { name, job: turnJob(job, { name, text }), files, from };
  const ended = await runChild(running, { as: 'turn', ...of, routes: input.routes });
  const result = ended.kind === 'done' ? ended.result : null;
  const why = ended.kind === 'done' ? ended.result.summary : ended.why;
  const end = await endTurn({ ...placeOf(saidStep(turn.told)), turn, result, why });
  running.note(`${name}: ${end.kind === 'done' ? end.note : end.why}`);
}

/** A conversation of months: each of its histories stays below 4,000 events and 2 MB. */
const longTalk = { events: 3_000, bytes: 1_500_000 };

/** Why something cannot be done as the conversation stands; null where it can. */
function refusalIn({ kind }: Message, standing: Standing | null, underWay: boolean): string | null {
  if (kind === 'tryProgram' || kind === 'choose')
    return 'it has no candidates of its own: name one of its turns, as in JOB/turn-1';
  if (kind === 'stop' && !underWay) return 'no turn is under way';
  if (kind === 'undo' && underWay) return 'a turn is under way: stop it first';
  if (kind === 'redo' && underWay) return 'a turn is under way: stop it first';
  if (kind === 'undo' && standing?.undos === 0) return 'there is nothing to take back';
  if (kind === 'redo' && standing?.redos === 0) return 'nothing was taken back';
  return null;
}
