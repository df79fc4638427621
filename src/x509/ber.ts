import { DerError, type DerLimits } from './der.ts';
import { lengthOctets } from './der-writer.ts';

/** Longer texts are not looked at: what timestamp tokens may have. */
const MAX_BYTES = 64 * 1024;
const CONSTRUCTED = 0x20;

/** An element by its places in the bytes. `length` is that of its contents once every length is as short as can be. */
interface Node {
  readonly start: number;
  readonly identifierEnd: number;
  readonly contentStart: number;
  readonly end: number;
  readonly constructed: boolean;
  /** Index of the element around it; -1 for the root. */
  readonly parent: number;
  length: number;
}

/**
 * Writes BER of definite lengths with lengths in their shortest form. Nothing else changes: identifiers and what primitive elements contain
 * stay as they are, and strings in pieces stay in pieces. The root must fill `bytes`, which are given back where nothing needs to change.
 *
 * @throws {DerError} Also over 64 KiB or the limits, whose defaults are those of `readDer`.
 */
export function berToDer(bytes: Uint8Array, { maxDepth = 32, maxNodes = 16_384 }: DerLimits = {}): Uint8Array {
  if (bytes.length > MAX_BYTES) throw new DerError(`expected at most ${MAX_BYTES} bytes, got ${bytes.length}`);
  const nodes = nodesOf(bytes, maxDepth, maxNodes);
  if (nodes.every(hasShortestLength)) return bytes;
  // What is inside comes after what is around it: from the end on, every length is known before it is added.
  for (const node of nodes.toReversed()) {
    const around = nodes[node.parent];
    if (around !== undefined) around.length += node.identifierEnd - node.start + lengthOctets(node.length).length + node.length;
  }
  return Buffer.concat(
    nodes.flatMap(({ start, identifierEnd, contentStart, end, constructed, length }) => [
      bytes.subarray(start, identifierEnd),
      lengthOctets(length),
      ...(constructed ? [] : [bytes.subarray(contentStart, end)]),
    ]),
  );
}

function hasShortestLength({ identifierEnd, contentStart, end }: Node): boolean {
  const [octets, length] = [contentStart - identifierEnd, end - contentStart];
  return octets === 1 ? length < 0x80 : length >= 0x80 && length >= 2 ** (8 * (octets - 2));
}

/** Every element, what is around others before what is inside. */
function nodesOf(bytes: Uint8Array, maxDepth: number, maxNodes: number): Node[] {
  const root = nodeAt(bytes, 0, bytes.length, -1);
  if (root.end !== bytes.length) throw new DerError(`${bytes.length - root.end} bytes after the last element`);
  const nodes = [root];
  const open = root.constructed ? [{ index: 0, at: root.contentStart, end: root.end }] : [];
  for (;;) {
    const around = open.at(-1);
    if (around === undefined) return nodes;
    if (around.at === around.end) {
      open.pop();
      continue;
    }
    if (nodes.length >= maxNodes) throw new DerError(`more than ${maxNodes} elements`);
    const node = nodeAt(bytes, around.at, around.end, around.index);
    around.at = node.end;
    if (node.constructed) {
      if (open.length >= maxDepth) throw new DerError(`nested deeper than ${maxDepth}`);
      open.push({ index: nodes.length, at: node.contentStart, end: node.end });
    }
    nodes.push(node);
  }
}

function nodeAt(bytes: Uint8Array, start: number, limit: number, parent: number): Node {
  const identifierEnd = endOfIdentifier(bytes, start, limit);
  const { contentStart, length } = lengthAt(bytes, identifierEnd, limit);
  const end = contentStart + length;
  if (end > limit) throw new DerError(`truncated: expected ${length} bytes at offset ${contentStart}, got ${limit - contentStart}`);
  const constructed = ((bytes[start] ?? 0) & CONSTRUCTED) !== 0;
  return { start, identifierEnd, contentStart, end, constructed, parent, length: constructed ? 0 : length };
}

/** Tag numbers over 30 go on for as long as the high bit is set. */
function endOfIdentifier(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  if (((bytes[at] ?? 0) & 0x1f) === 0x1f) {
    do at++;
    while (at < limit && (bytes[at] ?? 0) >= 0x80);
  }
  if (at + 1 >= limit) throw new DerError('truncated: expected an identifier and a length');
  return at + 1;
}

function lengthAt(bytes: Uint8Array, at: number, limit: number): { readonly contentStart: number; readonly length: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { contentStart: at + 1, length: first };
  const octets = first & 0x7f;
  if (octets === 0) throw new DerError('indefinite length');
  if (octets > 4) throw new DerError(`length of ${octets} octets`);
  const contentStart = at + 1 + octets;
  // A long form with nothing after it, not even for a length of zero, is what the reference refuses too.
  if (contentStart >= limit) throw new DerError('truncated: expected a length and contents');
  const length = bytes.subarray(at + 1, contentStart).reduce((value, octet) => value * 0x100 + octet, 0);
  return { contentStart, length };
}
