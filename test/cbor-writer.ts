/** A tiny CBOR writer for tests: every function gives the bytes of one item. */
import { concat } from './der-writer.ts';

export function head(major: number, argument: number | bigint): Uint8Array {
  const initial = major << 5;
  if (argument < 24) return Uint8Array.of(initial | Number(argument));
  const bytes = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
  return wideHead(major, argument, bytes);
}

/** A head whose argument takes `bytes` bytes (1, 2, 4 or 8), needed or not. */
export function wideHead(major: number, argument: number | bigint, bytes: 1 | 2 | 4 | 8): Uint8Array {
  const hex = argument.toString(16).padStart(bytes * 2, '0');
  return concat([Uint8Array.of((major << 5) | (24 + Math.log2(bytes))), Buffer.from(hex, 'hex')]);
}

export function int(value: number | bigint): Uint8Array {
  return value < 0 ? head(1, -1n - BigInt(value)) : head(0, value);
}

export function bytes(value: Uint8Array): Uint8Array {
  return concat([head(2, value.length), value]);
}

export function text(value: string): Uint8Array {
  const encoded = Buffer.from(value, 'utf8');
  return concat([head(3, encoded.length), encoded]);
}

export function array(...items: readonly Uint8Array[]): Uint8Array {
  return concat([head(4, items.length), ...items]);
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

export function map(...entries: readonly Entry[]): Uint8Array {
  return concat([head(5, entries.length), ...entries.flat()]);
}

export function tag(number: number, value: Uint8Array): Uint8Array {
  return concat([head(6, number), value]);
}

export function float64(value: number): Uint8Array {
  const out = Buffer.alloc(9);
  out.writeUInt8(0xfb);
  out.writeDoubleBE(value, 1);
  return new Uint8Array(out);
}

export const FALSE: Uint8Array = Uint8Array.of(0xf4);
export const TRUE: Uint8Array = Uint8Array.of(0xf5);
export const NULL: Uint8Array = Uint8Array.of(0xf6);
export const UNDEFINED: Uint8Array = Uint8Array.of(0xf7);
