import { describe, expect, it } from '@jest/globals';
import { decode, Tag } from 'cbor2';
import fc from 'fast-check';
import {
  CborError,
  CborFloat,
  CborSimple,
  CborTag,
  type CborValue,
  decodeCbor,
  encodeByteStringHeader,
  isCborArray,
  isCborMap,
} from '../../src/lib/cbor.ts';
import * as cbor from '../cbor-writer.ts';
import { concat } from '../der-writer.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Encoded items of every kind that we read. */
const items = fc.letrec<{ item: Uint8Array }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).map(cbor.int),
    fc.maxSafeInteger().map(cbor.int),
    fc.string({ unit: 'grapheme' }).map(cbor.text),
    fc.uint8Array().map(cbor.bytes),
    fc.double().map(cbor.float64),
    fc.constantFrom(cbor.TRUE, cbor.FALSE, cbor.NULL, cbor.UNDEFINED),
    fc.array(tie('item'), { maxLength: 5 }).map((members) => cbor.array(...members)),
    fc
      .uniqueArray(fc.oneof(fc.integer(), fc.string()), { maxLength: 5 })
      .chain((keys) =>
        fc
          .array(tie('item'), { minLength: keys.length, maxLength: keys.length })
          .map((values) =>
            cbor.map(
              ...keys.map((key, i): cbor.Entry => [typeof key === 'number' ? cbor.int(key) : cbor.text(key), values[i] ?? cbor.NULL]),
            ),
          ),
      ),
  ),
})).item;

describe('decodeCbor', () => {
  it('reads what another decoder reads', () => {
    fc.assert(
      fc.property(items, (bytes) => {
        expect(comparable(decodeCbor(bytes))).toEqual(comparableOracle(decode(bytes, { preferMap: true, rejectStreaming: true })));
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but its own error on garbage', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), throwsNothingElse), { numRuns: 3000 });
    fc.assert(
      fc.property(items, fc.nat(), fc.nat(255), (bytes, at, octet) => {
        const bent = Uint8Array.from(bytes);
        bent[at % bent.length] = octet;
        throwsNothingElse(bent);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['integer 0', '00', 0],
    ['integer 23 in two bytes', '18 17', 23],
    ['-1', '20', -1],
    ['the greatest safe integer', '1b 001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['one more', '1b 0020000000000000', 2n ** 53n],
    ['the least safe integer', '3b 001ffffffffffffe', Number.MIN_SAFE_INTEGER],
    ['one less', '3b 001fffffffffffff', -(2n ** 53n)],
    ['the least integer', '3b ffffffffffffffff', -(2n ** 64n)],
    ['a half', 'f9 3e00', new CborFloat(1.5)],
    ['the least half', 'f9 0001', new CborFloat(2 ** -24)],
    ['half infinity', 'f9 fc00', new CborFloat(Number.NEGATIVE_INFINITY)],
    ['half NaN', 'f9 7e00', new CborFloat(Number.NaN)],
    ['a float that is whole', 'fa 3f800000', new CborFloat(1)],
    ['simple value 16', 'f0', new CborSimple(16)],
    ['simple value 255', 'f8 ff', new CborSimple(255)],
    ['text with a byte order mark', '63 efbbbf', '\ufeff'],
    [
      'keys that are not sorted (142)',
      'a2 02 00 01 00',
      new Map([
        [2, 0],
        [1, 0],
      ]),
    ],
    [
      'the keys 1 and "1", which are two',
      'a2 01 00 61 31 00',
      new Map<number | string, number>([
        [1, 0],
        ['1', 0],
      ]),
    ],
  ])('reads %s', (_, bytes, value) => {
    expect(decodeCbor(hex(bytes))).toEqual(value);
  });

  it('reads tags only where it may', () => {
    expect(decodeCbor(hex('c1 00'), { tags: true })).toEqual(new CborTag(1, 0));
    expect(() => decodeCbor(hex('c1 00'))).toThrow(CborError);
    expect(() => decodeCbor(hex('a1 01 81 c1 00'))).toThrow('tag 1');
  });

  it.each([
    ['134', 'the self-described prefix', 'd9 d9f7 00'],
    ['136', 'an indefinite array', '9f ff'],
    ['137', 'an indefinite map', 'bf ff'],
    ['137', 'an indefinite byte string', '5f ff'],
    ['137', 'indefinite text', '7f ff'],
    ['137', 'an indefinite array deep inside', '81 a1 01 9f ff'],
    ['138', 'a byte after the item', '00 00'],
    ['140', 'a duplicate key', 'a2 01 00 01 00'],
    ['140', 'a duplicate text key', 'a2 61 61 00 61 61 00'],
    ['141', 'a duplicate key in another length', 'a2 01 00 18 01 00'],
    ['141', 'a duplicate big key in another length', 'a2 1a 00000001 00 1b 0000000000000001 00'],
    ['141', 'a duplicate text key with another head', 'a2 61 61 00 78 01 61 00'],
    ['176', 'text that is not UTF-8', '61 ff'],
    ['176', 'a surrogate in text', '63 eda080'],
    ['177', 'an array announced with 2^32 items', '9b 0000000100000000'],
    ['177', 'an array announced with 131073 items', '9a 00020001'],
    ['177', 'a map announced with 2^64-1 entries', 'bb ffffffffffffffff'],
    ['177', 'an array announced with more than there is', '9a 00020000 00'],
    ['177', 'a byte string announced with 2^64-1 bytes', '5b ffffffffffffffff'],
    ['2.3', 'a byte string as key', 'a1 41 00 00'],
    ['2.3', 'a float as key', 'a1 f9 3c00 00'],
    ['2.3', 'null as key', 'a1 f6 00'],
    ['RFC 8949', 'a break alone', 'ff'],
    ['RFC 8949', 'a reserved head', '1c'],
    ['RFC 8949', 'a reserved simple head', 'fc'],
    ['RFC 8949', 'simple value 20 in two bytes', 'f8 14'],
    ['RFC 8949', 'a truncated head', '19 00'],
    ['RFC 8949', 'a truncated float', 'fb 00'],
    ['RFC 8949', 'a truncated string', '42 00'],
    ['RFC 8949', 'a key without its value', 'a1 01'],
    ['RFC 8949', 'nothing', ''],
  ])('refuses %s: %s', (_, __, bytes) => {
    expect(() => decodeCbor(hex(bytes))).toThrow(CborError);
  });

  it.each([
    ['arrays', Uint8Array.of(0x81)],
    ['maps', Uint8Array.of(0xa1, 0x01)],
    ['tags', Uint8Array.of(0xc1)],
  ])('refuses 33 %s inside each other, and takes 32 (177)', (_, head) => {
    const nested = (depth: number) => concat([...Array.from({ length: depth }, () => head), cbor.NULL]);
    expect(() => decodeCbor(nested(33), { tags: true })).toThrow('nested deeper');
    expect(() => decodeCbor(nested(100_000), { tags: true })).toThrow('nested deeper');
    expect(decodeCbor(nested(32), { tags: true })).toBeDefined();
  });

  it('refuses more containers and values in all than an envelope can need, however small each is', () => {
    const list = (count: number, item: number) => Buffer.concat([head(0x80, count), Buffer.alloc(count, item)]);
    const head = (major: number, count: number) => Buffer.of(major + 26, 0, count >> 16, (count >> 8) & 0xff, count & 0xff);
    expect(() => decodeCbor(list(16_384, 0xa0))).toThrow('more than 16384 arrays, maps and tags');
    expect(() => decodeCbor(list(16_384, 0x80))).toThrow(CborError);
    expect(() => decodeCbor(Buffer.concat([Buffer.of(0x82), list(100_000, 0), list(100_000, 0)]))).toThrow('more than 131072 values');
    expect(decodeCbor(list(16_383, 0xa0))).toHaveLength(16_383);
  });

  it('refuses hundreds of integer keys, which could be made to collide (A-R-33)', () => {
    const map = cbor.map(...Array.from({ length: 500 }, (_, i): cbor.Entry => [cbor.int(i * 65_536), cbor.NULL]));
    expect(() => decodeCbor(map)).toThrow('numeric map keys');
  });
});

describe('encodeByteStringHeader', () => {
  it.each([0, 23, 24, 255, 256, 65_535, 65_536])('writes the shortest head for %i bytes', (length) => {
    expect(Buffer.from(encodeByteStringHeader(length))).toEqual(Buffer.from(cbor.head(2, length)));
  });

  it('writes eight bytes of length when four do not do', () => {
    expect(Buffer.from(encodeByteStringHeader(2 ** 32)).toString('hex')).toBe('5b0000000100000000');
  });
});

/** One form for two decoders: numbers by their text with a mark for floats, maps as sorted lists. */
function comparable(value: CborValue): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return `int ${value}`;
  if (value instanceof CborFloat) return Number.isSafeInteger(value.value) ? `int ${value.value}` : `float ${value.value}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (isCborArray(value)) return value.map(comparable);
  if (isCborMap(value)) return [...value].map(([key, member]) => [comparable(key), comparable(member)]);
  return value;
}

function comparableOracle(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? `int ${value}` : `float ${value}`;
  if (typeof value === 'bigint') return `int ${value}`;
  if (value instanceof Number) return comparableOracle(value.valueOf());
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(comparableOracle);
  if (value instanceof Map) return [...value].map(([key, member]) => [comparableOracle(key), comparableOracle(member)]);
  if (value instanceof Tag) return 'tag';
  return value;
}

function throwsNothingElse(bytes: Uint8Array): void {
  try {
    decodeCbor(bytes, { tags: true });
  } catch (error) {
    expect(error).toBeInstanceOf(CborError);
  }
}
