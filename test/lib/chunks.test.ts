import { describe, expect, it } from '@jest/globals';
import { joinChunks } from '../../src/lib/chunks.ts';
import { turnsDuring } from '../turns.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('chunks', () => {
  it('become one, in their order', async () => {
    const whole = await joinChunks([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)], 3);
    expect([...whole]).toEqual([1, 2, 3]);
    expect(await joinChunks([], 0)).toHaveLength(0);
  });

  it('of 32 MiB are copied in slices of no more than a mebibyte or two', async () => {
    const chunks = Array.from({ length: 512 }, (_, i) => new Uint8Array(64 * KIB).fill(i));
    const joining = joinChunks(chunks, 32 * MIB);
    expect(await turnsDuring(joining)).toBeGreaterThanOrEqual(31);
    const whole = await joining;
    expect([0, 64 * KIB, 300 * 64 * KIB, 32 * MIB - 1].map((at) => whole[at])).toEqual([0, 1, 300 & 0xff, 511 & 0xff]);
  });
});
