import { beforeEach, expect, it } from 'vitest';
import { list } from '../../cli/follow/list.ts';
import { show } from '../../cli/follow/show.ts';
import { hintOf } from '../../cli/steer/hint.ts';
import { goOn } from '../../cli/steer/resume.ts';
import { tellJob } from '../../cli/steer/tell.ts';
import type { Message } from '../../domain/message.schema.ts';
import type { Store } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, openJob, recorded, recordTrial } from './kept-jobs.ts';
import { openingClient } from './opening-client.ts';

const id = 'optimize/blur/1a2b3c4d5e.1';
const job = { kind: 'optimize', name: 'blur', program: 'blur.py' } as const;

let store: Store;

beforeEach(async () => {
  store = await temporaryStore();
  await openJob(store, job, { id });
});

const session = (json = false, env: NodeJS.ProcessEnv = { OPENAI_API_KEY: 'a-key' }) => {
  const { context, lines } = recorded(store, { json });
  return { given: { config: readConfig(env), context, signal: new AbortController().signal }, lines };
};

it('a job that has ended keeps a hint for when it is taken up again, and says so in one line', async () => {
  await store.ledger.closeJob(id, { status: 'finished', endedAt: Date.now() });
  const { given, lines } = session();
  await tellJob(given, 'blur', hintOf(' use tables '));
  expect(lines).toEqual([
    `${id} keeps the hint: models read it when it is taken up again, with crucible resume ${id}`,
  ]);
  expect((await store.ledger.messages(id)).map(({ message }) => message)).toEqual([
    { kind: 'hint', text: 'use tables' },
  ]);
  const machine = session(true);
  await tellJob(machine.given, 'blur', hintOf('and no recursion'));
  expect(JSON.parse(machine.lines[0] ?? '')).toEqual({
    jobId: id,
    accepted: { kind: 'hint', text: 'and no recursion' },
  });
});

it('a job that has ended cannot be paused, and what takes it up is named', async () => {
  await store.ledger.closeJob(id, { status: 'failed', endedAt: Date.now() });
  await expect(tellJob(session().given, 'blur', { kind: 'pause' })).rejects.toThrow(
    `${id} is not running: it is failed. To take it up: crucible resume ${id}`,
  );
});

it('a job that has ended, and that no model is asked for, refuses a hint', async () => {
  await store.ledger.closeJob(id, { status: 'finished', endedAt: Date.now() });
  await expect(tellJob(session(false, {}).given, 'blur', hintOf('use tables'))).rejects.toThrow(
    `${id}: it asks no model, so nobody would read a hint`,
  );
  expect(await store.ledger.messages(id)).toEqual([]);
});

it('a job that ran its one program refuses a hint and another program', async () => {
  const drawn = await openJob(
    store,
    { kind: 'solve', name: 'drawn', script: 'a.py' },
    { id: 'solve/drawn/1.1' },
  );
  const program = await store.blobs.put('{}');
  const candidate = { id: 'c-0', title: 'a.py', program, operator: 'human' as const };
  await recordTrial(store, drawn.jobId, candidate, { kind: 'crashed', reason: 'it fell' });
  await closeJob(store, drawn, { status: 'failed', summary: 'a.py ended as crashed' });
  const tell = (message: Message) => tellJob(session().given, 'drawn', message);
  await expect(tell(hintOf('go on'))).rejects.toThrow('it asks no model');
  const mine: Message = { kind: 'tryProgram', name: 'mine.py', file: program };
  await expect(tell(mine)).rejects.toThrow('it runs one program, and that was run');
  expect(await store.ledger.messages(drawn.jobId)).toEqual([]);
});

it('a hint without a word, or with too many, is refused', () => {
  expect(() => hintOf('  ')).toThrow('expected a hint of 1 to 2,000 characters, got 0');
  expect(() => hintOf('x'.repeat(2_001))).toThrow('got 2001');
});

it('a paused job is listed as paused', async () => {
  await store.ledger.takeMessage(id, { id: 'a', message: { kind: 'pause' }, at: Date.now() });
  const { given, lines } = session();
  await list(given.context, { limit: 5 });
  expect(lines.join('\n')).toMatch(/blur\/1a2b3c4d5e\.1\s+paused/);
});

it('a job that waits for a person is told as such by list and show, with what to type', async () => {
  const why = 'all 5 trials of the budget are used';
  const wait = { id: 'a', message: { kind: 'wait', why, tried: 5 }, at: Date.now() } as const;
  await store.ledger.takeMessage(id, wait);
  const said = async () => {
    const [listed, shown] = [recorded(store, { columns: 500 }), recorded(store, { columns: 500 })];
    await list(listed.context, { limit: 5 });
    await show(shown.context, { job: id, diff: false, program: false, log: false, prompt: false });
    return [listed.lines.join('\n'), shown.lines.join('\n')];
  };
  for (const text of await said()) {
    expect(text).toMatch(/blur\/1a2b3c4d5e\.1\s+waiting/);
    expect(text).toContain(
      `waits for a person: ${why}. Go on: crucible hint ${id} '…', crucible try ${id} FILE, or crucible extend ${id} trials=N; end it: crucible choose ${id} best`,
    );
  }
  const record = (await store.ledger.job(id)) ?? expect.fail();
  const told: string[] = [];
  const client = {
    ...openingClient(
      () => store,
      () => false,
    ),
    tell: async (_: string, { message }: { message: Message }) => {
      told.push(message.kind);
      return null;
    },
  };
  await goOn(client, record, { trials: 9 }, true);
  expect(told).toEqual(['extend']);

  await store.ledger.takeMessage(id, {
    id: 'b',
    message: { kind: 'hint', text: 'use tables' },
    at: Date.now(),
  });
  for (const text of await said()) expect(text).not.toContain('waits');
});
