import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { berToDer } from '../../src/x509/ber.ts';
import { DerError, readDer } from '../../src/x509/der.ts';
import { withLongLengths } from '../ber-writer.ts';
import * as der from '../der-writer.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const written = (bytes: Uint8Array) => Buffer.from(berToDer(bytes)).toString('hex');
const nested = (depth: number) => Array.from({ length: depth }).reduce<Uint8Array>((inner) => der.sequence(inner), der.NULL);

/** Elements inside elements; none is empty, as one with a long length at the end of another is refused. */
const { element } = fc.letrec<{ element: Uint8Array }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map(der.octetString),
    fc.array(tie('element'), { minLength: 1, maxLength: 5 }).map((parts) => der.sequence(...parts)),
  ),
}));

describe('berToDer', () => {
  it('leaves DER as it is', () => {
    fc.assert(fc.property(element, (bytes) => expect(written(bytes)).toBe(Buffer.from(bytes).toString('hex'))));
  });

  it('gives back the DER whose lengths were written in more octets', () => {
    fc.assert(
      fc.property(element, fc.constantFrom(3 as const, 4 as const), (bytes, octets) => {
        expect(written(withLongLengths(bytes, octets))).toBe(Buffer.from(bytes).toString('hex'));
      }),
    );
  });

  it('throws nothing but its own error, and what it gives for low tags in definite form is DER', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          berToDer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(element, (bytes) => expect(() => readDer(berToDer(withLongLengths(bytes, 3)))).not.toThrow()));
  });

  it.each([
    ['a length in one octet too many', '0481 01 aa', '0401aa'],
    ['a length with leading zeros', '0484 00000001 aa', '0401aa'],
    ['a length of more than 127 that is too long', `0483 000080${'aa'.repeat(128)}`, `048180${'aa'.repeat(128)}`],
  ])('shortens %s', (_, bytes, expected) => {
    expect(written(hex(bytes))).toBe(expected);
  });

  it('shortens the lengths around one that becomes shorter', () => {
    expect(written(hex('3081 0a 3081 07 0483 000002 abcd'))).toBe('300630040402abcd');
  });

  it('keeps identifiers and the contents of primitive elements, whatever they are', () => {
    expect(written(hex('1f a0 20 81 01 01'))).toBe('1fa0200101');
    expect(written(hex('0481 04 3081 01 00'))).toBe('040430810100');
    expect(written(hex('2481 06 0481 03 010203'))).toBe('24050403010203');
  });

  it.each([
    ['nothing', '', 'expected an identifier'],
    ['a tag alone', '30', 'expected an identifier'],
    ['a high tag that does not end', '1f a0', 'expected an identifier'],
    ['an indefinite length', '3080 0500 0000', 'indefinite length'],
    ['an indefinite length inside', '3006 2480 0400 0000', 'indefinite length'],
    ['a length of five octets', '0485 0000000001 aa', 'length of 5 octets'],
    ['a length of 2^31', '0484 80000000 aa', 'truncated'],
    ['a length beyond the end', '0402 aa', 'truncated'],
    ['a length beyond the element around it', '3003 0402 aa', 'truncated'],
    ['a long length of zero at the end', '3005 0500 0581 00', 'truncated'],
    ['a byte after the root', '0500 00', '1 bytes after the last element'],
    ['a byte after the root, which is constructed', '3002 0500 00', '1 bytes after the last element'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => berToDer(hex(bytes))).toThrow(message);
    expect(() => berToDer(hex(bytes))).toThrow(DerError);
  });

  it('bounds depth, elements and bytes', () => {
    expect(written(nested(32))).toHaveLength(2 * 66);
    expect(() => berToDer(nested(33))).toThrow('nested deeper than 32');
    expect(() => berToDer(der.sequence(hex('0500'.repeat(20_000))))).toThrow('more than 16384 elements');
    expect(() => berToDer(der.octetString(new Uint8Array(64 * 1024)))).toThrow('expected at most 65536 bytes');
  });
});
