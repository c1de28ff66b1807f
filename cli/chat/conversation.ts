import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Message } from '../../domain/message.schema.ts';
import type { JobClient } from '../server/client.ts';
import type { Session } from '../server/session.ts';
import { UserMistake } from '../terminal.ts';
import { picturesOf, pictureText } from './pictures.ts';

/** A conversation on a terminal, or with a program that writes lines. */
export interface Talk extends Session {
  client: JobClient;
  id: string;
  name: string;
  /** Where its files are laid out for people to look at. */
  folder: string;
}

/** Says something to the conversation. Returns the ID of the message. Throws `UserMistake` where it is refused. */
export async function sayTo({ client, id }: Talk, message: Message): Promise<string> {
  const told = randomUUID();
  const why = await client.tell(id, { id: told, message });
  if (why !== null) throw new UserMistake(why);
  return told;
}

/** Shows a picture in a terminal that can, and its path in any other. */
export async function showPicture(
  { context, folder }: Talk,
  path: string,
  artifact: Artifact,
): Promise<void> {
  const how = picturesOf(process.env, context.terminal);
  const text = how === null ? null : pictureText(how, path, await context.store.blobs.get(artifact));
  if (text !== null) process.stdout.write(text);
  else context.out(`  picture: ${join(folder, path)}`);
}
