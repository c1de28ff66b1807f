const shown = '[key]';

/**
 * Takes `key` out of a text, also where it is written with the escapes of JSON. A server may quote what it was
 * sent.
 */
export function hideKey(text: string, key: string | null): string {
  if (key === null || key === '') return text;
  const letters = [...key].map((letter) => {
    const code = letter.charCodeAt(0).toString(16).padStart(4, '0');
    return `(?:${letter.replace(/\W/, '\\$&')}|\\\\u${code})`;
  });
  return text.replace(new RegExp(letters.join(''), 'gi'), shown);
}

/**
 * Gives the pieces of a text without `key`. What may be the beginning of it is held back until the next piece
 * tells.
 */
export interface PieceFilter {
  /** What can be shown by now. */
  push(piece: string): string;
  /** What was held back; to be called when no piece comes any more. */
  rest(): string;
}

export function createPieceFilter(key: string | null): PieceFilter {
  let held = '';
  return {
    push(piece) {
      if (key === null || key === '') return piece;
      const text = (held + piece).replaceAll(key, shown);
      let kept = Math.min(text.length, key.length - 1);
      while (!text.endsWith(key.slice(0, kept))) kept -= 1;
      held = text.slice(text.length - kept);
      return text.slice(0, text.length - kept);
    },
    rest() {
      const last = held;
      held = '';
      return last;
    },
  };
}
