import * as asn1js from 'asn1js';
import { errorText } from '../../../src/lib/errors.ts';
import { childrenOf, type Der, DerError, readDer, TAG } from '../../../src/x509/der.ts';
import { bitStringOf, booleanOf, integerOf, oidOf, stringOf, timeOf } from '../../../src/x509/der-values.ts';
import * as der from '../../der-writer.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes } from '../mutate.ts';
import { mutateDer } from '../mutate-der.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld } from '../world.ts';
import { nonEmpty } from './seeds.ts';

/** `readDer` and the readers of single values, against asn1js and against itself on what it wrote. */
export const createDerTarget: CreateTarget = () => {
  const world = createWorld();
  const seeds = nonEmpty([...SEEDS, world.intermediate.cert]);
  const corpus = { seeds };
  const target: Target<Element> = {
    name: 'der',
    about: 'DER elements and the values of universal types',
    seeds,
    verifies: false,
    leniencies: [
      {
        id: 'contents of values',
        why: 'asn1js looks into the contents of values while it walks; here the readers of values do, of the types that are read at all',
        against: 'asn1js',
        applies: ({ accepts }, _, element) => !accepts && element !== undefined && someElement(element, isLeftToReaders),
      },
      {
        id: 'zero at the end of a BMPString',
        why: 'as in Go, one zero at the end is a terminator and no character',
        against: 'asn1js',
        applies: ({ accepts, why = '' }) => accepts && why.startsWith(`tag ${TAG.bmpString}:`) && why.endsWith('\\u0000"'),
      },
      {
        id: 'years below 100',
        why: 'asn1js gives the numbers of a date to Date.UTC, which takes the years 0 to 99 for 1900 to 1999',
        against: 'asn1js',
        applies: ({ accepts }, _, element) => accepts && element !== undefined && someElement(element, isOfFirstCentury),
      },
    ],
    input: (random) => mutant(corpus, [mutateDer, mutateBytes], random),
    execute,
    oracles: [{ name: 'asn1js', ask: oracle }],
  };
  return target;
};

const SEEDS: readonly Uint8Array[] = [
  der.sequence(der.oid('1.2.840.113549.1.1.11'), der.NULL),
  der.sequence(der.integer(1), der.integer(2n ** 64n), der.boolean(true), der.tlv(0x0a, Uint8Array.of(3))),
  der.sequence(der.time(new Date('2025-06-01T00:00:00Z')), der.time(new Date('2055-06-01T12:34:56Z'))),
  der.sequence(
    der.utf8('caf\u00e9'),
    ...[0x12, 0x13, 0x14, 0x16].map((tag) => der.tlv(tag, Buffer.from('12 34'))),
    der.tlv(0x1e, Buffer.from('\u0000a\u0000b', 'latin1')),
  ),
  der.sequence(der.bitString(Uint8Array.of(1, 2, 3)), der.tlv(0x03, Uint8Array.of(7, 0x80)), der.octetString(der.sequence(der.NULL))),
  der.context(0, der.tlv(0x81, Uint8Array.of(5)), der.tlv(0x31, der.sequence(der.oid('2.5.4.3'), der.utf8('x')))),
];

/** What the reader of a type says of a primitive element: a text that is equal for equal values; undefined: refused, or of no such type. */
interface Element {
  readonly tag: number;
  readonly value: string | undefined;
  /** Whether there is a reader for it. */
  readonly typed: boolean;
  readonly children: readonly Element[];
  readonly raw: Uint8Array;
}

function execute(bytes: Uint8Array): Execution<Element> {
  try {
    return { outcome: 'accepted', reached: false, value: elementOf(readDer(bytes)) };
  } catch (error) {
    if (error instanceof DerError) return { outcome: 'refused', reached: false };
    throw error;
  }
}

function elementOf(element: Der): Element {
  const { tag, raw } = element;
  const children = (tag & 0x20) === 0 ? [] : childrenOf(element, tag).map(elementOf);
  const reader = READERS.get(tag);
  return { tag, raw, children, typed: reader !== undefined, value: reader === undefined ? undefined : attempt(reader, element) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const READERS: ReadonlyMap<number, (element: Der) => string> = new Map<number, (element: Der) => string>([
  [TAG.boolean, (element) => String(booleanOf(element))],
  [TAG.integer, (element) => hex(integerOf(element))],
  [TAG.bitString, (element) => `${hex(bitStringOf(element).bytes)}/${bitStringOf(element).unusedBits}`],
  [TAG.oid, oidOf],
  [TAG.utf8String, stringOf],
  [TAG.numericString, stringOf],
  [TAG.printableString, stringOf],
  [TAG.t61String, stringOf],
  [TAG.ia5String, stringOf],
  [TAG.bmpString, stringOf],
  [TAG.utcTime, (element) => timeOf(element).toISOString()],
  [TAG.generalizedTime, (element) => timeOf(element).toISOString()],
]);

function attempt(reader: (element: Der) => string, element: Der): string | undefined {
  try {
    return reader(element);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function someElement(element: Element, holds: (element: Element) => boolean): boolean {
  return holds(element) || element.children.some((child) => someElement(child, holds));
}

/** A value that its reader refuses, or of a universal type that nothing reads. */
function isLeftToReaders({ tag, typed, value }: Element): boolean {
  return typed ? value === undefined : tag < 0x40 && (tag & 0x20) === 0;
}

function isOfFirstCentury({ tag, value }: Element): boolean {
  return tag === TAG.generalizedTime && value?.startsWith('00') === true;
}

function oracle(bytes: Uint8Array, { value }: Execution<Element>): Opinion {
  let read: ReturnType<typeof asn1js.fromBER>;
  try {
    read = asn1js.fromBER(bytes);
  } catch (error) {
    return { accepts: false, why: `${errorText(error)}` };
  }
  const { offset, result } = read;
  if (offset !== bytes.length) return { accepts: false, why: offset === -1 ? `${result.error}` : 'bytes after the element' };
  if (value === undefined) return { accepts: true };
  const difference = Buffer.from(written(value)).equals(bytes) ? differenceFrom(value, result) : 'not the same when written again';
  return difference === undefined ? { accepts: true } : { accepts: true, differs: true, why: difference };
}

function written({ tag, raw, children }: Element): Uint8Array {
  return (tag & 0x20) === 0 ? raw : der.tlv(tag, ...children.map(written));
}

function differenceFrom(element: Element, block: asn1js.AsnType): string | undefined {
  if (element.value !== undefined) {
    const theirs = THEIRS.get(element.tag)?.(block);
    if (theirs !== element.value) return `tag ${element.tag}: ${JSON.stringify(element.value)}, asn1js reads ${JSON.stringify(theirs)}`;
  }
  if (!(block instanceof asn1js.Constructed)) return element.children.length === 0 ? undefined : 'asn1js sees no elements inside';
  const blocks = block.valueBlock.value;
  if (blocks.length !== element.children.length) return `${element.children.length} elements, asn1js sees ${blocks.length}`;
  for (const [i, child] of element.children.entries()) {
    const difference = differenceFrom(child, blocks[i] as asn1js.AsnType);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const textOf = (block: asn1js.AsnType): string => (block as asn1js.Utf8String).getValue();
const dateOf = (block: asn1js.AsnType): string => (block as asn1js.UTCTime).toDate().toISOString();
const THEIRS: ReadonlyMap<number, (block: asn1js.AsnType) => string> = new Map<number, (block: asn1js.AsnType) => string>([
  [TAG.boolean, (block) => String((block as asn1js.Boolean).getValue())],
  [TAG.integer, (block) => hex((block as asn1js.Integer).valueBlock.valueHexView)],
  [
    TAG.bitString,
    (block) => `${hex((block as asn1js.BitString).valueBlock.valueHexView)}/${(block as asn1js.BitString).valueBlock.unusedBits}`,
  ],
  [TAG.oid, (block) => (block as asn1js.ObjectIdentifier).getValue()],
  [TAG.utf8String, textOf],
  [TAG.numericString, textOf],
  [TAG.printableString, textOf],
  [TAG.t61String, textOf],
  [TAG.ia5String, textOf],
  [TAG.bmpString, textOf],
  [TAG.utcTime, dateOf],
  [TAG.generalizedTime, dateOf],
]);
