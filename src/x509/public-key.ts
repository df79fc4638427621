import { createPublicKey, type KeyObject } from 'node:crypto';
import { errorText } from '../lib/errors.ts';
import { type Algorithm, algorithmOf, isNull } from './algorithm.ts';
import { close, type Der, DerError, open, readDer, TAG, take } from './der.ts';
import { bitLength, integerOf, isNegative, octetsOfBitString, oidOf } from './der-values.ts';
import { X509Error } from './errors.ts';
import type { SigningKeyKind } from './types.ts';

export interface PublicKey {
  readonly kind: SigningKeyKind | undefined;
  readonly description: string;
  readonly modulusLength: number | undefined;
  /** The key for OpenSSL, made once. @throws {X509Error} If OpenSSL knows no such algorithm. */
  keyObject(): KeyObject;
}

/**
 * Reads a SubjectPublicKeyInfo as Go does: RSA parameters must be NULL, curves are P-224, P-256, P-384 and P-521 with an uncompressed
 * point on them. A key of an unknown algorithm is read without a look inside.
 *
 * @throws {DerError} If a known key is malformed, or RSA has a modulus over 16384 bits or an unusable exponent.
 */
export function readPublicKey(spki: Der): PublicKey {
  const cursor = open(spki, TAG.sequence);
  const algorithm = algorithmOf(take(cursor, TAG.sequence));
  const key = octetsOfBitString(take(cursor, TAG.bitString));
  close(cursor);
  switch (algorithm.oid) {
    case OID.rsa:
      return readRsa(spki, algorithm, key);
    case OID.ec:
      return readEc(spki, algorithm, key);
    case OID.ed25519:
      if (algorithm.parameters !== undefined || key.length !== 32) throw new DerError('malformed Ed25519 key');
      return { ...UNKNOWN, description: 'Ed25519', keyObject: once(spki.raw) };
    default:
      return { ...UNKNOWN, description: NAMES.get(algorithm.oid) ?? `algorithm ${algorithm.oid}`, keyObject: once(spki.raw) };
  }
}

const OID = { rsa: '1.2.840.113549.1.1.1', ec: '1.2.840.10045.2.1', ed25519: '1.3.101.112' } as const;
const NAMES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.10', 'RSA-PSS'],
  ['1.2.840.10040.4.1', 'DSA'],
  ['1.3.101.110', 'X25519'],
  ['1.3.101.111', 'X448'],
  ['1.3.101.113', 'Ed448'],
]);
const UNKNOWN = { kind: undefined, modulusLength: undefined } as const;
const MAX_MODULUS_BITS = 16_384;
const RSA_KINDS: ReadonlyMap<number, SigningKeyKind> = new Map([
  [2048, 'RSA-2048'],
  [3072, 'RSA-3072'],
  [4096, 'RSA-4096'],
]);
const CURVES: ReadonlyMap<string, { readonly name: string; readonly pointBytes: number; readonly kind: SigningKeyKind | undefined }> =
  new Map([
    ['1.3.132.0.33', { name: 'P-224', pointBytes: 57, kind: undefined }],
    ['1.2.840.10045.3.1.7', { name: 'P-256', pointBytes: 65, kind: 'EC-256' }],
    ['1.3.132.0.34', { name: 'P-384', pointBytes: 97, kind: 'EC-384' }],
    ['1.3.132.0.35', { name: 'P-521', pointBytes: 133, kind: 'EC-521' }],
  ]);

function readRsa(spki: Der, algorithm: Algorithm, key: Uint8Array): PublicKey {
  if (!isNull(algorithm.parameters)) throw new DerError('RSA key whose parameters are not NULL');
  const cursor = open(readDer(key), TAG.sequence);
  const modulus = integerOf(take(cursor, TAG.integer));
  const exponent = integerOf(take(cursor, TAG.integer));
  close(cursor);
  const modulusLength = bitLength(modulus);
  if (isNegative(modulus) || modulusLength === 0) throw new DerError('RSA modulus that is not positive');
  if (modulusLength > MAX_MODULUS_BITS)
    throw new DerError(`expected an RSA modulus of at most ${MAX_MODULUS_BITS} bits, got ${modulusLength}`);
  if (isEven(modulus)) throw new DerError('RSA modulus that is even');
  // Go's crypto/rsa verifies nothing with an exponent that does not fit 31 bits.
  if (isNegative(exponent) || isEven(exponent) || bitLength(exponent) < 2 || bitLength(exponent) > 31) {
    throw new DerError('expected an odd RSA public exponent from 3 to 2^31-1');
  }
  const size = Math.ceil(modulusLength / 8) * 8;
  return { kind: RSA_KINDS.get(size), description: `RSA ${size}`, modulusLength, keyObject: once(spki.raw) };
}

function isEven(integer: Uint8Array): boolean {
  return ((integer[integer.length - 1] ?? 0) & 1) === 0;
}

function readEc(spki: Der, algorithm: Algorithm, point: Uint8Array): PublicKey {
  if (algorithm.parameters?.tag !== TAG.oid) throw new DerError('EC key without a named curve');
  const curve = CURVES.get(oidOf(algorithm.parameters));
  if (curve === undefined) throw new DerError('unsupported elliptic curve');
  if (point[0] !== 0x04 || point.length !== curve.pointBytes) throw new DerError('expected an uncompressed EC point');
  const keyObject = once(spki.raw);
  // Whether the point is on the curve is OpenSSL's to say, and a reason not to take the certificate.
  keyObject();
  return { kind: curve.kind, description: `EC ${curve.name}`, modulusLength: undefined, keyObject };
}

function once(spki: Uint8Array): () => KeyObject {
  let made: KeyObject | undefined;
  return () => {
    made ??= importKey(spki);
    return made;
  };
}

function importKey(spki: Uint8Array): KeyObject {
  try {
    // PEM, because a text costs Node less than half of what options with DER in them do.
    const base64 = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength).toString('base64');
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
  } catch (cause) {
    throw new X509Error('CERTIFICATE_INVALID', `unusable public key: ${errorText(cause)}`, { cause });
  }
}
