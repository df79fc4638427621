import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { quoted, reason, reasonWithSuffix } from '../../src/engine/reason.ts';

describe('a reason', () => {
  it.each([
    ['a line break', 'a\nb', 'a\\u{a}b'],
    ['an escape sequence of a terminal', 'a\u001b[31mb', 'a\\u{1b}[31mb'],
    ['a NUL', 'a\0b', 'a\\u{0}b'],
    ['text from right to left', 'a\u202eb', 'a\\u{202e}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
    ['a character outside the first plane', 'a\u{1f600}b', 'a\\u{1f600}b'],
  ])('shows %s escaped', (_, text, shown) => {
    expect(reason('X', text).message).toBe(shown);
  });

  it('leaves a message of 230 bytes alone and cuts a longer one', () => {
    expect(reason('X', 'a'.repeat(230)).message).toBe('a'.repeat(230));
    expect(reason('X', 'a'.repeat(231)).message).toBe(`${'a'.repeat(227)}...`);
  });

  it('is one printable line of at most 230 bytes, whatever is said, and always the same', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.string({ unit: fc.constantFrom('\n', 'a', '\u{1f600}'), maxLength: 2_000 }),
    );
    fc.assert(
      fc.property(texts, fc.nat(999), (text, others) => {
        const one = reason('X', text);
        expect(one.message).toMatch(/^[\x20-\x7e]{0,230}$/);
        expect(reason('X', text)).toEqual(one);
        const suffixed = reasonWithSuffix({ code: 'X', message: text }, ` (and ${others} more)`).message;
        expect(suffixed).toMatch(/^[\x20-\x7e]{0,230}$/);
        expect(suffixed.endsWith(` (and ${others} more)`)).toBe(true);
      }),
    );
  });

  it('keeps what is quoted inside its quotes', () => {
    expect(quoted('a" and "b')).toBe(`"a' and 'b"`);
    expect(quoted('a'.repeat(100), 10)).toBe('"aaaaaaa..."');
  });
});
