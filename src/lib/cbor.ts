import { CodedError } from './errors.ts';

/** A tag with the value it marks, RFC 8949 section 3.4. Bignum tags 2 and 3 come as tags too. */
export class CborTag {
  readonly tag: number | bigint;
  readonly value: CborValue;
  constructor(tag: number | bigint, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

/** A half, single or double float; apart from integers, because `1.0` is not a label or an algorithm. */
export class CborFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A simple value without a meaning of its own. */
export class CborSimple {
  readonly number: number;
  constructor(number: number) {
    this.number = number;
  }
}

/** An integer: a number where it is a safe one, else a bigint. */
export type CborInteger = number | bigint;
/** Keys are integers and text; `1` and `"1"` are two keys. In the order of the bytes. */
export type CborMap = ReadonlyMap<CborInteger | string, CborValue>;
export type CborValue =
  | CborInteger
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly CborValue[]
  | CborMap
  | CborTag
  | CborFloat
  | CborSimple;

export interface CborOptions {
  /** Whether tags may stand anywhere. Default false. A leading tag is the caller's: `decodeCbor(bytes.subarray(1), …)`. */
  readonly tags?: boolean;
  /** Arrays, maps and tags inside each other. Default 32. */
  readonly maxDepth?: number;
}

/** Bytes that are not the CBOR we read. */
export class CborError extends CodedError {
  readonly code = 'CBOR_INVALID';
}

/**
 * Decodes one CBOR item (RFC 8949): definite lengths only, map keys integers or text and unique after decoding, text valid UTF-8, no
 * bytes after the item. Heads need not be minimal and maps need not be sorted. Byte strings are views of `bytes`.
 *
 * @throws {CborError} On anything else, on depth over `maxDepth`, arrays over 131072 items, maps over 4096 entries.
 */
export function decodeCbor(bytes: Uint8Array, options: CborOptions = {}): CborValue {
  const source: Source = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    at: 0,
    tags: options.tags ?? false,
    maxDepth: options.maxDepth ?? 32,
    valuesLeft: MAX_VALUES,
    containersLeft: MAX_CONTAINERS,
  };
  const value = readItem(source, 0);
  if (source.at < bytes.length) throw new CborError(`${bytes.length - source.at} bytes after the item`);
  return value;
}

/** Whether a value is a map; narrows it. */
export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

/** Whether a value is an array; narrows it. */
export function isCborArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

/** The head of a byte string of `length` bytes in its shortest form, as `Sig_structure` needs it (RFC 9052 section 4.4). */
export function encodeByteStringHeader(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x40 | length);
  if (length < 0x100) return Uint8Array.of(0x58, length);
  if (length < 0x10000) return Uint8Array.of(0x59, length >> 8, length & 0xff);
  const head = new Uint8Array(length < 0x1_0000_0000 ? 5 : 9);
  const view = new DataView(head.buffer);
  view.setUint8(0, head.length === 5 ? 0x5a : 0x5b);
  if (head.length === 5) view.setUint32(1, length);
  else view.setBigUint64(1, BigInt(length));
  return head;
}

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  readonly tags: boolean;
  readonly maxDepth: number;
  valuesLeft: number;
  containersLeft: number;
}

// Of one message in all: an empty map is one byte there and a hundred in memory.
const MAX_VALUES = 131_072;
const MAX_CONTAINERS = 16_384;
const MAX_ITEMS = 131_072;
const MAX_ENTRIES = 4096;
// V8 hashes integers, and text like "12345", without a secret: thousands in one map could be made to collide.
const MAX_NUMERIC_KEYS = 64;
const NUMERIC_TEXT = /^\d{1,10}$/;
const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;

function readItem(source: Source, depth: number): CborValue {
  if (depth > source.maxDepth) throw new CborError(`nested deeper than ${source.maxDepth}`);
  if (--source.valuesLeft < 0) throw new CborError(`more than ${MAX_VALUES} values`);
  const initial = take(source, 1)[0] ?? 0;
  const major = initial >> 5;
  const info = initial & 0x1f;
  if (major === MAJOR.simple) return readSimple(source, info);
  if (major >= MAJOR.array && --source.containersLeft < 0) throw new CborError(`more than ${MAX_CONTAINERS} arrays, maps and tags`);
  const argument = readArgument(source, info);
  switch (major) {
    case MAJOR.unsigned:
      return argument;
    case MAJOR.negative:
      return typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - BigInt(argument);
    case MAJOR.bytes:
      return take(source, argument);
    case MAJOR.text:
      return decodeUtf8(take(source, argument));
    case MAJOR.array:
      return readArray(source, argument, depth + 1);
    case MAJOR.map:
      return readMap(source, argument, depth + 1);
    default:
      if (!source.tags) throw new CborError(`tag ${argument} where no tag may stand`);
      return new CborTag(argument, readItem(source, depth + 1));
  }
}

function readArgument(source: Source, info: number): CborInteger {
  if (info < 24) return info;
  if (info > 27) throw new CborError(info === 31 ? 'indefinite length' : `reserved additional information ${info}`);
  const at = source.at;
  take(source, 1 << (info - 24));
  if (info === 24) return source.view.getUint8(at);
  if (info === 25) return source.view.getUint16(at);
  if (info === 26) return source.view.getUint32(at);
  const wide = source.view.getBigUint64(at);
  return wide <= Number.MAX_SAFE_INTEGER ? Number(wide) : wide;
}

function readArray(source: Source, count: CborInteger, depth: number): readonly CborValue[] {
  if (count > MAX_ITEMS) throw new CborError(`array of ${count} items, more than ${MAX_ITEMS}`);
  const items: CborValue[] = [];
  for (let i = 0; i < count; i++) items.push(readItem(source, depth));
  return items;
}

function readMap(source: Source, count: CborInteger, depth: number): CborMap {
  if (count > MAX_ENTRIES) throw new CborError(`map of ${count} entries, more than ${MAX_ENTRIES}`);
  const entries = new Map<CborInteger | string, CborValue>();
  let numericKeys = 0;
  for (let i = 0; i < count; i++) {
    const key = readItem(source, depth);
    if (typeof key !== 'number' && typeof key !== 'bigint' && typeof key !== 'string') {
      throw new CborError('map key that is neither an integer nor text');
    }
    if (entries.has(key)) throw new CborError('duplicate map key');
    if ((typeof key !== 'string' || NUMERIC_TEXT.test(key)) && ++numericKeys > MAX_NUMERIC_KEYS) {
      throw new CborError(`more than ${MAX_NUMERIC_KEYS} numeric map keys`);
    }
    entries.set(key, readItem(source, depth));
  }
  return entries;
}

function readSimple(source: Source, info: number): CborValue {
  const at = source.at;
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
      return null;
    case 23:
      return undefined;
    case 24: {
      const number = take(source, 1)[0] ?? 0;
      if (number < 32) throw new CborError(`simple value ${number} in two bytes`);
      return new CborSimple(number);
    }
    case 25:
      take(source, 2);
      return new CborFloat(halfFloat(source.view.getUint16(at)));
    case 26:
      take(source, 4);
      return new CborFloat(source.view.getFloat32(at));
    case 27:
      take(source, 8);
      return new CborFloat(source.view.getFloat64(at));
    default:
      if (info < 20) return new CborSimple(info);
      throw new CborError(info === 31 ? 'break without an indefinite item' : `reserved additional information ${info}`);
  }
}

function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CborError('text that is not UTF-8', { cause });
  }
}

function take(source: Source, length: CborInteger): Uint8Array {
  const left = source.bytes.length - source.at;
  if (length > left) throw new CborError(`truncated: expected ${length} more bytes, got ${left}`);
  const bytes = source.bytes.subarray(source.at, source.at + Number(length));
  source.at += bytes.length;
  return bytes;
}
