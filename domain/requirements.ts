/** One package that is asked for. */
export interface Requirement {
  /** The line it begins on, from 1. */
  line: number;
  /** As package indexes write it: lower case, words joined by dashes. */
  name: string;
  /** What was asked for, without hashes: `pandas[excel]>=2; python_version > "3"`. */
  text: string;
  hashes: string[];
}

/** A list of requirements as it was read, and what in it cannot be used. */
export interface Requirements {
  requirements: Requirement[];
  mistakes: { line: number; message: string }[];
}

const longest = 500;
const oneHash = /\s--hash[= ]((?:sha256|sha384|sha512):[0-9a-f]+)/g;
const requirement =
  /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[A-Za-z0-9._,\s-]*\])?\s*(\(?\s*(?:(?:===?|~=|!=|<=?|>=?)\s*[A-Za-z0-9._*+!-]+\s*,?\s*)*\)?)(;[^;@]*)?$/;

/** Returns the name of a package as indexes compare it: `Foo.Bar_baz` is `foo-bar-baz`. */
export const packageName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

/**
 * Reads a requirements file: packages by name, with versions, markers and hashes. Addresses, paths and options
 * are mistakes. What they lead to could run code when it is installed, or come from where nobody expects it.
 */
export function readRequirements(text: string): Requirements {
  const read: Requirements = { requirements: [], mistakes: [] };
  for (const { line, said } of logicalLines(text)) {
    const hashes = [...` ${said}`.matchAll(oneHash)].map(([, hash = '']) => hash);
    const asked = ` ${said}`.replace(oneHash, '').trim();
    const [, name] = requirement.exec(asked) ?? [];
    if (name === undefined || asked.length > longest)
      read.mistakes.push({ line, message: whyNot(asked.slice(0, longest)) });
    else read.requirements.push({ line, name: packageName(name), text: asked, hashes });
  }
  return read;
}

/** Returns lines without comments; one that ends in a backslash goes on in the next. */
function logicalLines(text: string): { line: number; said: string }[] {
  type Line = { line: number; said: string };
  const lines: Line[] = [];
  let open: Line | null = null;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const said = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    const goesOn = said.endsWith('\\');
    const part = (goesOn ? said.slice(0, -1) : said).trim();
    const before: Line = open ?? { line: index + 1, said: '' };
    open = { line: before.line, said: `${before.said} ${part}`.trim() };
    if (goesOn) continue;
    if (open.said !== '') lines.push(open);
    open = null;
  }
  if (open !== null && open.said !== '') lines.push(open);
  return lines;
}

function whyNot(asked: string): string {
  const expected = 'expected a package, as in pandas or pandas==2.3.3';
  if (/^-(-(index|extra-index)-url|i\b|-find-links|f\b)/.test(asked))
    return `${expected}, got ${asked.split(/[= ]/, 1)[0]}: where packages come from is pip's own setting, PIP_INDEX_URL for one`;
  if (/^-(r|c|-requirement|-constraint)\b/.test(asked))
    return `${expected}, got ${asked}: put what that file names into this one`;
  if (asked.startsWith('-')) return `${expected}, got the option ${asked.split(/[= ]/, 1)[0]}`;
  if (/:\/\/|@/.test(asked)) return `${expected}, got an address: ${asked}`;
  if (/^[./~]|\.(whl|zip|tar\.gz)$/.test(asked)) return `${expected}, got a path: ${asked}`;
  return `${expected}, got ${asked}`;
}

/** Returns what in a lock is not exact: every package needs one version and a hash. */
export const notLocked = ({ requirements }: Requirements): Requirements['mistakes'] =>
  requirements.flatMap(({ line, text, hashes }) => {
    if (!/^[^;<>!~,*]*[^=]={2}[^=,*;]+(;.*)?$/.test(text))
      return [{ line, message: `expected one exact version, as in pandas==2.3.3, got ${text}` }];
    return hashes.length === 0
      ? [{ line, message: `expected --hash=sha256:… behind ${text}, found none` }]
      : [];
  });
