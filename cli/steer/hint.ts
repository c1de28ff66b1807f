import { Message } from '../../domain/message.schema.ts';
import { UserMistake } from '../terminal.ts';

/** The message of a hint. Throws `UserMistake` where there is no text, or too much. */
export function hintOf(text: string): Message {
  const read = Message.safeParse({ kind: 'hint', text });
  if (!read.success)
    throw new UserMistake(`expected a hint of 1 to 2,000 characters, got ${text.trim().length}`);
  return read.data;
}
