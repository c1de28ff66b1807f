import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { visible } from '../domain/harmless-text.ts';
import type { Store } from '../store/store.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';

/** What every command is given. */
export interface CommandContext {
  store: Store;
  /** The store's folder: what a job leaves is laid out there. */
  home?: string;
  /** One JSON document instead of text; `watch` and `logs --follow` give one JSON object a line. */
  json: boolean;
  /** Only what came out is said: no notices, no progress. */
  quiet?: boolean;
  /** Writes one line to standard output. */
  out: (line: string) => void;
  /** Standard output is a terminal: colours, and lines that are redrawn. */
  terminal: boolean;
  /** Its width. */
  columns: number;
}

/** Says what is not a result: only to people, and not where they asked for quiet. */
export const sayOf = ({ json, quiet, out }: CommandContext): ((line: string) => void) =>
  json || quiet ? () => undefined : out;

/** What the user asked for cannot be done. The message says what was expected, what came, and what to do. */
export class UserMistake extends Error {
  override name = 'UserMistake';
  readonly status: ExitStatus;

  constructor(
    message: string,
    { status = exitStatus.usage, ...options }: ErrorOptions & { status?: ExitStatus } = {},
  ) {
    super(message, options);
    this.status = status;
  }
}

const usualColumns = { terminal: 80, pipe: 100 };

/**
 * Returns how wide a stream is. A terminal that does not know its width, or says 0, counts as one of 80
 * columns.
 */
export const widthOf = ({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number =>
  isTTY ? columns || usualColumns.terminal : usualColumns.pipe;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const colours = /(\u001b\[[\d;]*m)/;

/**
 * Returns a line as it may be written: nothing in it can command a terminal, whoever wrote it. Only colours pass, and only on a terminal. In
 * JSON the text must stay the same, so what is not to be seen is written as its number.
 */
export function harmless(line: string, { json, terminal }: { json: boolean; terminal: boolean }): string {
  if (json) return line.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
  if (!terminal) return visible(line);
  return line
    .split(colours)
    .map((part, index) => (index % 2 === 1 ? part : visible(part)))
    .join('');
}

const escaped = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

export type Format = Parameters<typeof styleText>[0];

/** `text` in colour where standard output is a terminal that wants it (`NO_COLOR` is honoured). */
export const paint = (
  { terminal }: Pick<CommandContext, 'terminal'>,
  format: Format,
  text: string,
): string => (terminal ? styleText(format, text) : text);

/**
 * Returns text of a model or a program made harmless. Control, ANSI, bidirectional and invisible characters become visible: it can neither
 * command the terminal nor look like something else. Newlines stay, a tab becomes four spaces.
 */
export const clean = (text: string): string => visible(text).replaceAll('\t', '    ');

/** `clean`, on one line. */
export const oneLine = (text: string): string =>
  clean(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');

const graphemes = new Intl.Segmenter();

/** Text without colours cut to `width` columns, an ellipsis at its end where something is missing. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

/**
 * Returns text without colours in lines of at most `columns` columns, broken between words where it can be. A
 * character is never broken.
 */
export function wrap(text: string, columns: number): string[] {
  const width = Math.max(1, columns);
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(/(?<= )/)) {
      if (line !== '' && stringWidth(line + word.trimEnd()) > width) {
        lines.push(line.trimEnd());
        line = '';
      }
      line += word;
      while (stringWidth(line.trimEnd()) > width) {
        const head = cut(line, width + 1).slice(0, -1) || firstOf(line);
        lines.push(head);
        line = line.slice(head.length);
      }
    }
    return line.trimEnd() === '' && lines.length > 0 ? lines : [...lines, line.trimEnd()];
  });
}

/** Its first character as people see one: however narrow a line is, something stands in it. */
const firstOf = (text: string): string =>
  graphemes.segment(text)[Symbol.iterator]().next().value?.segment ?? text;

export interface Column {
  title: string;
  align?: 'right';
  /** Gives way, and is cut, where the table would be wider than the terminal; never to less than `least` columns. */
  stretch?: true;
  least?: number;
}

/** A cell is cleaned and put on one line, then coloured. */
export type Cell = string | { text: string; format: Format };

const gap = '  ';
/** Columns that a stretching column keeps however narrow the terminal is. */
const narrowest = 12;

/**
 * A header and one text a row, columns aligned. No line is wider than `columns` as far as stretching columns
 * can give way. Where they cannot give way enough a row becomes several lines, its cells one below the other.
 */
export function table(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const cells = rows.map((row) =>
    row.map((cell) =>
      typeof cell === 'string'
        ? { text: oneLine(cell), format: null }
        : { ...cell, text: oneLine(cell.text) },
    ),
  );
  const titles = columns.map(({ title }) => ({ text: title, format: 'dim' as const }));
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[index]?.text ?? ''))),
  );
  const stretching = columns.flatMap(({ stretch, least }, index) =>
    stretch ? [{ index, least: least ?? narrowest }] : [],
  );
  const total = (): number => widths.reduce((sum, width) => sum + width, gap.length * (columns.length - 1));
  for (const { index, least } of stretching.reverse()) {
    const natural = widths[index] ?? 0;
    const room = natural - Math.max(0, total() - context.columns);
    widths[index] = Math.max(room, Math.min(natural, least));
  }
  if (total() > context.columns)
    return [
      paint(context, 'dim', cut(columns.map(({ title }) => title).join(' '), context.columns)),
      ...cells.map((row) => stacked(context, columns, row)),
    ];

  const line = (row: readonly ShownCell[]): string =>
    columns
      .map(({ align }, index) => {
        const { text, format } = row[index] ?? { text: '', format: null };
        const width = widths[index] ?? 0;
        const shown = cut(text, width);
        const painted = format === null ? shown : paint(context, format, shown);
        const space = ' '.repeat(width - stringWidth(shown));
        return align === 'right' ? space + painted : painted + space;
      })
      .join(gap)
      .trimEnd();
  return [titles, ...cells].map(line);
}

interface ShownCell {
  text: string;
  format: Format | null;
}

/** Returns a row of a table that is wider than the terminal as lines. Each cell that is not empty stands below the first, with its title. */
function stacked(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  columns: readonly Column[],
  row: readonly ShownCell[],
): string {
  const lines = row.flatMap(({ text, format }, index) => {
    if (text === '') return [];
    const title = index === 0 ? '' : `  ${columns[index]?.title ?? ''} `;
    const shown = cut(text, Math.max(1, context.columns - stringWidth(title)));
    return [`${paint(context, 'dim', title)}${format === null ? shown : paint(context, format, shown)}`];
  });
  return lines.join('\n');
}

/** `640 ms`, `12 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const weekMs = 7 * 24 * 60 * 60 * 1000;

/** `5 m ago`; the day for what is more than a week ago. */
export function agoText(at: number, now: number): string {
  const ms = Math.max(0, now - at);
  if (ms > weekMs) return timeText(at).slice(0, 10);
  const [largest = '', unit = ''] = durationText(Math.max(1000, ms)).split(' ');
  return `${largest} ${unit} ago`;
}

/** `2026-03-01 14:05:09`, in this machine's time zone. */
export const timeText = (at: number): string => new Date(at).toLocaleString('sv');

/** `512 ms`, with three significant digits. */
export const msText = (ms: number): string =>
  `${Number(ms.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 })} ms`;

/** `2.1 %` for a share of 0.021. */
export const percentText = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** `512 bytes`, `3.4 MiB`. */
export function bytesText(bytes: number): string {
  const unit = [30, 20, 10].find((each) => bytes >= 2 ** each);
  const names: Record<number, string> = { 30: 'GiB', 20: 'MiB', 10: 'KiB' };
  return unit === undefined ? `${bytes} bytes` : `${(bytes / 2 ** unit).toFixed(1)} ${names[unit]}`;
}
