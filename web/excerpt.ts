/**
 * Returns `text` in at most `limit` characters: its beginning, its end, and between them how much was left out.
 * An excerpt of an excerpt with the same limit is the same.
 */
export function excerpt(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const note = (left: number): string => `\n… ${left.toLocaleString('en')} characters left out …\n`;
  const room = Math.max(0, limit - note(text.length).length);
  const head = Math.ceil(room / 2);
  const tail = room - head;
  return text.slice(0, head) + note(text.length - room) + text.slice(text.length - tail);
}

/** `text` in at most `limit` characters on one line. */
export function shortened(text: string, limit: number): string {
  const line = text
    .slice(0, 4 * limit)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= limit && text.length <= 4 * limit ? line : `${line.slice(0, limit - 1)}…`;
}
