import { describe, expect, it } from '@jest/globals';
import { createSerialIndex } from '../../src/x509/serial-index.ts';

const serial = (n: number): Uint8Array => {
  const octets = Buffer.alloc(16, 0x5c);
  octets.writeUInt32BE(n, 12);
  return octets;
};

/** Mean number of places that are looked at for 1,000 serial numbers spread over the index, and for 1,000 that are not in it. */
function looks(entries: number): { readonly present: number; readonly absent: number } {
  const index = createSerialIndex(entries, 7);
  let taken = 0;
  for (let n = 0; n < entries; n++) taken += index.add(serial(n), n) ? 1 : 0;
  expect(taken).toBe(entries);
  const mean = (from: number, step: number): number => {
    let all = 0;
    for (let i = 0; i < 1000; i++) all += [...index.candidates(serial(from + i * step))].length;
    return all / 1000;
  };
  return { present: mean(0, Math.floor(entries / 1000)), absent: mean(entries, 1) };
}

describe('an index of serial numbers', () => {
  it.each([1000, 100_000, 900_000])('of %d looks at a handful of places for one of them, and for another', (entries) => {
    const { present, absent } = looks(entries);
    // A run of taken places is read to its end, since a serial number may be there twice.
    expect(present).toBeLessThan(8);
    expect(absent).toBeLessThan(8);
  });

  it('gives what was added under one number in that order, and finds nothing in an empty one', () => {
    const index = createSerialIndex(8, 1);
    for (const offset of [40, 0, 99]) index.add(serial(5), offset);
    expect([...index.candidates(serial(5))]).toEqual([40, 0, 99]);
    expect([...createSerialIndex(0, 1).candidates(serial(5))]).toEqual([]);
  });

  it('takes no number of any length more often than there are places near by', () => {
    const index = createSerialIndex(10_000, 3);
    let taken = 0;
    while (taken < 10_000 && index.add(Uint8Array.of(1), taken)) taken++;
    expect(taken).toBeLessThan(2000);
  });
});
