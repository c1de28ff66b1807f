/** Text that is safe as HTML: made by `html` alone, which escapes whatever is put into it. */
export class Html {
  readonly #text: string;

  constructor(parts: readonly string[], values: readonly Content[]) {
    this.#text = parts
      .map((part, index) => part + (index < values.length ? render(values[index]) : ''))
      .join('');
  }

  toString(): string {
    return this.#text;
  }
}

/** What can stand in a template; null and false leave nothing. */
export type Content = Html | string | number | null | undefined | false | readonly Content[];

/** A piece of a page. Values are escaped, also inside attributes, which must be in double quotes; `Html` stands as it is. */
export const html = (parts: TemplateStringsArray, ...values: Content[]): Html => new Html(parts, values);

function render(content: Content): string {
  if (content instanceof Html) return content.toString();
  if (content === null || content === undefined || content === false) return '';
  if (typeof content === 'string') return escaped(visible(content));
  if (typeof content === 'number') return String(content);
  return content.map(render).join('');
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

/** Whatever has no shape of its own, except line feed and tab: control, bidirectional, zero-width, unassigned. */
const unseen = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/**
 * `text` with what can't be seen made visible, so that no log can colour, reorder or hide what people read: ESC is `␛`,
 * U+202E is `⟨U+202E⟩`. A carriage return before a line feed is dropped.
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
