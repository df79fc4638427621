import { concat } from '../der-writer.ts';
import type { Random } from '../oracle/random.ts';

/** Real inputs of one parser, and words that mean something to it. */
export interface Corpus {
  readonly seeds: readonly [Uint8Array, ...Uint8Array[]];
  readonly words?: readonly [string, ...string[]];
}

/** Changes one place of `bytes`, knowing or not knowing how they are built. */
export type Mutator = (bytes: Uint8Array, random: Random, corpus: Corpus) => Uint8Array;

const MAX_BYTES = 32 * 1024;

/** One of the seeds with some changes, seldom none; the first mutator that is given is taken twice as often as the others. */
export function mutant(corpus: Corpus, mutators: readonly [Mutator, ...Mutator[]], random: Random): Uint8Array {
  let bytes = random.pick(corpus.seeds);
  const changes = random.oneIn(50) ? 0 : random.pick([1, 1, 1, 1, 2, 2, 3, 5]);
  for (let i = 0; i < changes; i++) bytes = random.pick([mutators[0], ...mutators])(bytes, random, corpus);
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes;
}

/** Octets at which readers change their minds. */
const OCTETS = [0x00, 0x01, 0x02, 0x03, 0x04, 0x1f, 0x20, 0x22, 0x2e, 0x30, 0x31, 0x5c, 0x7f, 0x80, 0x81, 0x84, 0x9f, 0xa0, 0xff] as const;
/** Numbers at the edges of the widths that lengths and counts have. */
const NUMBERS = [
  0,
  1,
  0x17,
  0x18,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fff,
  0xffff,
  0x1_0000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffe,
  0xffff_ffff,
  2 ** 53 - 1,
] as const;

/** Changes that any reader of bytes must stand: no thought is given to what they mean. */
export const mutateBytes: Mutator = (bytes, random, corpus) => random.pick(BYTE_CHANGES)(bytes, random, corpus);

const BYTE_CHANGES: readonly [Mutator, ...Mutator[]] = [
  (bytes, random) => replaced(bytes, placeIn(bytes, random), 1, (octet = 0) => octet ^ (1 << random.below(8))),
  (bytes, random) => replaced(bytes, placeIn(bytes, random), 1, () => random.below(256)),
  (bytes, random) => replaced(bytes, placeIn(bytes, random), 1, () => random.pick(OCTETS)),
  (bytes, random) => replaced(bytes, placeIn(bytes, random), 1, (octet = 0) => (octet + random.pick([1, -1])) & 0xff),
  (bytes, random) => bytes.subarray(0, placeIn(bytes, random)),
  (bytes, random) => bytes.subarray(placeIn(bytes, random)),
  (bytes, random) => spliced(bytes, placeIn(bytes, random), 0, random.bytes(1 + random.below(8))),
  (bytes, random) => spliced(bytes, placeIn(bytes, random), 1 + random.below(16), new Uint8Array()),
  (bytes, random) => {
    const from = placeIn(bytes, random);
    return spliced(bytes, placeIn(bytes, random), 0, bytes.subarray(from, from + 1 + random.below(64)));
  },
  (bytes, random) => {
    const width = random.pick([1, 2, 4, 8]);
    return spliced(bytes, placeIn(bytes, random), width, numberOctets(random.pick(NUMBERS), width, random.oneIn(4)));
  },
  (bytes, random, { seeds }) => {
    const other = random.pick(seeds);
    return concat([bytes.subarray(0, placeIn(bytes, random)), other.subarray(placeIn(other, random))]);
  },
  (bytes, random) => {
    const run = new Uint8Array(random.pick([16, 64, 256, 1024])).fill(bytes[placeIn(bytes, random)] ?? 0);
    return spliced(bytes, placeIn(bytes, random), 0, run);
  },
];

/** Changes of a text: words of its language put in, characters that look alike, white space, stretches moved. */
export const mutateText: Mutator = (bytes, random, corpus) =>
  Buffer.from(random.pick(TEXT_CHANGES)(Buffer.from(bytes).toString(), random, corpus));

type TextChange = (text: string, random: Random, corpus: Corpus) => string;

const CHARACTERS = [
  ...[
    '',
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\t',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\u212a',
    '\u017f',
    '\ud83d\ude00',
  ],
  ...[
    '/',
    '//',
    ':',
    '@',
    '.',
    '..',
    '-',
    '--',
    '_',
    '__',
    ',',
    ';',
    '=',
    '+',
    '#',
    '"',
    '\\',
    '\\\\',
    '*',
    '%',
    '[',
    ']',
    '{',
    '}',
    'A',
    'a',
    '0',
  ],
] as readonly string[] as readonly [string, ...string[]];

const TEXT_CHANGES: readonly [TextChange, ...TextChange[]] = [
  (text, random) => textSpliced(text, random.below(text.length + 1), 0, random.pick(CHARACTERS)),
  (text, random) => textSpliced(text, random.below(text.length + 1), 1, random.pick(CHARACTERS)),
  (text, random) => textSpliced(text, random.below(text.length + 1), 1 + random.below(8), ''),
  (text, random, { words }) => textSpliced(text, random.below(text.length + 1), 0, random.pick(words ?? CHARACTERS)),
  (text, random, { words }) => textSpliced(text, random.below(text.length + 1), random.below(12), random.pick(words ?? CHARACTERS)),
  (text, random) => {
    const from = random.below(text.length + 1);
    return textSpliced(text, random.below(text.length + 1), 0, text.slice(from, from + 1 + random.below(40)));
  },
  (text, random) => {
    const at = random.below(text.length + 1);
    const part = text.slice(at, at + 1 + random.below(4));
    return textSpliced(text, at, part.length, random.oneIn(2) ? part.toUpperCase() : part.toLowerCase());
  },
  (text, random) => textSpliced(text, random.below(text.length + 1), 0, random.pick(CHARACTERS).repeat(random.pick([2, 63, 64, 128, 300]))),
  (text, random, { seeds }) => {
    const other = Buffer.from(random.pick(seeds)).toString();
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length + 1));
  },
];

/** `bytes` with `count` octets from `at` on taken out and `inserted` put in. */
export function spliced(bytes: Uint8Array, at: number, count: number, inserted: Uint8Array): Uint8Array {
  return concat([bytes.subarray(0, at), inserted, bytes.subarray(at + count)]);
}

function textSpliced(text: string, at: number, count: number, inserted: string): string {
  return text.slice(0, at) + inserted + text.slice(at + count);
}

function replaced(bytes: Uint8Array, at: number, count: number, octet: (old: number | undefined) => number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let i = at; i < Math.min(at + count, copy.length); i++) copy[i] = octet(copy[i]);
  return copy;
}

function placeIn(bytes: Uint8Array, random: Random): number {
  return random.below(bytes.length || 1);
}

/** Big-endian, or little-endian for the odd one. */
function numberOctets(value: number, width: number, little: boolean): Uint8Array {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(BigInt(value));
  const own = Uint8Array.from(octets.subarray(8 - width));
  return little ? own.reverse() : own;
}
