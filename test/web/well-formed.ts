/** Elements without an end tag, by HTML's own list. */
const voids = new Set(['area', 'br', 'col', 'hr', 'img', 'input', 'link', 'meta', 'wbr']);

export interface Element {
  name: string;
  attributes: Record<string, string>;
}

/**
 * Reads a page strictly and returns its elements in order: every tag is closed by its own end, attributes are in double
 * quotes and named once, `<`, `>` and `&` stand only in tags and known entities, ids are unique. Throws a message that says
 * where it is not so. Stricter than a browser, which mends what it is given.
 */
export function readStrictly(page: string): Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  const fail = (what: string, at: number): never => {
    throw new Error(`${what} at ${at}: …${JSON.stringify(page.slice(Math.max(0, at - 60), at + 60))}…`);
  };
  const text = (from: number, to: number): void => {
    if (open.at(-1) === 'style') return;
    const stray = /[<>]|&(?!(amp|lt|gt|quot|#39);)/.exec(page.slice(from, to));
    if (stray !== null) fail('an unescaped character', from + stray.index);
  };

  let at = 0;
  for (const found of page.matchAll(/<[^>]*>/g)) {
    const [tag] = found;
    text(at, found.index);
    at = found.index + tag.length;
    if (tag === '<!doctype html>' && found.index === 0) continue;
    const end = /^<\/([a-z][a-z0-9]*)>$/i.exec(tag);
    if (end !== null) {
      if (open.pop() !== end[1]) fail(`an end tag ${tag} that closes nothing`, found.index);
      continue;
    }
    const start = /^<([a-z][a-z0-9]*)((?: [a-zA-Z][-a-zA-Z0-9]*(?:="[^"<]*")?)*)( \/)?>$/.exec(tag);
    if (start === null) return fail(`a malformed tag ${tag.slice(0, 80)}`, found.index);
    const [, name = '', given = '', closed] = start;
    const attributes: Record<string, string> = {};
    for (const [, key = '', value = ''] of given.matchAll(/ ([-a-zA-Z0-9]+)(?:="([^"]*)")?/g)) {
      if (key in attributes) fail(`the attribute ${key} twice`, found.index);
      if (/&(?!(amp|lt|gt|quot|#39);)/.test(value)) fail(`an unescaped character in ${key}`, found.index);
      attributes[key] = value;
    }
    elements.push({ name, attributes });
    if (closed === undefined && !voids.has(name)) open.push(name);
  }
  text(at, page.length);
  if (open.length > 0) fail(`${open.join(', ')} left open`, page.length);
  return elements;
}

/** What a reader sees: the page without its tags and style, its entities resolved. */
export const textOf = (page: string): string =>
  page
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&(lt|gt|quot|#39|amp);/g, (entity) => characters[entity] ?? entity);

const characters: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};
