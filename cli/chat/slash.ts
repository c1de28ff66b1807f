import { type Conversation, nowIn, stillStands } from '../../domain/session.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { readSession } from '../../record/session.ts';
import { readProgram, readTree } from '../../store/documents.ts';
import { diffOf, showDiff } from '../follow/diff-text.ts';
import { exportJob } from '../keep/export.ts';
import { layOutTree } from '../lay-out.ts';
import { clean, oneLine, paint, UserMistake } from '../terminal.ts';
import { sayTo, showPicture, type Talk } from './conversation.ts';
import { isPicture } from './pictures.ts';
import { putInto } from './put.ts';
import { openedJob, untilDone } from './standing.ts';
import { fileLines } from './workspace.ts';

/** A command inside of a conversation: what it does, and what it is called with. */
interface Command {
  says: string;
  takes?: string;
  act(it: Talk, rest: string): Promise<unknown>;
}

const commands: Record<string, Command> = {
  undo: { says: 'take the last turn back', act: (it) => step(it, 'undo') },
  redo: { says: 'have the turn again that was taken back', act: (it) => step(it, 'redo') },
  files: { says: 'the files there are', act: files },
  show: { says: 'the program, or a file', takes: '[PATH]', act: show },
  diff: { says: 'what the last turn changed in the program', act: diff },
  turns: { says: 'what was said, and what came of it', act: turns },
  spend: { says: 'what models cost so far', act: spend },
  put: { says: 'bring a file', takes: 'FILE', act: bring },
  export: { says: 'write the files and the program into a folder', takes: '[FOLDER]', act: take },
  end: { says: 'end the conversation for good; its files are kept', act: over },
  quit: { says: 'leave; the conversation stays', act: async () => 'leave' },
  help: { says: 'these commands', act: help },
};

/** Does what a line says that begins with `/`. Returns `leave` where the user leaves. Throws `UserMistake` for an unknown one. */
export async function slash(it: Talk, line: string): Promise<unknown> {
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command.act(it, rest.trim());
  throw new UserMistake(
    `there is no /${clean(name)}; there are ${Object.keys(commands)
      .map((each) => `/${each}`)
      .join(', ')}`,
  );
}

const standing = async ({ context, id, signal }: Talk): Promise<Conversation> =>
  readSession(context.store, await openedJob(context.store, id, signal));

async function step(it: Talk, kind: 'undo' | 'redo'): Promise<void> {
  const { context, id, signal, folder } = it;
  const before = nowIn(await standing(it));
  const session = await untilDone(context.store, id, await sayTo(it, { kind }), signal);
  const now = nowIn(session);
  if (now === before || (now.files === before.files && now.program === before.program))
    throw new UserMistake(kind === 'undo' ? 'there is nothing to take back' : 'nothing was taken back');
  await layOutTree(context.store.blobs, await readTree(context.store.blobs, now.files), folder);
  const where =
    now.turn === null
      ? 'as it was before the first turn, or as files were brought'
      : `as it was after turn ${now.turn}`;
  context.out(context.json ? JSON.stringify({ jobId: id, at: session.at, turn: now.turn }) : where);
}

async function files(it: Talk): Promise<void> {
  const { context, folder } = it;
  const lines = await fileLines(context.store, nowIn(await standing(it)).files);
  for (const line of lines) context.out(line);
  context.out(lines.length === 0 ? 'There are no files yet.' : paint(context, 'dim', folder));
}

const mostShown = 64 * 1024;

async function show(it: Talk, path: string): Promise<void> {
  const { context } = it;
  const { blobs } = context.store;
  const now = nowIn(await standing(it));
  if (path === '') {
    if (now.program === null) return context.out('There is no program yet.');
    for (const [name, artifact] of Object.entries((await readProgram(blobs, now.program)).files)) {
      context.out(paint(context, 'bold', `── ${name}`));
      for (const line of (await blobs.text(artifact)).split('\n')) context.out(clean(line));
    }
    return;
  }
  const tree = await readTree(blobs, now.files);
  const artifact = tree[path];
  if (artifact === undefined) throw new UserMistake(`there is no file ${clean(path)}; /files lists them`);
  if (isPicture(path)) return showPicture(it, path, artifact);
  const { start, bytes } = await blobs.head(artifact, mostShown);
  if (start.includes(0)) {
    const facts = await fileFacts(blobs, path, artifact);
    return context.out(
      `${path}: ${bytes.toLocaleString('en')} bytes, binary${facts === null ? '' : `, ${facts}`}`,
    );
  }
  for (const line of start.toString('utf8').split('\n')) context.out(clean(line));
  if (bytes > start.length)
    context.out(paint(context, 'dim', `… ${bytes.toLocaleString('en')} bytes in all`));
}

async function diff(it: Talk): Promise<void> {
  const { context } = it;
  const { blobs } = context.store;
  const { versions, at } = await standing(it);
  const after = versions[at]?.program ?? null;
  const before = versions[at - 1]?.program ?? null;
  if (after === null) return context.out('There is no program yet.');
  const text = await diffOf(
    blobs,
    before === null ? null : await readProgram(blobs, before),
    await readProgram(blobs, after),
  );
  if (text === null) return context.out('The program did not change.');
  showDiff(context, text);
}

async function turns(it: Talk): Promise<void> {
  const session = await standing(it);
  for (const each of session.said) {
    const { turn, text, end } = each;
    const asked = turn === null ? 'files' : `${turn}  ${oneLine(text)}`;
    const came = end?.kind === 'done' ? oneLine(end.note) : `failed: ${oneLine(end?.why ?? '')}`;
    const back = turn !== null && end?.kind === 'done' && !stillStands(session, each) ? ' (taken back)' : '';
    it.context.out(`${asked} → ${came}${back}`);
  }
}

async function spend({ context, id }: Talk): Promise<void> {
  const account = await context.store.ledger.account(id);
  const { microUsd = 0, tokens = 0 } = account?.spent ?? {};
  const cap = account?.cap.microUsd;
  const of = cap == null ? '' : ` of $${(cap / 1e6).toFixed(2)}`;
  context.out(`$${(microUsd / 1e6).toFixed(4)}${of}, ${tokens.toLocaleString('en')} tokens`);
}

async function bring(it: Talk, path: string): Promise<void> {
  if (path === '') throw new UserMistake('/put: expected a file: /put photo.png');
  const names = await putInto(it, it.client, it.id, [path]);
  const { context, folder } = it;
  await layOutTree(
    context.store.blobs,
    await readTree(context.store.blobs, nowIn(await standing(it)).files),
    folder,
  );
  context.out(`brought: ${names.join(', ')}`);
}

async function take({ context, id }: Talk, folder: string): Promise<void> {
  await exportJob(context, { job: id, force: false, ...(folder === '' ? {} : { out: folder }) });
}

async function over(it: Talk): Promise<'leave'> {
  await sayTo(it, { kind: 'end' });
  await it.client.result(it.id);
  it.context.out(`${it.id} is ended. Its files: crucible export ${it.name}`);
  return 'leave';
}

async function help({ context }: Talk): Promise<void> {
  for (const [name, { says, takes = '' }] of Object.entries(commands))
    context.out(`  ${`/${name} ${takes}`.padEnd(20)}${says}`);
  context.out('  Ctrl-C gives the turn under way up; twice leaves. All else is a turn.');
}
