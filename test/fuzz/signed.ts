import { type KeyObject, verify } from 'node:crypto';
import * as der from '../der-writer.ts';
import { type Issued, signatureAlgorithm } from '../pki.ts';
import { derNodes } from './mutate-der.ts';

/** The form that X.509 gives to what is signed: the data, the algorithm, the signature as a BIT STRING. */
export function signedSequence(data: Uint8Array, signer: Issued, ...more: readonly Uint8Array[]): Uint8Array {
  const { identifier, sign } = signatureAlgorithm('auto', signer.key);
  return der.sequence(data, identifier, der.bitString(sign(data, signer.privateKey)), ...more);
}

const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** What OpenSSL says of a signature by RSA PKCS #1 v1.5 or ECDSA; false for any other algorithm. */
export function opensslVerifies(algorithm: string, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  const hash = HASHES[algorithm];
  return hash !== undefined && verify(hash, data, key, signature);
}

/** The elements directly inside the outermost one; none where it does not read. */
export function partsOf(bytes: Uint8Array): readonly Uint8Array[] {
  return derNodes(bytes)
    .filter(({ parent }) => parent === 0)
    .map(({ start, end }) => bytes.subarray(start, end));
}
