import { concat, oid, tlv } from '../der-writer.ts';
import { bentElement } from '../oracle/mutators/der-bend.ts';
import type { Random } from '../oracle/random.ts';
import { type Corpus, type Mutator, spliced } from './mutate.ts';

/** An element where it stands. */
export interface DerNode {
  readonly tag: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
  /** Place of the element around it in the list; -1 at the top. */
  readonly parent: number;
}

/** One element changed, moved, or taken from another seed; the lengths around it are right again, but where a length is the change. */
export const mutateDer: Mutator = (bytes, random, corpus) => {
  const nodes = derNodes(bytes);
  if (nodes.length === 0) return bytes;
  const at = random.below(nodes.length);
  const node = nodes[at];
  if (node === undefined) return bytes;
  if (random.oneIn(10)) return spliced(bytes, node.start + 1, node.content - node.start - 1, random.pick(WRONG_LENGTHS)(node, random));
  return withElement(bytes, nodes, at, changedElement(bytes, nodes, at, random, corpus));
};

/** Elements from the outside in, also those that an OCTET STRING or a BIT STRING holds; none for what is not DER all through. */
export function derNodes(bytes: Uint8Array): readonly DerNode[] {
  const nodes: DerNode[] = [];
  return readInto(nodes, bytes, 0, bytes.length, -1, 0) ? nodes : [];
}

/** The bytes with the element at `index` of `nodes` replaced. */
export function withElement(bytes: Uint8Array, nodes: readonly DerNode[], index: number, replacement: Uint8Array): Uint8Array {
  let inner = replacement;
  for (let at = index; ; ) {
    const node = nodes[at];
    const parent = node === undefined ? undefined : nodes[node.parent];
    if (node === undefined) return inner;
    if (parent === undefined) return concat([bytes.subarray(0, node.start), inner, bytes.subarray(node.end)]);
    inner = tlv(parent.tag, bytes.subarray(parent.content, node.start), inner, bytes.subarray(node.end, parent.end));
    at = node.parent;
  }
}

const MAX_NODES = 4096;
/** Identifiers of what is worth a look inside a string. */
const INSIDE: ReadonlySet<number> = new Set([0x01, 0x02, 0x03, 0x04, 0x06, 0x0a, 0x0c, 0x16, 0x17, 0x18, 0x30, 0x31]);
const MAX_DEPTH = 64;

function readInto(nodes: DerNode[], bytes: Uint8Array, from: number, to: number, parent: number, depth: number): boolean {
  for (let at = from; at < to; ) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1] ?? 0x80;
    const octets = first < 0x80 ? 0 : first & 0x7f;
    const content = at + 2 + octets;
    if (first === 0x80 || octets > 3 || content > to || (tag & 0x1f) === 0x1f || nodes.length >= MAX_NODES) return false;
    let length = octets === 0 ? first : 0;
    for (let i = 0; i < octets; i++) length = length * 0x100 + (bytes[at + 2 + i] ?? 0);
    const end = content + length;
    if (end > to) return false;
    const place = nodes.length;
    nodes.push({ tag, start: at, content, end, parent });
    if (!readChildren(nodes, bytes, { tag, content, end, place, depth })) return false;
    at = end;
  }
  return true;
}

interface Place {
  readonly tag: number;
  readonly content: number;
  readonly end: number;
  readonly place: number;
  readonly depth: number;
}

function readChildren(nodes: DerNode[], bytes: Uint8Array, { tag, content, end, place, depth }: Place): boolean {
  if (depth >= MAX_DEPTH) return true;
  if ((tag & 0x20) !== 0) return readInto(nodes, bytes, content, end, place, depth + 1);
  if ((tag !== 0x04 && tag !== 0x03) || end - content < 3) return true;
  // What a string holds may be DER or may not: if not, it is one element without any inside.
  const from = tag === 0x03 ? content + 1 : content;
  const before = nodes.length;
  if (INSIDE.has(bytes[from] ?? 0) && readInto(nodes, bytes, from, end, place, depth + 1)) return true;
  nodes.length = before;
  return true;
}

function changedElement(bytes: Uint8Array, nodes: readonly DerNode[], at: number, random: Random, corpus: Corpus): Uint8Array {
  const node = nodes[at] as DerNode;
  const own = bytes.subarray(node.start, node.end);
  const element = { tag: node.tag, content: bytes.subarray(node.content, node.end) };
  switch (random.below(8)) {
    case 0:
      return elementOf(random.pick(corpus.seeds), random, node.tag) ?? own;
    case 1:
      return elementOf(bytes, random, node.tag) ?? own;
    case 2:
      return moved(bytes, nodes, at, random);
    case 3:
    case 4:
      return tlv(node.tag, oddContent(node.tag, element.content, random));
    default:
      return concat(bentElement(element, random));
  }
}

/** Some element of `bytes`, mostly one with the same tag. */
function elementOf(bytes: Uint8Array, random: Random, tag: number): Uint8Array | undefined {
  const nodes = derNodes(bytes);
  const alike = random.oneIn(5) ? nodes : nodes.filter((node) => node.tag === tag);
  const node = alike[random.below(alike.length)];
  return node === undefined ? undefined : bytes.subarray(node.start, node.end);
}

/** The element with two of its children in the other order. */
function moved(bytes: Uint8Array, nodes: readonly DerNode[], at: number, random: Random): Uint8Array {
  const node = nodes[at] as DerNode;
  const parts = nodes.filter(({ parent }) => parent === at).map(({ start, end }) => bytes.subarray(start, end));
  if (parts.length < 2 || (node.tag & 0x20) === 0) return bytes.subarray(node.start, node.end);
  const [i, j] = [random.below(parts.length), random.below(parts.length)];
  [parts[i], parts[j]] = [parts[j] as Uint8Array, parts[i] as Uint8Array];
  return tlv(node.tag, ...parts);
}

type LengthChange = (node: DerNode, random: Random) => Uint8Array;

/** Lengths that are not the element's, and some that are in another form. */
const WRONG_LENGTHS: readonly [LengthChange, ...LengthChange[]] = [
  ({ content, end }) => lengthOf(end - content + 1),
  ({ content, end }) => lengthOf(Math.max(0, end - content - 1)),
  () => Uint8Array.of(0x00),
  () => Uint8Array.of(0x80),
  () => Uint8Array.of(0xff),
  () => Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff),
  () => Uint8Array.of(0x84, 0x7f, 0xff, 0xff, 0xff),
  () => Uint8Array.of(0x88, 0, 0, 0, 1, 0, 0, 0, 0),
  ({ content, end }) => Uint8Array.of(0x84, 0, 0, (end - content) >> 8, (end - content) & 0xff),
  ({ content, end }) => Uint8Array.of(0x81, (end - content) & 0xff),
  (_, random) => lengthOf(random.below(0x2000)),
];

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 0xff);
}

const OIDS = [
  ...['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.5', '1.2.840.113549.1.1.10', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.2.1', '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.101.112'],
  ...['1.3.14.3.2.26', '2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3', '1.2.840.113549.2.5'],
  ...['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.20', '2.5.29.21', '2.5.29.24', '2.5.29.27', '2.5.29.28', '2.5.29.29'],
  ...['2.5.29.30', '2.5.29.31', '2.5.29.32', '2.5.29.35', '2.5.29.37', '2.5.29.37.0', '2.5.29.46', '1.3.6.1.5.5.7.1.1'],
  ...['1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.9', '1.3.6.1.5.5.7.48.1', '1.3.6.1.5.5.7.48.1.1', '1.3.6.1.5.5.7.48.1.5'],
  ...['1.2.840.113549.1.7.1', '1.2.840.113549.1.7.2', '1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.16.1.4'],
  ...['1.2.840.113549.1.9.16.2.12', '1.2.840.113549.1.9.16.2.47', '2.5.4.3', '2.5.4.6', '2.5.4.8', '2.5.4.10', '1.2.840.113549.1.9.1'],
] as readonly string[] as readonly [string, ...string[]];
const TIMES = [
  ...['250601000000Z', '20250601000000Z', '491231235959Z', '500101000000Z', '00000101000000Z', '99991231235959Z', '20250230000000Z'],
  ...['20240229000000Z', '20250601240000Z', '20250601000060Z', '2506010000Z', '20250601000000.5Z', '20250601000000.50Z', '20250601000000'],
  ...['20250601000000+0100', '20260601000000Z', '20150601000000Z', '250601000000+0100', '2025060100000Z', '-0250601000000Z'],
] as readonly string[] as readonly [string, ...string[]];
const INTEGERS = [
  ...['', '00', '01', '02', '03', '06', '7f', '80', '81', 'ff', '0001', '00ff', '0080', 'ff7f', 'ffff', '7fffffff', '0080000000'],
  ...['7fffffffffffff', '00ffffffffffffffff', `00${'ff'.repeat(20)}`, `7f${'ff'.repeat(20)}`, '01'.repeat(40)],
] as readonly string[] as readonly [string, ...string[]];

/** Contents that another reader of this type may take in another way. */
function oddContent(tag: number, content: Uint8Array, random: Random): Uint8Array {
  switch (tag) {
    case 0x01:
      return Uint8Array.of(random.pick([0x00, 0xff, 0x01, 0x7f]));
    case 0x02:
    case 0x0a:
      return Buffer.from(random.pick(INTEGERS), 'hex');
    case 0x03:
      return concat([Uint8Array.of(random.pick([0, 1, 4, 7, 8, 0xff])), content.subarray(1)]);
    case 0x06:
      return random.oneIn(4)
        ? Buffer.from(random.pick(['', '80', '2a80', '8001', '2a8f8080807f', '88', 'ffff7f']), 'hex')
        : oid(random.pick(OIDS)).subarray(2);
    case 0x17:
    case 0x18:
      return Buffer.from(random.pick(TIMES));
    default:
      return content.length > 0 && random.oneIn(2) ? content.subarray(0, random.below(content.length)) : concat([content, random.bytes(1)]);
  }
}
