import { visible } from '../domain/harmless-text.ts';

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

/** Returns a piece of a page. Values are escaped, also inside attributes, which must be in double quotes; `Html` stands as it is. */
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
