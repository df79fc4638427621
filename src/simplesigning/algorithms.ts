import { createHash } from 'node:crypto';

/** The system whose documents a label comes from; `own` is ours. */
export type System = 'kritis' | 'acr' | 'oci' | 'own';

/** A public key by its type and its size or curve. */
export type KeyForm = 'RSA 2048' | 'RSA 3072' | 'RSA 4096' | 'EC P-256' | 'EC P-384' | 'EC P-521' | 'EC P-256K' | 'Ed25519';

export type Padding = 'PSS' | 'PKCS1';

/** What a label says of a signature. */
export interface Algorithm {
  readonly label: string;
  readonly system: System;
  /** Keys that it goes with. */
  readonly keys: readonly KeyForm[];
  /** Undefined: the scheme hashes by itself. */
  readonly hash: 'sha224' | 'sha256' | 'sha384' | 'sha512' | undefined;
  /** Undefined: not RSA. */
  readonly padding: Padding | undefined;
  /** Lengths of the salt that RSASSA-PSS may have; MGF1 takes the same hash in any case. */
  readonly salt: 'any' | 'of the hash' | undefined;
}

/**
 * The algorithm of a label; undefined for SM2DSA and every other one that is not known here.
 *
 * Labels are exact, but for those of kritis, which upstream reads without regard to case.
 */
export function findAlgorithm(label: string): Algorithm | undefined {
  const exact = ALGORITHMS.get(label);
  if (exact !== undefined || !ASCII_LABEL.test(label)) return exact;
  const folded = ALGORITHMS.get(label.toLowerCase());
  return folded?.system === 'kritis' ? folded : undefined;
}

/** The labels of one system, for schemas and messages. */
export function labelsOf(system: System): readonly string[] {
  return [...ALGORITHMS.values()].filter((algorithm) => algorithm.system === system).map(({ label }) => label);
}

/** The digest of `bytes` that a key service is asked about; undefined where the scheme takes the bytes themselves. */
export function messageDigest({ hash }: Algorithm, bytes: Uint8Array): Uint8Array | undefined {
  return hash === undefined ? undefined : createHash(hash).update(bytes).digest();
}

const ASCII_LABEL = /^[\x21-\x7e]{1,64}$/;
const ANY_RSA = ['RSA 2048', 'RSA 3072', 'RSA 4096'] as const;

type Row = readonly [label: string, keys: readonly KeyForm[], hash: Algorithm['hash'], padding?: Padding];

// gcloud's names for Binary Authorization, which kritis took over. `4096s-ha256` is what its parser reads in place of the right spelling:
// objects that work there have it.
const KRITIS: readonly Row[] = [
  ['rsa-pss-2048-sha256', ['RSA 2048'], 'sha256', 'PSS'],
  ['rsa-pss-3072-sha256', ['RSA 3072'], 'sha256', 'PSS'],
  ['rsa-pss-4096-sha256', ['RSA 4096'], 'sha256', 'PSS'],
  ['rsa-pss-4096s-ha256', ['RSA 4096'], 'sha256', 'PSS'],
  ['rsa-pss-4096-sha512', ['RSA 4096'], 'sha512', 'PSS'],
  ['rsa-sign-pkcs1-2048-sha256', ['RSA 2048'], 'sha256', 'PKCS1'],
  ['rsa-sign-pkcs1-3072-sha256', ['RSA 3072'], 'sha256', 'PKCS1'],
  ['rsa-sign-pkcs1-4096-sha256', ['RSA 4096'], 'sha256', 'PKCS1'],
  ['rsa-sign-pkcs1-4096-sha512', ['RSA 4096'], 'sha512', 'PKCS1'],
  ['ecdsa-p256-sha256', ['EC P-256'], 'sha256'],
  ['ecdsa-p384-sha384', ['EC P-384'], 'sha384'],
  ['ecdsa-p521-sha512', ['EC P-521'], 'sha512'],
];
// Alibaba KMS, AsymmetricVerify.
const ACR: readonly Row[] = [
  ['RSA_PSS_SHA_256', ANY_RSA, 'sha256', 'PSS'],
  ['RSA_PKCS1_SHA_256', ANY_RSA, 'sha256', 'PKCS1'],
  ['ECDSA_SHA_256', ['EC P-256', 'EC P-256K'], 'sha256'],
];
// OCI Artifacts, CreateContainerImageSignatureDetails.
const OCI: readonly Row[] = [
  ['SHA_224_RSA_PKCS_PSS', ANY_RSA, 'sha224', 'PSS'],
  ['SHA_256_RSA_PKCS_PSS', ANY_RSA, 'sha256', 'PSS'],
  ['SHA_384_RSA_PKCS_PSS', ANY_RSA, 'sha384', 'PSS'],
  ['SHA_512_RSA_PKCS_PSS', ANY_RSA, 'sha512', 'PSS'],
];
const OWN: readonly Row[] = [['ed25519', ['Ed25519'], undefined]];

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  // kritis verifies with Go's `rsa.VerifyPSS` and no options, which means a salt of whatever length is found.
  ...KRITIS.map((row) => entryOf('kritis', row, 'any')),
  ...ACR.map((row) => entryOf('acr', row, 'of the hash')),
  ...OCI.map((row) => entryOf('oci', row, 'of the hash')),
  ...OWN.map((row) => entryOf('own', row, 'of the hash')),
]);

function entryOf(system: System, [label, keys, hash, padding]: Row, salt: Algorithm['salt']): readonly [string, Algorithm] {
  return [label, { label, system, keys, hash, padding, salt: padding === 'PSS' ? salt : undefined }];
}
