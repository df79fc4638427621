import { describe, expect, it } from '@jest/globals';
import { readRevocationList as read } from '../../src/x509/crl.ts';
import { DerError } from '../../src/x509/der.ts';
import * as der from '../der-writer.ts';
import { extensionOf, pki } from '../pki.ts';
import { AT, entry, manyEntries, revocationList, serialOf, serialOfMany } from '../revocation-answers.ts';
import { turnsDuring } from '../turns.ts';

const root = pki.root();
const never = new AbortController().signal;
const readRevocationList = (bytes: Uint8Array) => read(bytes, never);
const leaf = root.leaf();
const serial = Buffer.from(serialOf(leaf.cert)).toString('hex');
const list = (over: Partial<Parameters<typeof revocationList>[0]> = {}) => revocationList({ issuer: root, ...over });

/** An entry of the serial number 0x01 followed by four octets of `n`. */
function numbered(n: number): Uint8Array {
  const octets = Buffer.alloc(5, 1);
  octets.writeUInt32BE(n, 1);
  return der.sequence(der.tlv(0x02, octets), der.time(AT));
}

const withReason = (...octets: number[]) =>
  entry(leaf.cert, { extensions: [extensionOf('2.5.29.21', der.tlv(0x0a, Uint8Array.from(octets)))] });

describe('a revocation list', () => {
  it('gives the entries of a serial number in their order, and none of another', async () => {
    const found = await readRevocationList(
      list({ entries: [entry(leaf.cert, { reason: 6 }), numbered(1), entry(leaf.cert, { reason: 8 })] }),
    );
    expect(found.size).toBe(3);
    expect(found.entriesOf(serial).map(({ extensions }) => extensions[0]?.value.at(-1))).toEqual([6, 8]);
    expect(found.entriesOf('0100000001')).toHaveLength(1);
    expect(found.entriesOf('0100000002')).toEqual([]);
    expect(found.entriesOf('')).toEqual([]);
  });

  it('of 100,000 entries lets the event loop run while it is read, and each of them is found', async () => {
    const reading = readRevocationList(list({ entries: [manyEntries(100_000)] }));
    expect(await turnsDuring(reading)).toBeGreaterThan(2);
    const found = await reading;
    expect(found.size).toBe(100_000);
    for (const n of [0, 1, 31_337, 99_999]) expect(found.entriesOf(serialOfMany(n))).toHaveLength(1);
    expect(found.entriesOf(serialOfMany(100_000))).toEqual([]);
  });

  it('is not read on when nobody waits for it any more', async () => {
    const leaving = new AbortController();
    const reading = read(list({ entries: [manyEntries(50_000)] }), leaving.signal);
    leaving.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a byte after it', Buffer.concat([list(), Uint8Array.of(0)])],
    ['half of it', list().subarray(0, 60)],
    ['an entry without a date', list({ entries: [der.sequence(der.integer(1), der.integer(2))] })],
    ['an entry with a serial number that is not minimal', list({ entries: [der.sequence(der.tlv(2, Uint8Array.of(0, 1)), der.time(AT))] })],
    ['an entry with more than extensions', list({ entries: [der.sequence(der.integer(1), der.time(AT), der.sequence(), der.NULL)] })],
    ['entries that are no sequences', list({ entries: [der.integer(1)] })],
    ['thousands of entries of one serial number', list({ entries: Array.from({ length: 5000 }, () => numbered(1)) })],
    ['an extension twice', list({ extensions: [extensionOf('1.2.3', der.NULL), extensionOf('1.2.3', der.NULL)] })],
    ['an authorityKeyIdentifier that is none', list({ extensions: [extensionOf('2.5.29.35', der.NULL)] })],
    ['a reason that is none, in any entry', list({ entries: [entry(leaf.cert, { extensions: [extensionOf('2.5.29.21', der.NULL)] })] })],
    ['an empty reason, in any entry', list({ entries: [numbered(1), withReason()] })],
    ['a reason that is not minimal, in any entry', list({ entries: [numbered(1), withReason(0, 1)] })],
    ['a reason over 64 bits, in any entry', list({ entries: [numbered(1), withReason(...new Uint8Array(9).fill(1))] })],
    ['a negative number', list({ number: undefined, extensions: [extensionOf('2.5.29.20', der.tlv(2, Uint8Array.of(0xff)))] })],
  ])('is refused with %s', async (_case, bytes) => {
    await expect(readRevocationList(bytes)).rejects.toBeInstanceOf(DerError);
  });

  it('throws nothing but its own error on bent bytes', async () => {
    const good = Buffer.from(list({ entries: [entry(leaf.cert, { reason: 1 }), numbered(7)] }));
    for (let i = 0; i < good.length; i++) {
      for (const octet of [0x00, 0x7f, 0x80, 0xff]) {
        const bent = Buffer.from(good);
        bent[i] = octet;
        const outcome = await readRevocationList(bent).then(
          (found) => found.size,
          (error: unknown) => error,
        );
        expect(typeof outcome === 'number' || outcome instanceof DerError).toBe(true);
      }
    }
  });
});
