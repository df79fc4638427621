import { describe, expect, it } from '@jest/globals';
import { decodeCbor } from '../../src/lib/cbor.ts';
import { readDer } from '../../src/x509/der.ts';
import * as cbor from '../cbor-writer.ts';
import * as der from '../der-writer.ts';
import { createRandom } from '../oracle/random.ts';
import { type Corpus, type Mutator, mutant, mutateBytes, mutateText } from './mutate.ts';
import { cborNodes, mutateCbor } from './mutate-cbor.ts';
import { derNodes, mutateDer, withElement } from './mutate-der.ts';
import { mutateJson } from './mutate-json.ts';

const DER = der.sequence(der.oid('1.2.3'), der.octetString(der.sequence(der.integer(5), der.NULL)), der.bitString(der.sequence(der.NULL)));
const CBOR = cbor.map(
  [cbor.int(1), cbor.array(cbor.text('a'), cbor.bytes(new Uint8Array(30)))],
  [cbor.text('b'), cbor.tag(1, cbor.int(500))],
);
const JSON_TEXT = new Uint8Array(Buffer.from('{"a":[1,2,{"b":"c \\"d\\""}],"e":null}'));
const MUTATORS: readonly (readonly [name: string, mutate: Mutator, seed: Uint8Array])[] = [
  ['bytes', mutateBytes, DER],
  ['text', mutateText, JSON_TEXT],
  ['DER', mutateDer, DER],
  ['CBOR', mutateCbor, CBOR],
  ['JSON', mutateJson, JSON_TEXT],
];
const many = (mutate: Mutator, seed: Uint8Array, count = 500): readonly Uint8Array[] =>
  Array.from({ length: count }, (_, i) => mutate(seed, createRandom(`mutate ${i}`), { seeds: [seed] }));
const share = (inputs: readonly Uint8Array[], reads: (bytes: Uint8Array) => unknown): number =>
  inputs.filter((bytes) => !throws(() => reads(bytes))).length / inputs.length;

function throws(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch {
    return true;
  }
}

describe('mutators', () => {
  it.each(MUTATORS)('of %s make the same of the same choices', (_, mutate, seed) => {
    expect(many(mutate, seed)).toEqual(many(mutate, seed));
  });

  it.each(MUTATORS)('of %s make many inputs out of one', (_, mutate, seed) => {
    expect(new Set(many(mutate, seed).map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBeGreaterThan(100);
  });

  it.each(MUTATORS)('of %s leave the seed as it is, and stand inputs that are nothing or garbage', (_, mutate, seed) => {
    const before = Uint8Array.from(seed);
    many(mutate, seed);
    expect(seed).toEqual(before);
    many(mutate, new Uint8Array());
    many(mutate, createRandom('garbage').bytes(40));
  });

  it('that know a format mostly keep to it', () => {
    expect(share(many(mutateDer, DER), readDer)).toBeGreaterThan(0.6);
    expect(share(many(mutateCbor, CBOR), (bytes) => decodeCbor(bytes, { tags: true }))).toBeGreaterThan(0.4);
    expect(share(many(mutateJson, JSON_TEXT), (bytes) => JSON.parse(Buffer.from(bytes).toString()))).toBeGreaterThan(0.3);
  });

  it('are given seeds as they are now and then, and never grow without bounds', () => {
    const corpus: Corpus = { seeds: [DER] };
    const inputs = Array.from({ length: 2000 }, (_, i) => mutant(corpus, [mutateBytes], createRandom(`mutant ${i}`)));
    expect(inputs.filter((bytes) => Buffer.from(bytes).equals(DER)).length).toBeGreaterThan(10);
    const long = { seeds: [new Uint8Array(40_000)] } as const;
    expect(mutant(long, [mutateBytes], createRandom('long')).length).toBeLessThanOrEqual(32 * 1024);
  });
});

describe('derNodes', () => {
  it('finds the elements inside strings, and what can be put in their place has the right lengths around it', () => {
    const nodes = derNodes(DER);
    expect(nodes.map(({ tag }) => tag)).toEqual([0x30, 0x06, 0x04, 0x30, 0x02, 0x05, 0x03, 0x30, 0x05]);
    const changed = withElement(DER, nodes, 4, der.integer(2n ** 1600n));
    const expected = der.sequence(
      der.oid('1.2.3'),
      der.octetString(der.sequence(der.integer(2n ** 1600n), der.NULL)),
      der.bitString(der.sequence(der.NULL)),
    );
    expect(Buffer.from(changed).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
  });

  it('finds none in what is not DER', () => {
    expect(derNodes(Uint8Array.of(0x30, 0x80, 0, 0))).toEqual([]);
    expect(derNodes(DER.subarray(0, -1))).toEqual([]);
  });
});

describe('cborNodes', () => {
  it('finds all items, keys and values in turn', () => {
    expect(cborNodes(CBOR).map(({ major, argument }) => `${major} ${argument}`)).toEqual([
      '5 2',
      '0 1',
      '4 2',
      '3 1',
      '2 30',
      '3 1',
      '6 1',
      '0 500',
    ]);
  });

  it('finds none in what ends early or has no length', () => {
    expect(cborNodes(CBOR.subarray(0, -1))).toEqual([]);
    expect(cborNodes(Uint8Array.of(0x9f, 0xff))).toEqual([]);
  });
});
