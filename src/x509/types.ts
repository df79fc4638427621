import type { KeyObject } from 'node:crypto';
import type { Der } from './der.ts';

/** One attribute of a name: its type as a dotted OID, its value decoded, and the DER of the value. */
export interface NameAttribute {
  readonly oid: string;
  /** The text; undefined where the value is not one of the ASN.1 string types. */
  readonly value: string | undefined;
  readonly der: Uint8Array;
}

/** A distinguished name: RDNs in the order of the certificate, each a set of attributes. */
export type Name = readonly (readonly NameAttribute[])[];

/** The six key kinds that Notation maps to an algorithm (signature-specification, "Algorithm Selection"). */
export type SigningKeyKind = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'EC-256' | 'EC-384' | 'EC-521';

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Bits of keyUsage, RFC 5280 4.2.1.3. */
export type KeyUsageBit =
  | 'digitalSignature'
  | 'contentCommitment'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

/** Bytes that were signed, the AlgorithmIdentifier, and the signature. */
export interface Signed {
  readonly data: Uint8Array;
  readonly algorithm: Der;
  readonly signature: Uint8Array;
}

/** An X.509 certificate, parsed strictly once; everything on it is immutable. */
export interface Certificate {
  readonly raw: Uint8Array;
  readonly signed: Signed;
  /** SHA-256 of `raw`, lower-case hex. */
  readonly fingerprint: string;
  readonly version: 1 | 2 | 3;
  /** Content octets of the INTEGER, lower-case hex, as encoded. */
  readonly serialNumber: string;
  readonly subject: Name;
  readonly issuer: Name;
  /** DER of the names, for byte comparison. */
  readonly rawSubject: Uint8Array;
  readonly rawIssuer: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** OID of the certificate's own signature algorithm. */
  readonly signatureAlgorithm: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly rawPublicKeyInfo: Uint8Array;
  readonly publicKey: KeyObject;
  /** The kind by which Notation chooses an algorithm; undefined for every other key. */
  readonly keyKind: SigningKeyKind | undefined;
  /** The key in words for messages, such as `RSA 1024` or `Ed25519`. */
  readonly keyDescription: string;
  /** Bits of the RSA modulus; undefined for other keys. */
  readonly modulusLength: number | undefined;
  readonly extensions: readonly Extension[];
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined; readonly critical: boolean } | undefined;
  readonly keyUsage: { readonly bits: ReadonlySet<KeyUsageBit>; readonly critical: boolean } | undefined;
  readonly extendedKeyUsage: { readonly oids: readonly string[]; readonly critical: boolean } | undefined;
  /** URIs of OCSP responders in authorityInfoAccess, in order. */
  readonly ocspUrls: readonly string[];
  /** URIs of cRLDistributionPoints fullName, in order. */
  readonly crlUrls: readonly string[];
}
