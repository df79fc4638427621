import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as der from './der-writer.ts';

export type KeyKind =
  | 'RSA-1024'
  | 'RSA-2047'
  | 'RSA-2048'
  | 'RSA-2056'
  | 'RSA-3072'
  | 'RSA-4096'
  | 'EC-224'
  | 'EC-256'
  | 'EC-384'
  | 'EC-521'
  | 'Ed25519'
  | 'RSA-PSS';

/** Attributes of a name in order: a short type (`CN`, `C`, …) or an OID, and text (UTF8String) or the DER of the value. */
export type Subject = readonly (readonly [type: string, value: string | Uint8Array])[];

export type SignatureAlgorithm =
  | 'sha1'
  | 'md5'
  | 'sha256'
  | 'sha384'
  | 'sha512'
  /** RSA-PSS; the salt is as long as the hash. */
  | 'pss-sha256'
  | 'pss-sha384'
  | 'pss-sha512'
  /** What the signer's key asks for: SHA-256, SHA-384, SHA-512 by curve; SHA-256 for RSA. */
  | 'auto';

/** Extensions by OID: the value's DER with its critical flag; undefined takes a default one away. */
export type Extensions = Readonly<Record<string, { readonly critical?: boolean; readonly value: Uint8Array } | undefined>>;

export interface CertificateOptions {
  readonly key?: KeyKind;
  /** Instead of the key that `key` stands for. RSA keys come from `fixtures/keys`, one for authorities at the top and one for all below. */
  readonly privateKey?: KeyObject;
  readonly subject?: Subject;
  /** Overrides the issuer's name in the certificate only. */
  readonly issuer?: Subject;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** DER of the Validity instead of the two dates. */
  readonly validity?: Uint8Array;
  readonly signatureAlgorithm?: SignatureAlgorithm;
  /** Contents of the INTEGER. Default: a random positive number. */
  readonly serial?: Uint8Array;
  /** The number as written: 2 is v3; undefined as a value leaves the field out (v1). Default 2. */
  readonly version?: number | undefined;
  /** Over the defaults of the role. */
  readonly extensions?: Extensions;
  /** DER of Extension elements written after all others, as they are. */
  readonly moreExtensions?: readonly Uint8Array[];
  /** DER of the SubjectPublicKeyInfo instead of the key's own. */
  readonly spki?: Uint8Array;
  /** DER of the AlgorithmIdentifier outside the TBS; default: the same as inside. */
  readonly outerAlgorithm?: Uint8Array;
  /** Changes the fields of TBSCertificate before they are put together and signed. */
  readonly bendTbs?: (fields: Uint8Array[]) => readonly Uint8Array[];
}

export interface Issued {
  /** DER. */
  readonly cert: Uint8Array;
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly key: KeyKind;
  readonly subject: Subject;
  /** This certificate, then its issuers up to the root. */
  readonly chain: readonly Uint8Array[];
  /** Issues an authority below this one. */
  intermediate(options?: CertificateOptions): Issued;
  /** Issues a code-signing leaf below this one. */
  leaf(options?: CertificateOptions): Issued;
}

export const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;

/** Throwaway roots, and below them intermediates and leaves; every field can be bent. */
export const pki = {
  /** A self-signed authority. */
  root: (options: CertificateOptions = {}): Issued =>
    issue({ ...options, subject: options.subject ?? authorityName('Root') }, AUTHORITY, undefined),
  /** A self-signed code-signing leaf. */
  selfSigned: (options: CertificateOptions = {}): Issued => issue(options, LEAF, undefined),
};

export const LEAF_SUBJECT: Subject = [
  ['C', 'US'],
  ['ST', 'WA'],
  ['L', 'Seattle'],
  ['O', 'Notary'],
  ['CN', 'leaf'],
];

export function authorityName(commonName: string): Subject {
  return [
    ['C', 'US'],
    ['O', 'Notary'],
    ['CN', commonName],
  ];
}

/** keyUsage with these bits, 0 = digitalSignature … 8 = decipherOnly. */
export function keyUsage(...bits: readonly number[]): Uint8Array {
  const octets = new Uint8Array(bits.some((bit) => bit > 7) ? 2 : 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  const unused = bits.length === 0 ? 8 : 7 - (Math.max(...bits) & 7);
  return der.tlv(0x03, Uint8Array.of(bits.length === 0 ? 0 : unused), bits.length === 0 ? new Uint8Array() : octets);
}

export function basicConstraints(ca: boolean, pathLength?: number): Uint8Array {
  return der.sequence(ca ? der.boolean(true) : [], pathLength === undefined ? [] : der.integer(pathLength));
}

export function extendedKeyUsage(...oids: readonly string[]): Uint8Array {
  return der.sequence(...oids.map(der.oid));
}

export function toPem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

interface Role {
  readonly subject: Subject;
  readonly extensions: Extensions;
}

interface Parent {
  readonly subject: Subject;
  readonly key: KeyKind;
  readonly privateKey: KeyObject;
  readonly chain: readonly Uint8Array[];
}

const AUTHORITY: Role = {
  subject: authorityName('Intermediate'),
  extensions: {
    [OID.basicConstraints]: { critical: true, value: basicConstraints(true) },
    [OID.keyUsage]: { critical: true, value: keyUsage(5, 6) },
  },
};
const LEAF: Role = {
  subject: LEAF_SUBJECT,
  extensions: {
    [OID.keyUsage]: { critical: true, value: keyUsage(0) },
    [OID.extendedKeyUsage]: { value: extendedKeyUsage(OID.codeSigning) },
  },
};

function issue(options: CertificateOptions, role: Role, parent: Parent | undefined): Issued {
  const key = options.key ?? 'EC-256';
  const subject = options.subject ?? role.subject;
  const privateKey = options.privateKey ?? keyOf(key, parent === undefined);
  const signer = parent ?? { subject, key, privateKey, chain: [] };
  const algorithm = signatureAlgorithm(options.signatureAlgorithm ?? 'auto', signer.key);
  const spki = options.spki ?? publicKeyInfo(privateKey);
  const fields = [
    ...('version' in options && options.version === undefined ? [] : [der.context(0, der.integer(options.version ?? 2))]),
    der.tlv(0x02, options.serial ?? randomSerial()),
    algorithm.identifier,
    name(options.issuer ?? signer.subject),
    options.validity ?? der.sequence(der.time(options.notBefore ?? NOT_BEFORE), der.time(options.notAfter ?? NOT_AFTER)),
    name(subject),
    spki,
    ...extensionsField(options, role),
  ];
  const tbs = der.sequence(...(options.bendTbs?.(fields) ?? fields));
  const signature = algorithm.sign(tbs, signer.privateKey);
  const cert = der.sequence(tbs, options.outerAlgorithm ?? algorithm.identifier, der.bitString(signature));
  const self: Parent = { subject, key, privateKey, chain: [cert, ...signer.chain] };
  return {
    cert,
    pem: toPem(cert),
    ...self,
    intermediate: (below = {}) => issue(below, AUTHORITY, self),
    leaf: (below = {}) => issue(below, LEAF, self),
  };
}

const NOT_BEFORE = new Date('2024-01-01T00:00:00Z');
const NOT_AFTER = new Date('2044-01-01T00:00:00Z');
const TYPES: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  POSTALCODE: '2.5.4.17',
};

function name(subject: Subject): Uint8Array {
  return der.sequence(
    ...subject.map(([type, value]) =>
      der.tlv(0x31, der.sequence(der.oid(TYPES[type] ?? type), typeof value === 'string' ? der.utf8(value) : value)),
    ),
  );
}

function randomSerial(): Uint8Array {
  return Uint8Array.of(0x40, ...randomBytes(15));
}

function extensionsField(options: CertificateOptions, role: Role): readonly Uint8Array[] {
  const elements = Object.entries({ ...role.extensions, ...options.extensions }).flatMap(([oid, extension]) =>
    extension === undefined ? [] : [extensionOf(oid, extension.value, extension.critical ?? false)],
  );
  const all = [...elements, ...(options.moreExtensions ?? [])];
  return all.length === 0 ? [] : [der.context(3, der.sequence(...all))];
}

/** DER of one Extension. */
export function extensionOf(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return der.sequence(der.oid(oid), critical ? der.boolean(true) : [], der.tlv(0x04, value));
}

function publicKeyInfo(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
}

const CURVES: Readonly<Partial<Record<KeyKind, string>>> = { 'EC-224': 'P-224', 'EC-256': 'P-256', 'EC-384': 'P-384', 'EC-521': 'P-521' };

function keyOf(kind: KeyKind, top: boolean): KeyObject {
  const namedCurve = CURVES[kind];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve }).privateKey;
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  const file = kind === 'RSA-2048' && top ? 'rsa-2048-authority' : kind.toLowerCase();
  return createPrivateKey(readFileSync(join(import.meta.dirname, 'fixtures/keys', `${file}.pem`)));
}

export interface Algorithm {
  readonly identifier: Uint8Array;
  sign(data: Uint8Array, key: KeyObject): Uint8Array;
}

const RSA_OIDS: Readonly<Record<string, string>> = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
};
const ECDSA_OIDS: Readonly<Record<string, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};
const HASH_OIDS: Readonly<Record<string, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

export function signatureAlgorithm(wanted: SignatureAlgorithm, signer: KeyKind): Algorithm {
  if (signer === 'Ed25519') {
    return { identifier: der.sequence(der.oid('1.3.101.112')), sign: (data, key) => sign(null, data, key) };
  }
  if (wanted.startsWith('pss-') || signer === 'RSA-PSS') return pss(wanted === 'auto' ? 'sha256' : wanted.slice(4));
  if (signer.startsWith('RSA')) {
    const hash = wanted === 'auto' ? 'sha256' : wanted;
    return { identifier: der.sequence(der.oid(RSA_OIDS[hash] ?? ''), der.NULL), sign: (data, key) => sign(hash, data, key) };
  }
  const byCurve = signer === 'EC-384' ? 'sha384' : signer === 'EC-521' ? 'sha512' : 'sha256';
  const hash = wanted === 'auto' ? byCurve : wanted;
  return { identifier: der.sequence(der.oid(ECDSA_OIDS[hash] ?? '')), sign: (data, key) => sign(hash, data, key) };
}

function pss(hash: string): Algorithm {
  return {
    identifier: pssIdentifier(hash, hash, hash === 'sha512' ? 64 : hash === 'sha384' ? 48 : 32),
    sign: (data, key) => sign(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
  };
}

/** AlgorithmIdentifier of RSA-PSS with these parameters. */
export function pssIdentifier(hash: string, maskHash: string, saltLength: number, trailer?: number): Uint8Array {
  const digest = (name: string): Uint8Array => der.sequence(der.oid(HASH_OIDS[name] ?? name), der.NULL);
  return der.sequence(
    der.oid('1.2.840.113549.1.1.10'),
    der.sequence(
      der.context(0, digest(hash)),
      der.context(1, der.sequence(der.oid('1.2.840.113549.1.1.8'), digest(maskHash))),
      der.context(2, der.integer(saltLength)),
      trailer === undefined ? [] : der.context(3, der.integer(trailer)),
    ),
  );
}
