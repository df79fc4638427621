import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonError, JsonNumber, jsonToPlain, parseJson } from '../../src/lib/json.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('parseJson', () => {
  it('reads what JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value, null, '\t');
        expect(JSON.stringify(jsonToPlain(parse(text)))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('throws nothing but its own error, and reads only what JSON.parse reads', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\u',
      'd800',
      '0',
      '-',
      '1',
      '.',
      'e',
      'true',
      'nul',
      ' ',
      '\n',
      'a',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('');
        try {
          expect(JSON.stringify(jsonToPlain(parse(text)))).toBe(JSON.stringify(JSON.parse(text)));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonError);
        }
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsNothingElse(() => parseJson(bytes))));
  });

  it('keeps the text of numbers', () => {
    const value = parse('[9007199254740993, 528.0, 5.28e2, -0]');
    expect(value).toEqual(['9007199254740993', '528.0', '5.28e2', '-0'].map((text) => new JsonNumber(text)));
  });

  it('takes __proto__ and constructor for names like any other', () => {
    const plain = jsonToPlain(parse('{"__proto__": 1, "constructor": 2}'));
    expect(Object.getPrototypeOf(plain)).toBeNull();
    expect(Object.entries(plain as object)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  it.each([
    ['93', 'a duplicate name', '{"a":1,"a":2}'],
    ['93', 'a duplicate name that an escape hides', '{"a":1,"\\u0061":2}'],
    ['186', 'a duplicate name deep inside', '{"a":[{"digest":"x","digest":"y"}]}'],
    ['86', 'bytes after the value', '{} x'],
    ['102', 'a second value', '{}{}'],
    ['85', 'the empty text', ''],
    ['85', 'white space alone', ' \n'],
    ['2.2', 'a byte order mark', '\ufeff{}'],
    ['2.2', 'a lone surrogate', '"\\ud800"'],
    ['2.2', 'surrogates the wrong way round', '"\\udc00\\ud800"'],
    ['412', 'nesting of 33', '['.repeat(33) + ']'.repeat(33)],
    ['412', 'nesting of 100000', '['.repeat(100_000)],
    ['412', 'nesting of 100000 objects', '{"a":'.repeat(100_000)],
    ['A-R-33', '4097 members', `{${Array.from({ length: 4097 }, (_, i) => `"k${i}":0`).join()}}`],
    ['2.2', '16385 objects in 33 KiB', `[${'{},'.repeat(16_384)}0]`],
    ['2.2', '131073 values', `[[${'0,'.repeat(65_000)}0],[${'0,'.repeat(66_100)}0]]`],
    ['A-R-33', '1000 numeric names', `{${Array.from({ length: 1000 }, (_, i) => `"${i * 4096}":0`).join()}}`],
    ['RFC 8259', 'a trailing comma', '[1,]'],
    ['RFC 8259', 'a trailing comma in an object', '{"a":1,}'],
    ['RFC 8259', 'a leading zero', '01'],
    ['RFC 8259', 'a bare minus', '-'],
    ['RFC 8259', 'a number without an integer part', '.5'],
    ['RFC 8259', 'NaN', 'NaN'],
    ['RFC 8259', 'single quotes', "'a'"],
    ['RFC 8259', 'a raw newline in a string', '"a\nb"'],
    ['RFC 8259', 'a raw tab after an escape', '"\\n\tb"'],
    ['RFC 8259', 'an unknown escape', '"\\x41"'],
    ['RFC 8259', 'an escape with a sign for hex', '"\\u+123"'],
    ['RFC 8259', 'an unterminated string', '"abc'],
    ['RFC 8259', 'a quote that is escaped after many backslashes', '"\\\\\\"'],
    ['RFC 8259', 'an unterminated escape', '"abc\\"'],
    ['RFC 8259', 'no-break space as white space', '\u00a0{}'],
    ['RFC 8259', 'a comment', '/**/{}'],
    ['RFC 8259', 'truncated true', 'tru'],
  ])('refuses %s: %s', (_, __, text) => {
    expect(() => parse(text)).toThrow(JsonError);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(JsonError);
    expect(() => parseJson(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toThrow(JsonError);
  });

  it('takes nesting of 32, 4096 members and white space around', () => {
    expect(parse(` ${'['.repeat(32)}${']'.repeat(32)}\r\n`)).toBeInstanceOf(Array);
    expect(parse(`{${Array.from({ length: 4096 }, (_, i) => `"k${i}":0`).join()}}`)).toBeInstanceOf(Map);
  });
});

function throwsNothingElse(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(JsonError);
  }
}
