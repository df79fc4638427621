import { constants, createVerify, type KeyObject, verify } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type Algorithm, algorithmOf, type HashName, hashNameOf } from './algorithm.ts';
import { close, contextTag, type Der, DerError, onlyChild, open, TAG, takeOptional } from './der.ts';
import { smallIntegerOf } from './der-values.ts';
import type { Certificate, Signed } from './types.ts';

/**
 * Whether the key of `issuer` made the signature on `child`; nothing else is looked at, neither names nor times nor rights.
 *
 * The algorithms are RSA PKCS #1 v1.5, RSA-PSS (MGF1 and salt length of the same hash) and ECDSA, each with SHA-256, SHA-384 or SHA-512,
 * and Ed25519. A signature by any other, SHA-1 and MD5 among them, or by an RSA key below 1024 bits, is false.
 */
export function isSignedBy({ signed }: Certificate, issuer: Certificate): Promise<boolean> {
  return isSignatureBy(issuer, signed);
}

/** Whether the key of `signer` made the signature, by one of the algorithms of `isSignedBy`. */
export async function isSignatureBy(signer: Certificate, { data, algorithm, signature }: Signed): Promise<boolean> {
  const scheme = schemeOf(algorithmOf(algorithm));
  return scheme !== undefined && isSignatureByScheme(signer, scheme, data, signature);
}

/** Whether the key of `signer` made the signature by this scheme; false where they do not go together. */
export async function isSignatureByScheme(signer: Certificate, scheme: Scheme, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!fits(scheme, signer)) return false;
  const key = signer.publicKey;
  if (key.asymmetricKeyType !== scheme.keyType) return false;
  return verifySignature({ data, hash: scheme.hash, key, padding: scheme.padding, signature, offload: isSlow(signer) });
}

/** How a signature was made: the kind of key, the hash, and the padding of RSA, which is PKCS #1 v1.5 where none is given. */
export interface Scheme {
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  readonly hash: HashName | undefined;
  readonly padding?: typeof PSS;
}

export const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const;
/** Schemes by the OID of an algorithm that says all of it. */
export const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['1.2.840.113549.1.1.11', { keyType: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyType: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyType: 'rsa', hash: 'sha512' }],
  ['1.2.840.10045.4.3.2', { keyType: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyType: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyType: 'ec', hash: 'sha512' }],
]);
const RSA_PSS = '1.2.840.113549.1.1.10';
const ED25519 = '1.3.101.112';
const MGF1 = '1.2.840.113549.1.1.8';
const HASH_BYTES: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 };

function schemeOf(algorithm: Algorithm): Scheme | undefined {
  if (algorithm.oid === ED25519) return algorithm.parameters === undefined ? { keyType: 'ed25519', hash: undefined } : undefined;
  if (algorithm.oid !== RSA_PSS) return SCHEMES.get(algorithm.oid);
  try {
    return algorithm.parameters === undefined ? undefined : pssScheme(algorithm.parameters);
  } catch (error) {
    // Parameters that do not read are an algorithm nobody knows, which is what Go makes of them.
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), in the three forms that tie mask, salt and trailer to the hash. */
function pssScheme(parameters: Der): Scheme | undefined {
  const cursor = open(parameters, TAG.sequence);
  const hash = explicitField(takeOptional(cursor, contextTag(0, 'constructed')));
  const mask = explicitField(takeOptional(cursor, contextTag(1, 'constructed')));
  const saltLength = explicitField(takeOptional(cursor, contextTag(2, 'constructed')));
  const trailer = explicitField(takeOptional(cursor, contextTag(3, 'constructed')));
  close(cursor);
  // Absent fields mean SHA-1 or a salt of 20 bytes.
  if (hash === undefined || mask === undefined || saltLength === undefined) return undefined;
  const digest = hashNameOf(algorithmOf(hash));
  const generator = algorithmOf(mask);
  if (digest === undefined || generator.oid !== MGF1 || generator.parameters === undefined) return undefined;
  if (hashNameOf(algorithmOf(generator.parameters)) !== digest || smallIntegerOf(saltLength) !== HASH_BYTES[digest]) return undefined;
  if (trailer !== undefined && smallIntegerOf(trailer) !== 1) return undefined;
  return { keyType: 'rsa', hash: digest, padding: PSS };
}

function explicitField(field: Der | undefined): Der | undefined {
  return field === undefined ? undefined : onlyChild(field);
}

function fits(scheme: Scheme, issuer: Certificate): boolean {
  if (scheme.keyType === 'rsa') return issuer.modulusLength !== undefined && issuer.modulusLength >= 1024;
  return issuer.keyDescription.startsWith(scheme.keyType === 'ec' ? 'EC ' : 'Ed25519');
}

/** Milliseconds rather than tenths of one: such a check belongs on the thread pool. */
function isSlow(issuer: Certificate): boolean {
  if (issuer.modulusLength !== undefined) return issuer.modulusLength > 4096;
  return issuer.keyDescription !== 'EC P-256' && issuer.keyDescription !== 'Ed25519';
}

interface Check {
  readonly data: Uint8Array;
  readonly hash: string | undefined;
  readonly key: KeyObject;
  readonly padding: Scheme['padding'];
  readonly signature: Uint8Array;
  readonly offload: boolean;
}

/** Octets hashed before the event loop gets a turn: a millisecond. */
const SLICE_BYTES = 512 * 1024;

async function verifySignature({ data, hash, key, padding, signature, offload }: Check): Promise<boolean> {
  // Node's default for keys of type rsa is PKCS #1 v1.5. Where a key alone will do, options around it would double what the check costs.
  const keyInput = padding === undefined ? key : { key, ...padding };
  const isLong = data.length > SLICE_BYTES;
  try {
    // Not on the thread pool, to which a text is copied first: of a list of 32 MiB that alone would hold up the event loop for too long.
    // Ed25519 leaves no choice, as it needs the text whole.
    if (hash !== undefined && isLong) return (await hashed(hash, data)).verify(keyInput, signature);
    return offload || isLong ? await verifyOnPool(hash, data, keyInput, signature) : verify(hash, data, keyInput, signature);
  } catch {
    // OpenSSL throws for some signatures that cannot be one by this key; that is an answer.
    return false;
  }
}

async function hashed(hash: string, data: Uint8Array): Promise<ReturnType<typeof createVerify>> {
  const verifier = createVerify(hash);
  for (let at = 0; at < data.length; at += SLICE_BYTES) {
    verifier.update(data.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return verifier;
}

function verifyOnPool(
  hash: string | undefined,
  data: Uint8Array,
  key: Parameters<typeof verify>[2],
  signature: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve) => {
    verify(hash, data, key, signature, (error, good) => resolve(error === null && good));
  });
}
