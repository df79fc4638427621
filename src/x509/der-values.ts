import type { Instant } from '../lib/instant.ts';
import { type Der, DerError, expectTag, TAG } from './der.ts';

/** The dotted form of an OBJECT IDENTIFIER. Arcs above 2^31-1 are refused, as Go refuses them. */
export function oidOf(element: Der): string {
  expectTag(element.tag, TAG.oid);
  const { content } = element;
  if (content.length === 0) throw new DerError('empty object identifier');
  let text = '';
  let arc = 0;
  let started = false;
  for (const octet of content) {
    if (!started && octet === 0x80) throw new DerError('object identifier arc that is not minimal');
    arc = arc * 0x80 + (octet & 0x7f);
    if (arc > MAX_ARC) throw new DerError('object identifier arc over 2^31-1');
    started = octet >= 0x80;
    if (started) continue;
    text = text === '' ? firstArcs(arc) : `${text}.${arc}`;
    arc = 0;
  }
  if (started) throw new DerError('truncated object identifier');
  return text;
}

/** The contents of an INTEGER, two's complement, checked to be minimal. */
export function integerOf(element: Der): Uint8Array {
  expectTag(element.tag, TAG.integer);
  return minimalInteger(element.content);
}

/** The contents of an implicitly tagged INTEGER, checked to be minimal. */
export function minimalInteger(content: Uint8Array): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw new DerError('empty integer');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new DerError('integer that is not minimal');
  }
  return content;
}

/** The contents of an ENUMERATED, two's complement, checked to be minimal. */
export function enumeratedOf(element: Der): Uint8Array {
  expectTag(element.tag, TAG.enumerated);
  return minimalInteger(element.content);
}

/** A non-negative INTEGER up to 2^48-1. */
export function smallIntegerOf(element: Der): number {
  const content = integerOf(element);
  if (isNegative(content)) throw new DerError('negative integer');
  if (content.length > 6) throw new DerError(`integer of ${content.length} octets`);
  return content.reduce((value, octet) => value * 0x100 + octet, 0);
}

export function isNegative(integer: Uint8Array): boolean {
  return (integer[0] ?? 0) >= 0x80;
}

/** Bits of a non-negative integer, without leading zeros. */
export function bitLength(integer: Uint8Array): number {
  const start = integer[0] === 0 ? 1 : 0;
  const first = integer[start];
  return first === undefined ? 0 : (integer.length - start) * 8 - (Math.clz32(first) - 24);
}

/** A BOOLEAN: FF is true and 00 false, nothing else is DER. */
export function booleanOf(element: Der): boolean {
  expectTag(element.tag, TAG.boolean);
  const [octet] = element.content;
  if (element.content.length !== 1 || (octet !== 0 && octet !== 0xff)) throw new DerError('boolean that is neither 00 nor ff');
  return octet === 0xff;
}

/** A BIT STRING: its octets and how many bits at the end are unused, which must be zero. */
export function bitStringOf(element: Der): { readonly bytes: Uint8Array; readonly unusedBits: number } {
  expectTag(element.tag, TAG.bitString);
  const [unusedBits] = element.content;
  const bytes = element.content.subarray(1);
  const last = bytes[bytes.length - 1];
  if (unusedBits === undefined || unusedBits > 7 || (last === undefined && unusedBits > 0)) throw new DerError('malformed bit string');
  if (last !== undefined && (last & ((1 << unusedBits) - 1)) !== 0) throw new DerError('bit string with unused bits set');
  return { bytes, unusedBits };
}

/** The octets of a BIT STRING that holds whole octets: a key or a signature. */
export function octetsOfBitString(element: Der): Uint8Array {
  const { bytes, unusedBits } = bitStringOf(element);
  if (unusedBits !== 0) throw new DerError('bit string of broken octets');
  return bytes;
}

/** The text of an ASN.1 string, whose characters must belong to its type; types and alphabets as Go reads them. */
export function stringOf(element: Der): string {
  const { content } = element;
  switch (element.tag) {
    case TAG.utf8String:
      return utf8(content);
    case TAG.printableString:
      return checked(latin1(content), PRINTABLE, 'PrintableString');
    case TAG.ia5String:
      return ia5Text(content);
    case TAG.numericString:
      return checked(latin1(content), NUMERIC, 'NumericString');
    case TAG.t61String:
      return latin1(content);
    case TAG.bmpString:
      return bmp(content);
    default:
      throw new DerError('unsupported string type');
  }
}

/** Seven-bit text, also where it stands under an implicit tag. */
export function ia5Text(content: Uint8Array): string {
  return checked(latin1(content), ASCII, 'IA5String');
}

/**
 * UTCTime as `YYMMDDHHMMSSZ` (years 1950 to 2049) or GeneralizedTime as `YYYYMMDDHHMMSSZ`, the only forms of RFC 5280 4.1.2.5; the date
 * must be in the calendar.
 */
export function timeOf(element: Der): Date {
  const { tag, content } = element;
  const isShort = tag === TAG.utcTime && content.length === 13;
  const isKnown = isShort || (tag === TAG.generalizedTime && content.length === 15);
  if (!isKnown || content.at(-1) !== ZONE_Z) throw new DerError('malformed time');
  const first = digitPair(content, 0);
  return isShort ? instant((first >= 50 ? 1900 : 2000) + first, content, 2) : instant(first * 100 + digitPair(content, 2), content, 4);
}

/**
 * GeneralizedTime with seconds, a fraction of up to nine digits that does not end in zero, and zone `Z` or an offset other than zero: what the
 * reference reads in timestamps, which should have `Z` (RFC 3161 section 2.4.2).
 */
export function generalizedInstantOf(element: Der): Instant {
  expectTag(element.tag, TAG.generalizedTime);
  const match = GENERALIZED_INSTANT.exec(latin1(element.content));
  if (match === null) throw new DerError('malformed time');
  const [, fraction = '', sign, hours = '0', minutes = '0'] = match;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60;
  if (Number(hours) > 23 || Number(minutes) > 59 || (sign !== undefined && offset === 0)) throw new DerError('malformed time');
  const local = instant(digitPair(element.content, 0) * 100 + digitPair(element.content, 2), element.content, 4).getTime() / 1000;
  return { seconds: sign === '-' ? local + offset : local - offset, nanoseconds: Number(fraction.padEnd(9, '0')) };
}

const ZONE_Z = 0x5a;
const MAX_ARC = 2 ** 31 - 1;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// `*` and `&` do not belong to PrintableString but stand in certificates that are in use; Go takes them too.
const PRINTABLE = /^[A-Za-z0-9 '()*+,\-./:=?&]*$/;
const NUMERIC = /^[0-9 ]*$/;
const ASCII = /^[\u0000-\u007f]*$/;
const GENERALIZED_INSTANT = /^\d{14}(?:\.(\d{0,8}[1-9]))?(?:Z|([+-])(\d{2})(\d{2}))$/;
const BMP_REFUSED = /[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]/;

function firstArcs(arc: number): string {
  const first = Math.min(Math.floor(arc / 40), 2);
  return `${first}.${arc - first * 40}`;
}

function checked(text: string, alphabet: RegExp, type: string): string {
  if (!alphabet.test(text)) throw new DerError(`invalid ${type}`);
  return text;
}

function latin1(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}

function utf8(content: Uint8Array): string {
  try {
    return UTF8.decode(content);
  } catch (cause) {
    throw new DerError('invalid UTF8String', { cause });
  }
}

function bmp(content: Uint8Array): string {
  if (content.length % 2 !== 0) throw new DerError('invalid BMPString');
  const text = Buffer.from(content).swap16().toString('utf16le');
  const unterminated = text.endsWith('\u0000') ? text.slice(0, -1) : text;
  if (BMP_REFUSED.test(unterminated)) throw new DerError('invalid BMPString');
  return unterminated;
}

/** Two decimal digits; not a number where they are none. */
function digitPair(content: Uint8Array, at: number): number {
  const [tens, ones] = [(content[at] ?? 0) - 0x30, (content[at + 1] ?? 0) - 0x30];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** What is written from the month to the seconds, of a year. By arithmetic: lists have a time for each of a million entries. */
function instant(year: number, content: Uint8Array, from: number): Date {
  const month = digitPair(content, from) - 1;
  const day = digitPair(content, from + 2);
  const [hours, minutes, seconds] = [digitPair(content, from + 4), digitPair(content, from + 6), digitPair(content, from + 8)];
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hours, minutes, seconds);
  // Date moves 30 February and 24:00 on to the next day, so what it made of the numbers is compared with them.
  const isSame =
    date.getUTCMonth() === month &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hours &&
    date.getUTCMinutes() === minutes &&
    date.getUTCSeconds() === seconds;
  if (!isSame) throw new DerError('malformed time');
  return date;
}
