import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64, decodeBase64Url } from '../../src/lib/base64.ts';

describe('decodeBase64Url', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(Buffer.from(decodeBase64Url(Buffer.from(bytes).toString('base64url')) ?? 'nothing')).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each([
    ['96', 'the standard alphabet, plus', '+_-_'],
    ['96', 'the standard alphabet, slash', '//__'],
    ['97', 'a space', 'AAAA AAAA'],
    ['98', 'a newline', 'AAAA\nAAAA'],
    ['98', 'a carriage return at the end', 'AAAA\r'],
    ['2.2', 'padding', 'AA=='],
    ['2.2', 'a length of 1 mod 4', 'AAAAA'],
    ['D7', 'unused bits that are not zero', 'AB'],
    ['D7', 'unused bits that are not zero', 'AAB'],
    ['2.2', 'a letter outside ASCII', 'AAAä'],
    ['100', 'a dot', 'AA.A'],
  ])('refuses %s: %s', (_, __, text) => {
    expect(decodeBase64Url(text)).toBeUndefined();
  });

  it('takes the empty text for no bytes', () => expect(decodeBase64Url('')).toHaveLength(0));
});

describe('decodeBase64', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(Buffer.from(decodeBase64(Buffer.from(bytes).toString('base64')) ?? 'nothing')).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each([
    ['the url alphabet', '-___'],
    ['missing padding', 'AA'],
    ['too much padding', 'AAA=='],
    ['padding in the middle', 'AA==AAAA'],
    ['white space', 'AAAA\r\nAAAA'],
    ['unused bits that are not zero', 'AB=='],
    ['PEM', '-----BEGIN CERTIFICATE-----'],
  ])('refuses %s', (_, text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });
});
