import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Message } from '../../domain/message.schema.ts';
import { type Conversation, nowIn, type Said, turnName } from '../../domain/session.ts';
import { readSession } from '../../record/session.ts';
import { readTree } from '../../store/documents.ts';
import { type ExitStatus, exitStatus } from '../exit-status.ts';
import { layOutTree } from '../lay-out.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { clean, oneLine, paint, sayOf, UserMistake } from '../terminal.ts';
import { sayTo, showPicture, type Talk } from './conversation.ts';
import { isPicture } from './pictures.ts';
import { slash } from './slash.ts';
import { spoken } from './spoken.ts';
import { openedJob, untilDone } from './standing.ts';
import { fileLines } from './workspace.ts';

const mostHistory = 1_000;

/** Talks until the user leaves: a line is a turn, or a command. Returns the exit status: where lines were piped, 1 for a turn that failed. */
export async function talk(session: Session, client: JobClient, id: string): Promise<ExitStatus> {
  const { context, signal } = session;
  const record = await openedJob(context.store, id, signal);
  const home = context.home ?? '.';
  const it: Talk = {
    ...session,
    client,
    id,
    name: record.name,
    folder: join(home, 'chats', ...id.split('/').slice(1)),
  };
  const say = sayOf(context);
  const before = await readSession(context.store, record);
  say(`${id}`);
  say(
    before.said.length === 0
      ? 'Say what is to be done. /help tells the commands, /quit leaves.'
      : `goes on after ${before.said.filter(({ turn }) => turn !== null).length} turns; files: ${it.folder}`,
  );
  const isTyped = process.stdin.isTTY === true && context.terminal;
  const historyFile = join(home, 'chat-history');
  const lines = createInterface({
    input: process.stdin,
    ...(isTyped
      ? {
          ...{ output: process.stdout, prompt: `${record.name}> `, terminal: true },
          ...{
            historySize: mostHistory,
            removeHistoryDuplicates: true,
            history: await readHistory(historyFile),
          },
        }
      : {}),
  });
  // Lines that come before somebody listens would be lost.
  const typedLines = lines[Symbol.asyncIterator]();
  let closed = false;
  lines.on('close', () => {
    closed = true;
  });
  const keys = interrupts(it, lines);
  let failed = false;
  if (isTyped) lines.on('history', (history: string[]) => void writeHistory(historyFile, history));
  // What was said before this one came is waited for, as if it had been said now.
  if (before.next?.turn != null) failed = !(await follow(it, before.next.told, keys));
  if (isTyped && !closed) lines.prompt();
  for await (const typed of { [Symbol.asyncIterator]: () => typedLines }) {
    const text = typed.trim();
    try {
      if (text.startsWith('/')) {
        if ((await slash(it, text)) === 'leave') break;
      } else if (text !== '') {
        failed = !(await turn(it, text, keys)) || failed;
      }
    } catch (error) {
      if (!(error instanceof UserMistake) || signal.aborted) throw error;
      failed = true;
      context.out(paint(context, 'red', clean(error.message)));
    }
    if (keys.left) break;
    if (isTyped && !closed) lines.prompt();
  }
  lines.close();
  const now = await context.store.ledger.job(id);
  if (now?.status === 'running') say(`${id} stays as it is. Go on: crucible chat ${record.name}`);
  return keys.left ? exitStatus.interrupted : failed && !isTyped ? exitStatus.failed : exitStatus.found;
}

/** What Ctrl-C does: it gives the turn under way up, and a second one leaves. */
interface Keys {
  /** Whether a turn is under way. */
  busy: boolean;
  left: boolean;
  leave: AbortController;
}

function interrupts({ client, id, context }: Talk, lines: Interface): Keys {
  const keys: Keys = { busy: false, left: false, leave: new AbortController() };
  let pressed = false;
  lines.on('line', () => {
    pressed = false;
  });
  lines.on('SIGINT', () => {
    if (pressed || (!keys.busy && lines.line === '')) {
      keys.left = true;
      keys.leave.abort();
      lines.close();
      return;
    }
    if (!keys.busy) {
      // As shells have it: what was typed is thrown away.
      lines.write(null, { ctrl: true, name: 'e' });
      lines.write(null, { ctrl: true, name: 'u' });
      return;
    }
    pressed = true;
    context.out(paint(context, 'yellow', 'the turn is given up; Ctrl-C again leaves'));
    void giveUp(client, id).finally(() => {
      pressed = false;
    });
  });
  return keys;
}

/** A turn that was just said is not under way yet: it is told again for a while. */
async function giveUp(client: JobClient, id: string): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    const why = await client.tell(id, { id: randomUUID(), message: { kind: 'stop' } }).catch(() => null);
    if (why === null) return;
    await wait(500);
  }
}

/** Has a turn done and shows what came of it. Returns whether it was done. */
async function turn(it: Talk, text: string, keys: Keys): Promise<boolean> {
  const read = Message.safeParse({ kind: 'turn', text });
  if (!read.success) throw new UserMistake(`expected at most 10,000 characters, got ${text.length}`);
  return follow(it, await sayTo(it, read.data), keys);
}

async function follow(it: Talk, told: string, keys: Keys): Promise<boolean> {
  const { context, id, signal } = it;
  const shown = createStream(it);
  keys.busy = true;
  try {
    const now = await untilDone(
      ...([context.store, id, told, AbortSignal.any([signal, keys.leave.signal])] as const),
      (meanwhile) => shown.look(meanwhile.next),
    );
    shown.end();
    const said = now.said.find((each) => each.told === told);
    return said === undefined ? false : await showEnd(it, now, said);
  } catch (error) {
    if (keys.left) return false;
    throw error;
  } finally {
    keys.busy = false;
  }
}

/** Shows what is done in a turn while it is: the reply as it is written, then what is tried. */
function createStream({ context, id }: Talk): { look(next: Said | null): Promise<void>; end(): void } {
  const isShown = context.terminal && !context.json && !context.quiet;
  let written = '';
  let after = 0;
  const end = (): void => {
    if (written !== '' && !written.endsWith('\n')) process.stdout.write('\n');
    written = '';
  };
  return {
    end,
    async look(next) {
      if (!isShown || next?.turn == null) return;
      const child = `${id}/${turnName(next.turn)}`;
      const { ledger } = context.store;
      // A turn is on record as soon as its job is open.
      if ((await ledger.job(child)) === undefined) return;
      const [partial] = await ledger.partials(child);
      const text = partial === undefined ? '' : clean(spoken(partial.text));
      // A reply whose beginning is no longer shown is not gone on with.
      if (text.startsWith(written) && text.length > written.length) {
        process.stdout.write(paint(context, 'dim', text.slice(written.length)));
        written = text;
      }
      const events = await ledger.events(child, after);
      if (events.length > 0) end();
      for (const event of events) context.out(paint(context, 'dim', `  ${oneLine(event.text)}`));
      after = events.at(-1)?.number ?? after;
    },
  };
}

/** Shows what a turn came to, and lays the files out. Returns whether it was done. */
async function showEnd(
  it: Talk,
  now: Conversation,
  { told, turn: number, text, end }: Said,
): Promise<boolean> {
  const { context, id, folder } = it;
  const { store, json, out } = context;
  if (json)
    out(
      JSON.stringify({
        jobId: id,
        turn: number,
        text,
        told,
        ...(end?.kind === 'done'
          ? { status: 'done', note: end.note, written: await readTree(store.blobs, end.written) }
          : { status: 'failed', why: end?.why ?? '' }),
      }),
    );
  if (end?.kind !== 'done') {
    if (!json) out(`${paint(context, 'red', '✗ nothing changed:')} ${oneLine(end?.why ?? '')}`);
    return false;
  }
  await layOutTree(store.blobs, await readTree(store.blobs, nowIn(now).files), folder);
  if (json) return true;
  out(`${paint(context, 'green', '✓')} ${oneLine(end.note)}`);
  for (const line of await fileLines(store, end.written)) out(`  ${line}`);
  for (const [path, artifact] of Object.entries(await readTree(store.blobs, end.written)))
    if (isPicture(path)) await showPicture(it, path, artifact);
  return true;
}

async function readHistory(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, mostHistory);
}

const writeHistory = (path: string, history: readonly string[]): Promise<void> =>
  writeFile(path, `${history.slice(0, mostHistory).join('\n')}\n`, { mode: 0o600 }).catch(() => undefined);
