import { randomUUID } from 'node:crypto';
import { kindOf } from '../../domain/kinds/kinds.ts';
import { findJob } from '../follow/find-job.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { withServer } from '../server/with-server.ts';
import { checkedJob, packFiles } from '../start/job-file.ts';
import { folderOf } from '../start/typed-job.ts';
import { sayOf, UserMistake } from '../terminal.ts';
import { untilDone } from './standing.ts';

/**
 * `crucible put JOB FILE…`: brings files into the workspace of a conversation. They keep their names below the
 * folder they have in common.
 */
export async function put(session: Session, job: string, paths: readonly string[]): Promise<void> {
  const { config, context, signal } = session;
  const { store, json, out } = context;
  const record = await findJob(store, job);
  if (!kindOf(record).talks)
    throw new UserMistake(
      `${record.id} is no conversation: the programs of a job see the files that it began with, and no others`,
    );
  if (record.status !== 'running')
    throw new UserMistake(`${record.id} is ${record.status}: take it up with crucible chat ${record.name}`);
  await withServer(config, { store, say: sayOf(context), signal }, async (client) => {
    const names = await putInto(session, client, record.id, paths);
    out(json ? JSON.stringify({ jobId: record.id, files: names }) : `${record.id} has ${names.join(', ')}`);
  });
}

/** Returns the names that files have in the workspace once they are there. Throws `UserMistake` where one cannot be read, or leads out of its folder. */
export async function putInto(
  { context: { store }, signal }: Session,
  client: JobClient,
  id: string,
  paths: readonly string[],
): Promise<string[]> {
  const { folder, pathOf } = await folderOf(paths.map((typed) => ({ option: 'put', typed })));
  const file = await checkedJob({ kind: 'chat', name: 'files', inputs: paths.map(pathOf) }, folder, (path) =>
    path[0] === 'inputs' ? 'put' : String(path[0]),
  );
  const tree = await packFiles(file, store.blobs);
  const files = await store.blobs.put(JSON.stringify(tree));
  const told = randomUUID();
  const why = await client.tell(id, { id: told, message: { kind: 'put', files } });
  if (why !== null) throw new UserMistake(`${id}: ${why}`);
  const { said } = await untilDone(store, id, told, signal);
  const end = said.find((each) => each.told === told)?.end;
  if (end?.kind === 'failed') throw new UserMistake(`${id}: ${end.why}`);
  return Object.keys(tree);
}
