/** One statement of a Python source, however many lines of the file it takes. */
export interface PythonStatement {
  /** The line it begins on, counted from 1. */
  line: number;
  /** Columns it is indented by; a tab goes to the next multiple of 8. */
  indent: number;
  /** Its text on one line, without comments; each string is its number among `strings`, in double quotes. */
  code: string;
  /** Its strings; null for an f-string, whose text is not known before it runs. */
  strings: (string | null)[];
}

/** One module that a source imports. */
export interface PythonImport {
  /** `a.b`; empty for `from . import c`. */
  module: string;
  /** Dots in front: 0 where it is absolute. */
  level: number;
  /** What `from … import` takes out of it, each a name or a module below; empty for `import a`. */
  names: string[];
  line: number;
  /** Whether the program may do without it: it stands below `try`, `except` or `if`. */
  optional: boolean;
}

const opening = /[([{]/;
const closing = /[)\]}]/;
const stringStart = /(?:^|[^\w])([rbuf]{0,2})("""|'''|"|')$/i;

/** Every statement of a Python source, as Python's own tokenizer divides it. Never fails: of what is no Python, something is given. */
export function statementsOf(source: string): PythonStatement[] {
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const statements: PythonStatement[] = [];
  let line = 1;
  let at = 0;
  let depth = 0;
  let indent = 0;
  let current: PythonStatement | null = null;

  const finish = (): void => {
    if (current !== null && current.code.trim() !== '')
      statements.push({ ...current, code: current.code.trim() });
    current = null;
  };
  const indentAt = (from: number): number => {
    let columns = 0;
    for (let index = from; text[index] === ' ' || text[index] === '\t' || text[index] === '\f'; index += 1)
      columns = text[index] === '\t' ? (Math.floor(columns / 8) + 1) * 8 : columns + 1;
    return columns;
  };

  indent = indentAt(0);
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '\n') {
      line += 1;
      at += 1;
      if (depth > 0) {
        if (current !== null) current.code += ' ';
        continue;
      }
      finish();
      indent = indentAt(at);
      continue;
    }
    if (character === '\\' && text[at + 1] === '\n') {
      line += 1;
      at += 2;
      if (current !== null) current.code += ' ';
      continue;
    }
    if (character === '#') {
      while (at < text.length && text[at] !== '\n') at += 1;
      continue;
    }
    if (character === ';' && depth === 0) {
      finish();
      at += 1;
      continue;
    }
    if (current === null) {
      if (/\s/.test(character)) {
        at += 1;
        continue;
      }
      current = { line, indent, code: '', strings: [] };
    }
    if (character === '"' || character === "'") {
      const quote = text.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
      const prefix = stringStart.exec(`${current.code.slice(-3)}${quote}`)?.[1] ?? '';
      const found = stringFrom(text, at + quote.length, quote, /r/i.test(prefix));
      current.code = `${current.code.slice(0, current.code.length - prefix.length)}"${current.strings.length}"`;
      current.strings.push(/f/i.test(prefix) ? null : found.value);
      line += text.slice(at, found.end).split('\n').length - 1;
      at = found.end;
      continue;
    }
    if (opening.test(character)) depth += 1;
    if (closing.test(character)) depth = Math.max(0, depth - 1);
    current.code += character;
    at += 1;
  }
  finish();
  return statements;
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\n': '' };

/** The text of a string whose first character is at `from`, and where what follows it begins. */
function stringFrom(text: string, from: number, quote: string, raw: boolean): { value: string; end: number } {
  let value = '';
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith(quote, at)) return { value, end: at + quote.length };
    const character = text[at] ?? '';
    // One that is not closed on its line is a mistake; the next line is read as code again.
    if (character === '\n' && quote.length === 1) return { value, end: at };
    if (character !== '\\') {
      value += character;
      continue;
    }
    at += 1;
    const next = text[at] ?? '';
    value += raw ? `\\${next}` : (escapes[next] ?? next);
  }
  return { value, end: text.length };
}

const guards = /^(?:try|except|else|finally|if|elif)\b/;

/** Every import among the statements of a source, with those by `import_module("a")` and its like. */
export function importsIn(statements: readonly PythonStatement[]): PythonImport[] {
  const imports: PythonImport[] = [];
  const around: PythonStatement[] = [];
  for (const statement of statements) {
    const { code, strings, line, indent } = statement;
    while ((around.at(-1)?.indent ?? -1) >= indent) around.pop();
    const optional = around.some((outer) => guards.test(outer.code));
    if (code.endsWith(':')) around.push(statement);
    // `try: import a` on one line.
    const own = code.replace(/^(?:try|except[^:]*|else|finally|if [^:]*)\s*:\s*(?=import|from)/, '');
    const found = { line, optional: optional || own !== code };

    const plain = /^import\s+(.+)$/.exec(own)?.[1];
    for (const part of plain?.split(',') ?? []) {
      const module = /^\s*([\p{L}_][\p{L}\p{N}_.]*)/u.exec(part)?.[1];
      if (module !== undefined) imports.push({ ...found, module, level: 0, names: [] });
    }
    const from = /^from\s*(\.*)\s*([\p{L}_][\p{L}\p{N}_.]*)?\s*import\s*\(?\s*(.+?)\s*\)?$/u.exec(own);
    if (from !== null) {
      const names = (from[3] ?? '').split(',').map((name) => /^\s*([\p{L}\p{N}_*]+)/u.exec(name)?.[1] ?? '');
      imports.push({
        ...found,
        module: from[2] ?? '',
        level: from[1]?.length ?? 0,
        names: names.filter((name) => name !== ''),
      });
    }
    for (const [, index] of code.matchAll(/(?:import_module|find_spec|__import__)\(\s*"(\d+)"/g)) {
      const module = strings[Number(index)];
      if (module && !module.startsWith('.'))
        imports.push({
          line,
          optional: found.optional || code.includes('find_spec'),
          module,
          level: 0,
          names: [],
        });
    }
  }
  return imports;
}

/** Every string of a source that could be the path of a file. It has an ending, or a slash in it. */
export function pathsIn(statements: readonly PythonStatement[]): { path: string; line: number }[] {
  return statements.flatMap(({ strings, line }) =>
    strings.flatMap((text) =>
      text !== null && text.length <= 400 && /^[^\n\0*?]+$/.test(text) && /[./]/.test(text)
        ? [{ path: text, line }]
        : [],
    ),
  );
}
