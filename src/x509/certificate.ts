import { createHash, type KeyObject } from 'node:crypto';
import { algorithmOf } from './algorithm.ts';
import { close, contextTag, type Der, type DerCursor, DerError, open, readDer, TAG, take, takeOptional } from './der.ts';
import { integerOf, isNegative, octetsOfBitString, smallIntegerOf, timeOf } from './der-values.ts';
import { X509Error } from './errors.ts';
import { readExtensionList, readKnownExtensions } from './extensions.ts';
import { readName } from './name.ts';
import { readPublicKey } from './public-key.ts';
import type { Certificate, Extension } from './types.ts';

export { isSignedBy } from './certificate-signature.ts';

/** Larger certificates are refused before anything reads them. */
const MAX_BYTES = 64 * 1024;

/**
 * Reads one X.509 certificate (RFC 5280 section 4.1), refusing what Go's `crypto/x509` refuses and, beyond it: anything after the known
 * elements, extensions below version 3, times without seconds or zone Z, RSA keys over 16384 bits or with a public exponent that is
 * even or 1. OpenSSL sees no byte before that. Keys of unknown algorithms are no error: their `keyKind` is undefined.
 *
 * @throws {X509Error} `CERTIFICATE_INVALID`
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_BYTES) throw invalid(`expected at most ${MAX_BYTES} bytes, got ${der.length}`);
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof DerError) throw invalid(error.message, error);
    throw error;
  }
}

function invalid(message: string, cause?: Error): X509Error {
  return new X509Error('CERTIFICATE_INVALID', `malformed certificate: ${message}`, { cause });
}

function readCertificate(der: Uint8Array): Certificate {
  const outer = open(readDer(der, { maxNodes: 8192 }), TAG.sequence);
  const data = take(outer, TAG.sequence);
  const outerAlgorithm = take(outer, TAG.sequence);
  const signature = octetsOfBitString(take(outer, TAG.bitString));
  close(outer);
  const tbs = open(data, TAG.sequence);

  const version = readVersion(tbs);
  const serialNumber = readSerialNumber(tbs);
  const innerAlgorithm = take(tbs, TAG.sequence);
  if (!Buffer.from(innerAlgorithm.content).equals(outerAlgorithm.content)) {
    throw new DerError('inner and outer signature algorithm identifiers do not match');
  }
  const issuer = take(tbs, TAG.sequence);
  const [notBefore, notAfter] = readValidity(take(tbs, TAG.sequence));
  const subject = take(tbs, TAG.sequence);
  const keyInfo = take(tbs, TAG.sequence);
  const key = readPublicKey(keyInfo);
  const extensions = readExtensions(tbs, version);
  close(tbs);

  const known = readKnownExtensions(extensions);
  return {
    raw: der,
    signed: { data: data.raw, algorithm: outerAlgorithm, signature },
    fingerprint: createHash('sha256').update(der).digest('hex'),
    version,
    serialNumber,
    subject: readName(subject),
    issuer: readName(issuer),
    rawSubject: subject.raw,
    rawIssuer: issuer.raw,
    notBefore,
    notAfter,
    signatureAlgorithm: algorithmOf(innerAlgorithm).oid,
    rawPublicKeyInfo: keyInfo.raw,
    get publicKey(): KeyObject {
      return key.keyObject();
    },
    keyKind: key.kind,
    keyDescription: key.description,
    modulusLength: key.modulusLength,
    extensions,
    ...known,
  };
}

const VERSIONS: ReadonlyMap<number, 1 | 2 | 3> = new Map([
  [0, 1],
  [1, 2],
  [2, 3],
]);

function readVersion(tbs: DerCursor): 1 | 2 | 3 {
  const explicit = takeOptional(tbs, contextTag(0, 'constructed'));
  if (explicit === undefined) return 1;
  const inner = open(explicit, explicit.tag);
  const number = smallIntegerOf(take(inner, TAG.integer));
  close(inner);
  const version = VERSIONS.get(number);
  if (version === undefined) throw new DerError(`expected version 1 to 3, got ${number + 1}`);
  return version;
}

function readSerialNumber(tbs: DerCursor): string {
  const serialNumber = integerOf(take(tbs, TAG.integer));
  if (isNegative(serialNumber)) throw new DerError('negative serial number');
  return Buffer.from(serialNumber).toString('hex');
}

function readValidity(element: Der): readonly [notBefore: Date, notAfter: Date] {
  const cursor = open(element, TAG.sequence);
  const times = [readTime(cursor), readTime(cursor)] as const;
  close(cursor);
  return times;
}

function readTime(cursor: DerCursor): Date {
  return timeOf(takeOptional(cursor, TAG.utcTime) ?? take(cursor, TAG.generalizedTime));
}

function readExtensions(tbs: DerCursor, version: 1 | 2 | 3): readonly Extension[] {
  if (version === 1) return [];
  takeOptional(tbs, contextTag(1, 'primitive'));
  takeOptional(tbs, contextTag(2, 'primitive'));
  const explicit = version === 3 ? takeOptional(tbs, contextTag(3, 'constructed')) : undefined;
  if (explicit === undefined) return [];
  const inner = open(explicit, explicit.tag);
  const list = take(inner, TAG.sequence);
  close(inner);
  return readExtensionList(list);
}
