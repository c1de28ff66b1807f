import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import {
  agoText,
  clean,
  cut,
  durationText,
  harmless,
  oneLine,
  table,
  widthOf,
  wrap,
} from '../../cli/terminal.ts';

const plain = { terminal: false, columns: 40 };

describe('text of a program', () => {
  it('cannot command the terminal: escape sequences, bells and carriage returns become visible', () => {
    expect(clean('a\u001b[2Jb\u0007c\rd\u001b]0;title\u0007')).toBe('a␛[2Jb␇c␍d␛]0;title␇');
  });

  it('cannot look like something else: reordering and invisible characters become visible', () => {
    expect(clean('a\u202eb\u200bc')).toMatch(/^a.U\+202E.b.U\+200B.c$/);
  });

  it('keeps its lines, unless it must stand on one', () => {
    expect(clean('a\r\n\tb')).toBe('a\n    b');
    expect(oneLine(' a\n\n  b ')).toBe('a b');
  });

  it('is harmless and no longer than what it is cut to, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, width) => {
        const shown = cut(oneLine(text), width);
        expect(stringWidth(shown)).toBeLessThanOrEqual(width);
        expect(shown).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('wrapping', () => {
  it('breaks between words, and inside a word only where it is longer than a line', () => {
    expect(wrap('the quick brown fox', 10)).toEqual(['the quick', 'brown fox']);
    expect(wrap('abcdefghij klm', 4)).toEqual(['abcd', 'efgh', 'ij', 'klm']);
    expect(wrap('a\n\nb', 10)).toEqual(['a', '', 'b']);
  });

  it('ends, and loses nothing, however narrow the lines are', () => {
    for (const width of [1, 0, -20]) {
      expect(wrap('ab c', width)).toEqual(['a', 'b', 'c']);
      expect(wrap('日本\n', width)).toEqual(['日', '本', '']);
    }
  });
});

describe('a line that is written', () => {
  it('has colours on a terminal alone, and nothing else that commands one', () => {
    const line = '\u001b[32mgreen\u001b[39m\u001b[2J\u009b1m';
    expect(harmless(line, { json: false, terminal: true })).toBe('\u001b[32mgreen\u001b[39m␛[2J⟨U+009B⟩1m');
    expect(harmless(line, { json: false, terminal: false })).not.toContain('\u001b');
  });

  it('is the same value as JSON', () => {
    const value = { text: '\u001b[2J\u009b\u202e\u2028\u{e0041}' };
    const line = harmless(JSON.stringify(value), { json: true, terminal: true });
    expect(JSON.parse(line)).toEqual(value);
    expect(line).toMatch(/^[\x20-\x7e]*$/);
  });

  it('is as wide as the terminal says; 80 columns where that says 0 or nothing', () => {
    expect(widthOf({ isTTY: true, columns: 132 })).toBe(132);
    expect(widthOf({ isTTY: true, columns: 0 })).toBe(80);
    expect(widthOf({ isTTY: true })).toBe(80);
  });
});

describe('a table', () => {
  it('becomes several lines a row where its columns cannot give way enough', () => {
    const columns = [
      { title: 'id', stretch: true as const, least: 20 },
      { title: 'status' },
      { title: 'took' },
    ];
    const rows = [
      ['optimize/blur/4f2a90c1d7.1', 'finished', ''],
      ['solve/a/0123456789.1', 'running', '3 s'],
    ];
    const [, ...lines] = table({ ...plain, columns: 30 }, columns, rows);
    expect(lines).toEqual([
      'optimize/blur/4f2a90c1d7.1\n  status finished',
      'solve/a/0123456789.1\n  status running\n  took 3 s',
    ]);
  });

  it('aligns its columns, wide characters included', () => {
    const lines = table(
      plain,
      [{ title: 'name' }, { title: 'n', align: 'right' }],
      [
        ['日本', '1'],
        ['abc', '12345'],
      ],
    );
    expect(lines).toEqual(['name      n', '日本      1', 'abc   12345']);
  });

  it('cuts what stretches so that every line fits, and nothing where there is room', () => {
    const row = ['c-1', 'a title that is far too long for a narrow terminal', '143×'];
    const columns = [{ title: 'id' }, { title: 'title', stretch: true as const }, { title: 'best' }];
    const [, narrow = ''] = table(plain, columns, [row]);
    expect(stringWidth(narrow)).toBe(40);
    expect(narrow).toMatch(/^c-1 {2}a title.*… {2}143×$/);
    expect(table({ ...plain, columns: 200 }, columns, [row])[1]).toBe(row.join('  '));
  });

  it('shows the control characters of a cell', () => {
    expect(table(plain, [{ title: 'x' }], [['\u001b[31mred\nline']])[1]).toBe('␛[31mred line');
  });
});

describe('times', () => {
  it.each([
    [0, '0 ms'],
    [640, '640 ms'],
    [12_400, '12 s'],
    [59_700, '1 m 0 s'],
    [72_000, '1 m 12 s'],
    [2 * 3_600_000 + 5 * 60_000, '2 h 5 m'],
    [3_599_900, '1 h 0 m'],
    [76 * 3_600_000, '3 d 4 h'],
  ])('%i ms read as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it('are relative for a week, then a day', () => {
    const now = Date.UTC(2026, 2, 15, 12);
    expect(agoText(now - 90_000, now)).toBe('1 m ago');
    expect(agoText(now + 5_000, now)).toBe('1 s ago');
    expect(agoText(Date.UTC(2026, 2, 1, 12), now)).toBe('2026-03-01');
  });
});
