import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { Store } from '../store/store.ts';
import { visible } from '../web/html.ts';

/** What every command is given. */
export interface CommandContext {
  store: Store;
  /** One JSON document instead of text; `watch` and `logs --follow` give one JSON object a line. */
  json: boolean;
  /** Writes one line to standard output. */
  out: (line: string) => void;
  /** Standard output is a terminal: colours, and lines that are redrawn. */
  terminal: boolean;
  /** Its width. */
  columns: number;
}

/** What the user asked for cannot be done. The message says what was expected, what came, and what to do. */
export class UserMistake extends Error {
  override name = 'UserMistake';
}

export type Format = Parameters<typeof styleText>[0];

/** `text` in colour where standard output is a terminal that wants it (`NO_COLOR` is honoured). */
export const paint = (
  { terminal }: Pick<CommandContext, 'terminal'>,
  format: Format,
  text: string,
): string => (terminal ? styleText(format, text) : text);

/**
 * Text of a model or a program made harmless: control, ANSI, bidirectional and invisible characters become visible, so that
 * it can neither command the terminal nor look like something else. Newlines stay, a tab becomes four spaces.
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

/** Text without colours in lines of at most `width` columns, broken between words where it can be. */
export function wrap(text: string, width: number): string[] {
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
        const head = cut(line, width + 1).slice(0, -1);
        lines.push(head);
        line = line.slice(head.length);
      }
    }
    return [...lines, line.trimEnd()];
  });
}

export interface Column {
  title: string;
  align?: 'right';
  /** Gives way, and is cut, where the table would be wider than the terminal. */
  stretch?: true;
}

/** A cell is cleaned and put on one line, then coloured. */
export type Cell = string | { text: string; format: Format };

const gap = '  ';
/** Columns that a stretching column keeps however narrow the terminal is. */
const narrowest = 12;

/** A header and one line a row, columns aligned, no line wider than `columns` as far as stretching columns can give way. */
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
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[index]?.text ?? ''))),
  );
  const stretching = columns.flatMap(({ stretch }, index) => (stretch ? [index] : []));
  const total = (): number => widths.reduce((sum, width) => sum + width, gap.length * (columns.length - 1));
  for (const index of stretching.reverse()) {
    const natural = widths[index] ?? 0;
    const room = natural - Math.max(0, total() - context.columns);
    widths[index] = Math.max(room, Math.min(natural, narrowest));
  }

  const line = (row: readonly { text: string; format: Format | null }[]): string =>
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
  return [columns.map(({ title }) => ({ text: title, format: 'dim' as const })), ...cells].map(line);
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
