import { constants, sign } from 'node:crypto';
import { fieldsOf, hashOf } from './certificate-fields.ts';
import * as der from './der-writer.ts';
import { type CertificateOptions, extendedKeyUsage, type Issued, OID } from './pki.ts';

export type TokenHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

const HASH_OIDS: Readonly<Record<TokenHash, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
export const CMS = {
  signedData: '1.2.840.113549.1.7.2',
  data: '1.2.840.113549.1.7.1',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

export const TIMESTAMPING = '1.3.6.1.5.5.7.3.8';

/** What makes a leaf a timestamping authority's, with more over it. */
export function timestamping(more: CertificateOptions = {}): CertificateOptions {
  const purpose = { [OID.extendedKeyUsage]: { critical: true, value: extendedKeyUsage(TIMESTAMPING) } };
  return { subject: [['CN', 'TSA']], ...more, extensions: { ...purpose, ...more.extensions } };
}

export interface TokenOptions {
  readonly tsa: Issued;
  /** The envelope's signature. */
  readonly message: Uint8Array;
  readonly genTime: Date;
  /** GeneralizedTime's text instead of the time's own. */
  readonly genTimeText?: string;
  readonly imprintHash?: TokenHash;
  readonly imprint?: Uint8Array;
  readonly version?: number;
  readonly policy?: string;
  /** The whole SEQUENCE. */
  readonly accuracy?: Uint8Array;
  /** DER after the accuracy: ordering, nonce, tsa, extensions. */
  readonly more?: readonly Uint8Array[];
  readonly contentType?: string;
  readonly certificates?: readonly Uint8Array[];
  /** Revocation lists in the SignedData. */
  readonly lists?: readonly Uint8Array[];
  readonly signedDataVersion?: number;
  readonly signerVersion?: number;
  readonly digest?: TokenHash;
  /** The AlgorithmIdentifier of the digest instead of its own. */
  readonly digestIdentifier?: Uint8Array;
  /** The attributes in the order in which they are written. */
  readonly bendAttributes?: (attributes: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Signs the set as it is written instead of the sorted one. */
  readonly signAsWritten?: boolean;
  readonly unsignedAttributes?: readonly Uint8Array[];
  readonly certificateHash?: TokenHash;
  readonly issuerSerial?: Uint8Array;
  readonly signatureAlgorithm?: Uint8Array;
  readonly pss?: boolean;
  readonly bendSignature?: (signature: Uint8Array) => Uint8Array;
  readonly bendInfo?: (info: Uint8Array) => Uint8Array;
  readonly bendSignerInfo?: (info: Uint8Array) => readonly Uint8Array[];
  readonly bend?: (token: Uint8Array) => Uint8Array;
}

/** A timestamp token (RFC 3161 section 2.4.2) by one signer. */
export function timestampToken(options: TokenOptions): Uint8Array {
  const info = contentOf(options);
  const digest = options.digest ?? 'sha256';
  const certificates = options.certificates ?? options.tsa.chain;
  const signer = signerInfo(options, info, digest);
  const signedData = der.sequence(
    der.integer(options.signedDataVersion ?? 3),
    der.tlv(0x31, hashIdentifier(digest)),
    der.sequence(der.oid(options.contentType ?? CMS.tstInfo), der.context(0, der.octetString(info))),
    certificates.length === 0 ? [] : der.context(0, ...certificates),
    options.lists === undefined ? [] : der.context(1, ...options.lists),
    der.tlv(0x31, ...(options.bendSignerInfo?.(signer) ?? [signer])),
  );
  const whole = der.sequence(der.oid(CMS.signedData), der.context(0, signedData));
  return options.bend?.(whole) ?? whole;
}

/** The SignerInfo that such a token would have, for a token with several. */
export function tokenSigner(options: TokenOptions): Uint8Array {
  return signerInfo(options, contentOf(options), options.digest ?? 'sha256');
}

function contentOf(options: TokenOptions): Uint8Array {
  const content = tstInfo(options);
  return options.bendInfo?.(content) ?? content;
}

/** An Attribute with one value. */
export function attribute(oid: string, ...values: readonly Uint8Array[]): Uint8Array {
  return der.sequence(der.oid(oid), der.tlv(0x31, ...values));
}

export function issuerAndSerial(certificate: Uint8Array): Uint8Array {
  const { issuer, serial } = fieldsOf(certificate);
  return der.sequence(issuer, serial);
}

/** GeneralNames with the directory name, and the serial number: what ESSCertIDv2 may name the signer by. */
export function issuerSerialOf(certificate: Uint8Array): Uint8Array {
  const { issuer, serial } = fieldsOf(certificate);
  return der.sequence(der.sequence(der.context(4, issuer)), serial);
}

function tstInfo(options: TokenOptions): Uint8Array {
  const hash = options.imprintHash ?? 'sha256';
  const text = options.genTimeText ?? `${options.genTime.toISOString().replaceAll(/[-:T]|\.\d+Z/g, '')}Z`;
  return der.sequence(
    der.integer(options.version ?? 1),
    der.oid(options.policy ?? '1.3.6.1.4.1.4146.2.3'),
    der.sequence(hashIdentifier(hash), der.octetString(options.imprint ?? hashOf(hash, options.message))),
    der.integer(1234),
    der.tlv(0x18, Buffer.from(text)),
    options.accuracy ?? [],
    ...(options.more ?? []),
  );
}

function hashIdentifier(hash: TokenHash): Uint8Array {
  return der.sequence(der.oid(HASH_OIDS[hash]), der.NULL);
}

function signerInfo(options: TokenOptions, info: Uint8Array, digest: TokenHash): Uint8Array {
  const { tsa } = options;
  const hash = options.certificateHash ?? 'sha256';
  const essCertId = der.sequence(
    hash === 'sha256' ? [] : hashIdentifier(hash),
    der.octetString(hashOf(hash, tsa.cert)),
    options.issuerSerial ?? [],
  );
  const standard = [
    attribute(CMS.contentType, der.oid(options.contentType ?? CMS.tstInfo)),
    attribute(CMS.messageDigest, der.octetString(hashOf(digest, info))),
    attribute(CMS.signingCertificateV2, der.sequence(der.sequence(essCertId))),
  ];
  const attributes = options.bendAttributes?.(standard) ?? standard;
  const sorted = options.signAsWritten ? attributes : [...attributes].sort(Buffer.compare);
  const signature = signatureOver(der.tlv(0x31, ...sorted), tsa, digest, options.pss ?? false);
  return der.sequence(
    der.integer(options.signerVersion ?? 1),
    issuerAndSerial(tsa.cert),
    options.digestIdentifier ?? hashIdentifier(digest),
    attributes.length === 0 ? [] : der.context(0, ...attributes),
    options.signatureAlgorithm ?? signatureIdentifier(tsa, digest, options.pss ?? false),
    der.octetString(options.bendSignature?.(signature) ?? signature),
    options.unsignedAttributes === undefined ? [] : der.context(1, ...options.unsignedAttributes),
  );
}

const ECDSA_OIDS: Readonly<Record<TokenHash, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

function signatureIdentifier({ key }: Issued, digest: TokenHash, pss: boolean): Uint8Array {
  if (key.startsWith('EC')) return der.sequence(der.oid(ECDSA_OIDS[digest]));
  return der.sequence(der.oid(pss ? '1.2.840.113549.1.1.10' : '1.2.840.113549.1.1.1'), der.NULL);
}

function signatureOver(data: Uint8Array, { privateKey, key }: Issued, digest: TokenHash, pss: boolean): Uint8Array {
  if (!key.startsWith('RSA') || !pss) return new Uint8Array(sign(key === 'Ed25519' ? null : digest, data, privateKey));
  return new Uint8Array(
    sign(digest, data, {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: key === 'RSA-1024' ? 20 : constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  );
}
