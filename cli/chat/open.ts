import { readdir, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { kindOf, talkingKinds } from '../../domain/kinds/kinds.ts';
import { readInput } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { ExitStatus } from '../exit-status.ts';
import { findJob } from '../follow/find-job.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { beginJob, lacksModels } from '../start/first-look.ts';
import { checkedJob, type JobFile } from '../start/job-file.ts';
import { submit } from '../start/submit.ts';
import { type Allowances, allowances, given, nameFrom, optionOf } from '../start/typed-job.ts';
import { resume } from '../steer/resume.ts';
import { clean, sayOf, UserMistake } from '../terminal.ts';
import { talk } from './talk.ts';

/** The options of `crucible chat`, as typed. */
export interface ChatOptions extends Allowances {
  resume?: boolean;
  name?: string;
  model?: string[];
}

/** What is in many folders and no matter of a conversation. */
const skipped = /^(?:\.|__pycache__$|node_modules$)/;

/**
 * `crucible chat [FOLDER|NAME]`: begins a conversation over the files of a folder, or goes on with one. It
 * talks until its user leaves. Returns the exit status. Throws `UserMistake`, before anything is started, where
 * no model can be asked.
 */
export async function chat(
  session: Session,
  where: string | undefined,
  options: ChatOptions,
): Promise<ExitStatus> {
  const { config, context, signal } = session;
  const { store } = context;
  const earlier = await earlierOne(store, where, options);
  const file = earlier === null ? await newOne(store, where, options) : null;
  if (file !== null) await beginJob(session, file, { detached: true });
  if (earlier !== null) {
    const { job } = await readInput(store.blobs, earlier);
    const [lack] = lacksModels({ job, told: (_, message) => message }, config.models);
    if (lack !== undefined) throw new UserMistake(lack);
  }
  return withServer(config, { store, say: sayOf(context), signal }, async (client) => {
    const id = earlier === null ? await begin(session, client, file) : await goOn(session, client, earlier);
    return talk(session, client, id);
  });
}

/**
 * Returns the conversation that is meant, where there is one: by `--resume` the latest, else by its name or ID.
 */
async function earlierOne(
  store: Store,
  where: string | undefined,
  options: ChatOptions,
): Promise<JobRecord | null> {
  if (options.resume === true && where === undefined) {
    const [latest] = await store.ledger.jobs({ kind: talkingKinds(), limit: 1 });
    if (latest !== undefined) return latest;
    throw new UserMistake('there is no conversation yet: begin one with crucible chat');
  }
  if (where === undefined) return null;
  const isFolder = await stat(where).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder && options.resume !== true) return null;
  const record = await findJob(store, where).catch((error: unknown) => {
    if (!(error instanceof UserMistake)) throw error;
    throw new UserMistake(
      `${clean(where)}: expected a folder, or the name of a conversation (crucible list)`,
    );
  });
  if (kindOf(record).talks) return record;
  throw new UserMistake(`${record.id} is no conversation: it is a job of kind ${record.kind}`);
}

async function newOne(store: Store, where: string | undefined, options: ChatOptions): Promise<JobFile> {
  const folder = where ?? process.cwd();
  const inputs =
    where === undefined ? [] : (await readdir(where)).filter((name) => !skipped.test(name)).sort();
  const wanted = options.name ?? nameFrom([where === undefined ? 'chat' : basename(await realpath(where))]);
  const name = options.name ?? (await freeName(store, wanted));
  const { models, ...rest } = allowances(options);
  const job = {
    ...{ kind: 'chat', name, inputs, ...rest },
    models: options.model === undefined ? models : { ...models, draft: options.model },
  };
  if (options.name !== undefined && (await store.ledger.countJobs({ called: name })) > 0)
    throw new UserMistake(
      `--name ${clean(name)}: there is one of that name; go on with it: crucible chat ${clean(name)}`,
    );
  return checkedJob(given(job), folder, (path) => (path[0] === 'task' ? '' : optionOf(path)));
}

/** The name with a number where it is taken: `photos-2`. */
async function freeName(store: Store, wanted: string): Promise<string> {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted.slice(0, 58)}-${count}`;
    if ((await store.ledger.jobs({ called: name, limit: 1 })).length === 0) return name;
  }
}

async function begin({ config, context }: Session, client: JobClient, file: JobFile | null): Promise<string> {
  if (file === null) throw new Error('expected a conversation to begin, got none');
  const submitted = await submit(file, { store: context.store, client, models: config.models, fresh: true });
  return submitted.kind === 'finished' ? submitted.record.id : submitted.jobId;
}

async function goOn(
  { config, context, signal }: Session,
  client: JobClient,
  record: JobRecord,
): Promise<string> {
  if (record.status === 'running') {
    // One that only seems to run would be waited for in vain.
    await client.closeEnded(context.store);
    const now = (await context.store.ledger.job(record.id)) ?? record;
    if (now.status === 'running') return record.id;
    return goOn({ config, context, signal }, client, now);
  }
  if (record.status === 'finished')
    throw new UserMistake(
      `${record.id} was ended: its files are kept, take them out with crucible export ${record.name}; begin another with crucible chat FOLDER`,
    );
  return resume(context.store, client, record, {}, { models: config.models, signal });
}
