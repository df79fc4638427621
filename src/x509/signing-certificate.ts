import { type Algorithm, algorithmOf } from './algorithm.ts';
import { childrenOf, close, contextTag, type Der, DerError, isAtEnd, onlyChild, open, TAG, take, takeAny, takeOptional } from './der.ts';
import { integerOf } from './der-values.ts';

/** An ESSCertIDv2 (RFC 5035 section 4): which certificate a signature is meant to be by. */
export interface CertificateHash {
  /** Undefined: SHA-256. */
  readonly algorithm: Algorithm | undefined;
  /** Of the whole certificate. */
  readonly hash: Uint8Array;
  readonly issuerSerial: { readonly rawIssuer: Uint8Array; readonly serialNumber: string } | undefined;
}

/** Reads the value of a signingCertificateV2 attribute (RFC 5035 section 3). @throws {DerError} */
export function readSigningCertificateV2(element: Der): readonly CertificateHash[] {
  const cursor = open(element, TAG.sequence);
  const certificates = childrenOf(take(cursor, TAG.sequence), TAG.sequence).map(readCertificateHash);
  // Policies, which nobody reads.
  if (!isAtEnd(cursor)) takeAny(cursor);
  close(cursor);
  return certificates;
}

function readCertificateHash(element: Der): CertificateHash {
  const cursor = open(element, TAG.sequence);
  const algorithm = takeOptional(cursor, TAG.sequence);
  const hash = take(cursor, TAG.octetString).content;
  const issuerSerial = takeOptional(cursor, TAG.sequence);
  close(cursor);
  return { algorithm: algorithm && algorithmOf(algorithm), hash, issuerSerial: issuerSerial && readIssuerSerial(issuerSerial) };
}

function readIssuerSerial(element: Der): CertificateHash['issuerSerial'] {
  const cursor = open(element, TAG.sequence);
  const names = childrenOf(take(cursor, TAG.sequence), TAG.sequence);
  const serialNumber = Buffer.from(integerOf(take(cursor, TAG.integer))).toString('hex');
  close(cursor);
  const [name, ...more] = names;
  if (name?.tag !== contextTag(4, 'constructed') || more.length > 0) throw new DerError('issuer name is missing in IssuerSerial');
  return { rawIssuer: onlyChild(name).raw, serialNumber };
}
