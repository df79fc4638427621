import * as cbor from '../cbor-writer.ts';
import { concat } from '../der-writer.ts';
import type { Random } from '../oracle/random.ts';
import { type Corpus, type Mutator, spliced } from './mutate.ts';

/** An item where it stands; maps hold keys and values in turn. */
interface CborNode {
  readonly major: number;
  readonly argument: number | bigint;
  readonly start: number;
  readonly content: number;
  readonly end: number;
  readonly parent: number;
}

/** One item changed, doubled, dropped or taken from another seed; the counts around it are right again, but where a head is the change. */
export const mutateCbor: Mutator = (bytes, random, corpus) => {
  const nodes = cborNodes(bytes);
  const at = random.below(nodes.length || 1);
  const node = nodes[at];
  if (node === undefined) return bytes;
  return random.pick(CHANGES)({ bytes, nodes, at, node }, random, corpus);
};

interface Place {
  readonly bytes: Uint8Array;
  readonly nodes: readonly CborNode[];
  readonly at: number;
  readonly node: CborNode;
}

type Change = (place: Place, random: Random, corpus: Corpus) => Uint8Array;

const CHANGES: readonly [Change, ...Change[]] = [
  (place, random) => withItem(place, oddItem(random)),
  (place, random) => withItem(place, oddItem(random)),
  (place, random, { seeds }) => withItem(place, itemOf(random.pick(seeds), random)),
  (place, random) => withItem(place, itemOf(place.bytes, random)),
  ({ bytes, node }, random) => spliced(bytes, node.start, node.content - node.start, wideHead(node, random)),
  ({ bytes, node }, random) => spliced(bytes, node.start, node.content - node.start, wrongHead(node, random)),
  (place, random) => withItem(place, wrapped(itemAt(place), random)),
  (place) => withCount(place, 1, concat([entryAt(place), entryAt(place)])),
  (place) => withCount(place, -1, new Uint8Array()),
  (place, random) => withCount(place, 1, concat([entryAt(place), random.oneIn(2) ? itemOf(place.bytes, random) : oddItem(random)])),
  (place) => indefinite(place),
];

/** Items from the outside in; none where a head or a length is wrong. */
export function cborNodes(bytes: Uint8Array): readonly CborNode[] {
  const nodes: CborNode[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readItem({ bytes, view, nodes }, 0, -1, 0) === bytes.length ? nodes : [];
}

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly nodes: CborNode[];
}

const MAX_NODES = 4096;
const MAX_DEPTH = 64;

/** Where the item ends; undefined if it does not read. */
function readItem(source: Source, start: number, parent: number, depth: number): number | undefined {
  const { bytes, view, nodes } = source;
  const initial = bytes[start];
  if (initial === undefined || depth > MAX_DEPTH || nodes.length >= MAX_NODES) return undefined;
  const major = initial >> 5;
  const info = initial & 0x1f;
  const width = info < 24 ? 0 : info > 27 ? -1 : 1 << (info - 24);
  const content = start + 1 + width;
  if (width < 0 || content > bytes.length) return undefined;
  const argument = width === 0 ? info : argumentAt(view, start + 1, width);
  const place = nodes.length;
  nodes.push({ major, argument, start, content, end: content, parent });
  const end = endOf(source, { major, argument, content, place, depth });
  if (end === undefined || end > bytes.length) return undefined;
  nodes[place] = { major, argument, start, content, end, parent };
  return end;
}

function argumentAt(view: DataView, at: number, width: number): number | bigint {
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at);
  return width === 4 ? view.getUint32(at) : view.getBigUint64(at);
}

interface Head {
  readonly major: number;
  readonly argument: number | bigint;
  readonly content: number;
  readonly place: number;
  readonly depth: number;
}

function endOf(source: Source, { major, argument, content, place, depth }: Head): number | undefined {
  if (major === 2 || major === 3) return content + Number(argument);
  const children = major === 4 ? Number(argument) : major === 5 ? 2 * Number(argument) : major === 6 ? 1 : 0;
  let at: number | undefined = content;
  for (let i = 0; i < children && at !== undefined; i++) at = readItem(source, at, place, depth + 1);
  return at;
}

function itemAt({ bytes, node }: Place): Uint8Array {
  return bytes.subarray(node.start, node.end);
}

function withItem(place: Place, item: Uint8Array): Uint8Array {
  return spliced(place.bytes, place.node.start, place.node.end - place.node.start, item);
}

function itemOf(bytes: Uint8Array, random: Random): Uint8Array {
  const nodes = cborNodes(bytes);
  const node = nodes[random.below(nodes.length || 1)];
  return node === undefined ? cbor.NULL : bytes.subarray(node.start, node.end);
}

/** The item, or in a map the entry that it is part of. */
function entryOf({ nodes, at, node }: Place): readonly [start: number, end: number] {
  const parent = nodes[node.parent];
  if (parent?.major !== 5) return [node.start, node.end];
  const siblings = nodes.filter((sibling) => sibling.parent === node.parent);
  const place = siblings.indexOf(nodes[at] as CborNode);
  const key = siblings[place - (place % 2)] ?? node;
  const value = siblings[place - (place % 2) + 1] ?? node;
  return [key.start, value.end];
}

function entryAt(place: Place): Uint8Array {
  const [start, end] = entryOf(place);
  return place.bytes.subarray(start, end);
}

/** The entry replaced by others, and the count of the array or the map around it changed. */
function withCount(place: Place, by: number, entries: Uint8Array): Uint8Array {
  const { bytes, nodes, node } = place;
  const parent = nodes[node.parent];
  if (parent === undefined || (parent.major !== 4 && parent.major !== 5))
    return withItem(place, entries.length === 0 ? cbor.NULL : entries);
  const [start, end] = entryOf(place);
  return concat([
    bytes.subarray(0, parent.start),
    cbor.head(parent.major, Math.max(0, Number(parent.argument) + by)),
    bytes.subarray(parent.content, start),
    entries,
    bytes.subarray(end),
  ]);
}

function wideHead({ major, argument }: CborNode, random: Random): Uint8Array {
  const width = random.pick([1, 2, 4, 8] as const);
  return major === 7 || BigInt(argument) >= 2n ** BigInt(8 * width) ? cbor.head(major, argument) : cbor.wideHead(major, argument, width);
}

const ARGUMENTS = [
  0,
  1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  131_073,
  2 ** 31,
  2 ** 32 - 1,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
] as const;

function wrongHead({ major, argument }: CborNode, random: Random): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return cbor.head(major, random.pick(ARGUMENTS));
    case 1:
      return cbor.head(random.below(7), argument);
    case 2:
      return cbor.head(major, BigInt(argument) + 1n < 2n ** 64n ? BigInt(argument) + 1n : 0n);
    default:
      return Uint8Array.of((major << 5) | random.pick([28, 29, 30, 31]));
  }
}

function wrapped(item: Uint8Array, random: Random): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return cbor.tag(random.pick([0, 1, 2, 3, 18, 24, 98, 55_799]), item);
    case 1:
      return cbor.array(item);
    case 2:
      return cbor.map([cbor.int(random.below(40)), item]);
    default:
      return cbor.bytes(item);
  }
}

/** The item as the beginning of one without a length: with its end, for what has contents. */
function indefinite({ bytes, node }: Place): Uint8Array {
  if (node.major < 2 || node.major > 5) return bytes;
  return concat([
    bytes.subarray(0, node.start),
    Uint8Array.of((node.major << 5) | 31),
    bytes.subarray(node.major < 4 ? node.start : node.content, node.end),
    Uint8Array.of(0xff),
    bytes.subarray(node.end),
  ]);
}

const ODD = [
  ...['00', '17', '1817', '1818', '20', '3818', '1bffffffffffffffff', '3bffffffffffffffff', '1b0020000000000000', '3b001fffffffffffff'],
  ...[
    '40',
    '4100',
    '60',
    '6161',
    '62c3a9',
    '61ff',
    '63eda080',
    '80',
    '8100',
    'a0',
    'a10000',
    'a2000000 01',
    'a20001180002',
    '9fff',
    'bfff',
    '5fff',
  ],
  ...['f4', 'f5', 'f6', 'f7', 'f0', 'f8ff', 'f818', 'f97e00', 'f97c00', 'f93c00', 'fa7f800000', 'fb3ff0000000000000', 'fb41d8a3d580000000'],
  ...[
    'c000',
    'c11a678b3d80',
    'c1fb41d9e2cf60000000',
    'c074323032352d30312d30315430303a30303a30305a',
    'c249010000000000000000',
    'c340',
    'd8184100',
  ],
  ...['d2', 'ff', '1c', 'dbffffffffffffffff00', '9a00020001', 'ba00001001', '5b7fffffffffffffff'],
] as readonly string[] as readonly [string, ...string[]];

function oddItem(random: Random): Uint8Array {
  return Buffer.from(random.pick(ODD).replaceAll(' ', ''), 'hex');
}
