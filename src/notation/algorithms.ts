import { constants, type KeyObject, verify } from 'node:crypto';
import type { Certificate, SigningKeyKind } from '../x509/types.ts';
import { NotationError } from './errors.ts';

/** How signatures by one kind of key are made (signature-specification, "Signature Algorithm Requirements"). */
export interface SignatureAlgorithm {
  readonly jws: string;
  readonly cose: number;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** Length of an ECDSA signature; RSA ones are as long as the modulus. */
  readonly signatureBytes: number | undefined;
}

const ALGORITHMS: Readonly<Record<SigningKeyKind, SignatureAlgorithm>> = {
  'RSA-2048': { jws: 'PS256', cose: -37, hash: 'sha256', signatureBytes: undefined },
  'RSA-3072': { jws: 'PS384', cose: -38, hash: 'sha384', signatureBytes: undefined },
  'RSA-4096': { jws: 'PS512', cose: -39, hash: 'sha512', signatureBytes: undefined },
  'EC-256': { jws: 'ES256', cose: -7, hash: 'sha256', signatureBytes: 64 },
  'EC-384': { jws: 'ES384', cose: -35, hash: 'sha384', signatureBytes: 96 },
  'EC-521': { jws: 'ES512', cose: -36, hash: 'sha512', signatureBytes: 132 },
};
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** Names that a JWS may give as `alg`; the key decides which of them it must be. */
export const JWS_ALGORITHMS: ReadonlySet<string> = new Set(Object.values(ALGORITHMS).map(({ jws }) => jws));

/**
 * The one algorithm that a signer's key may be used with.
 *
 * @throws {NotationError} `CERTIFICATE_CHAIN_INVALID` for a key that may not sign.
 */
export function algorithmOfKey(leaf: Certificate): SignatureAlgorithm {
  if (leaf.keyKind !== undefined) return ALGORITHMS[leaf.keyKind];
  throw new NotationError('CERTIFICATE_CHAIN_INVALID', `signing certificate: ${unsupportedKey(leaf)}`);
}

function unsupportedKey({ modulusLength, keyDescription }: Certificate): string {
  if (modulusLength !== undefined) return `rsa key size ${Math.ceil(modulusLength / 8) * 8} bits is not supported`;
  if (keyDescription.startsWith('EC P-')) return `ecdsa key size ${keyDescription.slice(5)} bits is not supported`;
  return `unsupported public key type ${keyDescription}`;
}

/** Whether `signature` over `data` is by the key of `leaf`: RSASSA-PSS with a salt of the hash's length, or ECDSA as r and s of fixed width. */
export async function isSignedByLeaf(
  leaf: Certificate,
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const expected = algorithm.signatureBytes ?? Math.ceil((leaf.modulusLength ?? 0) / 8);
  if (signature.length !== expected) return false;
  return new Promise((resolve) => {
    try {
      const key = algorithm.signatureBytes === undefined ? { key: leaf.publicKey, ...PSS } : ecdsa(leaf.publicKey);
      // Elliptic curves beyond P-256 take a millisecond: those go to the thread pool.
      if (leaf.keyKind !== 'EC-384' && leaf.keyKind !== 'EC-521') resolve(verify(algorithm.hash, data, key, signature));
      else verify(algorithm.hash, data, key, signature, (error, good) => resolve(error === null && good));
    } catch {
      // OpenSSL throws for some keys, and for signatures that cannot be one by this key; that is an answer.
      resolve(false);
    }
  });
}

function ecdsa(key: KeyObject): { key: KeyObject; dsaEncoding: 'ieee-p1363' } {
  return { key, dsaEncoding: 'ieee-p1363' };
}
