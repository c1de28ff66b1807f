import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible } from '../../domain/harmless-text.ts';
import { excerpt, shortened } from '../../web/excerpt.ts';
import { html } from '../../web/html.ts';
import { readStrictly, textOf } from './well-formed.ts';

test('whatever text is put into a template, it stays text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const page = html`<p title="${text}">${text}</p>`.toString();
      expect(readStrictly(page).map((each) => each.name)).toEqual(['p']);
      expect(textOf(page)).toBe(visible(text));
    }),
  );
});

test('html in a template stands as it is, and nothing leaves nothing', () => {
  expect(html`<p>${[html`<b>${'<'}</b>`, null, undefined, false, 3]}</p>`.toString()).toBe(
    '<p><b>&lt;</b>3</p>',
  );
});

test('an escape sequence, a bidirectional override and a lone surrogate can be seen', () => {
  expect(visible('\u001b[31mred\u001b[0m')).toBe('␛[31mred␛[0m');
  expect(visible('a\u202eb\u2066c\u200bd\ufeff')).toBe('a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d⟨U+FEFF⟩');
  expect(visible('\ud800')).toBe('\ufffd');
  expect(visible('\u009b31m\u007f')).toBe('⟨U+009B⟩31m␡');
});

test('line feeds and tabs stay, a carriage return that hides a line does not', () => {
  expect(visible('one\n\ttwo\r\nthree\rfour')).toBe('one\n\ttwo\nthree␍four');
});

test('an excerpt keeps both ends, says what is missing, and is never longer than asked', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), fc.integer({ min: 60, max: 300 }), (text, limit) => {
      const short = excerpt(text, limit);
      expect(short.length).toBeLessThanOrEqual(limit);
      expect(excerpt(short, limit)).toBe(short);
      if (text.length <= limit) expect(short).toBe(text);
      else expect(short).toMatch(/characters left out/);
    }),
  );
  const cut = excerpt(`BEGIN${'x'.repeat(1_000_000)}END`, 200);
  expect(cut.startsWith('BEGIN')).toBe(true);
  expect(cut.endsWith('END')).toBe(true);
});

test('a shortened text is one line of at most so many characters', () => {
  expect(shortened('two\n lines', 20)).toBe('two lines');
  expect(shortened('x'.repeat(1_000_000), 20)).toHaveLength(20);
  expect(shortened(`${' '.repeat(200)}x`, 20).length).toBeLessThanOrEqual(20);
});
