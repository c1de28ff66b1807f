import { createInterface } from 'node:readline';
import { readJob } from '../../record/kept-job.ts';
import { findJob } from '../follow/find-job.ts';
import { show } from '../follow/show.ts';
import type { Session } from '../server/session.ts';
import { chooseIn } from '../steer/choose.ts';
import { hintOf } from '../steer/hint.ts';
import { extendJob, resumeJob } from '../steer/resume.ts';
import { tellJob } from '../steer/tell.ts';
import { tryOf } from '../steer/try.ts';
import { type CommandContext, clean, paint, UserMistake } from '../terminal.ts';
import { readTrouble, type Trouble, troubleLines, waysOn } from './screen.ts';

/**
 * `crucible debug JOB`: shows one screen for a job that needs a person. It says what failed, where, why, and
 * what may be done. On a terminal each of that is done by a line; elsewhere the screen is printed once, with
 * the commands. Throws `UserMistake` for a job that needs no help.
 */
export async function debug(session: Session, text: string): Promise<void> {
  const { context } = session;
  const trouble = await look(session, text);
  if (context.json) {
    const { kept, failed, code } = trouble;
    return context.out(
      JSON.stringify({ job: kept.record.id, waiting: kept.waiting, failed, code, ways: waysOn(trouble) }),
    );
  }
  print(context, trouble);
  if (!context.terminal || process.stdin.isTTY !== true) return;
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: `${trouble.kept.record.name}> `,
  });
  session.signal.addEventListener('abort', () => lines.close());
  lines.on('SIGINT', () => lines.close());
  lines.prompt();
  for await (const typed of lines) {
    if (/^\s*(q|quit)\s*$/.test(typed)) break;
    try {
      await act(session, trouble, text, typed.trim());
    } catch (error) {
      // What somebody else did first, too, is told so.
      if (!(error instanceof UserMistake) || session.signal.aborted) throw error;
      context.out(paint(context, 'red', clean(error.message)));
    }
    lines.prompt();
  }
  lines.close();
}

const look = async ({ context: { store } }: Session, text: string): Promise<Trouble> =>
  readTrouble(store.blobs, await readJob(store, await findJob(store, text)));

function print(context: CommandContext, trouble: Trouble): void {
  for (const line of troubleLines(context, trouble)) context.out(line);
  context.out('');
  const typed = context.terminal && process.stdin.isTTY === true;
  const ways = waysOn(trouble);
  const width = Math.max(...ways.map(({ key, command }) => (typed ? key : command).length));
  for (const { key, what, command } of ways)
    context.out(`${paint(context, 'bold', (typed ? key : command).padEnd(width))}  ${what}`);
  if (typed) context.out(paint(context, 'dim', 'Enter looks again, q leaves; the job stays as it is'));
}

/** Does what was typed, by the commands that there are for it; nothing typed looks again. */
async function act(session: Session, trouble: Trouble, text: string, typed: string): Promise<void> {
  const { context } = session;
  const { id } = trouble.kept.record;
  const [, key = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(typed) ?? [];
  const needed = (what: string): string => {
    if (rest === '') throw new UserMistake(`${key}: expected ${what} after it`);
    return rest;
  };
  switch (key) {
    case '':
      return print(context, await look(session, text));
    case 'h':
      return tellJob(session, id, hintOf(needed('a hint')));
    case 't':
      return tellJob(session, id, await tryOf(context.store, id, needed('a Python file, or a patch')));
    case 'e':
      await extendJob(session, id, needed('what to add, as in trials=5').split(/\s+/));
      return;
    case 'c':
      return chooseIn(session, id, needed('a candidate, as in c-3, or best'));
    case 'r':
      await resumeJob(session, id, { detached: true });
      return;
    case 'd':
    case 'l': {
      const parts = { diff: key === 'd', log: key === 'l', program: false, prompt: false };
      return show(context, { ...parts, job: id, candidate: needed('a candidate, as in c-3') });
    }
    default:
      throw new UserMistake(
        `${key}: expected one of ${waysOn(trouble)
          .map((each) => each.key)
          .join(', ')}, q`,
      );
  }
}
