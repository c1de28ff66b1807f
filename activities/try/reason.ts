/** Characters: a reason stands in a workflow history and on a screen; the whole log is an artifact. */
const longestReason = 2_000;
const longestLine = 400;

const tracebackStart = /^(?: *\+ Exception Group )?Traceback \(most recent call last\):\s*$/;
const frame = /^\s*File "(.+?)", line (\d+)/;
/** What no user wrote: the interpreter, its packages, and Crucible's own programs. */
const foreign = /^<|^\/(?:opt|usr|sandbox)\/|\/site-packages\//;

/** Returns whether a file is one that no user wrote. */
export const isForeign = (path: string): boolean => foreign.test(path);

/**
 * Returns why a program failed by its own words: one line that says it, then the text it stands in. Empty where there are no
 * words.
 */
export function reasonIn(said: string): string {
  const text = withShortPaths(said).trimEnd();
  const lines = text.split('\n');
  const traceback = lastTraceback(lines);
  const line = (traceback && lineOfTraceback(traceback)) ?? lineOfCompiler(lines) ?? lastWords(lines);
  if (line === '') return '';
  const told = withDetail(line, (traceback ?? lines).join('\n').trim());
  return told;
}

/**
 * Returns `line`, and below it the end of `detail` as far as a reason has room. `line` alone where both say the
 * same.
 */
export function withDetail(line: string, detail: string): string {
  const first = line.length > longestLine ? `${line.slice(0, longestLine)}…` : line;
  const more = detail.slice(-longestReason).trim();
  return more === '' || more === line ? first : `${first}\n${more}`;
}

/** Returns the line of Python where a native crash happened, by Python's fault handler: `prog.py:12 in f`. Null where it says none. */
export function placeOfCrash(said: string): string | null {
  const lines = withShortPaths(said).split('\n');
  const start = lines.findLastIndex((line) =>
    /^(?:Current thread|Stack) .*most recent call first/.test(line),
  );
  if (start < 0) return null;
  for (const line of lines.slice(start + 1)) {
    const [, path = '', number, name] = /^ {2}File "(.+?)", line (\d+) in (.+)$/.exec(line) ?? [];
    if (number === undefined) return null;
    if (!foreign.test(path)) return `${path}:${number}${name === '<module>' ? '' : ` in ${name}`}`;
  }
  return null;
}

/** Returns the last line with a letter or a digit in it. */
export const lastWords = (lines: readonly string[]): string =>
  // A progress bar goes back to the beginning of its line, which is shown as a replaced character.
  lines
    // Python shows the line that a warning is about.
    .filter((_line, index) => !/^\S+:\d+: \w*Warning: /.test(lines[index - 1] ?? ''))
    .flatMap((line) => line.split('\uFFFD'))
    .findLast((line) => /[\p{L}\p{N}]/u.test(line))
    ?.trim() ?? '';

/** Returns a path as the user knows it: below the working directory, or the folder of a player. */
export const withShortPaths = (text: string): string =>
  text
    .replace(/(File "|^)\/(?:work\/(?:baseline|candidate)|work|players\/[a-z]+|in\/job)\//gm, '$1')
    .replace(/(`|‘|')\/work\//g, '$1');

/** Exceptions of Python itself that say what they have to say in one line. */
const ofOneLine =
  /^(?:KeyError|IndexError|ZeroDivisionError|FileNotFoundError|PermissionError|NotADirectoryError|IsADirectoryError|FileExistsError|NameError|EOFError)\b/;

/** Whether a program went on from a traceback, which it only told of: something else was said after it. */
function wentOnFrom(traceback: readonly string[]): boolean {
  const at = traceback.findIndex((line, index) => index > 0 && /^[^\s|+]/.test(line));
  return (
    ofOneLine.test(traceback[at] ?? '') &&
    traceback
      .slice(at + 1)
      .some((line) => /^[A-Za-z]/.test(line) && !/Warning|Exception|resource_tracker|^Process /.test(line))
  );
}

/** Returns the last traceback of a text, up to the text's end; null where there is none. Python's own end is left out. */
export function lastTraceback(lines: readonly string[]): string[] | null {
  const starts = lines.flatMap((line, index) =>
    tracebackStart.test(line) && !/^Exception ignored /.test(lines[index - 1] ?? '') ? [index] : [],
  );
  const ignored = lines.findIndex((line) => /^Exception ignored /.test(line));
  const start = starts.at(-1) ?? firstFrameOfSyntaxError(lines);
  if (start === undefined) return null;
  const traceback = lines.slice(start, ignored > start ? ignored : undefined);
  return wentOnFrom(traceback) ? null : traceback;
}

/** A script that cannot be read has no traceback, and the start of a very long one is not kept. */
function firstFrameOfSyntaxError(lines: readonly string[]): number | undefined {
  const last = lines.findLastIndex((line) => /^ {2}File ".+", line \d+/.test(line));
  return last < 0 ? undefined : last;
}

/** Returns the exception of a traceback in one line. */
function lineOfTraceback(traceback: readonly string[]): string | null {
  const group = /^ *\+ Exception Group/.test(traceback[0] ?? '');
  const lines = group ? traceback.map((line) => line.replace(/^ *[|+] ?/, '')) : traceback;
  // The frames are indented; the exception's name is the first word that is not.
  const at = lines.findIndex((line, index) => index > 0 && /^[^\s|+]/.test(line));
  const found = lines[at];
  if (found === undefined) return null;
  const message = lines.slice(at + 1);
  if (group) return lineOfGroup(found, message);
  const numba = /^numba\.[\w.]*?(\w+): (.*)/.exec(found);
  if (numba !== null) return lineOfNumba(numba[1] ?? '', [numba[2] ?? '', ...message]);

  const [, name = found, first = ''] = /^([^\s:]+)(?::\s*(.*))?$/.exec(found) ?? [];
  if (/(?:Syntax|Indentation|Tab)Error$/.test(name)) return `${found}${placeIn(lines.slice(0, at), false)}`;
  if (first !== '') return found;
  const next = /:\s*$/.test(found) ? message.find((line) => line.trim() !== '') : undefined;
  return next === undefined
    ? `${name.replace(/:$/, '')}${placeIn(lines.slice(0, at), true)}`
    : `${name}: ${next.trim()}`;
}

/**
 * Returns the last place that the frames name, as ` (prog.py:3)` with the line's text. With `own` it is in the
 * user's files if there is one.
 */
function placeIn(lines: readonly string[], own: boolean): string {
  const frames = lines.flatMap((line, index) => {
    const [, path, number] = frame.exec(line) ?? [];
    return path === undefined ? [] : [{ path, number, text: lines[index + 1]?.trim() ?? '' }];
  });
  const found = (own ? frames.findLast(({ path }) => !foreign.test(path)) : undefined) ?? frames.at(-1);
  if (found === undefined) return '';
  const text = own && found.text !== '' && !frame.test(found.text) ? `: ${found.text}` : '';
  return ` (${found.path}:${found.number}${text})`;
}

const mostInGroup = 3;

/** Returns a group with the exceptions in it, and those of the groups in it. */
function lineOfGroup(line: string, message: readonly string[]): string {
  const inner: string[] = [];
  let section: string[] | null = null;
  const close = (): void => {
    const first = section?.find(
      (each) => each.trim() !== '' && !/^ *Traceback \(/.test(each) && !/^ {2}/.test(each),
    );
    if (first !== undefined) inner.push(first.trim());
  };
  for (const each of message) {
    const plain = each.replace(/^ *[|+] ?/, '');
    if (!/^ *[+-]*-{3,}/.test(plain) && !/^ *\+?-+\+?-/.test(plain)) {
      section?.push(plain);
      continue;
    }
    close();
    section = [];
  }
  close();
  const more = inner.length > mostInGroup ? `; and ${inner.length - mostInGroup} more` : '';
  return inner.length === 0 ? line : `${line}: ${inner.slice(0, mostInGroup).join('; ')}${more}`;
}

/**
 * Numba first says in which of its steps it failed, which helps nobody. What it did not know comes after that.
 */
function lineOfNumba(name: string, message: readonly string[]): string {
  const telling = message.filter((line) => line.trim() !== '' && !/^Failed in \w+ mode pipeline/.test(line));
  const [first = '', second = ''] = telling.map((line) => line.trim().replace(/^>>> /, ''));
  const what = first.endsWith(':') ? `${first} ${second}` : first;
  const place = message.map((line) => frame.exec(line)).findLast((found) => found !== null);
  const where = place == null ? '' : ` (${place[1]}:${place[2]})`;
  return `${name}: ${what.replace(/\.?\. Raised from None$/, '')}${where}`;
}

/**
 * Returns the first error that a compiler, or a program that reads its options, names. The line of the source
 * that Pythran shows stands with it.
 */
function lineOfCompiler(lines: readonly string[]): string | null {
  const linking = lines.find((line) =>
    /undefined reference to|cannot find -l|multiple definition of/.test(line),
  );
  const at = lines.findIndex(
    (line) => /(?:^|[\s:])(?:fatal )?error: /i.test(line) && !/^collect2: /.test(line),
  );
  const found = at < 0 ? undefined : lines[at];
  if (found === undefined) return linking?.trim() ?? null;
  const shown = /^-{3,}$/.test(lines[at + 1] ?? '') ? lines[at + 2]?.trim() : undefined;
  return shown === undefined ? found.trim() : `${found.trim()}: ${shown}`;
}
