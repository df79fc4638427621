import { createHash } from 'node:crypto';

/** A stream of choices that a seed decides. */
export interface Random {
  /** An integer from 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** True once in `n` times. */
  oneIn(n: number): boolean;
  bytes(length: number): Uint8Array;
  /** Another stream, which this one's use does not change. */
  fork(name: string): Random;
}

/** xoshiro128**, seeded by the SHA-256 of a text. */
export function createRandom(seed: string): Random {
  return randomFrom(wordsOf(seed), seed);
}

/** Streams by number, for those who need a new one every few microseconds: the text is hashed once. */
export function createRandoms(seed: string): (index: number) => Random {
  const words = wordsOf(seed);
  return (index) => randomFrom(words.map((word, i) => mixed(word ^ mixed(index + i * GOLDEN))) as Words, `${seed}\0${index}`);
}

type Words = [number, number, number, number];

function wordsOf(seed: string): Words {
  const digest = createHash('sha256').update(seed).digest();
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as Words;
}

function randomFrom([first, second, third, fourth]: Words, seed: string): Random {
  let [a, b, c, d] = [first, second, third, fourth];
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    pick: (items) => items[below(items.length)] ?? items[0],
    oneIn: (n) => below(n) === 0,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
    fork: (name) => createRandom(`${seed}\0${name}`),
  };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** 2^32 divided by the golden ratio, odd. */
const GOLDEN = 0x9e3779b9;

/** The finisher of MurmurHash3: neighbours come out as strangers. */
function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
