import { randomUUID } from 'node:crypto';
import { isPart, partWords } from '../../domain/kinds/kinds.ts';
import type { Message } from '../../domain/message.schema.ts';
import { budgetText } from '../../domain/steered.ts';
import type { ModelConfig } from '../../llm/catalogue/routes.ts';
import { readJob } from '../../record/kept-job.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { findJob } from '../follow/find-job.ts';
import { ranOnce } from '../nothing-left.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { routesOf } from '../start/submit.ts';
import { sayOf, UserMistake } from '../terminal.ts';

/** Tells a running job something. Throws `UserMistake` with the reason where it is refused. */
export async function tell(client: JobClient, jobId: string, message: Message): Promise<void> {
  const why = await client.tell(jobId, { id: randomUUID(), message });
  if (why !== null) throw new UserMistake(`${jobId}: ${why}`);
}

/** Tells a job something and says in one line what comes of it. Throws `UserMistake` with the reason where nothing can. */
export async function tellJob(
  { config, context, signal }: Session,
  text: string,
  message: Message,
): Promise<void> {
  const { store, json, out } = context;
  const record = await findJob(store, text);
  const { id } = record;
  const kept = record.status !== 'running' && (await tellEnded(store, config.models, record, message));
  if (!kept)
    await withServer(config, { store, say: sayOf(context), signal }, (client) => tell(client, id, message));
  out(
    json
      ? JSON.stringify({ jobId: id, accepted: message })
      : `${id} ${doneText({ id, running: !kept }, message)}`,
  );
}

/**
 * A job that has ended keeps hints and programs for when it is taken up again, and hears nothing else. Returns
 * false where it runs by now.
 */
async function tellEnded(
  store: Store,
  models: ModelConfig,
  record: JobRecord,
  message: Message,
): Promise<boolean> {
  const refuse = (why: string): never => {
    throw new UserMistake(`${record.id}: ${why}`);
  };
  if (message.kind !== 'hint' && message.kind !== 'tryProgram')
    throw new UserMistake(
      `${record.id} is not running: it is ${record.status}. To take it up: crucible resume ${record.id}`,
    );
  if (record.role === 'verification') refuse('it is a verification, and that has ended');
  const input = await readInput(store.blobs, record);
  if (message.kind === 'tryProgram' && !isPart(input.job))
    refuse(`it has no candidates of its own: name ${partWords(input.job)}`);
  if (message.kind === 'tryProgram' && (await ranOnce(store, await readJob(store, record))))
    refuse('it runs one program, and that was run');
  const routes = [input, routesOf(input.job, models)].flatMap((each) => [
    each.routes,
    ...Object.values(each.stageRoutes),
  ]);
  if (message.kind === 'hint' && routes.every((each) => Object.values(each).flat().length === 0))
    refuse('it asks no model, so nobody would read a hint');
  return store.ledger.takeMessage(record.id, { id: randomUUID(), message, at: Date.now() }, {});
}

function doneText({ id, running }: { id: string; running: boolean }, message: Message): string {
  switch (message.kind) {
    case 'pause':
      return `is paused: what is under way is finished, nothing new is begun. Go on: crucible resume ${id}`;
    case 'resume':
      return 'goes on';
    case 'hint':
      return running
        ? 'has the hint: models read it with every question from now on'
        : `keeps the hint: models read it when it is taken up again, with crucible resume ${id}`;
    case 'tryProgram':
      return running
        ? `tries ${message.name}${message.of === undefined ? '' : ` on ${message.of}`} next; see: crucible watch ${id}`
        : `tries ${message.name}${message.of === undefined ? '' : ` on ${message.of}`} first when it is taken up again, with crucible resume ${id}`;
    case 'extend':
      return `is extended to ${budgetText(message.budget)}`;
    case 'turn':
    case 'undo':
    case 'redo':
    case 'put':
    case 'stop':
    case 'end':
      return `has it; go on with crucible chat ${id}`;
    case 'choose':
      return `gives ${message.candidate ?? 'its best'} when it ends`;
    case 'wait':
      return 'waits';
  }
}
