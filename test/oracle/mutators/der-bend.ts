import { concat, tlv } from '../../der-writer.ts';
import type { Random } from '../random.ts';
import { disturbed } from './table.ts';

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The DER with one element somewhere in it changed; the lengths around it are right again. */
export function bentDer(bytes: Uint8Array, random: Random, depth = 0): Uint8Array {
  const elements = readAll(bytes);
  if (elements === undefined || elements.length === 0) return disturbed(bytes, random);
  const at = random.below(elements.length);
  return concat(
    elements.flatMap((element, i) => {
      if (i !== at) return [tlv(element.tag, element.content)];
      const descend = isConstructed(element) && element.content.length > 0 && (depth === 0 || !random.oneIn(3));
      return descend ? [tlv(element.tag, bentDer(element.content, random, depth + 1))] : bentElement(element, random);
    }),
  );
}

const TAGS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1c, 0x1e, 0x30, 0x31, 0x80, 0x82, 0x86, 0xa0,
  0xa1, 0xa4,
] as const;

/** What may stand in the place of an element: nothing, another one, several. */
export function bentElement(element: Element, random: Random): Uint8Array[] {
  const { tag, content } = element;
  const whole = tlv(tag, content);
  switch (random.below(12)) {
    case 0:
      return [];
    case 1:
      return [whole, whole];
    case 2:
      return [tlv(random.pick(TAGS), content)];
    case 3:
      return [tlv(tag ^ 0x20, content)];
    case 4:
      return [tlv(tag)];
    case 5:
      return [concat([Uint8Array.of(tag), longLength(content.length), content])];
    case 6:
      return [concat([Uint8Array.of(tag, 0x80), content, Uint8Array.of(0, 0)])];
    case 7:
      return [tlv(tag, content, Uint8Array.of(0x05, 0))];
    case 8:
      return [whole, Uint8Array.of(0x05, 0)];
    case 9:
      return [tlv(tag, Uint8Array.of(0), content)];
    case 10:
      return [tlv(0x30, whole)];
    default:
      return [tlv(tag, content.length === 0 ? random.bytes(3) : disturbed(content, random))];
  }
}

/** A length with a leading zero octet, which BER allows and DER does not. */
function longLength(length: number): Uint8Array {
  return Uint8Array.of(0x82, length >> 8, length & 0xff);
}

function isConstructed({ tag, content }: Element): boolean {
  return (tag & 0x20) !== 0 || (tag === 0x04 && (readAll(content)?.length ?? 0) > 0);
}

/** The elements of a text that is nothing but short-form and definite DER; undefined for anything else. */
function readAll(bytes: Uint8Array): readonly Element[] | undefined {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const octets = first < 0x80 ? 0 : first & 0x7f;
    if (octets > 2 || first === 0x80 || (tag & 0x1f) === 0x1f) return undefined;
    const start = at + 2 + octets;
    const length = octets === 0 ? first : bytes.subarray(at + 2, start).reduce((value, octet) => value * 256 + octet, 0);
    if (start + length > bytes.length) return undefined;
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}
