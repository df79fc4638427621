import { concat, type Part } from './der-writer.ts';

/**
 * DER again with every length but zero in this many octets, which BER allows; what primitive elements contain stays as it is. The reference
 * takes a long zero for one that is cut off.
 */
export function withLongLengths(bytes: Uint8Array, octets: 1 | 2 | 3 | 4): Uint8Array {
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const start = at + 2 + (first < 0x80 ? 0 : first & 0x7f);
    const length = first < 0x80 ? first : bytes.subarray(at + 2, start).reduce((value, octet) => value * 0x100 + octet, 0);
    const content = bytes.subarray(start, start + length);
    const written = (tag & 0x20) === 0 ? content : withLongLengths(content, octets);
    const lengthOctets = Buffer.from(written.length.toString(16).padStart(2 * octets, '0'), 'hex');
    if (written.length === 0) parts.push(Uint8Array.of(tag, 0));
    else parts.push(Uint8Array.of(tag, 0x80 | lengthOctets.length), lengthOctets, written);
    at = start + length;
  }
  return concat(parts);
}
