import { expect, test } from 'vitest';
import { createPieceFilter, hideKey } from '../../llm/providers/hide-key.ts';

const key = 'aab.aab+9';

test('a key is hidden as it is, in other letters, and in the escapes of JSON', () => {
  expect(hideKey(`<${key}> <AAB.aab+9> <\\u0061ab\\u002eaab\\u002B9>`, key)).toBe('<[key]> <[key]> <[key]>');
  expect(hideKey('aabxaab+9', key)).toBe('aabxaab+9');
  expect(hideKey('as it is', null)).toBe('as it is');
});

test('pieces of any size show everything but the key, whose beginning is held back', () => {
  const text = `a aab aaab.aab+9 aab.aab+9aab.aab+9 aab.aab+`;
  for (let size = 1; size <= text.length; size += 1) {
    const filter = createPieceFilter(key);
    let shown = '';
    for (let at = 0; at < text.length; at += size) {
      shown += filter.push(text.slice(at, at + size));
      expect(shown).not.toContain(key);
    }
    expect(shown + filter.rest()).toBe('a aab a[key] [key][key] aab.aab+');
  }
});
