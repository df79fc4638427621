import { CodedError } from '../lib/errors.ts';

/** Identifier octets, ITU-T X.690 section 8.1.2. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The identifier octet of a context-specific tag 0..30. */
export function contextTag(number: number, form: 'primitive' | 'constructed'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number;
}

/** One element; both fields are views of the bytes that were read. */
export interface Der {
  readonly tag: number;
  /** Identifier, length and contents. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** A place between the elements inside a constructed element. */
export interface DerCursor {
  readonly bytes: Uint8Array;
  at: number;
}

export interface DerLimits {
  /** Constructed elements inside each other. Default 32. */
  readonly maxDepth?: number;
  /** Elements in all. Default 16384. */
  readonly maxNodes?: number;
}

/** Bytes that are not the DER expected. */
export class DerError extends CodedError {
  readonly code = 'DER_INVALID';
}

/**
 * Reads one DER element that fills `bytes`, after a walk over every element inside it: definite lengths in their shortest form, tag
 * numbers up to 30, the right primitive or constructed form of universal types.
 *
 * @throws {DerError} Also over the limits.
 */
export function readDer(bytes: Uint8Array, limits: DerLimits = {}): Der {
  screen(bytes, limits.maxDepth ?? 32, limits.maxNodes ?? 16_384);
  const cursor = { bytes, at: 0 };
  const element = takeAny(cursor);
  close(cursor);
  return element;
}

/** A cursor at the first element inside `element`, whose tag must be `tag`. */
export function open(element: Der, tag: number): DerCursor {
  expectTag(element.tag, tag);
  return { bytes: element.content, at: 0 };
}

/** All elements inside `element`, whose tag must be `tag`. */
export function childrenOf(element: Der, tag: number): Der[] {
  const cursor = open(element, tag);
  const children: Der[] = [];
  while (!isAtEnd(cursor)) children.push(takeAny(cursor));
  return children;
}

/** The one element inside `element`, whatever their tags. */
export function onlyChild(element: Der): Der {
  const cursor = open(element, element.tag);
  const inner = takeAny(cursor);
  close(cursor);
  return inner;
}

/** Passes the next element, whatever it is. */
export function takeAny(cursor: DerCursor): Der {
  const { bytes, at } = cursor;
  const tag = bytes[at];
  if (tag === undefined) throw new DerError('expected an element, got the end');
  const start = at + headerLength(bytes, at, bytes.length);
  const end = start + contentLength(bytes, at);
  if (end > bytes.length) throw new DerError(`truncated: expected ${end - start} bytes, got ${bytes.length - start}`);
  cursor.at = end;
  return { tag, raw: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

/** Passes the next element, which must have this tag. */
export function take(cursor: DerCursor, tag: number): Der {
  expectTag(cursor.bytes[cursor.at], tag);
  return takeAny(cursor);
}

/** Passes the next element if it has this tag. */
export function takeOptional(cursor: DerCursor, tag: number): Der | undefined {
  return cursor.bytes[cursor.at] === tag ? takeAny(cursor) : undefined;
}

export function isAtEnd(cursor: DerCursor): boolean {
  return cursor.at >= cursor.bytes.length;
}

/** Makes sure that nothing is left. */
export function close(cursor: DerCursor): void {
  if (!isAtEnd(cursor)) throw new DerError(`${cursor.bytes.length - cursor.at} bytes after the last element`);
}

/** @throws {DerError} Unless the tags are equal. */
export function expectTag(found: number | undefined, expected: number): void {
  if (found === expected) return;
  throw new DerError(`expected tag ${hexOctet(expected)}, got ${found === undefined ? 'the end' : hexOctet(found)}`);
}

function hexOctet(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`;
}

const CONSTRUCTED = 0x20;
const UNIVERSAL_SEQUENCE = 0x10;
const UNIVERSAL_SET = 0x11;

/** Walks over every element without making objects: cheap enough to run before anything else looks at the bytes. */
function screen(bytes: Uint8Array, maxDepth: number, maxNodes: number): void {
  const ends: number[] = [bytes.length];
  let nodes = 0;
  let at = 0;
  for (;;) {
    const end = ends[ends.length - 1] ?? 0;
    if (at === end) {
      if (ends.length === 1) return;
      ends.pop();
      continue;
    }
    if (++nodes > maxNodes) throw new DerError(`more than ${maxNodes} elements`);
    const tag = bytes[at] ?? 0;
    checkForm(tag);
    const start = at + headerLength(bytes, at, end);
    const next = start + contentLength(bytes, at);
    if (next > end) throw new DerError(`truncated: expected ${next - start} bytes at offset ${start}, got ${end - start}`);
    if ((tag & CONSTRUCTED) === 0) {
      at = next;
      continue;
    }
    if (ends.length > maxDepth) throw new DerError(`nested deeper than ${maxDepth}`);
    ends.push(next);
    at = start;
  }
}

function checkForm(tag: number): void {
  const number = tag & 0x1f;
  if (number === 0x1f) throw new DerError('tag number over 30');
  if (tag >= 0x40) return;
  if (number === 0) throw new DerError('end-of-contents octets');
  const constructed = number === UNIVERSAL_SEQUENCE || number === UNIVERSAL_SET;
  // EXTERNAL and EMBEDDED PDV, the other constructed universal types, stand in nothing we read.
  if (constructed !== ((tag & CONSTRUCTED) !== 0)) throw new DerError(`universal tag ${hexOctet(tag)} in the wrong form`);
}

/** Octets of identifier and length of the element at `at`; checks that the length is definite and minimal. */
function headerLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at + 1];
  if (first === undefined || at + 1 >= end) throw new DerError('truncated: expected a length');
  if (first < 0x80) return 2;
  const octets = first & 0x7f;
  if (octets === 0) throw new DerError('indefinite length');
  if (octets > 4) throw new DerError(`length of ${octets} octets`);
  if (at + 2 + octets > end) throw new DerError('truncated: expected a length');
  const length = contentLength(bytes, at);
  if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw new DerError('length that is not minimal');
  return 2 + octets;
}

/** The length written in the element at `at`, whose header has been found whole. */
function contentLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] ?? 0;
  if (first < 0x80) return first;
  let length = 0;
  for (let i = 0; i < (first & 0x7f); i++) length = length * 0x100 + (bytes[at + 2 + i] ?? 0);
  return length;
}
