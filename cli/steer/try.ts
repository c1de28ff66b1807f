import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Message } from '../../domain/message.schema.ts';
import type { Store } from '../../store/store.ts';
import { UserMistake } from '../terminal.ts';

/** The message that has a file tried, which is stored. Throws `UserMistake` where it is no Python file that can be read. */
export async function tryOf(store: Store, path: string): Promise<Message> {
  const text = await readFile(path).catch((error: Error) => {
    throw new UserMistake(`${path}: expected a Python file, which cannot be read: ${error.message}`);
  });
  const file = await store.blobs.put(text);
  const read = Message.safeParse({ kind: 'tryProgram', name: basename(path), file });
  if (read.success) return read.data;
  throw new UserMistake(
    `${path}: expected the name of a Python file, of at most 60 letters, digits, dots and dashes before .py`,
  );
}
