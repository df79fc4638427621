import { createHash } from 'node:crypto';
import { algorithmOf } from './algorithm.ts';
import { childrenOf, close, type Der, DerError, open, readDer, TAG, take } from './der.ts';
import { integerOf, octetsOfBitString } from './der-values.ts';
import { tlv } from './der-writer.ts';
import type { Certificate } from './types.ts';

/** Which certificate is meant, as an OCSP responder is asked and answers (RFC 6960 section 4.1.1). */
export interface CertificateId {
  readonly hash: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Contents of the INTEGER, lower-case hex. */
  readonly serialNumber: string;
}

const HASHES: ReadonlyMap<string, CertificateId['hash']> = new Map<string, CertificateId['hash']>([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
const SHA1 = Buffer.from('300906052b0e03021a0500', 'hex');

/** An OCSP request (DER) for one certificate: SHA-1 in the CertID, as every responder knows it, no nonce, no signature. */
export function ocspRequest(certificate: Certificate, issuer: Certificate): Uint8Array {
  const serial = Buffer.from(certificate.serialNumber, 'hex');
  const id = tlv(
    TAG.sequence,
    SHA1,
    tlv(TAG.octetString, hashOf('sha1', issuer.rawSubject)),
    tlv(TAG.octetString, hashOf('sha1', publicKeyBits(issuer))),
    tlv(TAG.integer, serial),
  );
  return tlv(TAG.sequence, tlv(TAG.sequence, tlv(TAG.sequence, tlv(TAG.sequence, id))));
}

/** @throws {DerError} If the element is no CertID, or one of a hash that is not known. */
export function readCertificateId(element: Der): CertificateId {
  const cursor = open(element, TAG.sequence);
  const { oid } = algorithmOf(take(cursor, TAG.sequence));
  const issuerNameHash = take(cursor, TAG.octetString).content;
  const issuerKeyHash = take(cursor, TAG.octetString).content;
  const serialNumber = Buffer.from(integerOf(take(cursor, TAG.integer))).toString('hex');
  close(cursor);
  const hash = HASHES.get(oid);
  if (hash === undefined) throw new DerError(`unknown hash ${oid} of a certificate's issuer`);
  return { hash, issuerNameHash, issuerKeyHash, serialNumber };
}

/** Whether `id` means `certificate` of `issuer`: name, key and serial number. */
export function isIdOf(
  { hash, issuerNameHash, issuerKeyHash, serialNumber }: CertificateId,
  certificate: Certificate,
  issuer: Certificate,
): boolean {
  return (
    serialNumber === certificate.serialNumber &&
    hashOf(hash, issuer.rawSubject).equals(issuerNameHash) &&
    hashOf(hash, publicKeyBits(issuer)).equals(issuerKeyHash)
  );
}

/** SHA-1 of a certificate's public key, by which a responder may name itself. */
export function keyHashOf(certificate: Certificate): Buffer {
  return hashOf('sha1', publicKeyBits(certificate));
}

function publicKeyBits(certificate: Certificate): Uint8Array {
  const [, bits] = childrenOf(readDer(certificate.publicKey.export({ type: 'spki', format: 'der' })), TAG.sequence);
  if (bits === undefined) throw new DerError('public key without its bits');
  return octetsOfBitString(bits);
}

function hashOf(hash: CertificateId['hash'], bytes: Uint8Array): Buffer {
  return createHash(hash).update(bytes).digest();
}
