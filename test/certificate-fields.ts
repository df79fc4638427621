import { createHash } from 'node:crypto';

/** The parts of a certificate that other structures repeat, as they are encoded. */
export interface CertificateFields {
  /** The whole INTEGER. */
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Octets of subjectPublicKey. */
  readonly key: Uint8Array;
}

/** Fields of a certificate of our own making: version 3, definite lengths. Empty ones where it has been bent too much. */
export function fieldsOf(certificate: Uint8Array): CertificateFields {
  const [tbs = EMPTY] = children(certificate);
  const parts = children(tbs);
  const at = parts[0]?.[0] === 0xa0 ? 1 : 0;
  const part = (i: number): Uint8Array => parts[at + i] ?? EMPTY;
  const [, bits = EMPTY] = children(part(5));
  return { serial: part(0), issuer: part(2), subject: part(4), key: contentOf(bits).subarray(1) };
}

export function hashOf(algorithm: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(bytes).digest());
}

const EMPTY = new Uint8Array();

function headLength(element: Uint8Array): number {
  const first = element[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentOf(element: Uint8Array): Uint8Array {
  return element.subarray(headLength(element));
}

function children(element: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let rest = contentOf(element); rest.length > 1; ) {
    const head = headLength(rest);
    const length = (rest[1] ?? 0) < 0x80 ? (rest[1] ?? 0) : rest.subarray(2, head).reduce((value, octet) => value * 256 + octet, 0);
    found.push(rest.subarray(0, head + length));
    rest = rest.subarray(head + length);
  }
  return found;
}
