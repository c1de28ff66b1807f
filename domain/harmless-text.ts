/** Whatever has no shape of its own, except line feed and tab: control, bidirectional, zero-width, unassigned. */
const unseen = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** Of those what can command a terminal or reorder what people read. The others can be part of words, and are only shown for what they are. */
const unsafe = /[\p{Cc}--[\n\t]]|\p{Bidi_Control}|[\u2028\u2029\ufeff]/gv;

/**
 * Returns `text` as it is shown, with what cannot be seen made visible. So nothing can colour, reorder or hide
 * what people read. ESC is `␛`, U+202E is `⟨U+202E⟩`. A carriage return before a line feed is dropped.
 */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n/g, '\n')
    .replace(unseen, (character) => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0x20) return String.fromCodePoint(0x2400 + code);
      if (code === 0x7f) return '␡';
      return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
    });
}

/** Returns `text` with U+FFFD for each character that is unsafe: so it can be kept, and grows by little. */
export const blotted = (text: string): string => text.replace(unsafe, '\uFFFD');
