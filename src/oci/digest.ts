import { createHash } from 'node:crypto';

/** `algorithm:hex`, lower case; OCI image-spec v1.1.1, "Digests", and sha384 as Notation accepts it. */
export type Digest = `${DigestAlgorithm}:${string}`;
export type DigestAlgorithm = keyof typeof HEX_LENGTH;

const HEX_LENGTH = { sha256: 64, sha384: 96, sha512: 128 } as const;
const LOWER_HEX = /^[0-9a-f]+$/;

/** Whether `text` is a digest of a supported algorithm with lower-case hex of the right length. */
export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (!Object.hasOwn(HEX_LENGTH, algorithm)) return false;
  const hex = text.slice(colon + 1);
  return hex.length === HEX_LENGTH[algorithm as DigestAlgorithm] && LOWER_HEX.test(hex);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** The digest as people quote it: the algorithm and its first 12 hex digits. */
export function shortDigest(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
