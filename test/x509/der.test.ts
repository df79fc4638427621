import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { childrenOf, DerError, readDer, TAG } from '../../src/x509/der.ts';
import { oidOf, smallIntegerOf, timeOf } from '../../src/x509/der-values.ts';
import * as der from '../der-writer.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const nested = (depth: number) => Array.from({ length: depth }).reduce<Uint8Array>((inner) => der.sequence(inner), der.NULL);

describe('readDer', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (contents) => {
        const element = readDer(der.sequence(...contents.map(der.octetString)));
        const read = childrenOf(element, TAG.sequence).map(({ content }) => Buffer.from(content));
        expect(read).toEqual(contents.map((content) => Buffer.from(content)));
      }),
    );
  });

  it('throws nothing but its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          readDer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['bytes after the element', '0500 00'],
    ['an indefinite length', '3080 0000'],
    ['a length in more octets than it needs', '04 8101 00'],
    ['a long length with a leading zero', `04 820080 ${'00'.repeat(128)}`],
    ['a length of five octets', '04 8500000000 01'],
    ['a length beyond the end', '04 02 00'],
    ['a length beyond the element around it', '3003 0402 00'],
    ['a length that is cut off', '04 82 01'],
    ['a tag number over 30', '1f 81 00 00'],
    ['end-of-contents octets', '0000'],
    ['a primitive sequence', '1000'],
    ['a constructed octet string', '2400'],
    ['a constructed boolean', '21 03 0101ff'],
    ['a broken element deep inside', '3006 a004 3002 0401'],
  ])('refuses %s', (_, bytes) => {
    expect(() => readDer(hex(bytes))).toThrow(DerError);
  });

  it('bounds depth and number of elements', () => {
    expect(readDer(nested(32)).tag).toBe(TAG.sequence);
    expect(() => readDer(nested(33))).toThrow('nested deeper');
    expect(() => readDer(nested(5000))).toThrow('nested deeper');
    const many = der.sequence(hex('0500'.repeat(20_000)));
    expect(() => readDer(many)).toThrow('more than 16384');
    expect(childrenOf(readDer(many, { maxNodes: 30_000 }), TAG.sequence)).toHaveLength(20_000);
  });
});

describe('values', () => {
  it.each(['1.2.840.113549.1.1.11', '2.5.29.15', '0.9.2342.19200300.100.1.25', '2.100.3', '1.39.2147483647'])('reads OID %s', (dotted) => {
    expect(oidOf(readDer(der.oid(dotted)))).toBe(dotted);
  });

  it.each([
    ['empty', '0600'],
    ['not minimal', '06 03 2a8001'],
    ['truncated', '06 02 2a81'],
    ['with an arc of 2^31', '06 06 2a8880808000'],
  ])('refuses an OID %s', (_, bytes) => {
    expect(() => oidOf(readDer(hex(bytes)))).toThrow(DerError);
  });

  it.each([
    ['empty', '0200'],
    ['with a needless 00', '02 02 0001'],
    ['with a needless ff', '02 02 ff80'],
    ['negative', '02 01 ff'],
    ['too long', '02 07 01000000000000'],
  ])('refuses a small integer %s', (_, bytes) => {
    expect(() => smallIntegerOf(readDer(hex(bytes)))).toThrow(DerError);
  });

  it.each([
    ['1950', 0x17, '500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['2049', 0x17, '491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['2050', 0x18, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
    ['a leap day', 0x17, '240229120000Z', '2024-02-29T12:00:00.000Z'],
    ['the year 9999', 0x18, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
  ])('reads a time of %s', (_, tag, text, expected) => {
    expect(timeOf(readDer(der.tlv(tag, Buffer.from(text)))).toISOString()).toBe(expected);
  });

  it.each([
    ['February 30', 0x17, '240230120000Z'],
    ['29 February of a common year', 0x17, '230229120000Z'],
    ['April 31', 0x18, '20240431120000Z'],
    ['day 0', 0x17, '240100120000Z'],
    ['month 0', 0x17, '240001120000Z'],
    ['month 13', 0x17, '241301120000Z'],
    ["24 o'clock", 0x17, '240101240000Z'],
    ['minute 60', 0x17, '240101006000Z'],
    ['a leap second', 0x17, '161231235960Z'],
    ['no digit', 0x17, '2401010000 0Z'],
    ['what stands before 0', 0x17, '24010/000000Z'],
    ['what stands after 9', 0x17, '24010:000000Z'],
    ['a sign', 0x17, '24-101000000Z'],
    ['a small z', 0x17, '240101000000z'],
    ['no zone', 0x18, '20240101000000'],
    ['more', 0x17, '240101000000Z '],
    ['the long form under the short tag', 0x17, '20240101000000Z'],
    ['the short form under the long tag', 0x18, '240101000000Z'],
    ['nothing', 0x17, ''],
  ])('refuses a time of %s', (_, tag, text) => {
    expect(() => timeOf(readDer(der.tlv(tag, Buffer.from(text))))).toThrow(DerError);
  });

  it('reads every second from the year 0 to the year 9999 as it was written', () => {
    const seconds = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z') / 1000, max: Date.parse('9999-12-31T23:59:59Z') / 1000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const date = new Date(second * 1000);
        const text = `${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
        expect(timeOf(readDer(der.tlv(0x18, Buffer.from(text)))).getTime()).toBe(date.getTime());
      }),
    );
  });
});
